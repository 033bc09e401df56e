"""What a forked child does before it becomes the user's program: everything; the launcher waits for nothing.

The order is the safety: its own session, then its cgroups (from there it can be found and killed), limits,
what needs root, then the user's identity for good, then all that touches paths of the user, then exec with
exactly the given environment. Two pipes lead to the launcher: on one the child reports, a JSON object a line;
from the other comes one byte, the leave to exec (the start is on record), or its end: the launcher died.

A forked child pays for each page that it touches, so this stays plain: no enum, no regular expression.
"""

import contextlib
import errno
import json
import os
import pwd
import resource
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from launchyard.launcher.cgroups import Room
from launchyard.launcher.hooks import Hook, prepare_node
from launchyard.launcher.kernel import default_signal, forbid_new_privileges, write_text
from launchyard.launcher.messages import LAUNCH_ID_ENV
from launchyard.launcher.outputs import (
    SetupFailed,
    open_input_file,
    open_spool_file,
    open_terminal,
    open_user_file,
    reason,
    write_script,
)
from launchyard.launcher.pipes import Pipes, end_unborn, report
from launchyard.launcher.rlimits import set_soft

PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin"
IGNORED = (int(signal.SIGPIPE), int(signal.SIGXFSZ))
"""Signals that Python ignores for itself."""
_FD_MAX = 1 << 16


class User(NamedTuple):
    """An account as the machine knows it now; `groups` are all of them, the primary one too."""

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple[int, ...]


class Plan(NamedTuple):
    """What one child is to become. `switch`: take the identity of `uid` (root mode), known as `user` or not.

    `rooms` are made and entered, `joins` (directories) only entered. `spool` is the directory of the user's
    logs and scripts, `private_tmp` a directory to make. `fd3` is handed to a helper as file descriptor 3.
    """

    uid: int
    switch: bool
    argv: Sequence[str]
    env: Mapping[str, str] | None
    cwd: str
    cwd_else: str | None = None
    umask: int = 0o022
    pid_variable: str | None = None
    soft_limits: Mapping[str, int] | None = None
    launch_id: str | None = None
    rooms: Sequence[Room] = ()
    joins: Sequence[str] = ()
    cpu_ids: Sequence[int] = ()
    files_soft_max: int = 1024
    reset_oom_score: bool = False
    spool: str = ""
    spool_log: str | None = None
    script_name: str | None = None
    script: str | None = None
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    append: bool = True
    terminal: str | None = None
    private_tmp: str | None = None
    no_new_privs: bool = True
    fd3: int | None = None
    user: User | None = None
    prolog: Hook | None = None


def manners(message: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `Plan` that few orders have."""
    umask, soft, names = (
        message.get("umask"),
        message.get("soft_limits"),
        ("cwd_else", "pid_variable", "stdin"),
    )
    found = {name: message[name] for name in names if isinstance(message.get(name), str)}
    found |= {"umask": umask & 0o777} if isinstance(umask, int) else {}
    return found | ({"soft_limits": soft} if isinstance(soft, dict) else {})


class Made(NamedTuple):
    """What lies in directories of the launcher's own and is there before the program runs.

    `spool`: the open log, -1 where the output goes elsewhere. `program`: the words, with the script's path.
    """

    spool: int
    program: list[str]
    env: dict[str, str]


def become(plan: Plan, pipes: Pipes, made: Made | None) -> NoReturn:
    """Never returns: the user's program, or a report of why not."""
    try:
        _set_up(plan, pipes, made)
    except SetupFailed as failed:
        _give_up(pipes, str(failed))
    except BaseException as error:
        _give_up(pipes, f"the launcher's set-up failed: {type(error).__name__}: {error}")


def _give_up(pipes: Pipes, sentence: str) -> NoReturn:
    report(pipes.report_write, error=sentence)
    end_unborn()


def _set_up(plan: Plan, pipes: Pipes, made: Made | None) -> NoReturn:
    _detach(plan, pipes, made)
    prepare_node(plan.prolog, pipes.report_write)
    _enter(plan)
    user = plan.user
    if plan.switch and user is None:
        user = find_user(plan.uid)
        with contextlib.suppress(OSError):
            os.write(pipes.report_write, json.dumps({"user": user}).encode() + b"\n")
    if not plan.switch and plan.uid != os.getuid():
        raise SetupFailed(f"this launcher runs jobs of user {os.getuid()} only, not of user {plan.uid}")
    if made is None:
        made = make(plan, user)
    if user is not None:
        take_identity(user)
    if plan.no_new_privs:
        forbid_new_privileges()
    os.umask(plan.umask)
    elsewhere = _enter_some_directory(plan)
    _set_streams(plan, made.spool)
    if elsewhere is not None:
        os.write(2, elsewhere.encode("utf-8", "surrogateescape"))
    if os.read(pipes.leave_read, 1) != b"g":
        end_unborn()
    for number in IGNORED:
        default_signal(number)
    set_soft(plan.soft_limits or {})
    own = {plan.pid_variable: str(os.getpid())} if plan.pid_variable is not None else {}
    _execute(made.program, {**made.env, **own}, plan.fd3)


# ---- with the launcher's rights


def _detach(plan: Plan, pipes: Pipes, made: Made | None) -> None:
    # Everything closes at the exec; the lock and the pipes of other children must not wait for it.
    keep = [pipes.report_write, pipes.leave_read]
    if plan.fd3 is not None:
        keep.append(plan.fd3)
    if made is not None and made.spool >= 0:
        keep.append(made.spool)
    first = 3
    for fd in sorted(keep):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, _FD_MAX)
    os.setsid()
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


