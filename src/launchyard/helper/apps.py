"""App folders as their user reads them, which programs a user has, and which Pythons."""

import json
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from typing import Any

from launchyard.launcher.messages import Message

OWN = "own"
OWN_FOLDER = ".config/launchyard/apps"
TEXT_MAX = 256 * 1024
APPS_MAX = 200
PYTHONS_MAX = 20
ASK_S = 10.0
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
NOT_LOOKED_INTO = frozenset({"node_modules", "__pycache__"})

_ABOUT = (
    "import importlib.util,json,sys;"
    "print(json.dumps([sys.version.split()[0],importlib.util.find_spec('ipykernel') is not None]))"
)


def apps(order: Message) -> Message:
    """Each directory with an `app.toml`, in the order's folders and the user's own: its text, or why not."""
    home = pwd.getpwuid(os.getuid()).pw_dir
    folders = [*order["folders"], [OWN, os.path.join(home, OWN_FOLDER)]]
    found = [one for origin, folder in folders for one in _in(origin, folder)]
    return {"t": "apps", "id": order["id"], "found": found[:APPS_MAX]}


def which(order: Message) -> Message:
    """Those of the names that are programs, by the order's PATH."""
    there = [name for name in order["names"] if shutil.which(name, path=order["path"])]
    return {"t": "which", "id": order["id"], "there": there}


def pythons(order: Message) -> Message:
    """The interpreters found in the order's `folders`, in conda's environments and by its PATH."""
    found: dict[str, dict[str, Any]] = {}
    for kind, path in _interpreters(order["folders"], order["path"]):
        if len(found) == PYTHONS_MAX:
            break
        if path not in found and (about := _about(path)) is not None:
            found[path] = {"kind": kind, "path": path, **about}
    return {"t": "pythons", "id": order["id"], "found": list(found.values())}


def _in(origin: str, folder: str) -> Iterator[dict[str, str]]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        file = os.path.join(path, "app.toml")
        if not name.startswith((".", "_")) and os.path.isfile(file):
            yield {"origin": origin, "name": name, "folder": path, **_text(file, path, origin)}


def _text(file: str, folder: str, origin: str) -> dict[str, str]:
    try:
        if origin != OWN and _others_may_write(folder):
            return {"error": f"{folder} may be written by others than its owner; chmod go-w it"}
        with open(file, encoding="utf-8") as opened:
            return {"text": opened.read(TEXT_MAX)}
    except (OSError, UnicodeDecodeError) as error:
        return {"error": f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}"}


def _others_may_write(folder: str) -> bool:
    return any(os.stat(path).st_mode & WRITABLE_BY_OTHERS for path in (folder, f"{folder}/start.sh"))


def _interpreters(folders: list[str], path: str) -> Iterator[tuple[str, str]]:
    """(kind, path) of what may be a Python: environments first, then what PATH finds."""
    home = pwd.getpwuid(os.getuid()).pw_dir
    for folder in dict.fromkeys([*folders, home]):
        for name in ("", *_names(folder)):
            place = os.path.join(folder, name) if name else folder
            if os.path.isfile(os.path.join(place, "pyvenv.cfg")):
                yield "venv", os.path.join(place, "bin", "python")
            elif name and not name.startswith(".") and name not in NOT_LOOKED_INTO:
                for inner in (".venv", "venv"):
                    if os.path.isfile(os.path.join(place, inner, "pyvenv.cfg")):
                        yield "venv", os.path.join(place, inner, "bin", "python")
    for place in _conda(home):
        yield "conda", os.path.join(place, "bin", "python")
    if (python := shutil.which("python3", path=path)) is not None:
        yield "system", python


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(one.name for one in entries if one.is_dir())[:500]
    except OSError:
        return []


def _conda(home: str) -> list[str]:
    """The environments that conda has written down."""
    try:
        with open(os.path.join(home, ".conda", "environments.txt")) as file:
            lines = file.read(64 * 1024).splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in lines if line.startswith("/")]


def _about(path: str) -> dict[str, Any] | None:
    try:
        done = subprocess.run(
            [path, "-c", _ABOUT], capture_output=True, stdin=subprocess.DEVNULL, timeout=ASK_S, check=True
        )
        version, has = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    fix = None if has else f"{path} -m pip install ipykernel"
    return {"version": str(version), "ipykernel": bool(has), "fix": fix}
