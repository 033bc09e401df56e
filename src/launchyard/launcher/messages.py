"""What the daemon and the launcher say to each other: the only definition of the protocol.

A unix stream socket carries frames: four bytes of length (big-endian), then a JSON object whose `"t"` is
its kind. Texts that come from users (argv, environment, script, paths) are written as `os.fsdecode` gives
them, so bytes that are not UTF-8 survive as lone surrogates: use `encode` and `Decoder`, not another encoder.

The daemon connects and says `hello`; the launcher answers `hello` and then repeats every record that was
never acknowledged, in the order of `seq`. The newest connection is served, an older one is closed.
Standard library only: the launcher runs without site-packages, the client of it with them. An agent on
another node may have an older Python than the launcher.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any

VERSION = 4
"""2 adds `suspend`, `resume` and `limit`; a launcher that knows them says so by the feature `suspend`.

3 adds runners (`runner`, `signal_runner`, `forget_runners`, `runner_ended`), `steps_only` of `signal`,
`warning_target` and `stdin` of `launch`: the feature `runners`.

4 adds `remove_logs`: the feature `logs`."""
FRAME_MAX = 16 * 1024 * 1024
SOCKET_NAME = "launcher/launcher.sock"
"""Where the launcher listens, below the state directory."""
SOCKET_MAX_BYTES = 107
"""The kernel's own bound of the path of a unix socket."""
LAUNCH_ID_ENV = "LAUNCHYARD_LAUNCH_ID"
"""Set in every job: the mark by which processes are found where there are no cgroups."""

Message = dict[str, Any]

_LENGTH = struct.Struct(">I")
_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_RECEIVE_BYTES = 256 * 1024
_FDS_MAX = 16


class BrokenStream(ValueError):
    """The peer sent what is not a frame; the connection cannot be used any more."""


# ---- framing


def encode(message: Message) -> bytes:
    """One frame."""
    body = _json(message).encode()
    if len(body) > FRAME_MAX:
        raise ValueError(f"a message of {len(body)} bytes is longer than the {FRAME_MAX} allowed")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts a stream into messages; keeps what is incomplete for the next `feed`."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """All messages that `data` completes. Raises `BrokenStream`."""
        self._data += data
        messages: list[Message] = []
        position = 0
        while len(self._data) - position >= 4:
            (length,) = _LENGTH.unpack_from(self._data, position)
            if length > FRAME_MAX:
                raise BrokenStream(f"a frame of {length} bytes is longer than the {FRAME_MAX} allowed")
            end = position + 4 + length
            if len(self._data) < end:
                break
            messages.append(_parse(self._data[position + 4 : end]))
            position = end
        del self._data[:position]
        return messages


def _parse(body: bytearray) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BrokenStream(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict) or not isinstance(message.get("t"), str):
        raise BrokenStream('a frame is not an object with a "t"')
    return message


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """What has arrived, with the file descriptors that came with it (close-on-exec); b"" at the end.

    The descriptors come in the order of the `helper{ok}` messages; each such message owns the next one.
    """
    fds = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(
        _RECEIVE_BYTES, socket.CMSG_SPACE(_FDS_MAX * fds.itemsize), getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)


# ---- starting a launcher


def keeper_argv(
    state_dir: str | os.PathLike[str],
    *,
    daemon_uid: int,
    allow_root_jobs: bool = False,
    service: bool = False,
    setup_limit_s: float = 60,
    python: str = sys.executable,
) -> list[str]:
    """The command that starts keeper and launcher on `state_dir`, as a daemon.

    It returns once the launcher listens (exit 0), or says on stderr in one sentence why not (exit 1; another
    keeper already has the directory: exit 3). `daemon_uid` is the only user, beside its own, who may connect.
    A `service` stays when the daemon stops. `setup_limit_s` is how long a job may take to come to its exec (a
    directory that does not answer).
    """
    return [
        *package_argv("launchyard.launcher.keeper", python),
        f"--state={os.fspath(state_dir)}",
        f"--daemon-uid={daemon_uid}",
        f"--setup-limit={setup_limit_s:g}",
        *(["--allow-root-jobs"] if allow_root_jobs else []),
        *(["--service"] if service else []),
    ]


PACKAGE_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""Where our modules are imported from here."""


def package_argv(module: str, python: str = sys.executable, parent: str = PACKAGE_PARENT) -> list[str]:
    """The command that runs `main()` of one of our modules, without site-packages."""
    # Appended, so that nothing beside the package can stand in for the standard library.
    code = f"import sys; sys.path.append({parent!r}); from {module} import main; main()"
    return [python, "-I", "-S", "-c", code]


# ---- daemon -> launcher


def hello() -> Message:
    return {"t": "hello", "v": VERSION}


