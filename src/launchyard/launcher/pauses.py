"""Launches that stand still for a while, and time limits that move while they run.

A suspended launch is frozen by its cgroup; where there is none its processes are stopped. Its time limit does
not run meanwhile. Both are marks in the journal, so that a launcher that was restarted goes on with them.
"""

import signal
from typing import Any

from launchyard.launcher.endings import Endings
from launchyard.launcher.kernel import boot_clock
from launchyard.launcher.limits import Limits
from launchyard.launcher.messages import Message
from launchyard.launcher.state import State
from launchyard.launcher.table import Launch


class Pauses:
    """Orders told again change nothing; those for a launch that is being killed come too late."""

    def __init__(self, state: State, endings: Endings, limits: Limits) -> None:
        self._state = state
        self._endings = endings
        self._limits = limits

    def suspend(self, message: Message) -> None:
        launch = self._running(message)
        if launch is None:
            return
        frozen = self._state.fence.freeze(launch.l)
        if not frozen:
            self._endings.signal(launch, signal.SIGSTOP)
        if launch.marks.get("suspended_at") is None:
            self._mark(launch, suspended_at=boot_clock(), stopped=not frozen)

    def resume(self, message: Message) -> None:
        launch = self._running(message)
        since = launch.marks.get("suspended_at") if launch is not None else None
        if launch is None or since is None:
            return
        stood_s = launch.marks.get("suspended_s", 0.0) + boot_clock() - since
        self._mark(launch, suspended_at=None, suspended_s=round(stood_s, 3))
        self._state.fence.thaw(launch.l)
        if launch.marks.get("stopped"):
            self._endings.signal(launch, signal.SIGCONT)
        self._limits.arm(launch)

    def limit(self, message: Message) -> None:
        """Another time limit, counted from its start as ever."""
        launch = self._running(message)
        limit_s = message.get("time_limit_s")
        if launch is not None and launch.time_limit_s != limit_s:
            self._mark(launch, limit_s=None if limit_s is None else float(limit_s))
            self._limits.arm(launch)

    def _running(self, message: Message) -> Launch | None:
        launch = self._state.table.live.get(message["l"])
        if launch is None or not launch.pid or launch.status is not None or launch.kill_at is not None:
            return None
        return launch

    def _mark(self, launch: Launch, **marks: Any) -> None:
        launch.marks |= marks
        self._state.remember({"k": "mark", "l": launch.l, **marks})
