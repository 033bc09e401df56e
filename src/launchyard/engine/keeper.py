"""Starts the keeper (and under it the launcher) of a state directory, unless one is there already."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Protocol

from launchyard.launcher import hooks
from launchyard.launcher.messages import SOCKET_NAME, encode, hello, keeper_argv, rest
from launchyard.model.errors import Invalid, Unavailable

TAKEN = 3
"""The keeper's exit code when another one has the directory: jobs of an earlier daemon run under it."""

START_MAX_S = 60


class SiteHooks(Protocol):
    """Which programs of the site are run around jobs."""

    @property
    def prolog(self) -> Path | None: ...

    @property
    def epilog(self) -> Path | None: ...

    @property
    def time_limit_s(self) -> float: ...


def launch_keeper(
    state: Path,
    *,
    daemon_uid: int,
    allow_root_jobs: bool,
    service: bool = False,
    fault: str = "",
    site: SiteHooks | None = None,
) -> None:
    """Return once a launcher listens. Raises `Unavailable` with what the keeper said.

    It gets an empty environment: nothing of whoever starts a daemon may reach a launcher or a job. `fault`
    names a point of `launchyard.faults` for it. A `service` stays when the daemon stops.
    """
    if site is not None:
        _say_hooks(state, site)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    if fault:
        environment["LAUNCHYARD_FAULT"] = fault
    command = keeper_argv(state, daemon_uid=daemon_uid, allow_root_jobs=allow_root_jobs, service=service)
    deadline = time.monotonic() + START_MAX_S
    while True:
        done = _run(command, environment, state)
        if done.returncode == 0 or (done.returncode == TAKEN and _answers(state)):
            return
        if done.returncode != TAKEN or time.monotonic() > deadline:
            said = done.stderr.strip().removeprefix("error: ") or f"exit code {done.returncode}"
            raise Unavailable(f"the launcher does not start: {said}")
        # The keeper of the last daemon is on its way out.
        time.sleep(0.05)


def _say_hooks(state: Path, site: SiteHooks) -> None:
    for program in (site.prolog, site.epilog):
        if program is not None and (why := hooks.refusal(str(program))) is not None:
            raise Invalid(f"a hook of the site is not run: {why}")
    hooks.write(str(state / "launcher"), values_of(site))


def values_of(site: SiteHooks) -> dict[str, Any]:
    """As a launcher reads them; empty where there are none."""
    programs = {hooks.PROLOG: site.prolog, hooks.EPILOG: site.epilog}
    found: dict[str, Any] = {what: str(program) for what, program in programs.items() if program is not None}
    return found | {"limit_s": site.time_limit_s} if found else {}


def dismiss_keeper(state: Path) -> None:
    """Let keeper and launcher go if no job is left: for a daemon that cannot start after all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, contextlib.suppress(OSError):
        connection.connect(os.fspath(state / SOCKET_NAME))
        connection.sendall(encode(rest()))


def _run(command: list[str], environment: dict[str, str], state: Path) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_MAX_S,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        log = state / "launcher" / "launcher.log"
        raise Unavailable(f"the launcher did not start within {START_MAX_S} s; see {log}") from None


def _answers(state: Path) -> bool:
    """Whether a launcher there says hello: one that is about to end takes connections, and says no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
        probe.settimeout(START_MAX_S)
        probe.connect(os.fspath(state / SOCKET_NAME))
        probe.sendall(encode(hello()))
        return bool(probe.recv(1))
    return False
