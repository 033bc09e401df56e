"""Copies that jobs have left as they got them are used again, others are not."""

import os
from pathlib import Path

import pytest

from launchyard.helper.spares import SPARES_MAX, Spares


class Jobs:
    """Jobs that get a copy of one tree, one after the other."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.tree = tmp_path / "tree-1"
        (self.tree / "deep").mkdir(parents=True)
        (self.tree / "deep/file").write_text("text")
        self.spares = Spares(str(tmp_path / "spares"))
        self.count = 0

    def start(self) -> Path:
        self.count += 1
        folder = self.tmp_path / f"job{self.count}"
        folder.mkdir()
        self.spares.furnish(str(self.tree), str(folder), "work")
        return folder / "work"

    def end(self, work: Path) -> None:
        self.spares.retire(str(work.parent))

    @property
    def kept(self) -> list[str]:
        return [one.name for one in (self.tmp_path / "spares").iterdir() if one.suffix != ".json"]


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def inode(work: Path) -> int:
    return (work / "deep/file").stat().st_ino


def test_a_copy_that_was_left_as_it_was_is_used_again(jobs: Jobs) -> None:
    first = jobs.start()
    was = inode(first)
    jobs.end(first)
    second = jobs.start()
    assert inode(second) == was
    assert inode(jobs.start()) != was


def test_what_a_job_has_added_is_removed(jobs: Jobs, tmp_path: Path) -> None:
    first = jobs.start()
    (first / "deep/__pycache__").mkdir()
    (first / "deep/__pycache__/a.pyc").write_text("x")
    (first / "out").write_text("x")
    (first / "link").symlink_to(tmp_path)
    was = inode(first)
    jobs.end(first)
    second = jobs.start()
    assert inode(second) == was
    assert sorted(str(one.relative_to(second)) for one in second.rglob("*")) == ["deep", "deep/file"]


@pytest.mark.parametrize("change", ["write", "same-times", "chmod", "remove", "replace", "hard-link"])
def test_a_copy_that_was_changed_is_not_used_again(jobs: Jobs, change: str, tmp_path: Path) -> None:
    first = jobs.start()
    file = first / "deep/file"
    before = file.stat()
    if change in ("write", "same-times"):
        file.write_text("evil")
    if change == "same-times":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    if change == "chmod":
        file.chmod(0o777)
    if change in ("remove", "replace"):
        file.unlink()
    if change == "replace":
        file.symlink_to("/etc/passwd")
    if change == "hard-link":
        os.link(file, tmp_path / "kept")
    jobs.end(first)
    assert jobs.kept == []
    assert (jobs.start() / "deep/file").read_text() == "text"


def test_a_spare_that_was_changed_later_is_not_used(jobs: Jobs, tmp_path: Path) -> None:
    jobs.end(jobs.start())
    (spare,) = jobs.kept
    (tmp_path / "spares" / spare / "deep/file").write_text("evil")
    assert (jobs.start() / "deep/file").read_text() == "text"


def test_only_a_few_are_kept(jobs: Jobs) -> None:
    for work in [jobs.start() for _ in range(SPARES_MAX + 3)]:
        jobs.end(work)
    assert len(jobs.kept) == SPARES_MAX
