"""What is asked and said of terminals that outlive the browser that looks at them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTerminal:
    """The body of `POST /v1/terminals`: in the job (or session) `job`, or else in the folder `path`."""

    job: int | None = None
    path: str | None = None
    rows: int = 24
    cols: int = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTerminal:
    """`host` is the machine that it runs on; `watched`: somebody looks at it now.

    `closes_at`: when it is hung up if nobody looks at it until then.
    """

    id: str
    title: str
    host: str
    job: int | None
    path: str | None
    opened_at: float
    watched: bool
    closes_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalList:
    """`GET /v1/terminals`."""

    terminals: list[OpenedTerminal]
