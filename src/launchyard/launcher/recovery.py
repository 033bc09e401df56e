"""What a starting launcher makes of the journal: who still runs, who ended meanwhile, who is lost."""

import contextlib
import os
import signal

from launchyard.launcher import processes
from launchyard.launcher.attendants import Attendants
from launchyard.launcher.endings import Endings
from launchyard.launcher.journal import Record
from launchyard.launcher.kernel import boot_clock, exit_status_by
from launchyard.launcher.limits import Limits
from launchyard.launcher.pipes import UNBORN
from launchyard.launcher.runners import Runners
from launchyard.launcher.state import State, log
from launchyard.launcher.table import Launch

_EXIT_WAIT_S = 3.0
"""How long the keeper's word of an exit is waited for, once the process is seen to be gone."""
_EXIT_POLL_S = 0.05
_LOOK_S = 0.2
_QUICK_AND_UNBORN = 255 << 8
"""What the interpreter's C code ends with when it does not come to its exec; a program's own, as a rule."""


class Recovery:
    """Finds running launches again and learns how those that are not our children ended."""

    def __init__(self, state: State, endings: Endings, limits: Limits, runners: Runners) -> None:
        self._state = state
        self._runners = runners
        self._endings = endings
        self._limits = limits
        self._gone_at: dict[str, float] = {}
        self._unseen: set[str] = set()
        """Not seen behind their exec yet: a failure of their set-up has had nobody to report to."""
        self.kinds = {"gone": self.ask_again, "look": self._look_again}
        """What to do when one of these timers is due."""

    def load(self) -> bool:
        """Read the journal and take up every launch in it; False: there was none."""
        state = self._state
        records = state.journal.load()
        if records and records[0].get("k") != "head":
            log("the journal has no head: it is taken for empty")
            records = []
        if strange := state.table.replay(records):
            log(f"{strange} records of the journal cannot be understood")
        live = list(state.table.live.values())
        runners = {one.pid for launch in live for one in launch.runners.values()}
        self._end_unborn(runners | {launch.pid for launch in live})
        if not state.table.rebooted:
            self._runners.adopt()
        for launch in live:
            try:
                self._take_up(launch)
            except Exception as error:
                # The others are taken up all the same, by this launcher and not by the next or none.
                self._endings.lost(launch, f"the launcher could not take it up: {error!r}")
        known = len(state.table.launches)
        log(f"epoch {state.table.epoch}: {known} launches known, {len(live)} without an end")
        return bool(records)

    def _end_unborn(self, started: set[int]) -> None:
        """Children whose start is not on record and which have not come to their exec must not come to it."""
        keeper, ours = os.getppid(), self._state.settings.state_dir
        for pid in processes.all_pids():
            found = None if pid in started or pid == os.getpid() else processes.stat(pid)
            # Where the keeper is gone too its place is the system's, which has children of other launchers.
            if found is not None and found.ppid == keeper and processes.runs_our_code(pid, ours):
                processes.signal_exactly(pid, found.start, signal.SIGKILL)

    def _take_up(self, launch: Launch) -> None:
        if self._state.table.rebooted:
            launch.marks["node_lost"] = True
            self._endings.lost(launch, "the node was restarted")
        elif launch.status is not None or launch.marks.get("lost"):
            self._endings.main_ended(launch, launch.status or 0, launch.usage)
        elif not launch.pid:
            # Its child waits for our leave, or was started the quick way and is killed by its mark.
            self._endings.lost(launch, "the launcher was restarted before its start was on record")
        else:
            self._adopt(launch)

    def _adopt(self, launch: Launch) -> None:
        launch.foreign = True
        self._state.fence.hold_cpuset(launch.cpu_ids)
        self._limits.begin(launch)
        launch.pidfd = processes.watch(launch.pid, launch.start)
        self._unseen.add(launch.l)
        self._look_again(launch)
        if launch.pidfd is None:
            self._gone(launch)
        else:
            self._state.watch(launch.pidfd, lambda: self._gone(launch))

    def _look_again(self, launch: Launch) -> None:
        """Timer `look`: whether it is behind its exec by now."""
        if launch.status is not None:
            return
        if processes.runs_its_program(launch.pid, launch.start):
            self._unseen.discard(launch.l)
        elif launch.l not in self._gone_at:
            self._state.timers.after(_LOOK_S, launch.l, "look")

    def _gone(self, launch: Launch) -> None:
        """The process ended. The keeper that reaps it tells how; else the kernel may."""
        if launch.l not in self._gone_at:
            self._gone_at[launch.l] = boot_clock()
            if launch.pidfd is not None:
                self._state.unwatch(launch.pidfd)
        self._state.timers.after(_EXIT_POLL_S, launch.l, "gone")

    def ask_again(self, launch: Launch) -> None:
        """Timer `gone`: has anybody told how it ended?"""
        if launch.status is not None:
            return
        waited_s = boot_clock() - self._gone_at[launch.l]
        zombie = processes.stat(launch.pid)
        orphan_of_keeper = zombie is not None and zombie.ppid == os.getppid()
        if waited_s > _EXIT_POLL_S * 4 and not orphan_of_keeper:
            status = self._status_from_kernel(launch)
            if status is not None:
                self._ended(launch, status, {})
                return
        if waited_s > _EXIT_WAIT_S and not orphan_of_keeper:
            self._endings.lost(launch, "it ended while nothing of ours was running that could see how")
            return
        self._state.timers.after(_EXIT_POLL_S, launch.l, "gone")

    def _status_from_kernel(self, launch: Launch) -> int | None:
        found = processes.stat(launch.pid)
        if found is not None and found.start == launch.start and found.state == "Z":
            return found.exit_code
        return None if launch.pidfd is None else exit_status_by(launch.pidfd)

    def reaped_elsewhere(self, record: Record) -> None:
        """The keeper's word: which process (pid, start time) ended how."""
        self._state.heard.append(record["n"])
        self._runners.reaped_elsewhere(record)
        for launch in list(self._state.table.live.values()):
            if (launch.pid, launch.start) == (record["p"], record["s"]) and launch.status is None:
                usage = record.get("u", {})
                self._state.remember({"k": "exit", "l": launch.l, "w": record["w"], **usage})
                self._ended(launch, record["w"], usage)
                return

    def _ended(self, launch: Launch, status: int, usage: Record) -> None:
        unseen = launch.l in self._unseen
        if unseen and status == UNBORN:
            self._endings.lost(launch, "the launcher was restarted during its set-up")
        elif unseen and status == _QUICK_AND_UNBORN and not self._state.settings.switch:
            # This is also how a child says that it did not come to its exec; who would hear why was away.
            self._endings.lost(launch, "it may have ended before its program was executed")
        else:
            self._endings.main_ended(launch, status, usage)

    def clear_leftovers(self, attendants: Attendants) -> None:
        """End and remove what belongs to no launch that is known: nobody else ever would."""
        state = self._state
        for l in state.fence.leftovers() - state.table.live.keys():
            state.fence.kill(l)
            self._endings.sweep_later(l)
        with contextlib.suppress(OSError):
            for path in state.spares.begin():
                os.rename(path, state.settings.path("tmp", f"{os.path.basename(path)}.spare"))
            for entry in list(os.scandir(state.settings.path("tmp"))):
                if entry.name not in state.table.live:
                    attendants.clean(entry.name, entry.stat(follow_symlinks=False).st_uid)
        with contextlib.suppress(OSError):
            for user in list(os.scandir(state.settings.path("spool"))):
                _remove_old_scripts(user.path, {launch.script_name for launch in state.table.live.values()})


def _remove_old_scripts(directory: str, keep: set[str]) -> None:
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(directory)):
            if entry.name.endswith(".sh") and entry.name not in keep:
                os.unlink(entry.path)
