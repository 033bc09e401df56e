"""That a job comes again and again, as a line of its user's crontab says."""

from typing import NamedTuple


class Cron(NamedTuple):
    """When (five fields, see `model.schedule`), and the lines of the crontab that say so, from 1."""

    spec: str
    first_line: int
    last_line: int
