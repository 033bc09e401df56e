"""Runners: the processes that run the steps of launches, one a node of a step.

Unlike a shell's their ends matter after the daemon that asked for them is gone, so starts and ends are in the
journal, and an end is told until the daemon says that it is to be forgotten. The runners of a launcher that
died are found again; how they end meanwhile the keeper tells.
"""

import contextlib
import os
import signal
import time

from launchyard.launcher import messages, processes
from launchyard.launcher.attendants import plan_inside
from launchyard.launcher.child import fork
from launchyard.launcher.journal import Record
from launchyard.launcher.kernel import boot_clock
from launchyard.launcher.messages import Message
from launchyard.launcher.pipes import UNBORN, give_leave, hear, keep_waiting, make_pipes
from launchyard.launcher.state import State
from launchyard.launcher.table import Launch, Runner

_ROOM_BYTES = 4096
"""Journal room for the start and the end of a runner, twice: a rewrite keeps both."""
_EXIT_WAIT_S = 3.0
_ID_MAX = 128
_ROUNDS_MAX = 16


class Runners:
    """Starts them, signals them, sees their ends."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._by_pid: dict[int, Runner] = {}
        self._waiting: list[Message] = []
        """For launches that are still being set up."""

    # ---- orders

    def start(self, message: Message) -> None:
        """Order `runner`: told again it starts nothing."""
        id, l = str(message["id"]), str(message["l"])
        if not id.startswith(l + ".") or len(id) > _ID_MAX:
            raise ValueError(f"runner id {id!r}")
        launch = self._state.table.live.get(l)
        known = self._find(id)
        if known is not None:
            self._tell(known)
        elif launch is None or launch.status is not None or not launch.pid:
            self._refuse(id, f"launch {l} is not running")
        elif launch.uid != int(message["uid"]):
            self._refuse(id, f"launch {l} is not of user {message['uid']}")
        elif launch.setup is not None:
            # Its cgroups may not be there yet, and outside of them the runner would escape its limits.
            self._waiting.append(message)
        elif not self._state.journal.reserve(_ROOM_BYTES * (1 + len(self._by_pid))):
            self._refuse(id, "no space is left for the journal")
        else:
            self._fork(id, launch, message)

    def start_waiting(self) -> None:
        """Try those again that came before their launch was ready."""
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.start(message)

    def signal(self, message: Message) -> None:
        """Order `signal_runner`."""
        self._waiting = [one for one in self._waiting if not self._cancelled(one, message)]
        runner = self._find(str(message["id"]))
        if runner is None or runner.facts is not None or runner.gone_at is not None:
            return
        number = int(message["signal"])
        with contextlib.suppress(OSError):
            if runner.pidfd is not None:
                signal.pidfd_send_signal(runner.pidfd, number)
            else:
                os.kill(runner.pid, number)
        grace_s = message.get("grace_s")
        if grace_s is not None and runner.kill_at is None:
            runner.kill_at = boot_clock() + float(grace_s)
            self._state.timers.at(runner.kill_at, runner.id, "runner")

    def forget(self, message: Message) -> None:
        """Order `forget_runners`."""
        for id in message["ids"]:
            runner = self._find(str(id))
            if runner is not None and runner.facts is not None:
                del self._state.table.launches[runner.l].runners[runner.id]
                self._state.remember({"k": "runner-forgotten", "l": runner.l, "i": runner.id})

    def known(self) -> list[str]:
        """Those that run, and those whose end may not have arrived."""
        ids = [id for launch in self._state.table.launches.values() for id in launch.runners]
        return [*ids, *(str(message["id"]) for message in self._waiting)]

    def tell_again(self) -> None:
        """To a daemon that has just connected: the ends of those that it did not have forgotten."""
        for launch in self._state.table.launches.values():
            for runner in launch.runners.values():
                self._tell(runner)

    def usage(self) -> dict[str, dict[str, float]]:
        """What those that run use now, with all that descends from them."""
        if not self._by_pid:
            return {}
        living, children = processes.family()
        found: dict[str, dict[str, float]] = {}
        for pid, runner in self._by_pid.items():
            members = [living[one] for one in (pid, *processes.below(pid, children)) if one in living]
            found[runner.id] = {
                "cpu_s": sum(one.cpu_ticks for one in members) / processes.TICKS_PER_S,
                "memory_mib": sum(one.rss_bytes for one in members) / (1 << 20),
                "processes": len(members),
            }
        return found

    # ---- from fork to end

    def _fork(self, id: str, launch: Launch, message: Message) -> None:
        state = self._state
        plan = plan_inside(state, launch, message)
        try:
            pipes = make_pipes()
            pid = fork(plan, pipes)
        except OSError as error:
            self._refuse(id, f"cannot fork: {error.strerror}")
            return
        runner = Runner(id, launch.l, pid, processes.start_time(pid) or 0)
        runner.oom_kills = state.fence.figures(launch.l).oom_kills
        launch.runners[id] = runner
        state.children[pid] = launch.l
        state.remember(runner.start_record())
        try:
            state.journal.flush()
            runner.setup = give_leave(pipes)
        except OSError:
            # Without a record of the start it must not run.
            runner.setup = keep_waiting(pipes)
            os.kill(pid, signal.SIGKILL)
        state.watch(runner.setup, lambda: self._hear(runner))
        state.timers.after(state.settings.setup_limit_s, id, "runner")
        self._enter(runner)

    def adopt(self) -> None:
        """Find those again that a launcher before this one had started."""
        for launch in self._state.table.launches.values():
            for runner in launch.runners.values():
                if runner.facts is None:
                    self._adopt(runner)

    def _adopt(self, runner: Runner) -> None:
        runner.foreign = True
        self._enter(runner)
        runner.pidfd = processes.watch(runner.pid, runner.start)
        if runner.pidfd is None:
            self._gone(runner)
        else:
            self._state.watch(runner.pidfd, lambda: self._gone(runner))

    def _gone(self, runner: Runner) -> None:
        """Not a child of ours: its parent, the keeper, tells how it ended, or nobody does."""
        if runner.pidfd is not None:
            self._state.unwatch(runner.pidfd)
            os.close(runner.pidfd)
            runner.pidfd = None
        runner.gone_at = boot_clock()
        self._state.timers.after(_EXIT_WAIT_S, runner.id, "runner")

    def reaped_elsewhere(self, record: Record) -> None:
        """The keeper's word: which process (pid, start time) ended how."""
        runner = self._by_pid.get(record["p"])
        if runner is not None and runner.foreign and runner.start == record["s"]:
            self._over(runner, record["w"], record.get("u", {}))

    def ended(self, pid: int, status: int, usage: Record) -> bool:
        """A child was reaped; False when it is none of these."""
        runner = self._by_pid.get(pid)
        if runner is None or runner.foreign:
            return False
        self._state.children.pop(pid, None)
        while runner.setup is not None:
            self._hear(runner)
        self._over(runner, status, usage)
        return True

    def main_ended(self, launch: Launch) -> None:
        """Those that go before the main process of their launch did: they do not end with it."""
        for pid in self._state.runners.get(launch.l, set()) if launch.kill_at is None else ():
            runner, found = self._by_pid.get(pid), processes.stat(pid)
            if runner is None or runner.l != launch.l:
                continue
            there = found is not None and found.start == runner.start and found.state not in "ZX"
            runner.went_before = not there or (found is not None and found.exiting)

    def due(self, id: str) -> None:
        """Timer `runner`: its set-up takes too long, its grace is over, or nobody told how it ended."""
        runner = self._find(id)
        if runner is None or runner.facts is not None:
            return
        now = boot_clock()
        if runner.gone_at is not None:
            if now >= runner.gone_at + _EXIT_WAIT_S:
                self._over(runner, None, {})
        elif runner.kill_at is not None and now >= runner.kill_at:
            self._kill(runner)
            self._state.timers.after(1.0, id, "runner")
        elif runner.setup is not None:
            runner.said = runner.said or "the set-up took too long"
            self._kill(runner)

    def _kill(self, runner: Runner) -> None:
        """KILL to it and to what it started: nobody would be left to do that."""
        still: set[int] = set()
        # All are stopped first, those too that came meanwhile: what stands still starts nothing more.
        for _ in range(_ROUNDS_MAX):
            fresh = {runner.pid, *processes.below(runner.pid, processes.family()[1])} - still
            if not fresh:
                break
            _send(fresh, signal.SIGSTOP)
            still |= fresh
        _send(still, signal.SIGKILL)

    def _hear(self, runner: Runner) -> None:
        """The set-up: an account that was looked up, an error, or the end: the program runs."""
        if runner.setup is None:
            return
        reports, done = hear(runner.setup)
        for report in reports:
            if "user" in report:
                self._state.users.put(report["user"])
            runner.said = report.get("error", runner.said)
        if done:
            self._state.unwatch(runner.setup)
            os.close(runner.setup)
            runner.setup = None

    def _over(self, runner: Runner, status: int | None, usage: Record) -> None:
        """It ended; `status` None: nobody knows how."""
        self._leave(runner)
        launch = self._state.table.launches.get(runner.l)
        facts: Record = {"at": round(time.time(), 6)}
        if runner.foreign and status == UNBORN:
            facts["error"] = "the launcher was restarted during its set-up"
        elif runner.said is not None:
            facts["error"] = runner.said
        elif status is not None:
            key = "signal" if os.WIFSIGNALED(status) else "exit_code"
            facts[key] = abs(os.waitstatus_to_exitcode(status))
        if "cpu_s" in usage:
            facts |= {"cpu_s": usage["cpu_s"], "memory_peak_mib": round(usage["maxrss_kib"] / 1024, 3)}
        if launch is not None and status != 0:
            facts |= self._circumstances(runner, launch)
        runner.facts = facts
        self._state.remember(runner.end_record())
        self._tell(runner)

    def _circumstances(self, runner: Runner, launch: Launch) -> Record:
        """What befell the launch at that time."""
        oom_kills = self._state.fence.figures(launch.l).oom_kills
        if oom_kills > runner.oom_kills:
            launch.marks["step_oom_kills"] = oom_kills
            self._state.remember({"k": "mark", "l": launch.l, "step_oom_kills": oom_kills})
        told = {
            "oom": bool(launch.marks.get("oom")) or oom_kills > runner.oom_kills,
            "ending": not runner.went_before and (launch.kill_at is not None or launch.status is not None),
            "timed_out": bool(launch.marks.get("timed_out")),
        }
        return {name: True for name, holds in told.items() if holds}

    # ---- who they are

    def _enter(self, runner: Runner) -> None:
        self._by_pid[runner.pid] = runner
        self._state.runners.setdefault(runner.l, set()).add(runner.pid)

    def _leave(self, runner: Runner) -> None:
        if self._by_pid.get(runner.pid) is runner:
            # The number of one whose end was not told yet may be another's by now.
            del self._by_pid[runner.pid]
        living = self._state.runners.get(runner.l)
        if living is not None:
            living.discard(runner.pid)
            if not living:
                del self._state.runners[runner.l]

    def _find(self, id: str) -> Runner | None:
        launch = self._state.table.launches.get(id.rsplit(".", 2)[0])
        return None if launch is None else launch.runners.get(id)

    def _tell(self, runner: Runner) -> None:
        if runner.facts is not None:
            self._state.tell(messages.runner_ended(runner.id, **runner.facts))

    def _refuse(self, id: str, sentence: str) -> None:
        self._state.tell(messages.runner_ended(id, at=round(time.time(), 6), error=sentence))

    def _cancelled(self, waiting: Message, order: Message) -> bool:
        """Whether the order ends a runner that waits for its launch: then it never starts."""
        if waiting["id"] != order["id"] or order.get("grace_s") is None:
            return False
        self._refuse(str(order["id"]), "cancelled before it started")
        return True


def _send(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
