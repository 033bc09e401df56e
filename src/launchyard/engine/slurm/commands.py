"""Slurm's commands, found once and run by argument lists: by the daemon to look, as a user to act.

They are looked for outside the directory of our own commands of the same names, which would ask us again.
"""

import asyncio
import base64
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launchyard.engine.channel import Request, UserHelpers
from launchyard.model.errors import Invalid, LaunchyardError, Unavailable

NEEDED = ("sbatch", "scancel", "scontrol", "squeue")
ALSO = ("sacct", "srun")
LOOK_S = 30.0
ACT_S = 60.0
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/slurm/bin:/usr/local/slurm/bin"
OURS = b"launchyard"
"""Our own command of a name has this near its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended. `code` None: it was still running when its time was up, and was killed."""

    code: int | None
    out: str = ""
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def sentence(self) -> str:
        """What it said, in one line, without the name that it gives itself."""
        lines = [line.strip() for line in self.error.split("\n") if line.strip()]
        said = [line.partition(": error: ")[2] or line.partition(": ")[2] or line for line in lines]
        return "; ".join(said[:3]) or f"it ended with exit code {self.code} and said nothing"


class Commands:
    """`bin` is the directory of the commands (empty: found on the path of the daemon, then of the system).

    `conf` empty: that of the environment that the daemon was started with, else Slurm's own.
    """

    def __init__(
        self, helpers: UserHelpers, *, bin: str = "", conf: str = "", hidden: Sequence[str] = ()
    ) -> None:
        self._helpers = helpers
        self._paths = {name: path for name in (*NEEDED, *ALSO) if (path := find(name, bin, hidden))}
        if lacking := [name for name in NEEDED if name not in self._paths]:
            where = bin or "the path of the server"
            raise Invalid(f"{', '.join(lacking)} of Slurm: not found in {where}; set `bin` of the cluster")
        self._environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C", "TZ": "UTC0", "LANG": "C"}
        if conf := conf or os.environ.get("SLURM_CONF", ""):
            self._environment["SLURM_CONF"] = conf

    def has(self, name: str) -> bool:
        return name in self._paths

    def path(self, name: str) -> str:
        """Raises `Unavailable` for one that is not needed otherwise, and missing."""
        if name not in self._paths:
            raise Unavailable(f"{name} of Slurm is not installed on this machine")
        return self._paths[name]

    def environment_of(self, uid: int) -> dict[str, str]:
        """What a command of a user's has that outlasts one question: no settings of how it prints."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise Unavailable(f"this machine knows no user {uid}") from None
        who = {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
        found = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", **who}
        if conf := self._environment.get("SLURM_CONF"):
            found["SLURM_CONF"] = conf
        return found

    async def look(self, name: str, *arguments: str, limit_s: float = LOOK_S) -> Ran:
        """By the daemon itself: what everybody may ask."""
        argv = [self._paths[name], *arguments]
        return await asyncio.to_thread(_run, argv, self._environment, limit_s)

    async def act(
        self,
        uid: int,
        name: str,
        *arguments: str,
        given: bytes = b"",
        makes: str = "",
        removes: Sequence[str] = (),
        directory: str = "/",
        limit_s: float = ACT_S,
    ) -> Ran:
        """As a user, by its helper. `makes` is a directory of the user's that is to be there first, `removes`
        are files of the user's that are not needed any more.

        Raises `LaunchyardError` when the command was not started for certain; that nobody knows whether it
        was is a `Ran` without a code.
        """
        channel = await self._helpers.of(uid)
        order = {
            "t": "command",
            "argv": [self._paths[name], *arguments],
            "environment": self._environment,
            "given": base64.b64encode(given).decode("ascii"),
            "makes": makes,
            "removes": list(removes),
            "directory": directory,
            "limit_s": limit_s,
        }
        with Request(channel, order) as request:
            request.over = True
            message = await request.next_within(limit_s + 10)
        if message is None or message["t"] == "gone":
            return Ran(code=None, error="the process that acts for the user ended meanwhile")
        if message["t"] != "ran":
            raise LaunchyardError(str(message.get("why") or os.strerror(message.get("errno", 0))))
        return Ran(code=message["code"], out=message["out"], error=message["error"])


def find(name: str, bin: str, hidden: Sequence[str]) -> str | None:
    """The absolute path of a command of Slurm's; None: there is none, or it is ours."""
    places = [bin] if bin else [*os.environ.get("PATH", "").split(":"), *SYSTEM_PATH.split(":")]
    closed = {Path(one).resolve() for one in hidden}
    for place in places:
        if not place.startswith("/") or Path(place).resolve() in closed:
            continue
        path = shutil.which(name, path=place)
        if path is not None and not _is_ours(path):
            return path
    return None


def _is_ours(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    return start.startswith(b"#!") and OURS in start


def _run(argv: Sequence[str], environment: Mapping[str, str], limit_s: float) -> Ran:
    process = subprocess.Popen(
        argv,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, error = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ran(code=None, error=f"{Path(argv[0]).name}: error: no answer within {limit_s:g} s")
    text = (part.decode("utf-8", "replace") for part in (out, error))
    return Ran(code=process.returncode, out=next(text), error=next(text))
