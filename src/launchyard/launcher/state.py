"""What the parts of the launcher share: one owner (the loop), one thread."""

import contextlib
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from launchyard.launcher import cgroups
from launchyard.launcher.cgroups import Cgroups
from launchyard.launcher.hooks import Hooks
from launchyard.launcher.journal import Journal, Record
from launchyard.launcher.kernel import boot_id
from launchyard.launcher.marked import Marked
from launchyard.launcher.messages import Message
from launchyard.launcher.short_tmp import ShortTmp
from launchyard.launcher.spares import Spares
from launchyard.launcher.table import Launch, Table
from launchyard.launcher.timers import Timers
from launchyard.launcher.users import Users

LOG_ENV = "LAUNCHYARD_LAUNCHER_LOG"
"""Between keeper and launcher: the file that stderr is."""
_LOG_BYTES_MAX = 4 << 20


class Settings(NamedTuple):
    """How this launcher was started. `switch`: run by root, each launch becomes its user.

    `service`: somebody else than the daemon started it, and it stays when the daemon stops.
    """

    state_dir: str
    daemon_uid: int
    allow_root_jobs: bool
    switch: bool
    files_soft_max: int = 1024
    setup_limit_s: float = 60
    service: bool = False

    def path(self, *parts: str) -> str:
        return os.path.join(self.state_dir, *parts)


class State:
    """Journal, table, fence (cgroups or marks), timers, children, what is to be told after the next sync."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.journal = Journal(settings.path("launcher", "journal"))
        self.table = Table(boot_id())
        self.timers = Timers()
        self.users = Users()
        self.spares = Spares(settings.path("launcher", "spare"))
        self.hooks = Hooks(settings.path("launcher"))
        self.short_tmp = ShortTmp(settings.path("tmp"))
        self.children: dict[int, str | None] = {}
        """Every child: main processes and steps with their launch id, others with None."""
        self.mains: dict[int, Launch] = {}
        self.runners: dict[str, set[int]] = {}
        """The processes that run the steps of a launch, as far as they live."""
        self.fence: Cgroups | Marked = self._find_fence()
        self.outbox: list[tuple[Message, int | None]] = []
        self.heard: list[int] = []
        """Numbers of keeper records to acknowledge after the next sync."""
        self.passed: set[str] = set()
        """Fault points to pass after the next sync."""
        self.keeper_pid = 0
        self.resting = False
        """The keeper was asked to end us and itself."""
        self.watch: Callable[[int, Callable[[], None]], None] = _not_yet
        self.unwatch: Callable[[int], None] = lambda fd: None

    def _find_fence(self) -> Cgroups | Marked:
        with open("/proc/self/mountinfo", errors="surrogateescape", newline="\n") as file:
            mountinfo = file.read()
        with open("/proc/self/cgroup", errors="surrogateescape", newline="\n") as file:
            membership = file.read()
        layout = cgroups.find(self.settings.state_dir, mountinfo=mountinfo, membership=membership)
        return Marked(self.table.live, self.children) if layout is None else Cgroups(layout)

    def remember(self, record: Record, point: str | None = None) -> None:
        """Journal; durable with the next sync, which comes before anything is told."""
        self.journal.append(record)
        if point is not None:
            self.passed.add(point)

    def tell(self, message: Message, fd: int | None = None) -> None:
        """Say it to the daemon, after the next sync."""
        self.outbox.append((message, fd))

    def features(self) -> dict[str, str]:
        fence = self.fence
        features = {"memory": fence.memory, "cpus": fence.cpus, "processes": fence.processes}
        features["suspend"] = "stop" if fence.processes == "marker" else "freeze"
        features["runners"] = "kept"
        features["logs"] = "removed"
        return features | {"users": "switched" if self.settings.switch else "single"}


def log(text: str) -> None:
    """One line to the launcher's log (stderr), control characters escaped; none where the disk is full."""
    _cap_log()
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = f"{moment} [{os.getpid()}] {text.encode('unicode_escape').decode()}\n"
    with contextlib.suppress(OSError):
        os.write(2, line.encode())


def _cap_log() -> None:
    """Start the log over when it is long, keeping the one before; follow when the other process did."""
    path = os.environ.get(LOG_ENV)
    if path is None:
        return
    with contextlib.suppress(OSError):
        ours, named = os.fstat(2), os.stat(path)
        if ours.st_ino == named.st_ino and ours.st_size > _LOG_BYTES_MAX:
            os.replace(path, path + ".1")
        elif ours.st_ino == named.st_ino:
            return
        open_log(path)


def open_log(path: str) -> None:
    """Make `path` this process's stderr, and that of the processes that it executes."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    os.dup2(fd, 2)
    os.close(fd)
    os.environ[LOG_ENV] = path


def _not_yet(fd: int, handler: Callable[[], None]) -> None:
    raise RuntimeError("the loop has not begun")
