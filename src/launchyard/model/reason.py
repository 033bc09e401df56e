"""Why a job waits, and when it may start: made by the plan, joined when a job is read, never stored."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """When a waiting job starts, in seconds since 1970: the plan's `start` with a range."""

    start: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """`code` is a stable word (`resources`, `priority`, `dependency`, `held`, `begin`, `throttle`,
    `node-down`); `sentence` says it with the numbers of the allocation table."""

    code: str
    sentence: str
    estimate: Estimate | None = None
    scope: str = ""
    """What the code leaves open: whose limit (`user of qos`), `never` of a dependency."""
