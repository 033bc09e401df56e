"""From the end of a launch's main process, or the order to end it, to the record that it is over.

Whatever ends a launch, the end is recorded only when no process of it is left.
"""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable

from launchyard.launcher import hooks
from launchyard.launcher.hooks import EPILOG
from launchyard.launcher.journal import Record
from launchyard.launcher.kernel import boot_clock, write_text
from launchyard.launcher.messages import ended, main_ended
from launchyard.launcher.pipes import hear
from launchyard.launcher.processes import below, family
from launchyard.launcher.state import State, log
from launchyard.launcher.table import Launch

_RECHECK_MAX_S = 0.5
_STEPS_RECHECK_S = 0.1
_TELL_MAIN_ENDED_S = 1.0
_MIB = 1 << 20
_FOR_ALL = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
"""What nobody can pass on, or must not wait for somebody who does."""


class Endings:
    """The launches on their way out."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ended: list[Launch] = []
        self._told: list[Launch] = []
        self._busy: set[str] = set()
        self._epilogs: set[str] = set()
        """Launches of which nothing is left but the site's epilog."""
        self._floor_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.2
        """A child's peak includes what it was before the exec: a copy of this process."""

    # ---- orders to end

    def stop(self, launch: Launch, number: int, grace_s: float) -> None:
        """Signal all of it; KILL what is left after `grace_s`."""
        if launch.status is not None or number == signal.SIGKILL or grace_s <= 0:
            self.kill(launch)
            return
        self._kill_after(launch, grace_s)
        self._state.fence.thaw(launch.l)
        self.signal(launch, number)
        # A stopped process hears nothing but KILL and CONT.
        self.signal(launch, signal.SIGCONT)

    def _kill_after(self, launch: Launch, grace_s: float) -> None:
        deadline = boot_clock() + grace_s
        if launch.kill_at is None or deadline < launch.kill_at:
            launch.kill_at = deadline
            launch.marks["kill_at"] = deadline
            self._state.remember({"k": "mark", "l": launch.l, "kill_at": deadline})
            self._state.timers.at(deadline, launch.l, "kill")

    def signal(self, launch: Launch, number: int, *, main_only: bool = False) -> None:
        """Send a signal to all of it, or to its main process."""
        pids = [] if main_only else self._state.fence.pids(launch.l)
        if launch.pid not in pids:
            self._signal_main(launch, number)
        if pids:
            self._state.fence.signal(launch.l, number, self._told_by_runners(launch, number))

    def _told_by_runners(self, launch: Launch, number: int) -> set[int]:
        """The tasks of its steps: their runners pass signals on, and nobody should get one twice."""
        runners = self._state.runners.get(launch.l)
        if not runners or number in _FOR_ALL:
            return set()
        _, children = family()
        return {task for pid in runners for task in below(pid, children)}

    def signal_runners(self, launch: Launch, number: int) -> None:
        """Send a signal to the runners of its steps alone."""
        for pid in self._state.runners.get(launch.l, ()):
            with contextlib.suppress(OSError):
                # Our own children, or looked for by their start: the number is theirs until they are reaped.
                os.kill(pid, number)

    def kill(self, launch: Launch) -> None:
        """KILL to all of it, until it is gone."""
        if launch.facts is not None:
            return
        if launch.kill_at is None or launch.kill_at > boot_clock():
            launch.kill_at = boot_clock()
        self._state.fence.kill(launch.l)
        self._signal_main(launch, signal.SIGKILL)
        self._check_again(launch)

    def _signal_main(self, launch: Launch, number: int) -> None:
        if launch.status is not None or not launch.pid:
            return
        with contextlib.suppress(OSError):
            if launch.pidfd is not None:
                signal.pidfd_send_signal(launch.pidfd, number)
            elif not launch.foreign:
                # Our own child: the number is its own until we reap it.
                os.kill(launch.pid, number)

    # ---- the end of the main process

    def main_ended(self, launch: Launch, status: int, usage: Record) -> None:
        """Take in its wait status; what else is left of the launch is killed, its steps after a grace."""
        self.hear_setup(launch)
        self.close_setup(launch)
        launch.status, launch.usage = status, usage
        launch.main_ended_at = boot_clock()
        if launch.pidfd is not None:
            self._state.unwatch(launch.pidfd)
            os.close(launch.pidfd)
            launch.pidfd = None
        if self._state.mains.get(launch.pid) is launch:
            # The number of one that the keeper reaped may be another's by now.
            del self._state.mains[launch.pid]
        self._finish(launch)

    def hear_setup(self, launch: Launch) -> None:
        """Take in what the child reports of its set-up; the end of the pipe is the end of the set-up."""
        if launch.setup is None:
            return
        reports, done = hear(launch.setup)
        for report in reports:
            if "user" in report:
                self._state.users.put(report["user"])
            elif "again" in report:
                launch.marks["again"] = True
            elif "error" in report:
                said: Record = {name: report[name] for name in ("error", "hook") if name in report}
                launch.marks |= said
                self._state.remember({"k": "mark", "l": launch.l, **said})
        if done:
            self.close_setup(launch)

    def close_setup(self, launch: Launch) -> None:
        if launch.setup is not None:
            self._state.unwatch(launch.setup)
            os.close(launch.setup)
            launch.setup = None
            launch.cwd = ""
            if "again" not in launch.marks:
                launch.again = None

    def lost(self, launch: Launch, why: str) -> None:
        """Its end cannot be known; what may be left of it is killed."""
        launch.marks |= {"lost": True, "error": why}
        self._state.remember({"k": "mark", "l": launch.l, "lost": True, "error": why})
        log(f"launch {launch.l} is lost: {why}")
        if launch.status is None:
            self.main_ended(launch, 0, {})

    def recheck(self, launch: Launch) -> None:
        """Timer `recheck`: kill what is still there, or see that it is over."""
        if launch.facts is not None:
            return
        if launch.status is not None:
            self._finish(launch)
            return
        if launch.kill_at is not None and boot_clock() >= launch.kill_at:
            if boot_clock() >= launch.kill_at + _TELL_MAIN_ENDED_S:
                self.tell_main_ended(launch)
            self._thaw_others(launch)
            self._state.fence.kill(launch.l)
            self._signal_main(launch, signal.SIGKILL)
            self._check_again(launch)

    def _waits_for_steps(self, launch: Launch) -> bool:
        """Steps have the time that the script had, or would have had, to end by themselves."""
        if launch.marks.get("lost") or all(
            runner.facts is not None or runner.went_before for runner in launch.runners.values()
        ):
            return False
        if launch.kill_at is None:
            self._kill_after(launch, launch.order.get("grace_s", 30))
            self.signal_runners(launch, signal.SIGTERM)
        return launch.kill_at is not None and boot_clock() < launch.kill_at

    def _finish(self, launch: Launch) -> None:
        state = self._state
        if launch.l in self._epilogs:
            return
        if self._waits_for_steps(launch):
            state.timers.after(_STEPS_RECHECK_S, launch.l, "recheck")
            return
        figures = state.fence.figures(launch.l)
        peak_mib = self._peak_mib(launch)
        if state.fence.emptied(launch.l) and launch.l not in state.runners:
            facts = self._facts(launch, figures.cpu_s, figures.oom_kills, peak_mib)
            if not self._epilog(launch, facts):
                self._end(launch, facts)
            return
        if launch.rechecks == 0:
            assert launch.main_ended_at is not None
            state.timers.at(launch.main_ended_at + _TELL_MAIN_ENDED_S, launch.l, "main-ended")
        elif launch.rechecks > 4:
            self._thaw_others(launch)
        state.fence.kill(launch.l)
        self._check_again(launch)

    def _end(self, launch: Launch, facts: Record) -> None:
        self._state.remember(self._state.table.end(launch, facts), "end-record")
        self._ended.append(launch)

    def _epilog(self, launch: Launch, facts: Record) -> bool:
        """Whether there is one, which is at work now: the end waits for it."""
        hook = self._state.hooks.of(EPILOG, launch.l, launch.order)
        if hook is None:
            return False
        try:
            pid, pipe = hooks.start(hook)
        except OSError as error:
            facts["hook"] = f"the epilog cannot be started: {(error.strerror or str(error)).lower()}"
            return False
        self._state.children[pid] = None
        self._epilogs.add(launch.l)
        self._state.watch(pipe, lambda: self._epilog_ended(launch, facts, pipe))
        return True

    def _epilog_ended(self, launch: Launch, facts: Record, pipe: int) -> None:
        why = os.read(pipe, 4096).decode("utf-8", "replace")
        self._state.unwatch(pipe)
        os.close(pipe)
        self._epilogs.discard(launch.l)
        if why:
            log(why)
            facts.setdefault("hook", why)
        self._end(launch, facts)

    def _check_again(self, launch: Launch) -> None:
        delay_s = min(_RECHECK_MAX_S, 0.002 * 2 ** min(launch.rechecks, 10))
        launch.rechecks += 1
        self._state.timers.after(delay_s, launch.l, "recheck")

    def tell_main_ended(self, launch: Launch) -> None:
        """It is over but for processes that do not go: left over, or the main one, which KILL does not end
        while it waits in the kernel for a disk or a file server."""
        if launch.facts is None and not launch.told_main_ended:
            launch.told_main_ended = True
            self._state.tell(main_ended(launch.l))

    def _thaw_others(self, launch: Launch) -> None:
        """A v1 freezer that somebody else put it into keeps even KILL away."""
        for pid in {*self._state.fence.pids(launch.l), launch.pid}:
            thaw_freezer_of(pid)

    # ---- the record

    def _peak_mib(self, launch: Launch) -> float | None:
        """The greatest resident memory known: sampled, or of the largest single process."""
        own_kib: float = launch.usage.get("maxrss_kib", 0)
        if own_kib > self._floor_kib:
            return max(own_kib / 1024, launch.peak_mib or 0)
        bound = self._state.fence.peak_bound_mib(launch.l)
        if bound is not None and own_kib:
            return max(min(bound, own_kib / 1024), launch.peak_mib or 0)
        return launch.peak_mib

    def _facts(self, launch: Launch, cpu_s: float | None, oom_kills: int, peak_mib: float | None) -> Record:
        usage, marks = launch.usage, launch.marks
        # A step that the script went on after is no failure of the job.
        borne = launch.status == 0 and oom_kills <= marks.get("step_oom_kills", 0)
        oom = (oom_kills > 0 and not borne) or bool(marks.get("oom"))
        facts: Record = {"at": round(time.time(), 6)}
        if not marks.get("lost") and "error" not in marks and launch.status is not None:
            key = "signal" if os.WIFSIGNALED(launch.status) else "exit_code"
            facts[key] = abs(os.waitstatus_to_exitcode(launch.status))
        cpu_s = max(cpu_s or 0, usage.get("cpu_s", 0)) if cpu_s is not None or "cpu_s" in usage else None
        if oom and launch.memory_mib is not None:
            peak_mib = float(launch.memory_mib)
        figures = {"cpu_s": cpu_s, "memory_peak_mib": peak_mib}
        figures |= {"read_mib": usage.get("read_mib"), "written_mib": usage.get("written_mib")}
        facts |= {key: round(value, 6) for key, value in figures.items() if value is not None}
        facts |= {key: True for key in ("timed_out", "log_full", "lost", "node_lost") if marks.get(key)}
        if oom:
            facts["oom"] = True
        facts |= {key: marks[key] for key in ("error", "hook") if key in marks}
        return facts

    def settle(self) -> None:
        """After the sync: tell of the ends, when what is in the spool is as it stays."""
        for launch in self._ended:
            self._settle_spool(launch)
            self.tell(launch)
        self._told += self._ended
        self._ended.clear()

    def tidy(self, clean: Callable[[str, int], None]) -> None:
        """Tidy up behind those who were told of, when nothing more urgent is left to do.

        `clean` (launch id, uid) empties and removes a private directory that was not left empty.
        """
        for launch in self._told:
            self._tidy(launch, clean)
        self._told.clear()

    def tell(self, launch: Launch) -> None:
        assert launch.facts is not None
        self._state.tell(ended(launch.seq_end, launch.l, **launch.facts))

    def _settle_spool(self, launch: Launch) -> None:
        spool = self._state.settings.path("spool", str(launch.uid))
        if launch.order.get("script"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(spool, launch.script_name))
        if launch.marks.get("log_full"):
            with contextlib.suppress(OSError):
                path = os.path.join(spool, launch.order["spool_log"])
                fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    os.ftruncate(fd, launch.order["log_cap_bytes"])
                finally:
                    os.close(fd)

    def _tidy(self, launch: Launch, clean: Callable[[str, int], None]) -> None:
        settings = self._state.settings
        if launch.uid >= 0 and not self._state.spares.give(launch.uid, settings.path("tmp", launch.l)):
            clean(launch.l, launch.uid)
        if not self._state.fence.remove(launch.l):
            self._busy.add(launch.l)
        self._state.fence.release_cpuset(launch.cpu_ids)

    def sweep_later(self, l: str) -> None:
        self._busy.add(l)

    def sweep(self) -> None:
        """Now and then: cgroups that were busy when they should have gone."""
        fence = self._state.fence
        self._busy = {l for l in self._busy if not (fence.emptied(l) and fence.remove(l))}


def usage_of(rusage: resource.struct_rusage) -> Record:
    """What wait4 says of a process and the children that it waited for."""
    return {
        "cpu_s": round(rusage.ru_utime + rusage.ru_stime, 6),
        "maxrss_kib": rusage.ru_maxrss,
        "read_mib": rusage.ru_inblock * 512 / _MIB,
        "written_mib": rusage.ru_oublock * 512 / _MIB,
    }


def thaw_freezer_of(pid: int) -> None:
    """Thaw the v1 freezer cgroup that a process is in, other than the root."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cgroup") as file:
            entries = [entry.rstrip("\n").split(":", 2) for entry in file]
        for _, controllers, path in entries:
            if controllers == "freezer" and path != "/":
                write_text(f"/sys/fs/cgroup/freezer{path}/freezer.state", "THAWED")
