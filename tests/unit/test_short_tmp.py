"""The short way to private TMPDIRs: one link, which is ours, leads there, and is told where it is needed."""

import os
from pathlib import Path

import pytest

from launchyard.launcher import short_tmp
from launchyard.launcher.short_tmp import ShortTmp

LAUNCH = "0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where links are made."""
    made = tmp_path / "p"
    made.mkdir()
    monkeypatch.setattr(short_tmp, "_PLACES", (str(made),))
    return made


def deep(tmp_path: Path) -> Path:
    made = tmp_path / ("deep" * 10) / "tmp"
    made.mkdir(parents=True)
    return made


def test_a_deep_directory_is_reached_by_a_link_that_is_told(tmp_path: Path, place: Path) -> None:
    (deep(tmp_path) / LAUNCH).mkdir()

    told = ShortTmp(str(deep_of(tmp_path))).put({"A": "1"}, LAUNCH)

    assert told["RAY_TMPDIR"] == told["LAUNCHYARD_TMPDIR"]
    assert told["RAY_TMPDIR"].startswith(f"{place}/ly-")
    assert Path(told["RAY_TMPDIR"]).samefile(deep_of(tmp_path) / LAUNCH)
    assert ShortTmp(str(deep_of(tmp_path))).put({}, LAUNCH)["RAY_TMPDIR"] == told["RAY_TMPDIR"]
    assert len(list(place.iterdir())) == 1


def test_a_short_directory_needs_none() -> None:
    assert ShortTmp("/t").put({"LAUNCHYARD_TMPDIR": "/of/another/job"}, LAUNCH) == {}


def test_where_the_user_sends_ray_it_goes(tmp_path: Path, place: Path) -> None:
    short = ShortTmp(str(deep(tmp_path)))

    assert short.put({"RAY_TMPDIR": "/scratch"}, LAUNCH)["RAY_TMPDIR"] == "/scratch"
    outer = short.put({}, "f" * 16)
    assert short.put(dict(outer), LAUNCH)["RAY_TMPDIR"].endswith(LAUNCH)


def test_what_somebody_else_has_put_there_is_not_followed(tmp_path: Path, place: Path) -> None:
    target = deep(tmp_path)
    first = ShortTmp(str(target)).link
    assert first is not None
    Path(first).unlink()
    Path(first).mkdir()

    second = ShortTmp(str(target)).link

    assert second is not None
    assert second != first
    assert Path(second).samefile(target)


def test_links_that_lead_nowhere_any_more_are_removed(tmp_path: Path, place: Path) -> None:
    (place / "ly-00000000").symlink_to(tmp_path / "gone")
    (place / "other").symlink_to(tmp_path / "gone")

    ShortTmp(str(deep(tmp_path)))

    assert not os.path.lexists(place / "ly-00000000")
    assert os.path.lexists(place / "other")


def deep_of(tmp_path: Path) -> Path:
    return tmp_path / ("deep" * 10) / "tmp"
