"""Private TMPDIRs that were left empty serve the next launch of the same user."""

import os
from pathlib import Path

import pytest

from launchyard.launcher.spares import SPARES_MAX, Spares

ME = os.getuid()


@pytest.fixture
def spares(tmp_path: Path) -> Spares:
    kept = Spares(str(tmp_path / "spare"))
    assert kept.begin() == []
    return kept


def made(tmp_path: Path, name: str = "one") -> str:
    path = tmp_path / name
    path.mkdir(mode=0o700)
    return str(path)


def test_an_empty_directory_is_the_next_launchs(spares: Spares, tmp_path: Path) -> None:
    first = made(tmp_path)
    inode = Path(first).stat().st_ino

    assert spares.give(ME, first)
    assert not Path(first).exists()
    second = spares.take(ME, str(tmp_path / "two"))

    assert (second, Path(second).stat().st_ino) == (str(tmp_path / "two"), inode)
    assert spares.take(ME, str(tmp_path / "three")) == str(tmp_path / "three")
    assert not (tmp_path / "three").exists()


def test_nobody_gets_what_was_another_users(spares: Spares, tmp_path: Path) -> None:
    spares.give(ME, made(tmp_path))
    assert not Path(spares.take(ME + 1, str(tmp_path / "two"))).exists()


def test_one_that_is_not_empty_stays_where_it_is(spares: Spares, tmp_path: Path) -> None:
    path = made(tmp_path)
    (Path(path) / "left").touch()

    assert not spares.give(ME, path)

    assert (Path(path) / "left").exists()
    assert not Path(spares.take(ME, str(tmp_path / "two"))).exists()


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o1700, 0o2700])
def test_one_that_others_may_enter_is_not_kept(spares: Spares, tmp_path: Path, mode: int) -> None:
    path = made(tmp_path)
    Path(path).chmod(mode)

    assert spares.give(ME, path)

    assert not Path(path).exists()
    assert not Path(spares.take(ME, str(tmp_path / "two"))).exists()


def test_a_link_in_its_place_is_not_followed(spares: Spares, tmp_path: Path) -> None:
    elsewhere = made(tmp_path, "elsewhere")
    (tmp_path / "one").symlink_to(elsewhere)

    assert not spares.give(ME, str(tmp_path / "one"))

    assert Path(elsewhere).is_dir()
    assert not Path(spares.take(ME, str(tmp_path / "two"))).exists()


def test_one_that_is_not_there_is_done_with(spares: Spares, tmp_path: Path) -> None:
    assert spares.give(ME, str(tmp_path / "never"))
    assert not Path(spares.take(ME, str(tmp_path / "two"))).exists()


def test_no_more_are_kept_than_are_of_use(spares: Spares, tmp_path: Path) -> None:
    for number in range(SPARES_MAX + 5):
        assert spares.give(ME, made(tmp_path, str(number)))
    assert len(list((tmp_path / "spare").iterdir())) == SPARES_MAX


def test_those_of_an_earlier_launcher_go_and_what_is_in_them_is_told(tmp_path: Path) -> None:
    before = Spares(str(tmp_path / "spare"))
    before.begin()
    before.give(ME, made(tmp_path))
    before.give(ME, made(tmp_path, "two"))
    (tmp_path / "spare" / "2" / "written").touch()

    assert Spares(str(tmp_path / "spare")).begin() == [str(tmp_path / "spare" / "2")]
    assert [one.name for one in (tmp_path / "spare").iterdir()] == ["2"]
