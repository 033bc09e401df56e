"""What is on its way to somebody: tried until it arrives, with growing waits, across restarts of the server.

Each message is a file until it has arrived, cannot arrive, or is a day old. One place that does not answer
holds up its own messages alone.
"""

import asyncio
import json
import logging
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from launchyard.notify.way import Failed, Rejected
from launchyard.notify.words import Notice

FIRST_WAIT_S = 5.0
WAIT_MAX_S = 3600.0
GIVE_UP_S = 24 * 3600.0
WAITING_MAX = 5_000
OF_USER_MAX = 500
AT_ONCE = 16
AT_ONCE_A_PLACE = 2

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Entry:
    """A notice to a place, or a whole mail (`mail`)."""

    id: str
    user: str
    place: str
    since: float
    notice: Notice | None = None
    mail: str | None = None


class Outbox:
    """`deliver` raises `Failed` (again later) or `Rejected`; used on the loop."""

    def __init__(
        self,
        directory: Path,
        deliver: Callable[[Entry], Awaitable[None]],
        clock: Callable[[], float],
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._directory = directory
        self._deliver = deliver
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._of_user: Counter[str] = Counter()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE_A_PLACE)
        )
        self.delivered = self.failed = self.given_up = 0

    @property
    def waiting(self) -> int:
        return len(self._tasks)

    async def start(self) -> None:
        """Go on with what an earlier run did not deliver."""
        for entry in await asyncio.to_thread(self._left):
            self._begin(entry, kept=True)

    async def close(self) -> None:
        """What is not delivered stays for the next run."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def put(self, user: str, place: str, *, notice: Notice | None = None, mail: str | None = None) -> None:
        if len(self._tasks) >= WAITING_MAX or self._of_user[user] >= OF_USER_MAX:
            _log.warning("too many notifications of user %s wait to be delivered; one is left out", user)
            return
        entry = Entry(
            id=secrets.token_hex(8), user=user, place=place, since=self._clock(), notice=notice, mail=mail
        )
        self._begin(entry, kept=False)

    def _begin(self, entry: Entry, *, kept: bool) -> None:
        self._of_user[entry.user] += 1
        task = asyncio.ensure_future(self._carry(entry, kept))
        self._tasks[entry.id] = task
        task.add_done_callback(lambda _: self._done(entry))

    def _done(self, entry: Entry) -> None:
        del self._tasks[entry.id]
        self._of_user[entry.user] -= 1
        if not self._of_user[entry.user]:
            del self._of_user[entry.user]

    async def _carry(self, entry: Entry, kept: bool) -> None:
        if not kept:
            await asyncio.to_thread(self._keep, entry)
        wait_s = self._first_wait_s
        while not await self._try(entry):
            if self._clock() - entry.since > GIVE_UP_S:
                self.given_up += 1
                _log.warning("notification of user %s is given up after a day", entry.user)
                break
            await asyncio.sleep(wait_s)
            wait_s = min(WAIT_MAX_S, 3 * wait_s)
        await asyncio.to_thread(self._path(entry.id).unlink, missing_ok=True)

    async def _try(self, entry: Entry) -> bool:
        """Whether it needs no other try."""
        async with self._places[entry.place], self._at_once:
            try:
                await self._deliver(entry)
            except Failed as error:
                self.failed += 1
                _log.info("notification of user %s is tried again later: %s", entry.user, error)
                return False
            except Rejected as error:
                self.given_up += 1
                _log.warning("notification of user %s cannot be delivered: %s", entry.user, error)
            else:
                self.delivered += 1
        return True

    # -- the files

    def _path(self, number: str) -> Path:
        return self._directory / f"{number}.json"

    def _keep(self, entry: Entry) -> None:
        """Best effort: on a full disk it is kept in memory alone."""
        half = self._path(entry.id).with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "w") as file:
                json.dump(asdict(entry), file)
            half.rename(self._path(entry.id))
        except OSError as error:
            _log.warning("a notification cannot be kept on disk: %s", error.strerror)

    def _left(self) -> list[Entry]:
        found = []
        for path in sorted(self._directory.glob("*.json")) if self._directory.is_dir() else ():
            try:
                found.append(_entry(json.loads(path.read_text())))
            except (OSError, ValueError, TypeError, KeyError):
                path.unlink(missing_ok=True)
        return found


def _entry(kept: dict[str, Any]) -> Entry:
    notice = kept["notice"]
    if notice is not None:
        notice = Notice(**{**notice, "lines": tuple(notice["lines"])})
    return Entry(**{**kept, "notice": notice})
