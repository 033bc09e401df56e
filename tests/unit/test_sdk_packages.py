"""What of a directory is packed, and that the same files are the same package."""

import io
import os
import stat
import time
import zipfile
from pathlib import Path

import pytest

from launchyard.model.errors import Invalid
from launchyard.sdk.packages import Known, Package, Source, listed, open_packed, pack

OLD_NS = 1_700_000_000_000_000_000


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def names(root: Path, *excludes: str) -> list[str]:
    return [entry.name for entry in listed(Source(root, excludes=excludes))]


def test_what_nobody_wants_to_send_stays_behind(tmp_path: Path) -> None:
    tree(tmp_path, "main.py", ".git/HEAD", "venv/bin/python", "lib/__pycache__/a.pyc", "lib/a.py", ".venv/x")
    assert names(tmp_path) == ["lib/a.py", "main.py"]


def test_ignore_files_on_the_way_down_count_for_what_is_below_them(tmp_path: Path) -> None:
    tree(tmp_path, "a.log", "data/a.log", "data/a.csv", "data/deep/b.csv", "keep/a.log", "x.tmp", "y.big")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / ".rayignore").write_text("*.tmp\n")
    (tmp_path / ".launchyardignore").write_text("*.big\n")
    (tmp_path / "data/.gitignore").write_text("/*.csv\n")
    (tmp_path / "keep/.gitignore").write_text("!a.log\n")
    packed = [name for name in names(tmp_path) if "ignore" not in name]
    assert packed == ["data/deep/b.csv", "keep/a.log"]


def test_an_ignore_file_takes_back_what_is_left_out_by_default_and_not_what_the_caller_excludes(
    tmp_path: Path,
) -> None:
    tree(tmp_path, "venv/pyvenv.cfg", "data/a.csv")
    (tmp_path / ".launchyardignore").write_text("!venv\n!data\n")
    assert names(tmp_path, "data/") == [".launchyardignore", "venv/pyvenv.cfg"]


def test_empty_directories_are_kept(tmp_path: Path) -> None:
    tree(tmp_path, "a.py", "out/.gitignore")
    (tmp_path / "empty/deeper").mkdir(parents=True)
    assert names(tmp_path) == ["a.py", "empty/deeper/", "out/.gitignore"]


def test_links_are_followed_and_never_for_ever(tmp_path: Path) -> None:
    work = tree(tmp_path / "work", "a.py")
    tree(tmp_path / "elsewhere", "b.csv")
    (work / "data").symlink_to(tmp_path / "elsewhere")
    (work / "again").symlink_to(work)
    (work / "nowhere").symlink_to(tmp_path / "missing")
    os.mkfifo(work / "fifo")
    assert names(work) == ["a.py", "data/b.csv"]


def test_a_file_alone_is_packed_by_its_name(tmp_path: Path) -> None:
    tree(tmp_path, "one.py")
    assert [entry.name for entry in listed(Source(tmp_path / "one.py"))] == ["one.py"]


def test_the_same_files_are_the_same_package_wherever_and_whenever_they_are(tmp_path: Path) -> None:
    digests = []
    for place in ("a", "b"):
        tree(tmp_path / place, "x/1.py", "x-y.py", "z.sh")
        (tmp_path / place / "z.sh").chmod(0o755)
        os.utime(tmp_path / place / "z.sh", ns=(OLD_NS, OLD_NS if place == "a" else 0))
        digests.append(pack(listed(Source(tmp_path / place)), io.BytesIO()))
    (tmp_path / "b/z.sh").chmod(0o644)
    other = pack(listed(Source(tmp_path / "b")), io.BytesIO())
    assert digests[0] == digests[1]
    assert other != digests[0]


def test_an_archive_holds_contents_and_modes(tmp_path: Path) -> None:
    tree(tmp_path / "lib", "run.sh", "ünï.txt")
    (tmp_path / "lib/run.sh").chmod(0o750)
    (tmp_path / "lib/empty").mkdir()
    package, archive = open_packed(listed(Source(tmp_path / "lib", "lib/")))
    with archive, zipfile.ZipFile(archive) as read:
        assert read.namelist() == ["lib/empty/", "lib/run.sh", "lib/ünï.txt"]
        assert stat.S_IMODE(read.getinfo("lib/run.sh").external_attr >> 16) == 0o750
        assert read.read("lib/ünï.txt") == "ünï.txt".encode()
    assert (package.files, package.name[-4:], len(package.name)) == (3, ".zip", 68)


def test_a_file_that_cannot_be_packed_is_said(tmp_path: Path) -> None:
    tree(tmp_path, "a.py")
    entries = listed(Source(tmp_path))
    (tmp_path / "a.py").unlink()
    with pytest.raises(Invalid, match=r"a\.py cannot be packed: No such file"):
        open_packed(entries)


def test_a_known_package_is_found_until_a_file_changes(tmp_path: Path) -> None:
    work = tree(tmp_path / "work", "a.py", "b.py")
    known, package = Known(tmp_path / "cache/packages.json"), Package("f" * 64 + ".zip", 2, 300)
    entries = listed(Source(work))
    later_ns = time.time_ns() + 10_000_000_000
    known.add(entries, "", package, now_ns=later_ns)
    assert known.find(entries, "") == package
    assert known.find(entries, ".zip") is None
    (work / "a.py").write_text("A.PY")
    assert known.find(listed(Source(work)), "") is None
    assert (tmp_path / "cache/packages.json").stat().st_mode & 0o077 == 0


def test_a_file_that_is_a_moment_old_may_change_unseen_and_is_packed_again(tmp_path: Path) -> None:
    work = tree(tmp_path / "work", "a.py")
    known, entries = Known(tmp_path / "packages.json"), listed(Source(work))
    known.add(entries, "", Package("f" * 64 + ".zip", 1, 300), now_ns=time.time_ns())
    assert known.find(entries, "") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 3}', "\udcff"])
def test_a_broken_cache_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "packages.json").write_text(content, errors="surrogateescape")
    entries = listed(Source(tree(tmp_path / "work", "a.py")))
    assert Known(tmp_path / "packages.json").find(entries, "") is None
