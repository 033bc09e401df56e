"""Points in time: exact between programs, forgiving with people, and never of a clock of their own."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.model.when import parse_begin, parse_rfc3339, rfc3339

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()
EAST = timezone(timedelta(hours=2))


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOON),
        ("now+90", NOON + 90),
        ("now+1hour", NOON + 3_600),
        ("now + 2 days", None),
        ("now+30minutes", NOON + 1_800),
        ("NOW+1week", NOON + 604_800),
        ("16:00", at("2026-11-21T16:00:00+00:00")),
        ("11:00", at("2026-11-22T11:00:00+00:00")),
        ("4:30pm", at("2026-11-21T16:30:00+00:00")),
        ("12am", at("2026-11-22T00:00:00+00:00")),
        ("teatime", at("2026-11-21T16:00:00+00:00")),
        ("midnight", at("2026-11-22T00:00:00+00:00")),
        ("today", NOON),
        ("tomorrow", at("2026-11-22T00:00:00+00:00")),
        ("2026-12-01", at("2026-12-01T00:00:00+00:00")),
        ("2026-12-01T10:00", at("2026-12-01T10:00:00+00:00")),
        ("2026-12-01T10:00:30Z", at("2026-12-01T10:00:30+00:00")),
    ],
)
def test_every_form_of_a_begin_time_is_read(text: str, expected: float | None) -> None:
    if expected is None:
        with pytest.raises(Invalid, match=r"now\+30minutes"):
            parse_begin(text, NOON)
    else:
        assert parse_begin(text, NOON) == expected


def test_a_time_of_the_day_is_that_of_the_person() -> None:
    assert parse_begin("16:00", NOON, EAST) == at("2026-11-21T16:00:00+02:00")
    assert parse_begin("2026-12-01T10:00", NOON, EAST) == at("2026-12-01T10:00:00+02:00")
    assert parse_begin("2026-12-01T10:00Z", NOON, EAST) == at("2026-12-01T10:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("soon", '"soon"'),
        ("25:00", '"25:00"'),
        ("12:60", '"12:60"'),
        ("13pm", '"13pm"'),
        ("now-1hour", "now+30minutes"),
        ("now+1fortnight", "seconds, minutes"),
        ("2026-13-01", '"2026-13-01"'),
        ("20261201", '"20261201"'),
        ("1969-01-01", "out of range"),
        ("x" * 65, "65 characters"),
    ],
)
def test_a_wrong_begin_time_is_refused_with_its_value(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_begin(text, NOON)
    assert named in str(caught.value)


@pytest.mark.parametrize("text", ["2026-12-01", "2026-12-01T10:00:00", "yesterday", "20261201T100000Z"])
def test_between_programs_a_time_has_an_offset(text: str) -> None:
    with pytest.raises(Invalid, match="RFC 3339"):
        parse_rfc3339(text)


@given(st.integers(0, 200_000_000_000))
def test_a_time_written_is_read_back_to_the_millisecond(milliseconds: int) -> None:
    text = rfc3339(milliseconds / 1_000)
    assert text.endswith("Z")
    assert round(parse_rfc3339(text) * 1_000) == milliseconds


@given(st.text(max_size=30))
def test_any_text_is_a_begin_time_or_refused(text: str) -> None:
    try:
        moment = parse_begin(text, NOON)
    except Invalid:
        return
    assert moment >= 0
