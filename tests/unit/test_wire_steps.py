"""Bodies that ask for steps."""

from typing import Any

import pytest

from launchyard.model.errors import Invalid
from launchyard.wire.decode import decode
from launchyard.wire.steps import StartStep, to_step_request


def test_what_is_asked_is_typed() -> None:
    body = {"connect": "/run/s", "tasks": 3, "nodelist": ["n[1-2]", "n1"], "cpus_per_task": 1.5, "gpus": 0}

    made = to_step_request(decode(StartStep, body))

    assert (made.connect, made.tasks, made.nodelist) == ("/run/s", 3, ("n1", "n2", "n1"))
    assert (made.cpus_per_task_milli, made.gpus, made.exclusive, made.overlap) == (1500, 0, True, False)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"connect": "s"}, "not absolute"),
        ({"connect": "/" + "s" * 107}, "107 bytes"),
        ({"connect": "//"}, "no socket"),
        ({"tasks": 0}, "tasks is 0"),
        ({"nodes": 10**7}, "nodes is 10000000"),
        ({"cpus_per_task": -1}, "cpus_per_task is -1"),
        ({"memory_mib": -1}, "memory_mib is -1"),
        ({"nodelist": ["n[1-200000]"]}, "nodes|many"),
        ({"metadata": {"a": "x" * 70_000}}, "metadata is 70001"),
        ({"name": "a\nb"}, "control characters"),
        ({"task": 1}, "unknown key 'task'; did you mean 'tasks'?"),
    ],
)
def test_what_nobody_could_mean_is_refused(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence.replace("?", r"\?")):
        to_step_request(decode(StartStep, {"connect": "/run/s", **more}))
