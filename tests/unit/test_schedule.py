"""When the lines of a crontab come: what they say, and the next minute that they allow."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.model.schedule import LONGEST, Schedule, parse_schedule
from launchyard.policy.recurring import next_match

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("0 8-17/3 * * mon-fri", "0 8,11,14,17 * * 1-5"),
        ("5,10,20-30/5 0 1 jan,Mar sun", "5,10,20,25,30 0 1 1,3 0"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * fri-sun", "0 0 * * 0,5-6"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("@daily", "0 0 * * *"),
        ("@YEARLY", "0 0 1 1 *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_five_fields_and_words_say_when(text: str, meaning: str) -> None:
    assert str(parse_schedule(text)) == meaning
    assert parse_schedule(meaning) == parse_schedule(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("60 * * * *", 'the minute "60" is not understood'),
        ("* 24 * * *", 'the hour "24"'),
        ("* * 0 * *", 'the day of the month "0"'),
        ("* * * foo *", 'the month "foo"'),
        ("* * * * 8", 'the day of the week "8"'),
        ("5-1 * * * *", "goes from 5 down to 1"),
        ("*/0 * * * *", "bad step value"),
        ("1,,2 * * * *", "is not understood"),
        ("* * * *", "has 4 fields"),
        ("@reboot", '"@reboot" is not known'),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        (f"{'1,' * 300}1 * * * *", "at most 400"),
    ],
)
def test_what_is_no_time_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parse_schedule(text)


def allows(schedule: Schedule, moment: datetime) -> bool:
    """The definition, for one minute."""
    minutes, hours, days, months, weekdays = schedule
    weekday = moment.isoweekday() % 7
    fits = [not days or moment.day in days, not weekdays or weekday in weekdays]
    return (
        (not minutes or moment.minute in minutes)
        and (not hours or moment.hour in hours)
        and (not months or moment.month in months)
        and (any if days and weekdays else all)(
            [moment.day in days, weekday in weekdays] if days and weekdays else fits
        )
    )


def some_of(least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    values = st.sets(st.integers(least, most), max_size=4)
    return values.map(lambda one: tuple(sorted(one)))


SCHEDULES = st.builds(
    Schedule,
    minutes=some_of(0, 59),
    hours=some_of(0, 23),
    days=some_of(1, 31),
    months=st.sampled_from([(), (2,), (1, 2, 3), (2, 12)]),
    weekdays=some_of(0, 6),
).filter(lambda one: not one.days or one.days[0] <= max(LONGEST[m - 1] for m in one.months or (1,)))


@given(schedule=SCHEDULES, start=st.integers(0, 86_400 * 400), within=st.integers(1, 2_000))
def test_the_next_time_is_the_first_minute_that_the_schedule_allows(
    schedule: Schedule, start: int, within: int
) -> None:
    after = 1_700_000_000.0 + start

    found = next_match(schedule, after, UTC)

    first = datetime.fromtimestamp(after, UTC).replace(second=0) + timedelta(minutes=1)
    looked_at = [first + timedelta(minutes=count) for count in range(within)]
    expected = next((one.timestamp() for one in looked_at if allows(schedule, one)), None)
    assert found > after
    assert allows(schedule, datetime.fromtimestamp(found, UTC))
    assert found == expected if expected is not None else found > looked_at[-1].timestamp()


def berlin(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("spec", "after", "then"),
    [
        # The clock goes from 02:00 to 03:00 on 29 March 2026, and from 03:00 to 02:00 on 25 October.
        ("30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"),
        ("0 * * * *", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"),
        ("30 2 * * *", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("30 * * * *", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
        ("0 0 29 2 *", "2096-03-01T00:00+01:00", "2104-02-29T00:00+01:00"),
    ],
)
def test_the_clock_of_the_zone_is_followed(spec: str, after: str, then: str) -> None:
    assert next_match(parse_schedule(spec), berlin(after), BERLIN) == berlin(then)
