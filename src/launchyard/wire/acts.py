"""One thing done to many jobs: the request, and a result for each."""

from dataclasses import dataclass
from typing import Literal

Act = Literal[
    "cancel", "hold", "uhold", "release", "requeue", "requeuehold", "suspend", "resume", "top", "signal"
]
"""What may be done to many jobs at once; an administrator's `uhold` is one that its user may release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnJobs:
    """The body of `POST /v1/acts`: one thing done to many jobs, each by id or as a task (`12_3`).

    `signal` and `target` belong to the act `signal`. `cron` says of the act `cancel` that jobs of a crontab
    are meant too, where the site wants that to be said.
    """

    act: Act
    jobs: list[str]
    signal: str | int | None = None
    target: Literal["all", "batch", "steps"] = "all"
    cron: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActResult:
    """What became of one job: its state then, or why it was refused (a status of HTTP, a sentence)."""

    job: str
    status: int
    code: str | None = None
    detail: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActResults:
    """One result for each job asked for."""

    results: list[ActResult]
