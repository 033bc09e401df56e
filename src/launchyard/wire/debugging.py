"""The body that opens a session in the place of a job that went wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugJob:
    """The body of `POST /v1/jobs/{id}/debug`. `app` is what is opened, `time_limit_s` for how long."""

    app: str = "shell"
    time_limit_s: int | None = None
