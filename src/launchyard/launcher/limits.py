"""Limits that the kernel does not hold for us: time, the size of logs, and memory where it is sampled."""

import os
import signal

from launchyard.launcher.endings import Endings
from launchyard.launcher.kernel import boot_clock
from launchyard.launcher.state import State, log
from launchyard.launcher.table import Launch

_FIRST_SAMPLE_S = 0.2
_SAMPLE_MIN_S = 0.3
_SAMPLE_MAX_S = 5.0
_SAMPLE_LIMIT_S = 0.5


class Limits:
    """Sets a launch's timers when it starts; `kinds` says what to do when one is due."""

    def __init__(self, state: State, endings: Endings) -> None:
        self._state = state
        self._endings = endings
        self.kinds = {
            "warn": self._warn,
            "limit": self._time_is_up,
            "kill": self._kill,
            "recheck": endings.recheck,
            "main-ended": endings.tell_main_ended,
            "sample": self._sample,
        }

    def begin(self, launch: Launch) -> None:
        """The launch was forked, or found running after a restart."""
        timers = self._state.timers
        self.arm(launch)
        if launch.marks.get("kill_at"):
            launch.kill_at = launch.marks["kill_at"]
            timers.at(launch.kill_at, launch.l, "kill")
        timers.after(_FIRST_SAMPLE_S, launch.l, "sample")

    def arm(self, launch: Launch) -> None:
        """Set the timers of its time limit as it is now; those set before find that they do not hold."""
        at, timers = launch.time_is_up_at, self._state.timers
        if at is None or launch.marks.get("timed_out"):
            return
        timers.at(at, launch.l, "limit")
        if launch.order.get("warning_signal") and not launch.marks.get("warned"):
            timers.at(_warning_at(launch, at), launch.l, "warn")

    def sweep(self, now: float) -> None:
        """Once a second: set-ups that hang, logs that grow too long, timers that are for nobody."""
        self._state.timers.tidy(self._state.table.live)
        for launch in list(self._state.table.live.values()):
            if launch.status is not None or not launch.pid or launch.suspended:
                continue
            if launch.setup is not None and now - launch.began > self._state.settings.setup_limit_s:
                self._setup_took_too_long(launch)
            elif "log_cap_bytes" in launch.order:
                self._check_log(launch)

    def _mark(self, launch: Launch, name: str) -> None:
        launch.marks[name] = True
        self._state.remember({"k": "mark", "l": launch.l, name: True})

    def _setup_took_too_long(self, launch: Launch) -> None:
        limit_s = self._state.settings.setup_limit_s
        sentence = (
            f"the set-up took longer than {limit_s:g} s (working directory '{launch.cwd}' does not answer?)"
        )
        self._endings.close_setup(launch)
        launch.marks.setdefault("error", sentence)
        self._state.remember({"k": "mark", "l": launch.l, "error": launch.marks["error"]})
        self._endings.kill(launch)

    def _warn(self, launch: Launch) -> None:
        at = launch.time_is_up_at
        holds = at is not None and boot_clock() >= _warning_at(launch, at) and not launch.marks.get("warned")
        if launch.status is None and holds:
            self._mark(launch, "warned")
            self._warn_whom(launch, launch.order["warning_signal"], launch.order.get("warning_target"))

    def _warn_whom(self, launch: Launch, number: int, target: str | None) -> None:
        if target == "steps":
            self._endings.signal_runners(launch, number)
        else:
            self._endings.signal(launch, number, main_only=target == "batch")

    def _time_is_up(self, launch: Launch) -> None:
        at = launch.time_is_up_at
        holds = at is not None and boot_clock() >= at and not launch.marks.get("timed_out")
        if launch.status is None and holds:
            self._mark(launch, "timed_out")
            self._endings.stop(launch, signal.SIGTERM, launch.order.get("grace_s", 30))

    def _kill(self, launch: Launch) -> None:
        if launch.kill_at is not None and boot_clock() >= launch.kill_at:
            self._endings.kill(launch)

    def _sample(self, launch: Launch) -> None:
        if launch.status is not None:
            return
        fence = self._state.fence
        resident = fence.resident_mib(launch.l)
        if resident is not None:
            launch.peak_mib = max(launch.peak_mib or 0.0, resident)
            if fence.samples_limit and launch.memory_mib is not None:
                self._hold_memory(launch, resident, launch.memory_mib)
        if fence.samples_limit:
            delay_s = _SAMPLE_LIMIT_S
        else:
            delay_s = min(_SAMPLE_MAX_S, max(_SAMPLE_MIN_S, (boot_clock() - launch.began) / 20))
        self._state.timers.after(delay_s, launch.l, "sample")

    def _hold_memory(self, launch: Launch, resident: float, limit_mib: int) -> None:
        launch.over_limit = launch.over_limit + 1 if resident > limit_mib else 0
        if launch.over_limit == 2:
            self._mark(launch, "oom")
            self._endings.kill(launch)

    def _check_log(self, launch: Launch) -> None:
        order = launch.order
        path = self._state.settings.path("spool", str(launch.uid), order["spool_log"])
        try:
            # The directory is ours: nobody can put a link in this place.
            size = os.stat(path, follow_symlinks=False).st_size
        except OSError:
            return
        if size > order["log_cap_bytes"] and not launch.marks.get("log_full"):
            log(f"launch {launch.l} wrote more than {order['log_cap_bytes']} bytes to its log")
            self._mark(launch, "log_full")
            self._endings.kill(launch)


def _warning_at(launch: Launch, time_is_up_at: float) -> float:
    return max(launch.began, time_is_up_at - (launch.order.get("warning_before_s") or 0))
