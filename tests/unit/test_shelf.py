"""What set-ups keep: made once, used as it was made, removed when there is too much and nobody uses it."""

import os
import threading
import time
from pathlib import Path

import pytest

from launchyard.helper import uvcache
from launchyard.helper.copies import copy_tree, remove_tree
from launchyard.helper.shelf import FAILED_KEEP_S, SetupFailed, Shelf


class Maker:
    """Makes entries, and counts."""

    def __init__(self, tmp_path: Path) -> None:
        self.said: list[str] = []
        self.made = 0
        self.path = tmp_path / "shelf"
        self.shelf = Shelf(str(self.path), self.said.append)

    def make(self, path: str) -> None:
        self.made += 1
        (Path(path) / "deep").mkdir()
        (Path(path) / "deep" / "file").write_text(f"made {self.made}")

    def text(self, key: str = "one") -> str:
        with self.shelf.entry(key, self.make) as path:
            return (Path(path) / "deep" / "file").read_text()


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def test_an_entry_is_made_once_and_nobody_may_write_it(maker: Maker) -> None:
    assert [maker.text(), maker.text()] == ["made 1", "made 1"]
    assert (maker.path / "one/deep/file").stat().st_mode & 0o222 == 0
    assert (maker.path / "one/deep").stat().st_mode & 0o222 == 0


def test_it_is_there_after_a_restart(maker: Maker, tmp_path: Path) -> None:
    maker.text()
    assert Maker(tmp_path).text() == "made 1"


def test_one_that_was_changed_is_made_anew(maker: Maker) -> None:
    maker.text()
    file = maker.path / "one/deep/file"
    before = file.stat()
    file.chmod(0o644)
    file.write_text("made X")
    # Even with its old time: nobody can put back the ctime.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert maker.text() == "made 2"
    assert any("changed since" in one for one in maker.said)


def test_one_with_a_file_more_is_made_anew(maker: Maker) -> None:
    maker.text()
    (maker.path / "one").chmod(0o755)
    (maker.path / "one/sitecustomize.py").write_text("evil")
    assert maker.text() == "made 2"


def test_one_whose_making_was_cut_off_is_made_anew(maker: Maker) -> None:
    (maker.path / "one").mkdir()
    (maker.path / "one/half").write_text("")
    assert maker.text() == "made 1"
    assert not (maker.path / "one/half").exists()


def test_many_who_ask_at_once_get_one(maker: Maker, tmp_path: Path) -> None:
    others = [Maker(tmp_path) for _ in range(8)]
    texts: list[str] = []
    threads = [threading.Thread(target=lambda one=one: texts.append(one.text())) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["made 1"] * 8
    assert sum(one.made for one in others) == 1


def test_a_failure_is_remembered_for_a_minute(maker: Maker) -> None:
    def fail(path: str) -> None:
        maker.made += 1
        raise SetupFailed("no such package")

    for _ in range(2):
        with pytest.raises(SetupFailed, match="no such package"), maker.shelf.entry("one", fail):
            pass
    assert maker.made == 1
    long_ago = time.time() - FAILED_KEEP_S - 1
    os.utime(maker.path / "failed/one", (long_ago, long_ago))
    assert maker.text() == "made 2"


def test_the_least_recently_used_goes_first(maker: Maker) -> None:
    for number, key in enumerate(("old", "used", "new")):
        maker.text(key)
        os.utime(maker.path / f"{key}.json", (number, number))
    maker.text("old")
    size = maker.shelf.weight("old").bytes
    assert maker.shelf.trim(2 * size, set()) == ["used"]
    assert not (maker.path / "used").exists()


def test_what_is_in_use_stays(maker: Maker, tmp_path: Path) -> None:
    maker.text("led-to")
    with maker.shelf.entry("copied-from", maker.make):
        assert Maker(tmp_path).shelf.trim(0, {"led-to"}) == []
    assert maker.shelf.trim(0, set()) == ["led-to", "copied-from"]


def test_uvs_cache_is_emptied_when_it_is_too_large_and_not_in_use(tmp_path: Path) -> None:
    root, cache = str(tmp_path), tmp_path / "uv"
    cache.mkdir()
    (cache / "wheel").write_bytes(bytes(1000))

    def trimmed(bytes_max: int) -> bool:
        (tmp_path / "uv.measured").unlink(missing_ok=True)
        return uvcache.trim(root, bytes_max)

    assert not trimmed(1000)
    with uvcache.in_use(root):
        assert not trimmed(999)
    assert cache.exists()
    assert trimmed(999)
    assert not cache.exists()
    cache.mkdir()
    (cache / "wheel").write_bytes(bytes(1000))
    assert not uvcache.trim(root, 0), "it was measured a moment ago"


def test_a_copy_shares_nothing_and_may_be_written(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/file").write_text("text")
    (source / "deep/run").write_text("#!/bin/sh")
    (source / "deep/run").chmod(0o555)
    (source / "link").symlink_to("deep/run")
    (source / "deep").chmod(0o555)
    copy_tree(str(source), str(tmp_path / "copy"))
    (tmp_path / "copy/deep/er/file").write_text("other")
    assert (source / "deep/er/file").read_text() == "text"
    assert (tmp_path / "copy/link").readlink() == Path("deep/run")
    assert os.access(tmp_path / "copy/deep/run", os.X_OK)
    assert (tmp_path / "copy/deep/run").stat().st_nlink == 1
    assert (tmp_path / "copy/deep/run").stat().st_mtime_ns == (source / "deep/run").stat().st_mtime_ns


def test_removing_a_tree_follows_no_link_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("")
    tree = tmp_path / "tree"
    for number in range(3):
        (tree / f"d{number}" / "below").mkdir(parents=True)
        (tree / f"d{number}" / "below" / "file").write_text("")
    (tree / "d0/link").symlink_to(tmp_path / "precious")
    (tree / "d0").chmod(0o000)
    remove_tree(str(tree))
    assert not tree.exists()
    assert (tmp_path / "precious/file").exists()
