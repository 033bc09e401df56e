"""Looking through logs: lines and their numbers, errors for the margin, through a real helper."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.engine.channel import Channel, Request
from launchyard.helper.searching import PIECE_BYTES, marks, search
from tests.unit.helper_process import Helpers


@pytest.fixture
def started() -> Iterator[Helpers]:
    helpers = Helpers()
    yield helpers
    helpers.end()


def asked(path: Path, text: str = "", **more: Any) -> dict[str, Any]:
    order = {"id": "1", "path": str(path), "limit_s": 30, "text": text, "offset": 0, "line": 1, "limit": 100}
    return {**order, **more}


def long_log(path: Path) -> list[str]:
    """Of several pieces; every thousandth line has a needle."""
    lines = [f"{n} {'needle' if n % 1000 == 0 else 'hay'} {'x' * 60}" for n in range(1, 50_001)]
    path.write_text("\n".join(lines) + "\n")
    assert path.stat().st_size > 3 * PIECE_BYTES
    return lines


def test_every_line_with_the_text_is_found_with_its_number_and_place(tmp_path: Path) -> None:
    lines = long_log(tmp_path / "log")
    found = search(asked(tmp_path / "log", "needle"))
    assert [match[0] for match in found["matches"]] == list(range(1000, 50_001, 1000))
    assert [match[2] for match in found["matches"]] == [lines[n - 1] for n in range(1000, 50_001, 1000)]
    content = (tmp_path / "log").read_bytes()
    assert all(content[at:].startswith(f"{number} ".encode()) for number, at, _ in found["matches"])
    assert found["next"] is None


def test_a_search_goes_on_where_it_left_off(tmp_path: Path) -> None:
    long_log(tmp_path / "log")
    order, numbers = asked(tmp_path / "log", "needle", limit=7), list[int]()
    while order["offset"] is not None:
        found = search(order)
        numbers += [match[0] for match in found["matches"]]
        order.update(offset=found["next"], line=found["line"])
    assert numbers == list(range(1000, 50_001, 1000))


def test_text_in_lower_case_finds_upper_case_and_not_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("Loss is NaN\nloss is nan\n")
    assert len(search(asked(tmp_path / "log", "nan"))["matches"]) == 2
    assert len(search(asked(tmp_path / "log", "NaN"))["matches"]) == 1


def test_of_a_very_long_line_the_part_around_the_match_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a" * (PIECE_BYTES + 5000) + b"needle" + b"b" * 5000)
    ((number, at, text),) = search(asked(tmp_path / "log", "needle"))["matches"]
    assert number == 1
    assert "needle" in text
    assert len(text) <= 400
    assert at <= PIECE_BYTES + 5000


def test_lines_that_tell_of_errors_are_marked_and_harmless_ones_are_not(tmp_path: Path) -> None:
    text = """starting
Traceback (most recent call last):
ValueError: no such thing
finished with 0 errors
terrors of the night
slurmstepd: error: *** killed ***
Segmentation fault (core dumped)
mirror
"""
    (tmp_path / "log").write_text(text)
    found = marks(asked(tmp_path / "log"))
    assert [one[0] for one in found["errors"]] == [2, 3, 6, 7]
    assert found["lines"] == 8
    assert found["error_count"] == 4
    assert found["complete"]


def test_marks_say_where_lines_of_a_long_log_begin(tmp_path: Path) -> None:
    long_log(tmp_path / "log")
    found = marks(asked(tmp_path / "log"))
    content = (tmp_path / "log").read_bytes()
    assert len(found["places"]) > 2
    assert all(content[at:].startswith(f"{number} ".encode()) for number, at in found["places"])
    assert found["lines"] == 50_000


def test_a_last_line_without_an_end_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\ntwo")
    assert marks(asked(tmp_path / "log"))["lines"] == 2
    (tmp_path / "log").write_text("")
    assert marks(asked(tmp_path / "log"))["lines"] == 0


def test_a_helper_answers_a_search(started: Helpers, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\ntwo\n")

    async def work(channel: Channel) -> None:
        order = asked(tmp_path / "log", "two")
        with Request(channel, {"t": "search", **{k: v for k, v in order.items() if k != "id"}}) as request:
            request.over = True
            message = await asyncio.wait_for(request.next(), 30)
        assert message["matches"] == [[2, 4, "two"]]

    started.with_channel(work)