def launch(
    *,
    l: str,
    job: int,
    uid: int,
    node: str,
    argv: Sequence[str],
    env: dict[str, str],
    cwd: str,
    spool_log: str,
    script: str | None = None,
    stdin: str | None = None,
    stdout: str | None = None,
    stderr: str | None = None,
    append: bool = True,
    terminal: str | None = None,
    cpu_ids: Sequence[int] = (),
    memory_mib: int | None = None,
    pids_max: int | None = None,
    time_limit_s: float | None = None,
    warning_signal: int | None = None,
    warning_before_s: float = 0,
    warning_target: str | None = None,
    grace_s: float = 30,
    log_cap_bytes: int | None = None,
    no_new_privs: bool = True,
    cwd_else: str | None = None,
    umask: int | None = None,
    pid_variable: str | None = None,
    soft_limits: Mapping[str, int] | None = None,
) -> Message:
    """Start launch `l`. `spool_log` is a file name (no slash) in the user's spool: `spool/<uid>/<spool_log>`.

    `stdout` None: the spool file; `stderr` None: together with stdout. `terminal` is the path of a pts that
    the job gets as stdin, stdout and stderr (the spool is then not used). Relative paths are below `cwd`.
    `stdin` None: /dev/null. `warning_target`: whom the warning signal is for, `batch` the main process,
    `steps` the runners, None all. `cwd_else` is gone to when `cwd` cannot be; `pid_variable` is a variable
    that is to hold the process's own id; `soft_limits` are those of `rlimits`.
    """
    message = {"t": "launch", "l": l, "job": job, "uid": uid, "node": node, "argv": list(argv), "env": env}
    message |= {"cwd": cwd, "spool_log": spool_log, "append": append, "cpu_ids": list(cpu_ids)}
    message |= {"warning_before_s": warning_before_s, "grace_s": grace_s, "no_new_privs": no_new_privs}
    optional = {
        "script": script,
        "stdin": stdin,
        "stdout": stdout,
        "stderr": stderr,
        "terminal": terminal,
        "memory_mib": memory_mib,
        "pids_max": pids_max,
        "time_limit_s": time_limit_s,
        "warning_signal": warning_signal,
        "warning_target": warning_target,
        "log_cap_bytes": log_cap_bytes,
        "cwd_else": cwd_else,
        "umask": umask,
        "pid_variable": pid_variable,
        "soft_limits": None if soft_limits is None else dict(soft_limits),
    }
    return message | {key: value for key, value in optional.items() if value is not None}


def kill(l: str, *, signal: int, grace_s: float) -> Message:
    """End launch `l`: `signal` to all its processes, KILL after `grace_s`. Unknown: it will never start."""
    return {"t": "kill", "l": l, "signal": signal, "grace_s": grace_s}


def signal(l: str, signal: int, *, main_only: bool = False, steps_only: bool = False) -> Message:
    """To all of launch `l`, to its main process, or to the runners of its steps."""
    message: Message = {"t": "signal", "l": l, "signal": signal, "main_only": main_only}
    return message | {"steps_only": True} if steps_only else message


def suspend(l: str) -> Message:
    """Let launch `l` stand still; its time limit does not run meanwhile. Told again it changes nothing."""
    return {"t": "suspend", "l": l}


def resume(l: str) -> Message:
    """Let it go on."""
    return {"t": "resume", "l": l}


def limit(l: str, time_limit_s: float | None) -> Message:
    """The time limit of launch `l` is this one now, counted from its start."""
    return {"t": "limit", "l": l, "time_limit_s": time_limit_s}


def ack(seq: int) -> Message:
    """All records up to `seq` are durable with the daemon; the launcher may forget ended launches of them."""
    return {"t": "ack", "seq": seq}


def rest() -> Message:
    """The daemon stops: with no job left, launcher and keeper have nothing to stay for and stop too."""
    return {"t": "rest"}


def helper(id: str, uid: int, *, memory_mib: int | None = None) -> Message:
    """Ask for a helper running as `uid`; the answer `helper_started` carries one socket, or an error.

    With `memory_mib` it and all that it starts has a cgroup of its own with that limit, and ends with it.
    """
    message: Message = {"t": "helper", "id": id, "uid": uid}
    return message if memory_mib is None else message | {"memory_mib": memory_mib}


def step(
    *,
    id: str,
    l: str,
    uid: int,
    argv: Sequence[str],
    env: dict[str, str],
    cwd: str,
    terminal: str | None = None,
) -> Message:
    """Start a process inside the running launch `l` (`ly shell`), as the launch's own user only."""
    message: Message = {"t": "step", "id": id, "l": l, "uid": uid, "argv": list(argv), "env": env, "cwd": cwd}
    return message if terminal is None else message | {"terminal": terminal}


def runner(*, id: str, l: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str = "/") -> Message:
    """Start the runner `id` of a step inside launch `l`. Its end is told until it is to be forgotten."""
    return {"t": "runner", "id": id, "l": l, "uid": uid, "argv": list(argv), "env": env, "cwd": cwd}


