"""The variables that a user has after logging in, asked of the user's own shell.

What a profile prints, starts in the background or asks for does no harm: the variables come by a file of
their own, and the shell has a time limit.
"""

import os
import pwd
import select
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from launchyard.launcher.messages import Message

LIMIT_S = 10.0
SIZE_MAX = 512 * 1024
PATH = "/usr/local/bin:/usr/bin:/bin"

_SHELLS = frozenset({"bash", "zsh", "ksh", "sh", "dash"})
_OF_THE_SHELL = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "TERM"})


def login(order: Message) -> Message:
    """What answers the order: the variables, none where the shell did not say in time."""
    entry = pwd.getpwuid(os.getuid())
    bare = {"HOME": entry.pw_dir, "SHELL": entry.pw_shell, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
    return {"t": "login", "id": order["id"], "variables": login_variables(bare, order["limit_s"])}


def login_variables(bare: Mapping[str, str], limit_s: float = LIMIT_S) -> dict[str, str]:
    """`bare` are HOME, SHELL, USER and LOGNAME. Of another kind of shell, those of bash."""
    named = bare.get("SHELL", "")
    shell = named if Path(named).name in _SHELLS else "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
    home = bare.get("HOME", "/")
    output = os.memfd_create("login")
    try:
        process = subprocess.Popen(
            [shell, "-l", "-c", f"exec /usr/bin/env -0 >/proc/self/fd/{output}"],
            env={"PATH": PATH, "TERM": "dumb", **bare},
            cwd=home if Path(home).is_dir() else "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[output],
            start_new_session=True,
        )
        _end(process, limit_s)
        return _read(os.pread(output, SIZE_MAX, 0))
    except OSError:
        return {}
    finally:
        os.close(output)


def _end(process: subprocess.Popen[bytes], limit_s: float) -> None:
    """Wait for the shell, then end what it left behind: its number is taken until it is waited for."""
    ended = os.pidfd_open(process.pid)
    try:
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        waiting.poll(limit_s * 1000)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        os.close(ended)


def _read(data: bytes) -> dict[str, str]:
    """The variables whose names and values are texts; what was cut is left out."""
    found: dict[str, str] = {}
    for one in data.split(b"\0")[:-1]:
        name, equals, value = one.partition(b"=")
        try:
            key, text = name.decode(), value.decode()
        except UnicodeDecodeError:
            continue
        if equals and key and key not in _OF_THE_SHELL:
            found[key] = text
    return found
