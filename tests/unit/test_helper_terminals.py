"""The helper's side of terminals, in this process: what a client that never takes anything brings about."""

import base64
import os
import queue

import pytest

from launchyard.helper import terminals
from launchyard.launcher.messages import Message


def test_client_that_takes_nothing_for_too_long_is_detached_and_the_job_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminals, "PATIENCE_S", 0.0)
    answers: queue.Queue[Message] = queue.Queue()
    held = terminals.Terminals(answers.put)
    held.open({"id": "1", "rows": 24, "cols": 80})
    job = os.open(answers.get(timeout=60)["path"], os.O_RDWR | os.O_NOCTTY)
    held.attach({"id": "1", "client": 7})
    left = b"y" * (2 * terminals.WINDOW_BYTES)
    while left:
        left = left[os.write(job, left) :]
    printed = 0
    while (answer := answers.get(timeout=60))["t"] == "printed":
        printed += len(base64.b64decode(answer["data"]))
    assert (answer["t"], answer["client"]) == ("lagged", 7)
    assert terminals.WINDOW_BYTES <= printed < terminals.WINDOW_BYTES + 65536
    held.close({"id": "1"})
    os.close(job)
    assert answers.get(timeout=60) == {"t": "done", "id": "1"}
    assert held.open_count == 0
