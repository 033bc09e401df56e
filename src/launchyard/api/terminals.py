"""Ports: a terminal that somebody is attached to, and a shell that stays when its client goes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from launchyard.engine.files import Who
from launchyard.model.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalEnd:
    """How what ran in a terminal ended; both None: not known here (ask the job)."""

    exit_code: int | None = None
    signal: int | None = None


class Terminal(Protocol):
    """One attached terminal. One caller reads, one writes."""

    async def read(self) -> bytes:
        """What the terminal printed; empty at its end."""

    async def write(self, data: bytes) -> None: ...

    async def resize(self, rows: int, cols: int) -> None: ...

    async def signal(self, signal: int) -> None: ...

    def end(self) -> TerminalEnd:
        """Valid after `read` came to the end."""

    async def close(self) -> None:
        """Let go of it. What runs in an attached terminal is hung up by the adapter's own rules."""


class KeptShell(Protocol):
    """A shell in a terminal of its own, which stays until it ends or is hung up."""

    ended: "asyncio.Future[dict[str, Any]]"

    def attach(self, left: Callable[[], None]) -> Terminal:
        """A new client, shown the latest part first; `left` is called when it goes."""

    def hang_up(self) -> None: ...


class ShellOpener(Protocol):
    """Who starts such shells."""

    async def kept_shell(self, job: Job, command: tuple[str, ...] = ()) -> KeptShell:
        """A step in the running job that does not end when its client goes."""

    async def folder_shell(self, who: Who, path: str, *, rows: int, cols: int) -> KeptShell:
        """The user's login shell in a folder, on this machine and outside of any job."""
