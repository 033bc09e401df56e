"""Slurm's commands are found where they are Slurm's, and run with words, variables and time of our choice."""

import base64
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from launchyard.engine.slurm import journal as journals
from launchyard.engine.slurm.commands import Ran, find
from launchyard.engine.slurm.handing import number_of
from launchyard.engine.slurm.journal import Given, Journal
from launchyard.helper.commands import command


def program(directory: Path, name: str, text: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def ran(*argv: str, given: bytes = b"", **more: Any) -> dict[str, Any]:
    order = {"t": "command", "id": "1", "argv": argv, "environment": {"PATH": "/usr/bin:/bin", "A": "b"}}
    order |= {"given": base64.b64encode(given).decode(), "makes": "", "removes": [], "directory": "/"}
    return command({**order, "limit_s": 20.0, **more})


def test_our_own_commands_of_the_same_names_are_never_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "ours", "sbatch", "#!/usr/bin/python3 -IS\nfrom launchyard.cli.slurm import main\n")
    program(tmp_path / "hidden", "sbatch", "#!/bin/sh\n")
    theirs = program(tmp_path / "theirs", "sbatch", "#!/bin/sh\nexec sbatch.real\n")
    places = [str(tmp_path / name) for name in ("ours", "hidden", "theirs")]
    monkeypatch.setenv("PATH", ":".join([".", "relative", *places]))
    assert find("sbatch", "", [str(tmp_path / "hidden")]) == str(theirs)
    assert find("sbatch", places[0], []) is None


def test_command_of_a_user_gets_our_words_and_nothing_else(tmp_path: Path) -> None:
    found = ran("env")
    assert sorted(line for line in found["out"].split("\n") if line) == ["A=b", "PATH=/usr/bin:/bin"]
    found = ran("sh", "-c", 'cat; echo "$1" >&2; exit 4', "sh", "a b; id", given=b"script")
    assert (found["code"], found["out"], found["error"]) == (4, "script", "a b; id\n")


def test_command_that_does_not_end_is_ended_and_its_outcome_not_known() -> None:
    assert ran("sh", "-c", "sleep 60 & wait", limit_s=0.2)["code"] is None


def test_directory_is_made_and_files_are_removed_first(tmp_path: Path) -> None:
    gone = tmp_path / "a.start"
    gone.write_text("")
    ran("true", makes=str(tmp_path / "x" / "y"), removes=[str(gone), str(tmp_path / "never")])
    assert (tmp_path / "x" / "y").stat().st_mode & 0o777 == 0o700
    assert not gone.exists()


@pytest.mark.parametrize(
    ("out", "code", "number"),
    [
        ("12\n", 0, 12),
        ("12;lab\n", 0, 12),
        ("noise\n7\n", 0, 7),
        ("12\n", 1, None),
        ("", 0, None),
        ("x", 0, None),
    ],
)
def test_number_that_sbatch_answers(out: str, code: int, number: int | None) -> None:
    assert number_of(Ran(code=code, out=out)) == number


def test_what_slurm_says_is_one_sentence() -> None:
    said = "sbatch: error: QOSMaxSubmit\nsbatch: error: Batch job submission failed: limit\n"
    assert Ran(code=1, error=said).sentence == "QOSMaxSubmit; Batch job submission failed: limit"
    assert Ran(code=3).sentence == "it ended with exit code 3 and said nothing"


def test_journal_is_read_again_as_it_was(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal")
    first.write(first.note([("a1", Given(uid=7, at=1.0)), ("b2", Given(uid=7, at=2.0))]))
    first.took("a1", 12)
    first.over(["b2"])
    first.close()
    with (tmp_path / "journal").open("a") as file:
        file.write('{"launch": "c3", "ui')
    again = Journal(tmp_path / "journal")
    assert again.epoch == first.epoch
    assert {one: given.slurm_id for one, given in again.launches.items()} == {"a1": 12}
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600
    again.close()


def test_journal_on_a_disk_that_gets_full_in_a_line_keeps_what_it_says_it_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is an error, not a launch believed to be on record; the next line is whole."""
    room, write = [30], os.write

    def full(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(fd, data[: room[0]])
        room[0] -= written
        return written

    journal = Journal(tmp_path / "journal")
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            journal.write(journal.note([("a1", Given(uid=7, at=1.0))]))
    journal.write(journal.note([("b2", Given(uid=7, at=2.0))]))
    journal.close()
    again = Journal(tmp_path / "journal")
    assert list(again.launches) == ["b2"]
    again.close()


def test_journal_without_room_for_what_slurm_knows_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = Journal(tmp_path / "journal")
    journal.write(journal.note([("a1", Given(uid=7, at=1.0)), ("b2", Given(uid=7, at=2.0))]))
    monkeypatch.setattr(journals, "LINES_MAX", 0)
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        journal.took("a1", 12)
        journal.over(["b2"])
    assert list(journal.launches) == ["a1"]
    journal.over([])
    journal.close()
    again = Journal(tmp_path / "journal")
    assert {one: given.slurm_id for one, given in again.launches.items()} == {"a1": 12}
    again.close()


def test_journal_in_any_pieces_that_the_kernel_takes_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    journal = Journal(tmp_path / "journal")
    for size in range(1, 40):
        with monkeypatch.context() as disk:
            disk.setattr(os, "write", lambda fd, data, size=size: write(fd, data[:size]))
            journal.write(journal.note([(f"a{size}", Given(uid=7, at=1.0))]))
    journal.close()
    again = Journal(tmp_path / "journal")
    assert list(again.launches) == [f"a{size}" for size in range(1, 40)]
    again.close()


def test_journal_knows_what_is_over_so_that_a_late_order_starts_it_no_more(tmp_path: Path) -> None:
    for _ in range(2):
        journal = Journal(tmp_path / "journal")
        if not journal.gone:
            journal.write(journal.note([("a1", Given(uid=7, at=1.0))]))
            journal.over(["a1"])
        assert list(journal.gone) == ["a1"]
        journal.close()
