"""What a forked child does before it becomes the user's program: everything; the launcher waits for nothing.

The order is the safety: its own session, then its cgroups (from there it can be found and killed), limits,
what needs root, then the user's identity for good, then all that touches paths of the user, then exec with
exactly the
"""

import contextlib
import errno
import json
import os
import pwd
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from launchyard.launcher.cgroups import Room
from launchyard.launcher.kernel import forbid_new_privileges, write_text
from launchyard.launcher.messages import LAUNCH_ID_ENV
from launchyard.launcher.outputs import (
    SetupFailed,
    open_spool_file,
    open_terminal,
    open_user_file,
    reason,
    write_script,
)

PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin"
_FD_MAX = 1 << 16


class Plan(NamedTuple):
    """What one child is to become. `switch`: take the identity of `uid` (root mode).

    `rooms` are made and entered, `joins` (directories) only entered. `spool` is the directory of the user's
    logs and scripts, `private_tmp` a directory to make. `fd3` is handed to a helper as file descriptor 3.
    """

    uid: int
    switch: bool
    argv: Sequence[str]
    env: Mapping[str, str] | None
    cwd: str
    launch_id: str | None = None
    rooms: Sequence[Room] = ()
    joins: Sequence[str] = ()
    cpu_ids: Sequence[int] = ()
    files_soft_max: int = 1024
    reset_signals: Sequence[int] = ()
    reset_oom_score: bool = False
    spool: str = ""
    spool_log: str | None = None
    script_name: str | None = None
    script: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    append: bool = True
    terminal: str | None = None
    private_tmp: str | None = None
    no_new_privs: bool = True
    fd3: int | None = None


class User(NamedTuple):
    """An account as the machine knows it now."""

    name: str
    uid: int
    gid: int
    home: str


def become(plan: Plan, back: int) -> NoReturn:
    """Never returns: the user's program, or a report of why not. `back` is the socket to the launcher."""
    try:
        _set_up(plan, socket.socket(fileno=back))
    except SetupFailed as failed:
        _report(back, str(failed))
    except BaseException as error:
        _report(back, f"the launcher's set-up failed: {type(error).__name__}: {error}")


def _report(back: int, sentence: str) -> NoReturn:
    try:
        os.write(back, json.dumps({"error": sentence[:4000]}).encode())
    except OSError:
        # Nobody hears why, so do not end with an exit code that would pass for the program's own.
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(127)


def _set_up(plan: Plan, back: socket.socket) -> NoReturn:
    _detach(plan, back.fileno())
    _enter(plan)
    user = _find_user(plan)
    gid = os.getgid() if user is None else user.gid
    outputs = _open_as_launcher(plan, gid)
    program = list(plan.argv)
    if plan.script is not None and plan.script_name is not None:
        text = os.fsencode(plan.script)
        program[:0] = [write_script(plan.spool, plan.script_name, text, uid=plan.uid, gid=gid)]
    if plan.private_tmp is not None:
        _make_private_tmp(plan.private_tmp, plan.uid, gid)
    if user is not None:
        take_identity(user)
    if plan.no_new_privs:
        forbid_new_privileges()
    _enter_directory(plan.cwd)
    _set_streams(plan, outputs)
    env = _environment(plan, user)
    if back.recv(1) != b"g":
        # An exit code would pass for the program's own.
        os.kill(os.getpid(), signal.SIGKILL)
    _execute(program, env, plan.fd3)


# ---- with the launcher's rights


def _detach(plan: Plan, back: int) -> None:
    keep = sorted({back, *(() if plan.fd3 is None else (plan.fd3,))})
    first = 3
    for fd in [*keep, _FD_MAX]:
        os.closerange(first, fd)
        first = fd + 1
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in plan.reset_signals:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)


