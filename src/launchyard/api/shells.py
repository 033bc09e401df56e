"""Terminals that outlive the browser: opened once, attached to as often as its connection breaks.

A terminal that nobody looks at is hung up after a while. It lives in a process of its user, so it ends with
the daemon, which holds the other end; a job's own terminal does not.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from launchyard.api.terminals import KeptShell, ShellOpener, Terminal
from launchyard.engine.files import Who
from launchyard.model.errors import Conflict, NotFound
from launchyard.model.job import Job

EACH_MAX = 32
"""How many terminals a user may have open."""


@dataclass(slots=True, kw_only=True)
class Shell:
    """One of them. `closes_at`: when it is hung up, unless somebody looks at it before."""

    id: str
    uid: int
    title: str
    host: str
    job: int | None
    path: str | None
    opened_at: float
    kept: KeptShell
    watchers: int = 0
    closes_at: float | None = None
    closing: asyncio.TimerHandle | None = None


class Shells:
    """All of them, by id. For the loop alone."""

    def __init__(
        self, terminals: ShellOpener, *, host: str, keep_s: float, clock: Callable[[], float]
    ) -> None:
        self._terminals = terminals
        self._host = host
        self._keep_s = keep_s
        self._clock = clock
        self._open: dict[str, Shell] = {}

    async def in_job(self, uid: int, job: Job, rows: int, cols: int) -> Shell:
        """A shell in a running job."""
        self._refuse_more(uid)
        kept = await self._terminals.kept_shell(job)
        node = job.attempt.allocation.nodes[0] if job.attempt is not None else self._host
        return self._enter(kept, uid=uid, title=f"job {job.id} {job.name}", host=node, job=job.id, path=None)

    async def in_folder(self, who: Who, path: str, rows: int, cols: int) -> Shell:
        """A login shell in a folder, beside the queue."""
        self._refuse_more(who.uid)
        kept = await self._terminals.folder_shell(who, path, rows=rows, cols=cols)
        return self._enter(kept, uid=who.uid, title=path, host=self._host, job=None, path=path)

    def of(self, uid: int) -> list[Shell]:
        return [shell for shell in self._open.values() if shell.uid == uid]

    def find(self, uid: int, id: str) -> Shell:
        """Somebody else's is as one that is not there."""
        shell = self._open.get(id)
        if shell is None or shell.uid != uid:
            raise NotFound("there is no such terminal any more; open another")
        return shell

    def attach(self, shell: Shell) -> Terminal:
        shell.watchers += 1
        shell.closes_at = None
        if shell.closing is not None:
            shell.closing.cancel()
        return shell.kept.attach(lambda: self._left(shell))

    def close(self, shell: Shell) -> None:
        """Hang it up now."""
        self._forget(shell)
        shell.kept.hang_up()

    def _enter(
        self, kept: KeptShell, *, uid: int, title: str, host: str, job: int | None, path: str | None
    ) -> Shell:
        shell = Shell(
            id=secrets.token_hex(16),
            uid=uid,
            title=title,
            host=host,
            job=job,
            path=path,
            opened_at=self._clock(),
            kept=kept,
        )
        self._open[shell.id] = shell
        kept.ended.add_done_callback(lambda _: self._forget(shell))
        self._await_somebody(shell)
        return shell

    def _refuse_more(self, uid: int) -> None:
        if len(self.of(uid)) >= EACH_MAX:
            raise Conflict(f"you have {EACH_MAX} terminals open; close some of them")

    def _left(self, shell: Shell) -> None:
        shell.watchers -= 1
        if shell.watchers == 0 and shell.id in self._open:
            self._await_somebody(shell)

    def _await_somebody(self, shell: Shell) -> None:
        shell.closes_at = self._clock() + self._keep_s
        shell.closing = asyncio.get_running_loop().call_later(self._keep_s, self.close, shell)

    def _forget(self, shell: Shell) -> None:
        self._open.pop(shell.id, None)
        if shell.closing is not None:
            shell.closing.cancel()
