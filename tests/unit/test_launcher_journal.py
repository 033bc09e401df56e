"""The launcher's journal: torn tails, rewriting, room for the end records."""

import errno
import os
from pathlib import Path

import pytest

from launchyard.launcher.journal import CHUNK_BYTES, Journal, line, parse


def written(path: Path, count: int) -> Journal:
    journal = Journal(str(path))
    journal.load()
    for number in range(count):
        journal.append({"k": "intent", "n": number})
    journal.sync()
    return journal


def test_what_was_synced_is_read_again(tmp_path: Path) -> None:
    written(tmp_path / "j", 3).close()
    assert Journal(str(tmp_path / "j")).load() == [{"k": "intent", "n": number} for number in range(3)]


@pytest.mark.parametrize("cut", range(1, 45))
def test_a_torn_tail_is_cut_at_the_last_whole_record(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j"
    written(path, 3).close()
    whole = path.stat().st_size
    os.truncate(path, whole - cut)
    journal = Journal(str(path))
    records = journal.load()
    assert [record["n"] for record in records] == list(range(len(records)))
    assert len(records) == 3 - (cut + len(line({"k": "intent", "n": 0})) - 1) // len(
        line({"k": "intent", "n": 0})
    )
    journal.append({"k": "end"})
    journal.sync()
    assert Journal(str(path)).load() == [*records, {"k": "end"}]


def test_records_behind_a_damaged_one_never_come_back(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, 3).close()
    data = bytearray(path.read_bytes())
    data[len(line({"k": "intent", "n": 0})) + 20] ^= 1
    path.write_bytes(data)
    journal = Journal(str(path))
    assert len(journal.load()) == 1
    journal.append({"k": "intent", "n": 9})
    journal.sync()
    assert [record["n"] for record in Journal(str(path)).load()] == [0, 9]


def test_zeros_of_the_preallocation_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = written(path, 2)
    assert journal.reserve(10_000)
    journal.close()
    assert path.stat().st_size >= CHUNK_BYTES
    assert len(Journal(str(path)).load()) == 2


def test_a_rewrite_replaces_everything_and_appending_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = written(path, 1000)
    journal.rewrite([{"k": "head"}])
    journal.append({"k": "intent", "n": 1})
    journal.sync()
    journal.close()
    assert Journal(str(path)).load() == [{"k": "head"}, {"k": "intent", "n": 1}]
    assert not (tmp_path / "j.new").exists()


def test_what_a_rewrite_contains_is_not_written_a_second_time(tmp_path: Path) -> None:
    journal = written(tmp_path / "j", 1)
    journal.append({"k": "intent", "n": 1})
    journal.rewrite([{"k": "head"}])
    journal.sync()
    assert Journal(str(tmp_path / "j")).load() == [{"k": "head"}]


@pytest.mark.parametrize(
    "garbage", [b"", b"\0" * 100, b"hello\n", b"00000000 {}\n", b"\n\n", os.urandom(500)]
)
def test_garbage_is_an_empty_journal(tmp_path: Path, garbage: bytes) -> None:
    assert parse(garbage) == ([], 0)


def test_a_journal_through_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        Journal(str(tmp_path / "j"))


def test_after_a_rewrite_that_could_not_be_made_durable_the_new_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one has no name any more: what went there would be gone with this process."""
    journal = written(tmp_path / "j", 3)

    def fails(path: str) -> None:
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as patched:
        patched.setattr("launchyard.launcher.journal._sync_directory", fails)
        with pytest.raises(OSError, match="no"):
            journal.rewrite([{"k": "head"}])
    journal.append({"k": "after"})
    journal.sync()

    assert Journal(str(tmp_path / "j")).load() == [{"k": "head"}, {"k": "after"}]
