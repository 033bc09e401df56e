"""Between a client of Ray elsewhere and the cluster of this job: what comes on our terminal goes to its port.

It runs inside the job, as its user, so that it reaches what the user's own programs reach and no more. It
begins with a line that says which Ray it is; nothing may be sent before that. The token that the cluster
wants is put in here, so it never leaves the job.
"""

import contextlib
import json
import os
import socket
import sys
import threading
import time
import tty
from typing import NoReturn

from launchyard.raycluster import place
from launchyard.raycluster.http2 import Bearer, NotHttp2

MARK = "launchyard-ray "
PATIENCE_S = 300.0
PAUSE_S = 0.1
READ_BYTES = 65536


def main() -> NoReturn:
    # A terminal would take some bytes for keys that mean something.
    with contextlib.suppress(OSError):
        tty.setraw(0)
    facts = _facts()
    if facts is None:
        _write(1, (MARK + json.dumps({"error": "its Ray cluster is not up yet"}) + "\n").encode())
        sys.exit(1)
    _write(1, (MARK + json.dumps({"ray": facts.ray, "python": facts.python}) + "\n").encode())
    with contextlib.suppress(OSError, NotHttp2):
        carry(facts)
    os._exit(0)


def _facts() -> place.Facts | None:
    """What the cluster's head wrote down, once it has."""
    deadline = time.monotonic() + PATIENCE_S
    while (facts := place.read(os.environ.get("TMPDIR", ""))) is None and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
    return facts


def carry(facts: place.Facts) -> None:
    """Until one side ends. Connected once there is something to say: a client may only want to know."""
    bearer = Bearer(facts.token)
    first = os.read(0, READ_BYTES)
    if not first:
        return
    with socket.create_connection(("127.0.0.1", facts.client_port)) as there:
        # Each way in a thread of its own: neither may wait for the other.
        threading.Thread(target=_answers, args=(there,), daemon=True).start()
        data = first
        while data:
            there.sendall(bearer.feed(data))
            data = os.read(0, READ_BYTES)


def _answers(there: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := there.recv(READ_BYTES):
            _write(1, data)
    os._exit(0)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


if __name__ == "__main__":
    main()
