"""What acts as a user on the machine, here without one: files, apps, terminals, the audit."""

import asyncio
import base64
import json
import math
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from launchyard import apps as shipped
from launchyard.api.operating import Operating
from launchyard.api.terminals import KeptShell, Terminal, TerminalEnd
from launchyard.auditlog import AuditLog
from launchyard.controller.users import UserEntry, Users
from launchyard.engine.apps import Apps, Found
from launchyard.engine.files import Files, Who
from launchyard.launcher.messages import Message
from launchyard.model.app import Origin
from launchyard.model.errors import NotFound
from launchyard.model.job import Job
from launchyard.wire.apps import read_app
from tests.browser.still.moment import DAY, HOME, HOUR, MINUTE, NOW, OTHER_UID, OTHER_USER, UID, USER
from tests.browser.still.present import LONG_NAME, SCRIPT

_PROMPT = b"\x1b[1;32mada@n2\x1b[0m:\x1b[1;34m~/proj\x1b[0m$ "
_LS = b"ls\r\n\x1b[1;34mdata\x1b[0m  \x1b[1;34mruns\x1b[0m  notes.md  train.py  train.sh\r\n"

_ROWS: dict[str, list[list[Any]]] = {
    HOME: [
        ["data", "d", None, NOW - 3 * DAY, 0o755, None, False],
        ["proj", "d", None, NOW - 26 * MINUTE, 0o755, None, False],
        ["latest", "l", None, NOW - HOUR, 0o777, "d", False],
        ["analysis.ipynb", "f", 48_213, NOW - 2 * HOUR, 0o644, None, False],
        ["notes.md", "f", 1_204, NOW - 5 * DAY, 0o644, None, False],
        ["results.csv", "f", 9_812_004, NOW - 40 * MINUTE, 0o600, None, False],
        [f"{LONG_NAME}.parquet", "f", 41_875_931_136, NOW - 9 * DAY, 0o644, None, False],
        ["train.sh", "f", len(SCRIPT), NOW - 6 * HOUR, 0o755, None, False],
        [".bashrc", "f", 3_526, NOW - 400 * DAY, 0o644, None, False],
    ],
    f"{HOME}/data": [],
}


class StillUsers(Users):
    """Ada, who runs the tests, and Li."""

    def __init__(self) -> None:
        super().__init__()
        self._entries[UID] = UserEntry(USER, HOME, "/bin/bash", (USER,), UID)
        self._looked_up_at |= {UID: math.inf, OTHER_UID: math.inf}
        self._entries[OTHER_UID] = UserEntry(OTHER_USER, f"/home/{OTHER_USER}", "/bin/bash")


class StillFiles(Files):
    """Two folders and a script."""

    def __init__(self) -> None: ...

    async def ask(self, who: Who, do: str, path: str, *, limit_s: float = 0, **more: Any) -> Message:
        if do == "read" and path.endswith(("train.sh", "notes.md")):
            data = SCRIPT if path.endswith(".sh") else b"# Notes\n\nThe learning rate of run 17 was right.\n"
            text = base64.b64encode(data).decode()
            return {"data": text, "size": len(data), "writable": True, "modified_at": NOW, "version": "1"}
        raise NotFound(f"there is no {path}", code="no-file")

    async def list(self, who: Who, path: str) -> AsyncGenerator[Message, None]:
        if path not in _ROWS:
            raise NotFound(f"there is no {path}", code="no-file")
        rows = json.dumps(_ROWS[path])[1:-1].encode()
        yield {"writable": True, "free_bytes": 812 << 30, "complete": True, "data": rows}

    def send(
        self, who: Who, path: str, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[Message, None]:
        raise NotFound(f"there is no {path}", code="no-file")


class StillApps(Apps):
    """Those that come along, all of them there but RStudio, whatever this machine has."""

    def __init__(self) -> None:
        self.idle_stop_s = 7200
        folders = sorted(one.parent for one in Path(shipped.__file__).parent.glob("*/app.toml"))
        self._all = sorted(map(_found, folders), key=lambda one: (one.app.order if one.app else 0, one.name))

    async def of(self, uid: int, variables: Mapping[str, str]) -> list[Found]:
        return self._all

    async def pythons(self, uid: int, folders: Sequence[str], path: str) -> list[Mapping[str, Any]]:
        place = f"{HOME}/proj/.venv/bin/python"
        return [{"path": place, "version": "3.12.4", "kind": "venv", "ipykernel": False, "name": "proj"}]


def _found(folder: Path) -> Found:
    text = (folder / "app.toml").read_text()
    app = read_app(folder.name, f"/usr/share/launchyard/apps/{folder.name}", Origin.SHIPPED, text)
    missing = app.programs[:1] if app.name == "rstudio" else ()
    return Found(name=app.name, origin=Origin.SHIPPED, folder=app.folder, app=app, missing=missing)


class StillTerminal:
    """`api.services.Terminal`: a prompt, one command, and a prompt again."""

    def __init__(self) -> None:
        self._printed: asyncio.Queue[bytes] = asyncio.Queue()
        self._printed.put_nowait(_PROMPT + _LS + _PROMPT)

    async def read(self) -> bytes:
        return await self._printed.get()

    async def write(self, data: bytes) -> None: ...
    async def resize(self, rows: int, cols: int) -> None: ...
    async def signal(self, signal: int) -> None: ...
    def end(self) -> TerminalEnd:
        return TerminalEnd()

    async def close(self) -> None: ...


class StillShell:
    """`api.terminals.KeptShell`."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def attach(self, left: Callable[[], None]) -> Terminal:
        return StillTerminal()

    def hang_up(self) -> None: ...


class StillTerminals:
    """`api.services.Terminals` and `api.terminals.ShellOpener`."""

    async def attach(self, job: Job) -> Terminal:
        return StillTerminal()

    async def shell(self, job: Job, command: tuple[str, ...]) -> Terminal:
        return StillTerminal()

    async def kept_shell(self, job: Job, command: tuple[str, ...] = ()) -> KeptShell:
        return StillShell()

    async def folder_shell(self, who: Who, path: str, *, rows: int, cols: int) -> KeptShell:
        return StillShell()


class StillOperating(Operating):
    """Two refusals, or none; a configuration that is right."""

    def __init__(self, *, empty: bool) -> None:
        self._empty = empty
        self.record = AuditLog(Path(os.devnull) / "none")

    def audit(self, most: int) -> list[dict[str, Any]]:
        return [] if self._empty else _REFUSALS[:most]

    def file_state(self) -> dict[str, str | None]:
        return {"problem": None, "unread": None}


def _refusal(at: str, user: str | None, status: int, code: str, request: str) -> dict[str, Any]:
    who = {"at": f"2026-03-17T{at}Z", "user": user, "from": "127.0.0.1"}
    return {**who, "event": "refused", "status": status, "code": code, "request": request}


_REFUSALS = [
    _refusal("13:48:02", OTHER_USER, 404, "no-job", "GET /v1/jobs/10002/logs"),
    _refusal("09:11:40", None, 401, "unauthenticated", "POST /login"),
]
