"""slurmrestd, where a site has it: the states of all jobs by one request instead of one squeue.

It is asked as the user whose token is in a file of ours; what it answers is read as squeue's lines are, so
all that follows is the same. Acting on jobs stays with Slurm's commands, run as each job's own user.
"""

import asyncio
import base64
import http.client
import json
import os
import pwd
import socket
import stat
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from launchyard.engine.slurm.told import Row, amounts_in, gpus_in, launch_in, names_in
from launchyard.model.errors import Unavailable
from launchyard.model.number import shown

VERSIONS = ("v0.0.40", "v0.0.39", "v0.0.38", "v0.0.37")
"""Of its interface, those that we read; the newest that it has is asked for."""
ANSWER_S = 30.0
ANSWER_MAX = 512 * 1024 * 1024
_UNIX = "unix:"


class Rest:
    """Asks for all jobs. `token_path` names the file with the token, which is read at each look."""

    def __init__(self, address: str, token_path: str) -> None:
        self._address = address.rstrip("/")
        self._token_path = token_path
        self._version = ""
        self._known: dict[int, Row] = {}

    async def jobs(self, uid: int | None) -> Sequence[Row]:
        """Of this user, or of all. Raises `Unavailable`."""
        found = await asyncio.to_thread(self._jobs)
        return found if uid is None else [row for row in found if row.uid == uid]

    def _jobs(self) -> Sequence[Row]:
        token = read_token(self._token_path)
        try:
            told = self._ask(token)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"slurmrestd does not answer at {self._address}: {error}") from None
        before, rows = self._known, rows_of(told)
        self._known = {row.slurm_id: row for row in rows}
        # One that is as it was is the same object, and costs nothing further on.
        return [old if (old := before.get(row.slurm_id)) == row else row for row in rows]

    def _ask(self, token: str) -> Mapping[str, Any]:
        for version in [self._version] if self._version else VERSIONS:
            status, body = self._get(f"/slurm/{version}/jobs", token)
            if status == 404:
                continue
            if status != 200:
                raise Unavailable(f"slurmrestd refuses: status {status}, {shown(_first_line(body))}")
            self._version = version
            return _checked(body)
        self._version = ""
        raise Unavailable(f"slurmrestd has none of the versions {', '.join(VERSIONS)} of its interface")

    def _get(self, path: str, token: str) -> tuple[int, bytes]:
        connection = _connection(self._address)
        try:
            headers = {"X-SLURM-USER-NAME": user_of(token), "X-SLURM-USER-TOKEN": token}
            connection.request("GET", path, headers={**headers, "Accept": "application/json"})
            answer = connection.getresponse()
            body = answer.read(ANSWER_MAX)
            return answer.status, body
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(self._path)


def _connection(address: str) -> http.client.HTTPConnection:
    if address.startswith(_UNIX):
        return _UnixConnection(address[len(_UNIX) :])
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=ANSWER_S)


def read_token(path: str) -> str:
    """As `scontrol token` prints it, or alone. Raises `Unavailable`, also where others may read it."""
    try:
        with open(path) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(64 * 1024).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the token of slurmrestd in {path} cannot be read: {error}") from None
    if mode & 0o077:
        raise Unavailable(f"others may read the token of slurmrestd in {path}; chmod 600 it")
    token = text.removeprefix("SLURM_JWT=")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Unavailable(f"{path} holds no token of slurmrestd; scontrol token prints one")
    return token


def user_of(token: str) -> str:
    """Whom it is of; of one that does not say, who we are."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        name = claims.get("sun") or claims.get("username")
    except (ValueError, IndexError, AttributeError):
        name = None
    if isinstance(name, str) and name.isascii() and name.isprintable() and name:
        return name
    return pwd.getpwuid(os.geteuid()).pw_name


def rows_of(told: Mapping[str, Any]) -> list[Row]:
    """Its jobs; what does not read as one is left out rather than guessed at."""
    return [row for one in told.get("jobs", ()) if isinstance(one, dict) and (row := _row(one)) is not None]


def _row(one: Mapping[str, Any]) -> Row | None:
    slurm_id, state = _number(one.get("job_id")), _word(one.get("job_state"))
    if slurm_id is None or not state:
        return None
    minutes = _number(one.get("time_limit"))
    in_array = _number(one.get("array_task_id")) is not None or bool(one.get("array_task_string"))
    cpus, count = _number(one.get("cpus")) or 1, max(1, _number(one.get("node_count")) or 1)
    memory_mib, gpus = amounts_in(_text(one.get("tres_alloc_str")) or _text(one.get("tres_req_str")))
    if memory_mib is None:
        a_node, a_cpu = _number(one.get("memory_per_node")), _number(one.get("memory_per_cpu"))
        memory_mib = (a_node or 0) * count or (a_cpu or 0) * cpus
    user = _number(one.get("user_id"))
    return Row(
        slurm_id=slurm_id,
        state=state,
        reason=_text(one.get("state_reason")),
        uid=-1 if user is None else user,
        start_at=_moment(one.get("start_time")),
        submitted_at=_moment(one.get("submit_time")),
        end_at=_moment(one.get("end_time")),
        nodes=names_in(_text(one.get("nodes"))),
        cpus=cpus,
        partition=_text(one.get("partition")),
        account=_text(one.get("account")),
        qos=_text(one.get("qos")),
        memory_mib=memory_mib,
        gpus=gpus_in(_text(one.get("tres_per_node"))) if gpus is None else -(-gpus // count),
        time_limit_s=None if minutes is None else 60 * minutes,
        array=_number(one.get("array_job_id")) if in_array else None,
        working_dir=_text(one.get("current_working_directory")),
        name=_text(one.get("name")),
        launch=launch_in(_text(one.get("comment"))),
    )


def _number(value: object) -> int | None:
    """A number, or as newer versions have it: whether there is one, and which. Infinite is none."""
    if isinstance(value, dict):
        if not value.get("set") or value.get("infinite"):
            return None
        value = value.get("number")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> float | None:
    number = _number(value)
    return float(number) if number else None


def _word(value: object) -> str:
    """Of a state with flags, the flag that squeue would show."""
    words = [one for one in value if isinstance(one, str)] if isinstance(value, list) else [_text(value)]
    shown_first = [one for one in words if one in ("COMPLETING", "CONFIGURING", "STOPPED")]
    return (shown_first or words or [""])[0].partition("+")[0]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _checked(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        raise Unavailable("slurmrestd answers with what is no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("jobs"), list):
        raise Unavailable("slurmrestd answers without a list of jobs")
    for error in told.get("errors") or ():
        said = error.get("description") or error.get("error") if isinstance(error, dict) else error
        raise Unavailable(f"slurmrestd says: {shown(str(said))}")
    return told


def _first_line(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace").split("\n")[0]
