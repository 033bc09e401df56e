"""Jobs of a crontab: when each comes next, and what is left of it when it waits for that."""

from datetime import date, datetime, time, timedelta, tzinfo

from launchyard.model.cron import Cron
from launchyard.model.frozen import changed
from launchyard.model.job import Job
from launchyard.model.schedule import Schedule, parse_schedule

MINUTE_S = 60
YEARS_MAX = 12
"""29 February comes again within so many years, over the end of a century too."""


def next_match(schedule: Schedule, after: float, zone: tzinfo | None = None) -> float:
    """The first minute later than `after` (seconds since 1970) that the schedule allows.

    In `zone`, None: that of the machine. A time that the clock skips in spring comes when it has skipped
    it; one that it repeats in autumn comes once, but twice where any hour will do.
    """
    start = datetime.fromtimestamp(after, zone)
    day, end = start.date(), start.year + YEARS_MAX
    while day.year <= end:
        if schedule.months and day.month not in schedule.months:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            continue
        if _allows(schedule, day):
            first_hour = start.hour if day == start.date() else 0
            found = _first(schedule, day, first_hour, after, zone)
            if found is not None:
                return found
        day += timedelta(days=1)
    raise ValueError(f"the schedule {schedule} has no time before {end}")


def waits_for_next(job: Job, now: float, zone: tzinfo | None = None) -> Job:
    """A job that has ended and comes again: it begins with the next time, and counts as new from then."""
    if job.cron is None:
        return job
    begin_at = begin_of(job.cron, now, zone)
    return changed(job, begin_at=begin_at, eligible_at=begin_at, retried=0, retry_at=None, requeues=0)


def begin_of(cron: Cron, now: float, zone: tzinfo | None = None) -> float:
    """When a job begins that comes with `cron`."""
    return next_match(parse_schedule(cron.spec), now, zone)


def _allows(schedule: Schedule, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if schedule.days and schedule.weekdays:
        return day.day in schedule.days or weekday in schedule.weekdays
    return (not schedule.days or day.day in schedule.days) and (
        not schedule.weekdays or weekday in schedule.weekdays
    )


def _first(schedule: Schedule, day: date, first_hour: int, after: float, zone: tzinfo | None) -> float | None:
    """The earliest time of that day which is later than `after`."""
    folds = (0,) if schedule.hours else (0, 1)
    for hour in schedule.hours or range(24):
        if hour < first_hour:
            continue
        for fold in folds:
            for minute in schedule.minutes or range(60):
                wall = datetime.combine(day, time(hour, minute, fold=fold), zone)
                if (at := wall.timestamp()) > after:
                    return at
    return None
