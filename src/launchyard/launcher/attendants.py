"""Children that are not launches: helpers (our code as a user), steps inside a launch, cleaners, removers.

They are not journaled: whoever asked for one hears of its end on the same connection or asks again.
"""

import contextlib
import os
import signal
import socket
import stat
from collections.abc import Callable, Sequence

from launchyard.launcher.cgroups import Room
from launchyard.launcher.child import Plan, fork
from launchyard.launcher.messages import (
    Message,
    helper_started,
    logs_removed,
    package_argv,
    step_ended,
    step_started,
)
from launchyard.launcher.pipes import give_leave, hear, make_pipes
from launchyard.launcher.private_tmp import empty_as
from launchyard.launcher.spool import remove_in_child
from launchyard.launcher.state import State, log
from launchyard.launcher.table import Launch

_CLEANING_LIMIT_S = 60
_PIDS_MAX = 4096
_ROOM = "helper-"


class _Attendant:
    """One such child. `fd` is the daemon's end of a helper's socket until it is sent, `room` its cgroup."""

    __slots__ = ("fd", "id", "kind", "room", "said", "setup")

    def __init__(
        self, kind: str, id: str, setup: int | None, fd: int | None = None, room: str | None = None
    ) -> None:
        self.kind = kind
        self.id = id
        self.setup = setup
        self.fd = fd
        self.room = room
        self.said: str | None = None


class Attendants:
    """Starts them, hears their set-up and their end."""

    def __init__(
        self, state: State, refusal: "Refusal", sweep_later: Callable[[str], None] = lambda name: None
    ) -> None:
        """`sweep_later` takes a cgroup away once it is empty."""
        self._state = state
        self._refusal = refusal
        self._sweep_later = sweep_later
        self._by_pid: dict[int, _Attendant] = {}
        self._waiting: list[Message] = []
        """Steps of launches that are still being set up."""

    def start_helper(self, message: Message) -> None:
        """A process of `launchyard.helper.main` as the user, with one end of a socket pair."""
        id, uid = str(message["id"]), int(message["uid"])
        refused = self._refusal(uid)
        if refused is not None:
            self._state.tell(helper_started(id, error=refused))
            return
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            self._state.tell(helper_started(id, error=f"cannot make a socket: {error.strerror}"))
            return
        settings = self._state.settings
        own_directory(settings.path("environments", str(uid)), uid)
        room, memory_mib = None, message.get("memory_mib")
        rooms: Sequence[Room] = ()
        if isinstance(memory_mib, int):
            room = f"{_ROOM}{os.urandom(8).hex()}"
            rooms = self._state.fence.rooms(room, memory_mib=memory_mib, pids_max=_PIDS_MAX, cpu_ids=[])
        plan = Plan(
            uid=uid,
            switch=settings.switch,
            argv=package_argv("launchyard.helper.main"),
            env=None,
            cwd="/",
            rooms=rooms,
            files_soft_max=settings.files_soft_max,
            reset_oom_score=True,
            fd3=theirs.fileno(),
            user=self._state.users.get(uid),
        )
        self._spawn(plan, "helper", id, l=None, fd=ours.detach(), room=room)
        theirs.close()

    def start_step(self, message: Message) -> None:
        """A process inside a running launch, as the launch's own user."""
        id, l, uid = str(message["id"]), str(message["l"]), int(message["uid"])
        launch = self._state.table.live.get(l)
        if launch is None or launch.status is not None or not launch.pid:
            self._state.tell(step_ended(id, error=f"launch {l} is not running"))
            return
        if launch.setup is not None:
            # Its cgroups may not be there yet, and outside of them the step would escape its limits.
            self._waiting.append(message)
            return
        if launch.uid != uid:
            self._state.tell(step_ended(id, error=f"launch {l} is not of user {uid}"))
            return
        self._spawn(plan_inside(self._state, launch, message), "step", id, l=l)

    def start_waiting(self) -> None:
        """Try the steps again that came before their launch was ready."""
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.start_step(message)

    def _spawn(
        self, plan: Plan, kind: str, id: str, *, l: str | None, fd: int | None = None, room: str | None = None
    ) -> None:
        try:
            pipes = make_pipes()
            pid = fork(plan, pipes)
        except OSError as error:
            self._fail(_Attendant(kind, id, None, fd), f"cannot fork: {error.strerror}")
            return
        report = give_leave(pipes)
        self._state.children[pid] = l
        attendant = _Attendant(kind, id, report, fd, room)
        self._by_pid[pid] = attendant
        self._state.watch(report, lambda: self._hear(pid, attendant))
        self._state.timers.after(self._state.settings.setup_limit_s, str(pid), "attendant")

    def overdue(self, name: str) -> None:
        """The time for the set-up (of a cleaner or remover: for its work) is over."""
        pid = int(name)
        attendant = self._by_pid.get(pid)
        if attendant is not None and (
            attendant.setup is not None or attendant.kind in ("cleaner", "remover")
        ):
            attendant.said = attendant.said or "the set-up took too long"
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _hear(self, pid: int, attendant: _Attendant) -> None:
        """The set-up: an account that was looked up, an error, or the end: the program runs."""
        if attendant.setup is None:
            return
        reports, done = hear(attendant.setup)
        for report in reports:
            if "user" in report:
                self._state.users.put(report["user"])
            attendant.said = report.get("error", attendant.said)
        if done:
            self._state.unwatch(attendant.setup)
            os.close(attendant.setup)
            attendant.setup = None
            if attendant.said is None:
                self._begun(pid, attendant)

    def _begun(self, pid: int, attendant: _Attendant) -> None:
        if attendant.kind == "helper":
            self._state.tell(helper_started(attendant.id), attendant.fd)
            attendant.fd = None
        else:
            self._state.tell(step_started(attendant.id, pid))

    def ended(self, pid: int, status: int) -> None:
        """One of them was reaped."""
        self._state.children.pop(pid, None)
        attendant = self._by_pid.pop(pid, None)
        if attendant is None:
            return
        if attendant.kind == "cleaner":
            self._cleaned(attendant.id)
            return
        if attendant.kind == "remover":
            self._state.tell(
                logs_removed(attendant.id, error="some logs could not be removed" if status else None)
            )
            return
        if attendant.room is not None:
            # What it started and did not wait for ends with it.
            self._state.fence.kill(attendant.room)
            self._sweep_later(attendant.room)
        while attendant.setup is not None:
            self._hear(pid, attendant)
        if attendant.said is not None:
            self._fail(attendant, attendant.said)
        elif attendant.kind == "step":
            code = os.waitstatus_to_exitcode(status)
            known, unknown = (code, None) if code >= 0 else (None, -code)
            self._state.tell(step_ended(attendant.id, exit_code=known, signal=unknown))

    def _fail(self, attendant: _Attendant, sentence: str) -> None:
        if attendant.fd is not None:
            os.close(attendant.fd)
        if attendant.kind == "helper":
            self._state.tell(helper_started(attendant.id, error=sentence))
        else:
            self._state.tell(step_ended(attendant.id, error=sentence))

    # ---- logs that are not kept any more

    def remove_logs(self, id: str, uid: int, names: Sequence[str]) -> None:
        """Of plain names in the user's spool, in a child with a deadline."""
        try:
            pid = os.fork()
        except OSError as error:
            self._state.tell(logs_removed(id, error=f"cannot fork: {error.strerror}"))
            return
        if pid == 0:
            remove_in_child(self._state.settings.path("spool", str(uid)), names)
        self._state.children[pid] = None
        self._by_pid[pid] = _Attendant("remover", id, None)
        self._state.timers.after(_CLEANING_LIMIT_S, str(pid), "attendant")

    # ---- private directories that were left full

    def clean(self, launch_id: str, uid: int) -> None:
        """Empty a launch's private directory with the rights of its user, in a child with a deadline."""
        path = self._state.settings.path("tmp", launch_id)
        try:
            pid = os.fork()
        except OSError as error:
            log(f"cannot fork to clean {path}: {error.strerror}")
            return
        if pid == 0:
            empty_as(uid if self._state.settings.switch else None, path)
        self._state.children[pid] = None
        self._by_pid[pid] = _Attendant("cleaner", launch_id, None)
        self._state.timers.after(_CLEANING_LIMIT_S, str(pid), "attendant")

    def _cleaned(self, launch_id: str) -> None:
        path = self._state.settings.path("tmp", launch_id)
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            # Tried once more when the launcher starts again.
            log(f"{path} could not be emptied: {error.strerror}")


