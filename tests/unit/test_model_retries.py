"""Retries are read as people write them."""

import pytest

from launchyard.model.errors import Invalid
from launchyard.model.retries import Retries, format_retries, parse_retried, parse_retries
from launchyard.model.state import JobState


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", (3, 10)), ("3:1m", (3, 60)), ("0", (0, 10)), ("5:0", (5, 0)), ("1:1h", (1, 3600))],
)
def test_count_and_pause_are_read(text: str, expected: tuple[int, int]) -> None:
    assert parse_retries(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("x", '"x"'),
        ("101", "at most 100"),
        ("3:", "no unit"),
        ("3:60", "no unit"),
        ("3:2h", "longer than an hour"),
        ("3:UNLIMITED", "longer than an hour"),
        ("-1", "Write 3"),
    ],
)
def test_wrong_retries_are_refused_with_a_right_one(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_retries(text)
    assert named in str(caught.value)


def test_retries_written_are_read_back() -> None:
    assert parse_retries(format_retries(Retries(count=7, backoff_s=90))) == (7, 90)


def test_ends_are_named_in_the_words_of_a_submission() -> None:
    assert parse_retried(["failed", " Timeout", "out_of_memory"]) == (
        JobState.FAILED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
    )
    for wrong in (["cancelled"], []):
        with pytest.raises(Invalid, match="failed, timeout, out-of-memory"):
            parse_retried(wrong)
