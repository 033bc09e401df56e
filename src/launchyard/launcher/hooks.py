"""Programs of the site that are run around jobs, and who may have written them.

Which they are is in a file that only root writes (or whoever runs the launcher): what a daemon asks for,
which is a system user's, never decides what root executes. The prolog is run by a job's own child before
anything of the job, the epilog by a child of the launcher once nothing of the job is left: nobody else waits
for them.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import stat
from typing import Any, NamedTuple, NoReturn

from launchyard.launcher.pipes import end_unborn, report
from launchyard.launcher.trail import is_loose, trail

FILE = "hooks"
PROLOG, EPILOG = "prolog", "epilog"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_FD_MAX = 1 << 16


class Hook(NamedTuple):
    """One run of one of them."""

    what: str
    program: str
    limit_s: float
    env: dict[str, str]


class Hooks:
    """What the file says now; it is read again when it is another one."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, FILE)
        self._read: tuple[int, int] | None = None
        self._values: dict[str, Any] = {}
        self._limit_s = 0.0

    def of(self, what: str, l: str, order: dict[str, Any]) -> Hook | None:
        """What is to be run for this launch; mostly nothing."""
        self._look()
        program = self._values.get(what)
        if not program:
            return None
        facts = {"JOB_ID": str(order.get("job", "")), "JOB_UID": str(order.get("uid", "")), "LAUNCH_ID": l}
        env = {f"LAUNCHYARD_{name}": value for name, value in facts.items()}
        env |= {"SLURM_JOB_ID": facts["JOB_ID"], "SLURM_JOB_UID": facts["JOB_UID"], "PATH": _PATH}
        return Hook(what, str(program), self._limit_s, env | {"LAUNCHYARD_HOOK": what})

    def _look(self) -> None:
        try:
            found = os.stat(self._path)
        except OSError:
            self._read, self._values = None, {}
            return
        now = (found.st_mtime_ns, found.st_ino)
        if now == self._read or found.st_uid not in (0, os.geteuid()):
            return
        with contextlib.suppress(OSError, ValueError, TypeError), open(self._path) as file:
            values = dict(json.load(file))
            self._limit_s = float(values.get("limit_s", 30))
            self._values, self._read = values, now


def write(directory: str, values: dict[str, Any]) -> None:
    """Say which they are, whole or not at all: `prolog`, `epilog`, `limit_s`; empty: none."""
    path = os.path.join(directory, FILE)
    if not values:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + ".new")
    fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(values, file)
    os.rename(path + ".new", path)


def prepare_node(hook: Hook | None, pipe: int) -> None:
    """In a job's child, with the launcher's rights: where the prolog fails, say so and be no more."""
    why = None if hook is None else run(hook)
    if why is None:
        return
    report(pipe, error=why, hook=why)
    end_unborn()


def start(hook: Hook) -> tuple[int, int]:
    """Run it beside the launcher: gives the pid of the child that does, and a pipe that brings why it failed.

    Raises `OSError` when there is no child to be had now.
    """
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid == 0:
        _run_apart(hook, writing)
    os.close(writing)
    os.set_blocking(reading, False)
    return pid, reading


def _run_apart(hook: Hook, writing: int) -> NoReturn:
    try:
        os.closerange(3, writing)
        os.closerange(writing + 1, _FD_MAX)
        os.setsid()
        why = run(hook)
        if why is not None:
            os.write(writing, why.encode("utf-8", "replace")[:3000])
    finally:
        os._exit(0)


def run(hook: Hook) -> str | None:
    """Run it to its end; gives why it failed, one sentence."""
    why = refusal(hook.program)
    if why is not None:
        return f"the {hook.what} is not run: {why}"
    signal.set_wakeup_fd(-1)
    pid = os.fork()
    if pid == 0:
        _become(hook)
    watching = os.pidfd_open(pid)
    ended, _, _ = select.select([watching], [], [], hook.limit_s)
    os.close(watching)
    if not ended:
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if not ended:
        return f"the {hook.what} {hook.program} took longer than {hook.limit_s:g} s"
    if code < 0:
        return f"the {hook.what} {hook.program} was ended by signal {-code}"
    return f"the {hook.what} {hook.program} ended with exit code {code}" if code else None


def _become(hook: Hook) -> NoReturn:
    try:
        os.setsid()
        os.dup2(2, 1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.chdir("/")
        os.execve(hook.program, [hook.program], hook.env)
    finally:
        os._exit(126)


def refusal(path: str) -> str | None:
    """Why a program is not run: somebody else could have written it, or swap what leads there.

    It, all above it and the links on the way belong to root or to us, and no group and nobody else may write
    there. In a sticky directory such as /tmp nobody swaps what belongs to another.
    """
    try:
        passed = trail(path)
        _, found = passed[-1]
        if not stat.S_ISREG(found.st_mode):
            return f"{path} is not a program"
        if not found.st_mode & 0o111:
            return f"{path} cannot be executed; run: chmod +x {path}"
        for part, found in reversed(passed):
            if found.st_uid not in (0, os.geteuid()):
                return f"{part} belongs to uid {found.st_uid}; run: chown -h root {part}"
            if is_loose(found):
                return (
                    f"others may write {part} (mode {stat.S_IMODE(found.st_mode):o}); run: chmod go-w {part}"
                )
    except OSError as error:
        return f"{path} cannot be looked at: {(error.strerror or str(error)).lower()}"
    return None