def _enter(plan: Plan) -> None:
    for room in plan.rooms:
        with contextlib.suppress(FileExistsError):
            try:
                os.mkdir(room.path)
            except OSError as error:
                if error.errno == errno.EEXIST:
                    raise
                raise SetupFailed(f"cannot make the cgroup '{room.path}': {reason(error)}") from None
        for file, text, needed in room.settings:
            try:
                write_text(f"{room.path}/{file}", text)
            except OSError as error:
                if needed:
                    sentence = f"cannot set {file} of '{room.path}' to {text}: {reason(error)}"
                    raise SetupFailed(sentence) from None
    for path in [*(room.path for room in plan.rooms), *plan.joins]:
        try:
            write_text(f"{path}/cgroup.procs", "0")
        except OSError as error:
            raise SetupFailed(f"cannot enter the cgroup '{path}': {reason(error)}") from None
    if plan.reset_oom_score:
        with contextlib.suppress(OSError):
            write_text("/proc/self/oom_score_adj", "0")
    if plan.cpu_ids:
        try:
            os.sched_setaffinity(0, plan.cpu_ids)
        except OSError as error:
            cpus = ",".join(map(str, plan.cpu_ids))
            raise SetupFailed(f"cannot run on CPUs {cpus}: {reason(error)}") from None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (plan.files_soft_max, hard))


def _find_user(plan: Plan) -> User | None:
    if not plan.switch:
        if plan.uid != os.getuid():
            raise SetupFailed(f"this launcher runs jobs of user {os.getuid()} only, not of user {plan.uid}")
        return None
    try:
        entry = pwd.getpwuid(plan.uid)
    except KeyError:
        raise SetupFailed(f"user {plan.uid} does not exist any more") from None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def _open_as_launcher(plan: Plan, gid: int) -> list[int]:
    """stdout and stderr as far as they are in the spool; -1: to be opened as the user."""
    if plan.terminal is not None or plan.spool_log is None:
        return [-1, -1]
    spool = -1
    if plan.stdout is None:
        spool = open_spool_file(plan.spool, plan.spool_log, uid=plan.uid, gid=gid)
    return [spool, spool if plan.stderr is None else -1]


def _make_private_tmp(path: str, uid: int, gid: int) -> None:
    # The parent belongs to the launcher and nobody else can write there, so no link can stand in its place.
    try:
        os.mkdir(path, 0o700)
        if os.geteuid() == 0:
            os.chown(path, uid, gid, follow_symlinks=False)
    except OSError as error:
        raise SetupFailed(f"cannot make the private TMPDIR '{path}': {reason(error)}") from None


def take_identity(user: User) -> None:
    """Become the user, groups first, for good; verified before anything of the user is touched."""
    groups = set(os.getgrouplist(user.name, user.gid))
    try:
        os.initgroups(user.name, user.gid)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    except OSError as error:
        raise SetupFailed(f"cannot become user {user.name}: {reason(error)}") from None
    right_ids = os.getresuid() == (user.uid,) * 3 and os.getresgid() == (user.gid,) * 3
    # The kernel keeps at most 65,536 groups; a machine's list may repeat the primary one.
    if not right_ids or set(os.getgroups()) | {user.gid} != groups | {user.gid}:
        raise SetupFailed(f"could not become user {user.name} completely; tell the operator")


# ---- with the user's rights