def signal_runner(id: str, signal: int, *, grace_s: float | None = None) -> Message:
    """`signal` to a runner; with `grace_s` KILL to it and what it started when it lives on after that."""
    message: Message = {"t": "signal_runner", "id": id, "signal": signal}
    return message if grace_s is None else message | {"grace_s": grace_s}


def forget_runners(ids: Sequence[str]) -> Message:
    """The ends of these are durable with the daemon."""
    return {"t": "forget_runners", "ids": list(ids)}


def remove_logs(id: str, uid: int, names: Sequence[str]) -> Message:
    """Take these out of the user's spool; the answer `logs_removed` comes when it is done."""
    return {"t": "remove_logs", "id": id, "uid": uid, "names": list(names)}


def usage(id: str, ls: Sequence[str] | None = None) -> Message:
    """Ask what running launches use now: all of them, or only these, and then what they read and wrote."""
    return {"t": "usage", "id": id} if ls is None else {"t": "usage", "id": id, "ls": list(ls)}


# ---- launcher -> daemon


def welcome(
    *,
    epoch: str,
    boot_id: str,
    known: Sequence[str],
    seq: int,
    features: dict[str, str],
    runners: Sequence[str] = (),
) -> Message:
    """The launcher's `hello`. `known` are the launches it has a record of; `seq` the newest record's number.

    `runners` are those that run and those whose end is told again now.

    `features`: memory `cgroup v1|cgroup v2|sampling`, cpus `cpuset|affinity`, processes
    `cgroup.kill|freezer|marker`, users `switched|single`, suspend `freeze|stop` (from version 2 on), runners
    `kept` (from version 3 on), logs `removed` (from version 4 on).
    """
    message: Message = {"t": "hello", "v": VERSION, "epoch": epoch, "boot_id": boot_id}
    return message | {"known": list(known), "seq": seq, "features": features, "runners": list(runners)}


def started(seq: int, l: str, *, pid: int, at: float) -> Message:
    """The launch's process exists and is recorded; its set-up may still fail (`ended` with `error`)."""
    return {"t": "started", "seq": seq, "l": l, "pid": pid, "at": at}


def main_ended(l: str) -> Message:
    """The main process ended more than a second ago and what it left is still being killed."""
    return {"t": "main_ended", "l": l}


def ended(seq: int, l: str, *, at: float, **facts: object) -> Message:
    """The launch is over. `facts`, of which the unknown and the False are left out:

    `exit_code` or `signal`; `cpu_s`, `memory_peak_mib`, `read_mib`, `written_mib`; `oom`, `timed_out`,
    `log_full`, `lost` (its end is not known), `node_lost` (and the node was restarted); `hook`: why a program
    of the site around it failed; `error`: one sentence, the user's program never ran (with `lost`: why its
    end is not known).
    """
    known = {name: value for name, value in facts.items() if value is not None and value is not False}
    return {"t": "ended", "seq": seq, "l": l, "at": at, **known}


def helper_started(id: str, *, error: str | None = None) -> Message:
    """The answer to `helper`: with `ok` it carries one file descriptor, a socket to the helper."""
    return (
        {"t": "helper", "id": id, "ok": True} if error is None else {"t": "helper", "id": id, "error": error}
    )


def logs_removed(id: str, *, error: str | None = None) -> Message:
    """The answer to `remove_logs`; with an error some of them are still there."""
    return {"t": "logs_removed", "id": id} | ({} if error is None else {"error": error})


def step_started(id: str, pid: int) -> Message:
    return {"t": "step_started", "id": id, "pid": pid}


def step_ended(
    id: str, *, exit_code: int | None = None, signal: int | None = None, error: str | None = None
) -> Message:
    facts = {"exit_code": exit_code, "signal": signal, "error": error}
    known = {name: value for name, value in facts.items() if value is not None}
    return {"t": "step_ended", "id": id, **known}


def runner_ended(id: str, *, at: float, **facts: object) -> Message:
    """The end of a runner. `facts`, of which the unknown and the False are left out:

    `exit_code` or `signal`, or `error` (it was not started: one sentence); `cpu_s` and `memory_peak_mib` of
    it and what it waited for; `oom` (the launch had one meanwhile), `ending` (the launch was being ended),
    `timed_out` (because its time was up).
    """
    known = {name: value for name, value in facts.items() if value is not None and value is not False}
    return {"t": "runner_ended", "id": id, "at": at, **known}


def usage_now(id: str, launches: dict[str, dict[str, float]]) -> Message:
    """The answer to `usage`: by launch, and by runner, `cpu_s`, `memory_mib` (resident now), `processes`.

    Of launches that were named also `read_mib` and `written_mib`, as far as that can be seen.
    """
    return {"t": "usage", "id": id, "launches": launches}