def find_user(uid: int) -> User:
    """Ask the machine's user database, which may be far away: never in the launcher itself."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise SetupFailed(f"user {uid} does not exist any more") from None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, tuple(groups))


def make(plan: Plan, user: User | None) -> Made:
    """The log in the spool, the script and the private TMPDIR; raises `SetupFailed`, leaving nothing open.

    By the launcher where it knows the user, since its own directories answer at once and a fresh child pays
    more for the same work; else by the child.
    """
    gid = os.getgid() if user is None else user.gid
    spool = -1
    if plan.spool_log is not None and (plan.stdout is None or plan.terminal is not None):
        spool = open_spool_file(plan.spool, plan.spool_log, uid=plan.uid, gid=gid)
    try:
        if plan.terminal is not None and spool >= 0:
            # The user's helper, which holds the other side, writes what is shown into the log.
            os.close(spool)
            spool = -1
        program = list(plan.argv)
        if plan.script is not None and plan.script_name is not None:
            text = os.fsencode(plan.script)
            program[:0] = [write_script(plan.spool, plan.script_name, text, uid=plan.uid, gid=gid)]
        if plan.private_tmp is not None:
            make_private_tmp(plan.private_tmp, plan.uid, gid)
        return Made(spool, program, environment_of(plan, user))
    except BaseException:
        if spool >= 0:
            os.close(spool)
        raise


def make_private_tmp(path: str, uid: int, gid: int) -> None:
    # The parent belongs to the launcher and nobody else can write there, so no link can stand in its place.
    try:
        # There already when this launch was begun before and could not be forked.
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        if os.geteuid() == 0:
            os.chown(path, uid, gid, follow_symlinks=False)
    except OSError as error:
        raise SetupFailed(f"cannot make the private TMPDIR '{path}': {reason(error)}") from None


def take_identity(user: User) -> None:
    """Become the user, groups first, for good; verified before anything of the user is touched."""
    try:
        os.setgroups(user.groups)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    except OSError as error:
        raise SetupFailed(f"cannot become user {user.name}: {reason(error)}") from None
    right_ids = os.getresuid() == (user.uid,) * 3 and os.getresgid() == (user.gid,) * 3
    if not right_ids or set(os.getgroups()) != set(user.groups):
        raise SetupFailed(f"could not become user {user.name} completely; tell the operator")


# ---- with the user's rights


def _enter_some_directory(plan: Plan) -> str | None:
    """Its own directory, else the one it named for that case; then the line that its output begins with."""
    if plan.cwd_else is None:
        _enter_directory(plan.cwd)
        return None
    try:
        os.chdir(plan.cwd)
    except OSError as error:
        _enter_directory(plan.cwd_else)
        why = f"couldn't chdir to `{plan.cwd}': {error.strerror}"
        return f"slurmstepd: error: {why}: going to {plan.cwd_else} instead\n"
    return None


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


def _set_streams(plan: Plan, spool: int) -> None:
    if plan.terminal is not None:
        terminal = open_terminal(os.path.join(plan.cwd, plan.terminal))
        streams = [terminal, terminal, terminal]
    else:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        out, err = spool, spool if plan.stderr is None else -1
        if plan.spool_log is None:
            out = err = null
        given = null if plan.stdin is None else open_input_file(plan.stdin, cwd=plan.cwd)
        if out < 0 and plan.stdout is not None:
            out = open_user_file("output file", plan.stdout, cwd=plan.cwd, append=plan.append)
        if err < 0:
            err = out if plan.stderr is None else _open_errors(plan, out)
        streams = [given, out, err]
    for number, fd in enumerate(streams):
        os.dup2(fd, number)


def _open_errors(plan: Plan, out: int) -> int:
    assert plan.stderr is not None
    if plan.stdout is not None and os.path.join(plan.cwd, plan.stderr) == os.path.join(plan.cwd, plan.stdout):
        return out
    return open_user_file("error file", plan.stderr, cwd=plan.cwd, append=plan.append)


def environment_of(plan: Plan, user: User | None) -> dict[str, str]:
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
    denied = None
    for candidate in search(program, env):
        error = _try(candidate, program, env)
        if error == errno.EACCES:
            denied = candidate
    if "/" in name:
        raise SetupFailed(_why_not(name))
    if denied is not None:
        raise SetupFailed(_why_not(denied))
    path = env.get("PATH") or PATH_DEFAULT
    raise SetupFailed(f"no command '{name}' on PATH ({path})")


def search(program: list[str], env: Mapping[str, str]) -> list[str]:
    """Where the program may be: as it is written, or in the directories of the job's PATH."""
    name = program[0]
    if "/" in name:
        return [name]
    path = env.get("PATH") or PATH_DEFAULT
    return [os.path.join(directory or ".", name) for directory in path.split(":")]


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


def usual_signals() -> None:
    """In the launcher, once: undo what whoever started it ignores or blocks; it would stay so in every job.

    What Python ignores for itself (`IGNORED`) stays: a closed pipe must not kill the launcher. Each child
    undoes it before its exec; handlers need no such care.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, *IGNORED}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def fork(plan: Plan, pipes: Pipes, made: Made | None = None) -> int:
    """Fork a child for `plan`; gives its pid, or raises OSError with the pipes closed.

    What is `made` is the child's from here on.
    """
    try:
        pid = os.fork()
    except OSError:
        for fd in pipes:
            os.close(fd)
        raise
    else:
        if pid == 0:
            become(plan, pipes, made)
        return pid
    finally:
        if made is not None and made.spool >= 0:
            os.close(made.spool)