def _enter_directory(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except FileNotFoundError:
        raise SetupFailed(f"directory '{cwd}' does not exist") from None
    except NotADirectoryError:
        raise SetupFailed(f"'{cwd}' is not a directory") from None
    except PermissionError:
        raise SetupFailed(f"you may not enter directory '{cwd}'") from None
    except OSError as error:
        raise SetupFailed(f"cannot enter directory '{cwd}': {reason(error)}") from None


def _set_streams(plan: Plan, outputs: list[int]) -> None:
    if plan.terminal is not None:
        terminal = open_terminal(os.path.join(plan.cwd, plan.terminal))
        streams = [terminal, terminal, terminal]
    else:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        out, err = outputs
        if plan.spool_log is None:
            out = err = null
        if out < 0 and plan.stdout is not None:
            out = open_user_file("output file", plan.stdout, cwd=plan.cwd, append=plan.append)
        if err < 0:
            err = out if plan.stderr is None else _open_errors(plan, out)
        streams = [null, out, err]
    for number, fd in enumerate(streams):
        os.dup2(fd, number)


def _open_errors(plan: Plan, out: int) -> int:
    assert plan.stderr is not None
    if plan.stdout is not None and os.path.join(plan.cwd, plan.stderr) == os.path.join(plan.cwd, plan.stdout):
        return out
    return open_user_file("error file", plan.stderr, cwd=plan.cwd, append=plan.append)


def _environment(plan: Plan, user: User | None) -> dict[str, str]:
    if plan.env is None:
        home = os.environ.get("HOME", "/") if user is None else user.home
        env = {"PATH": PATH_DEFAULT, "HOME": home, "LANG": "C.UTF-8"}
    else:
        env = dict(plan.env)
    if plan.private_tmp is not None:
        env["TMPDIR"] = plan.private_tmp
    if plan.launch_id is not None:
        env[LAUNCH_ID_ENV] = plan.launch_id
    return env


def _execute(program: list[str], env: dict[str, str], fd3: int | None) -> NoReturn:
    if not program or not program[0]:
        raise SetupFailed("there is no command to run")
    if fd3 is not None:
        if fd3 == 3:
            os.set_inheritable(3, True)
        else:
            os.dup2(fd3, 3)
    name = program[0]
    if "/" in name:
        _try(name, program, env)
        raise SetupFailed(_why_not(name))
    path = env.get("PATH") or PATH_DEFAULT
    denied = None
    for directory in path.split(":"):
        candidate = os.path.join(directory or ".", name)
        error = _try(candidate, program, env)
        if error == errno.EACCES:
            denied = candidate
    if denied is not None:
        raise SetupFailed(_why_not(denied))
    raise SetupFailed(f"no command '{name}' on PATH ({path})")


def _try(path: str, program: list[str], env: dict[str, str]) -> int:
    """Execute, or the error number of one that lets the search go on."""
    try:
        os.execve(path, program, env)
    except ValueError as error:
        raise SetupFailed(f"the command or its environment is not usable: {error}") from None
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            raise SetupFailed(
                f"'{path}' cannot be executed: it is neither a program nor a script that begins with #!"
            ) from None
        if error.errno == errno.E2BIG:
            raise SetupFailed("the arguments and the environment together are too long") from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG):
            # Of a script this is also what a missing interpreter gives.
            if error.errno == errno.ENOENT and os.path.exists(path):
                raise SetupFailed(f"'{path}' cannot be executed: {_interpreter(path)}") from None
            return error.errno
        raise SetupFailed(f"'{path}' cannot be executed: {reason(error)}") from None


def _interpreter(path: str) -> str:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        first = file.readline(256)
        if first.startswith(b"#!"):
            name = first[2:].strip().split(b" ")[0].decode(errors="replace")
            return f"its interpreter '{name}' does not exist"
    return "its loader does not exist (a program for another system?)"


def _why_not(path: str) -> str:
    if not os.path.lexists(path):
        return f"no command '{path}'"
    if os.path.isdir(path):
        return f"'{path}' is a directory, not a command"
    return f"you may not execute '{path}' (chmod +x?)"


def ignored_signals() -> list[int]:
    """Signals that differ from a fresh process's in this one; a child resets them."""
    usable = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    return [int(number) for number in usable if signal.getsignal(number) is not signal.SIG_DFL]


def spawn(plan: Plan) -> tuple[int, socket.socket]:
    """Fork a child for `plan`; gives its pid and the socket to it."""
    ours, theirs = socket.socketpair()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            become(plan, theirs.detach())
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
    ours.setblocking(False)
    return pid, ours
