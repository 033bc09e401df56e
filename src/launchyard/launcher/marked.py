"""Where there are no cgroups: a launch's processes are found by descent, session and environment mark.

Best effort, and said so in `features`. The launcher is a subreaper: what a job leaves behind becomes the
launcher's child, so one look at its own children tells that nothing was left; only otherwise /proc is walked.
"""

import contextlib
import os
import signal
from collections.abc import Collection, Mapping

from launchyard.launcher import processes
from launchyard.launcher.cgroups import Figures, Room
from launchyard.launcher.kernel import read_bytes
from launchyard.launcher.processes import Stat
from launchyard.launcher.table import Launch


class Marked:
    """The same services as `Cgroups`, as well as they can be had.

    `own` are the children that are not strays: main processes and steps with their launch, others with None.
    """

    memory = "sampling"
    processes = "marker"
    cpus = "affinity"
    samples_limit = True

    def __init__(self, live: Mapping[str, Launch], own: Mapping[int, str | None]) -> None:
        self._live = live
        self._own = own
        self._survey: dict[str, list[Stat]] | None = None
        self._marks: dict[tuple[int, int], str | None] = {}

    def new_tick(self) -> None:
        """What was seen of /proc is old."""
        self._survey = None

    def rooms(
        self, launch_id: str, *, memory_mib: int | None, pids_max: int, cpu_ids: list[int]
    ) -> list[Room]:
        return []

    def paths(self, launch_id: str) -> list[str]:
        return []

    def pids(self, launch_id: str) -> list[int]:
        return [found.pid for found in self._members(launch_id)]

    def figures(self, launch_id: str) -> Figures:
        return Figures(None, 0)

    def live_cpu_s(self, launch_id: str) -> float | None:
        return sum(found.cpu_ticks for found in self._members(launch_id)) / processes.TICKS_PER_S

    def resident_mib(self, launch_id: str) -> float | None:
        pages = 0
        for found in self._members(launch_id):
            with contextlib.suppress(OSError, ValueError):
                _, resident, shared = read_bytes(f"/proc/{found.pid}/statm").split()[:3]
                pages += int(resident) - int(shared)
        return pages * processes.PAGE_BYTES / (1 << 20)

    def peak_bound_mib(self, launch_id: str) -> float | None:
        return None

    def freeze(self, launch_id: str) -> bool:
        """Its processes are stopped by signals instead."""
        self._survey = None
        return False

    def thaw(self, launch_id: str) -> None:
        """Without cgroups of ours nothing of it is frozen."""

    def signal(self, launch_id: str, number: int, but: Collection[int] = ()) -> None:
        for found in self._members(launch_id):
            if found.pid in but:
                continue
            processes.signal_exactly(found.pid, found.start, number)

    def kill(self, launch_id: str) -> None:
        self._survey = None
        self.signal(launch_id, signal.SIGKILL)

    def emptied(self, launch_id: str) -> bool:
        """Whether no process is left, as far as can be seen."""
        launch = self._live.get(launch_id)
        if launch is not None and not launch.foreign and self._survey is None:
            children = processes.children()
            if children is not None and self._own.keys() >= set(children):
                return launch_id not in self._own.values()
        return not self._members(launch_id)

    def remove(self, launch_id: str) -> bool:
        return True

    def release_cpuset(self, cpu_ids: list[int]) -> None:
        """There are none."""

    def hold_cpuset(self, cpu_ids: list[int]) -> None:
        """There are none."""

    def leftovers(self) -> set[str]:
        return set()

    # ---- looking around

    def _members(self, launch_id: str) -> list[Stat]:
        if self._survey is None:
            self._survey = self._walk()
        return self._survey.get(launch_id, [])

    def _walk(self) -> dict[str, list[Stat]]:
        """All processes of live launches, zombies left out."""
        stats = {found.pid: found for pid in processes.all_pids() if (found := processes.stat(pid))}
        mains = {launch.pid: l for l, launch in self._live.items() if _has_its_number(launch, stats)}
        owners: dict[int, str | None] = {}
        for found in stats.values():
            self._attribute(found, stats, mains, owners)
        survey: dict[str, list[Stat]] = {}
        for pid, owner in owners.items():
            if owner is not None and owner in self._live and stats[pid].state not in "ZX":
                survey.setdefault(owner, []).append(stats[pid])
        self._marks = {key: mark for key, mark in self._marks.items() if key[0] in stats}
        return survey

    def _attribute(
        self, found: Stat, stats: Mapping[int, Stat], mains: dict[int, str], owners: dict[int, str | None]
    ) -> str | None:
        """The launch of one process: its own, by session, its parent's, the one its environment names."""
        if found.pid in owners:
            return owners[found.pid]
        owners[found.pid] = None  # ends a circle of parents seen at different moments
        owner = mains.get(found.pid) or self._own.get(found.pid) or mains.get(found.session)
        if owner is None and found.ppid not in (0, 1, os.getpid()) and found.ppid in stats:
            owner = self._attribute(stats[found.ppid], stats, mains, owners)
        if owner is None and found.pid not in self._own:
            owner = self._mark(found) or self._stray(found)
        owners[found.pid] = owner
        if owner is not None:
            # Remembered, for when its parent is gone.
            self._marks[found.pid, found.start] = owner
        return owner

    def _mark(self, found: Stat) -> str | None:
        key = (found.pid, found.start)
        if key not in self._marks:
            self._marks[key] = processes.mark_of(found.pid)
        return self._marks[key]

    def _stray(self, found: Stat) -> str | None:
        """A child that fell to us and hides its origin: it can only be of the one launch there is."""
        if found.ppid == os.getpid() and len(self._live) == 1:
            return next(iter(self._live))
        return None


def _has_its_number(launch: Launch, stats: Mapping[int, Stat]) -> bool:
    """Whether what bears the number of its main process, or a session of that number, is the launch's.

    It is nobody else's while its session lives; once that is over the kernel may give it to a stranger.
    """
    found = stats.get(launch.pid)
    return bool(launch.pid) and (found is None or not launch.start or found.start == launch.start)
