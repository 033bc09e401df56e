"""What a keeper starts, and does not, where its launcher could not be executed or could not listen."""

import fcntl
import os
import resource
import socket
import sys
from pathlib import Path

import pytest

from launchyard.launcher import keeper, messages


def test_a_launcher_whose_program_is_gone_ends_and_is_no_second_keeper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "package_argv", lambda module: [str(tmp_path / "uninstalled"), module])
    options = keeper.Options([f"--state={tmp_path}"])
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    ours = os.getpid()

    pid, connection = keeper.spawn_launcher(options, lock)

    assert os.getpid() == ours, "the child has come back as another keeper"
    connection.close()
    os.close(lock)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 127


@pytest.mark.parametrize("over", [0, 1])
def test_a_directory_too_deep_for_its_socket_is_refused_before_anything_is_started(
    tmp_path: Path, over: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = 107 - len("/launcher/launcher.sock") + over
    place = tmp_path / ("x" * (longest - len(os.fsencode(tmp_path)) - 1))
    monkeypatch.setattr(sys, "argv", ["keeper", f"--state={place}"])
    monkeypatch.setattr(keeper, "_make_directories", lambda state_dir: keeper.fail("it went on"))

    with pytest.raises(SystemExit):
        keeper.main()

    sentence = f"'{place}' is too long for the socket in it; use a path of at most {longest - 1} bytes"
    assert capsys.readouterr().err == f"error: {sentence if over else 'it went on'}\n"


def test_a_keeper_hears_a_launcher_on_a_socket_of_a_large_number(tmp_path: Path) -> None:
    """A launcher of a thousand jobs that takes its keeper's place hands it such a one."""
    ours, theirs = socket.socketpair()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(2048, files[0]), files[1]))
    large = fcntl.fcntl(ours.detach(), fcntl.F_DUPFD_CLOEXEC, 1500)
    (tmp_path / "launcher").mkdir()
    options = keeper.Options([f"--state={tmp_path}", f"--launcher-fd={large}", "--launcher-pid=1"])
    one = keeper.Keeper(options, lock_fd=-1)
    wake, _waking = socket.socketpair()
    theirs.send(messages.encode({"t": "nothing"}))

    one._wait(wake)
    theirs.close()
    one._wait(wake)

    assert one._launcher is None, "it heard that its launcher hung up"
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
