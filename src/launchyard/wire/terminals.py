"""What is asked and said of terminals that outlive their browser, and of what administrators look after."""

from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecords:
    """`GET /v1/admin/audit`: who did what, the newest first; each has `at`, `event` and more."""

    records: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigState:
    """`GET /v1/admin/config`: what is wrong with the configuration file as it is now; null: nothing.

    `unread` is why nobody knows: the server may not read it while it runs. It is read at the next start.
    """

    problem: str | None
    unread: str | None
