"""Time limits are read as Slurm and people write them, and written so that they are read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.model.walltime import (
    WALLTIME_MAX_S,
    format_walltime,
    humane,
    parse_walltime,
    slurm_walltime,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5_400),
        ("10:30", 630),
        ("01:30:00", 5_400),
        ("1-02", 93_600),
        ("1-02:03", 93_780),
        ("1-02:03:04", 93_784),
        ("0-01:00", 3_600),
        ("2h", 7_200),
        ("1h30m", 5_400),
        ("1H 30M", 5_400),
        ("45s", 45),
        ("1d", 86_400),
        ("100:00:00", 360_000),
        (" 5 ", 300),
        ("UNLIMITED", None),
        ("infinite", None),
    ],
)
def test_every_form_of_a_time_is_read(text: str, seconds: int | None) -> None:
    assert parse_walltime(text) == seconds


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("soon", '"s"'),
        ("1x", '"1x"'),
        ("1m2h", '"2h"'),
        ("1h2h", '"2h"'),
        ("1h30", '"1h30"'),
        ("1:2:3:4", '"1:2:3:4"'),
        ("1-2-3", '"2-3"'),
        ("-5", '""'),
        ("1-", '""'),
        ("1_0", '"1_0"'),
        ("٣", '"٣"'),
        ("0", "zero"),
        ("00:00", "zero"),
        ("99999999999999d", "100 years"),
        ("1" * 41, "41 characters"),
        ("1" * 20, "11111"),
    ],
)
def test_a_wrong_time_is_refused_with_its_part_and_a_right_one(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_walltime(text)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.one_of(st.none(), st.integers(1, WALLTIME_MAX_S)))
def test_a_time_written_is_read_back(seconds: int | None) -> None:
    assert parse_walltime(format_walltime(seconds)) == seconds
    assert parse_walltime(slurm_walltime(seconds)) == seconds


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seconds = parse_walltime(text)
    except Invalid:
        return
    assert seconds is None or 0 < seconds <= WALLTIME_MAX_S


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (102, "1 min 42 s"),
        (1_200, "20 min"),
        (6_960, "1 h 56 min"),
        (7_200, "2 h"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
        (None, "no limit"),
    ],
)
def test_a_person_reads_the_two_largest_units(seconds: float | None, text: str) -> None:
    assert humane(seconds) == text
