"""What the API needs of the rest of the daemon: handed in once, by the composition root.

`Logs` and `Terminals` are ports: their adapters act as the user, over a helper or the launcher; the API never
opens a file or a terminal of anybody.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from launchyard.api.login.ways import Ways
from launchyard.api.metrics import Metrics
from launchyard.api.operating import Operating
from launchyard.api.shells import Shells
from launchyard.api.terminals import Terminal as Terminal
from launchyard.api.terminals import TerminalEnd as TerminalEnd
from launchyard.controller.controller import Controller
from launchyard.controller.users import Users
from launchyard.engine.apps import Apps
from launchyard.engine.files import Files
from launchyard.engine.notebooks import Notebooks
from launchyard.model.job import Job
from launchyard.model.rayapi import RayApiSettings
from launchyard.model.series import Sample, Series
from launchyard.model.session import Target
from launchyard.slurm.settings import SlurmSettings
from launchyard.store.packages import Packages
from launchyard.store.protocol import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """Bytes `offset .. offset + len(data)` of a log that is `size` bytes long now.

    `capped`: the log reached its cap, so what came after was not kept.
    """

    data: bytes
    offset: int
    size: int
    capped: bool = False


class Logs(Protocol):
    """Output of jobs, read as their user. `stream` is `stdout` (where both are one by default) or `stderr`.

    A log that is not there yet is empty. Raises `LaunchyardError` (gone, not readable) as one sentence.
    """

    async def read(self, job: Job, stream: str, offset: int, limit: int) -> LogPart:
        """At most `limit` bytes from `offset`; a negative one counts from the end, one beyond is the end."""

    def follow(
        self, job: Job, stream: str, offset: int, ended: asyncio.Event
    ) -> AsyncGenerator[LogPart, None]:
        """What is there from `offset` on, then what comes, as it comes.

        Once `ended` is set nothing more is written: what is left is read to the end, and the iteration ends.
        A log that became shorter is begun anew. Closing the iterator (`aclose`) ends the following.
        """

    def path(self, job: Job) -> str | None:
        """Where the output of a job that names no file of its own is kept, None when it is not yet known."""


class LogSearch(Protocol):
    """Looking through a whole log as the user of its job; raises as `Logs`. The answers are JSON objects."""

    async def search(
        self, job: Job, stream: str, text: str, *, offset: int, line: int, limit: int
    ) -> Mapping[str, Any]:
        """`wire.pageshapes.LogMatches`."""

    async def marks(self, job: Job, stream: str) -> Mapping[str, Any]:
        """`wire.pageshapes.LogMarks`."""


class UsageSeries(Protocol):
    """What jobs used as time went by."""

    async def of(self, launch_id: str) -> Series | None:
        """Of one launch; None where nothing is known."""

    def watch(self, job: Job) -> AsyncGenerator[Sample, None]:
        """What the running job uses from now on, until it has ended."""


class Terminals(Protocol):
    """Terminals of jobs."""

    async def attach(self, job: Job) -> Terminal:
        """The terminal of a started job that was submitted with one. Raises `Conflict` where it has none."""

    async def shell(self, job: Job, command: tuple[str, ...]) -> Terminal:
        """A new step in the running job: `command`, or the user's shell when it is empty."""


LiveUsage = Callable[[], Awaitable[Mapping[str, Mapping[str, float]]]]
"""What running launches use now, by launch id: `cpu_s`, `memory_mib`, `memory_peak_mib`, `processes`."""


Reach = Callable[[Job, Target], Awaitable[socket.socket]]


async def nothing_known() -> Mapping[str, Mapping[str, float]]:
    """Where no engine can say what launches use."""
    return {}


async def no_login(uid: int) -> Mapping[str, str]:
    """Where nobody can say what a user's login brings."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`owner_uid` set: the daemon serves that user alone; None: every user of the machine, root as admin.

    `status` makes what `GET /v1/status` answers beside what the API knows; `clock` is seconds since 1970.
    `hosts` are names beyond the loopback's under which the API may be reached by TCP, without port.
    `jobs_visible_to_all`: everybody may list and show everybody's jobs (never logs, scripts or metadata).
    """

    controller: Controller
    store: Store
    users: Users
    logs: Logs
    terminals: Terminals
    status: Callable[[], dict[str, Any]]
    clock: Callable[[], float]
    owner_uid: int | None
    hosts: frozenset[str] = frozenset()
    jobs_visible_to_all: bool = False
    slurm: SlurmSettings = field(default_factory=SlurmSettings)
    live_usage: LiveUsage = nothing_known
    ray: RayApiSettings = field(default_factory=RayApiSettings)
    login: Callable[[int], Awaitable[Mapping[str, str]]] = no_login
    """The variables of a user's login, for jobs that bring none along; empty where nobody can say."""
    packages: Packages | None = None
    reach: Reach | None = None
    """Connects to what a session listens on, as its user; None: sessions are not reached from here."""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """The server's own, from which it makes texts that it knows again."""
    notebooks: Notebooks | None = None
    files: Files | None = None
    file_roots: Sequence[str] = ("~",)
    """Folders below which users may open files; `~` and `{user}` are filled in."""
    shells: Shells | None = None
    operating: Operating | None = None
    metrics: Metrics | None = None
    log_search: LogSearch | None = None
    ways: Ways = field(default_factory=Ways)
    """Ways to log in beside links."""
    series: UsageSeries | None = None
    apps: Apps | None = None
    """The interactive apps of users; None: no sessions are started here."""
