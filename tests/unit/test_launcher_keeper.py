"""What a keeper starts when the program that it would start is not there any more."""

import os
from pathlib import Path

import pytest

from launchyard.launcher import keeper


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
