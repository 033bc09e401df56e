"""The helper that checks passwords, without PAM."""

import errno
import json
import os
import socket

import pytest

from launchyard.pamhelper import main as helper


def test_a_try_for_which_there_is_no_process_fails_and_the_helper_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a machine full of processes; nobody would start it again."""

    def full() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", full)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        asked = {"id": 7, "user": "ada", "password": "x", "from": ""}
        helper._take(theirs, None, "launchyard", json.dumps(asked).encode())  # type: ignore[arg-type]

        assert json.loads(ours.recv(1000)) == {"id": 7, "is": "fault", "user": ""}
