"""What to ask for after too little: rounded, more than before, and readable by the options it is for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.growth import next_memory_mib, next_time_limit_s, part_of, short_memory
from launchyard.model.memory import parse_memory


@pytest.mark.parametrize(
    ("asked", "peak", "wanted", "option"),
    [
        (64, 64, 0, "128M"),
        (1000, None, 0, "2G"),
        (1024, 1024, 0, "2G"),
        (3000, 3000, 0, "6G"),
        (1024, 5000, 0, "10G"),
        (1024, 100, 76_288, "80G"),
        (102_400, 102_400, 0, "152G"),
    ],
)
def test_the_next_memory_is_what_a_person_would_write(
    asked: int, peak: float | None, wanted: int, option: str
) -> None:
    assert short_memory(next_memory_mib(asked, peak, wanted)) == option


@given(st.integers(1, 1 << 24), st.none() | st.floats(0, 1 << 24))
def test_the_next_memory_is_more_and_readable(asked: int, peak: float | None) -> None:
    following = next_memory_mib(asked, peak)
    assert following > asked
    assert parse_memory(short_memory(following)) == following


@pytest.mark.parametrize(("limit_s", "following_s"), [(3, 6), (90, 180), (3600, 7200), (5400, 10_800)])
def test_the_next_time_limit_is_about_twice_the_last(limit_s: int, following_s: int) -> None:
    assert next_time_limit_s(limit_s) == following_s


@pytest.mark.parametrize(
    ("used", "asked", "text"),
    [(1023.9, 1024, "1.0 of 1.0 GiB"), (60.2, 64, "60 of 64 MiB"), (1 << 20, 1 << 21, "1.0 of 2.0 TiB")],
)
def test_a_part_is_said_in_the_unit_of_the_whole(used: float, asked: int, text: str) -> None:
    assert part_of(used, asked) == text
