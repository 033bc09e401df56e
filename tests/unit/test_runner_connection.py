"""Between srun, salloc and their runners: what was said last is heard, however it comes and whoever went."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.cli.slurm.steps import allocation, listening
from launchyard.cli.slurm.steps.listening import Listener
from launchyard.runner import connection as connections
from launchyard.runner.connection import Connection
from launchyard.runner.frames import EXITED, HELLO, INPUT, OUTPUT, SIGNALLED, Frame, frame, told


def all_of(connection: Connection) -> list[Frame]:
    found: list[Frame] = []
    while not connection.lost:
        found += connection.receive()
    return found


def test_what_a_runner_said_before_it_went_is_heard_though_it_takes_nothing_more() -> None:
    """It goes as soon as its tasks have ended, with what was typed for them still under way."""
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    connection.send(INPUT, b"never read")
    for number in range(3):
        theirs.sendall(frame(OUTPUT, b"x" * 1000, number))
    theirs.sendall(told(EXITED, {"status": 0}, 7))
    theirs.close()

    connection.send(INPUT, b"more")

    assert not connection.lost
    assert not connection.waiting
    assert [(one.kind, one.task) for one in all_of(connection)] == [
        *((OUTPUT, n) for n in range(3)),
        (EXITED, 7),
    ]
    ours.close()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Listener]:
    monkeypatch.setattr(listening, "_PLACES", (os.fspath(tmp_path),))
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.delenv("LAUNCHYARD_TMPDIR", raising=False)
    made = Listener()
    yield made
    made.close()


@pytest.mark.parametrize("ends", [False, True])
def test_an_allocation_is_had_with_all_that_its_holder_said_however_much_a_read_gives(
    listener: Listener, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the job is to end already may come with the holder's first words."""
    said = told(HELLO, {"environment": {"SLURM_JOB_ID": "7", "HOME": "/"}})
    said += told(SIGNALLED, {"signal": 15}) if ends else b""
    for size in range(1, len(said) + 1):
        monkeypatch.setattr(connections, "_RECEIVE_BYTES", size)
        with socket.socket(socket.AF_UNIX) as holder:
            holder.connect(listener.path)
            holder.sendall(said)
            found = allocation._holder(listener, 60)
        assert found is not None
        connection, environ, revoked = found
        assert environ == {"SLURM_JOB_ID": "7"}
        later = [one.kind for one in all_of(connection)]
        assert (revoked, later) in ((ends, []), (False, [SIGNALLED] * ends))
        connection.end(0)
