"""`--connect PATH [--node NAME --job ID --step N] [--hold]`: connect to srun or salloc and do what they say.

It is started inside the job's cgroup, as the job's user, by the launcher; it runs with `-I -S`.
"""

import os
import sys
from typing import NoReturn

from launchyard.runner.connection import connect
from launchyard.runner.frames import HELLO, BrokenStream
from launchyard.runner.hold import OF_THE_JOB, OF_THE_PLACE, environment, hold
from launchyard.runner.kernel import end_as
from launchyard.runner.signals import Signals
from launchyard.runner.step import Step


def main() -> NoReturn:
    given = _given(sys.argv[1:])
    if "hold" in given and "connect" not in given:
        end_as(hold(None))
    try:
        connection = connect(given["connect"])
    except OSError as error:
        print(f"runner: nobody listens at {given['connect']}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    said: dict[str, object] = {"node": given.get("node", ""), "step": given.get("step"), "pid": os.getpid()}
    try:
        if "hold" in given:
            connection.tell(HELLO, {**said, "environment": environment(OF_THE_JOB)})
            end_as(hold(connection))
        signals = Signals()
        connection.tell(HELLO, {**said, "environment": environment(OF_THE_PLACE)})
        end_as(Step(connection, signals).run())
    except BrokenStream as error:
        print(f"runner: {error}", file=sys.stderr)
        sys.exit(1)
    raise AssertionError("not reached")


def _given(words: list[str]) -> dict[str, str]:
    """Options by name; each but `--hold` has a value."""
    given: dict[str, str] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.removeprefix("--").partition("=")
        given[name] = value if equals or name == "hold" else next(left, "")
    return given


if __name__ == "__main__":
    main()
