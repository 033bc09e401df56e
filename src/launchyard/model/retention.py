"""How long what has ended is remembered."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """None: for good. `jobs_s` and `logs_s` count from a job's end, `jobs_max` the newest ended jobs.

    `logs_max` is what all logs of ended jobs may take, in bytes.
    """

    jobs_s: float | None = None
    jobs_max: int | None = None
    logs_s: float | None = None
    logs_max: int | None = None