def plan_inside(state: State, launch: Launch, message: Message) -> Plan:
    """What a process that joins a running launch is to become."""
    settings, l = state.settings, launch.l
    return Plan(
        uid=launch.uid,
        switch=settings.switch,
        argv=list(message["argv"]),
        env=state.short_tmp.put(dict(message["env"]) | {"TMPDIR": settings.path("tmp", l)}, l),
        cwd=str(message["cwd"]),
        launch_id=l,
        joins=state.fence.paths(l),
        cpu_ids=launch.cpu_ids,
        files_soft_max=settings.files_soft_max,
        reset_oom_score=True,
        terminal=message.get("terminal"),
        user=state.users.get(launch.uid),
    )


def own_directory(path: str, uid: int) -> None:
    """A user's private directory in one of the launcher's, where nobody else can have made it."""
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() != uid:
            os.chown(path, uid, -1, follow_symlinks=False)
    except OSError as error:
        # A helper does much that needs no such directory; what does says that it is missing.
        log(f"cannot make {path}: {error.strerror}")


class Refusal:
    """Whom nothing is started for: root and system users, unless it is configured."""

    def __init__(self, *, switch: bool, allow_root_jobs: bool) -> None:
        self._switch = switch
        self._allow_root_jobs = allow_root_jobs

    def __call__(self, uid: int) -> str | None:
        if not self._switch:
            own = os.getuid()
            return None if uid == own else f"this launcher runs jobs of user {own} only, not of user {uid}"
        if uid < 1000 and not self._allow_root_jobs:
            who = "root" if uid == 0 else f"system user {uid}"
            return f"nothing is started for {who}; submit as an ordinary user or set allow_root_jobs = true"
        return None
