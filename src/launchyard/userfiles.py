"""What users upload and what is set up for their jobs, put together for the daemon."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set

from launchyard.config import Settings
from launchyard.engine.channel import UserHelpers
from launchyard.engine.environments import HelperEnvironments, Opened, SetUpSettings
from launchyard.engine.files import Files
from launchyard.engine.local import LocalEngine
from launchyard.engine.machine import memory_of_machine_mib
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job
from launchyard.statedir import StateDir
from launchyard.store.packages import Packages

COLLECT_S = 600.0

InUse = Callable[[], Awaitable[Mapping[int, Set[str]]]]
"""By user the names of the packages that live jobs need."""

_log = logging.getLogger(__name__)


class UserFiles:
    """`packages` and `browsed` (users' own files) for the API, `environments` for the controller."""

    def __init__(self, settings: Settings, state: StateDir, engine: LocalEngine) -> None:
        limits = settings.packages
        self.packages = Packages(
            state.packages,
            size_max=limits.size_max,
            quota=limits.quota,
            keep_s=limits.keep_s,
            total_max=limits.total_max,
        )
        kept = SetUpSettings(
            directory=str(state.environments),
            shelf_max_bytes=limits.kept_max,
            keep_failed_s=limits.keep_failed_s,
            memory_mib=limits.setup_memory_mib or memory_of_machine_mib() // 2,
        )
        self._spool = state.spool
        self._engine = engine
        self._browsing = UserHelpers(engine)
        self.browsed = Files(self._browsing)
        self.environments = HelperEnvironments(UserHelpers(engine, kept.memory_mib), kept, self._opened)
        self._collecting: asyncio.Task[None] | None = None

    async def remove_logs(self, jobs: Sequence[Job]) -> None:
        """The logs of all attempts in our spool here, by the launcher: their directories are root's.

        Raises `LaunchyardError` where one may still be there.
        """
        names: dict[int, list[str]] = {}
        for job in jobs:
            names.setdefault(job.uid, []).extend(_logs_of(job))
        for uid, found in names.items():
            await self._engine.remove_logs(uid, found)

    async def log_bytes(self, jobs: Sequence[Job]) -> list[int]:
        """What the logs of each take on the disk."""
        return await asyncio.to_thread(lambda: [self._taken(job) for job in jobs])

    def _taken(self, job: Job) -> int:
        taken = 0
        for name in _logs_of(job):
            with contextlib.suppress(OSError):
                taken += os.lstat(self._spool / str(job.uid) / name).st_blocks * 512
        return taken

    def start(self, in_use: InUse) -> None:
        """From now on remove what nobody needs, every now and then."""
        self._collecting = asyncio.ensure_future(self._collect(in_use))

    async def close(self) -> None:
        if self._collecting is not None:
            self._collecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._collecting
        self.environments.close()
        self._browsing.close()

    async def _collect(self, in_use: InUse) -> None:
        while True:
            try:
                removed = await asyncio.to_thread(self.packages.collect, await in_use())
                if removed:
                    _log.info("removed %d packages that no job needs", removed)
            except (OSError, LaunchyardError) as error:
                _log.error("packages that no job needs cannot be removed: %s", error)
            await asyncio.sleep(COLLECT_S)

    def _opened(self, uid: int, name: str) -> Opened | None:
        found = self.packages.open(uid, name)
        return None if found is None else Opened(found[0].digest, found[1])


def _logs_of(job: Job) -> list[str]:
    launches = [one.launch_id for one in job.past]
    launches += [job.attempt.launch_id] if job.attempt is not None else []
    return [f"{job.id}-{launch}.log" for launch in launches]
