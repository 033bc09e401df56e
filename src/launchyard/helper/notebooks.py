"""Notebooks of a session, looked at as its user: which there are, what one asks for, what its kernel has.

A notebook is never run here. The packages of a kernel are asked of its own Python, with a time limit.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from launchyard.helper.jupyter import Jupyter, JupyterSilent, Kernel
from launchyard.launcher.messages import Message
from launchyard.model import notebook
from launchyard.model.errors import Invalid

LISTED_MAX = 200
TAIL_BYTES = 8192
LOOKED_AT_MAX = 50_000
LOOK_S = 2.0
SIZE_MAX = 64 << 20
TEXT_MAX = 4 << 20
PROBE_S = 20.0
SETTLE_S = 2.0
"""So much later than its file a kernel's last word may be and mean nothing."""

_NOT_ENTERED = frozenset({"node_modules", "__pycache__", "site-packages", "proc", "sys", "dev"})
_NATIVE = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3",
    "language": "python",
}
"""What Jupyter takes where nothing else is said."""
_PROBE = r"""
import importlib.metadata, importlib.util, json, os, sys
names = json.loads(sys.stdin.read())
sys.path.insert(0, os.getcwd())
def there(name):
    try:
        return name in sys.builtin_module_names or importlib.util.find_spec(name) is not None
    except Exception:
        return True
def facts(one):
    url = json.loads(one.read_text("direct_url.json") or "{}")
    return {"name": one.metadata["Name"], "version": one.version,
            "asked": one.read_text("REQUESTED") is not None, "url": url.get("url"),
            "editable": bool(url.get("dir_info", {}).get("editable")),
            "own": str(one.locate_file("")).startswith(sys.prefix)}
found = [facts(one) for one in importlib.metadata.distributions() if one.metadata["Name"]]
print(json.dumps({"packages": found, "missing": [name for name in names if not there(name)],
                  "prefix": sys.prefix, "version": sys.version.split()[0]}))
"""


class Seen(NamedTuple):
    """A notebook's file."""

    path: str
    modified_at: float
    size: int


def notebooks(order: Message) -> Message:
    """Those below the session's directory, and those that are open in it, the last edited first."""
    opened, silent = _opened(order)
    found, whole = look(order["root"], set(opened))
    edited = _edited(order)
    listed = [
        {
            "path": one.path,
            "modified_at": one.modified_at,
            "size": one.size,
            "made": _is_made(one.path),
            **_open_json(one, opened.get(one.path), silent, edited),
        }
        for one in sorted(found, key=lambda one: -one.modified_at)[:LISTED_MAX]
    ]
    return {
        "t": "notebooks",
        "id": order["id"],
        "notebooks": listed,
        "whole": whole and len(found) <= LISTED_MAX,
        "silent": silent,
    }


def one_notebook(order: Message) -> Message:
    """All that has to be known before one is run as a batch job."""
    path = os.path.normpath(os.path.join(order["root"], order["path"]))
    seen = _seen(path)
    if seen.size > SIZE_MAX:
        raise ValueError(f"it is larger than {SIZE_MAX >> 20} MiB; clear its outputs")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    opened, silent = _opened(order)
    told: dict[str, Any] = {
        "t": "notebook",
        "id": order["id"],
        "path": path,
        "modified_at": seen.modified_at,
        "size": seen.size,
        **_open_json(seen, opened.get(path), silent, _edited(order)),
    }
    try:
        read = notebook.read(text, os.path.basename(path), imports=True)
    except Invalid as error:
        return {**told, "invalid": str(error)}
    bare = json.dumps(dict(read.content), ensure_ascii=False)
    if len(bare) > TEXT_MAX:
        raise ValueError(f"without its outputs it is larger than {TEXT_MAX >> 20} MiB; take out attachments")
    kernel = _kernel(order, read, opened.get(path), silent)
    return {**told, "text": bare, "kernel": kernel, **_packages(kernel, read, os.path.dirname(path))}


def look(root: str, known: set[str]) -> tuple[list[Seen], bool]:
    """(the notebooks below `root` and the `known` ones, whether all was looked at).

    The nearest directories first; hidden ones, environments and links are not entered.
    """
    found = {path: seen for path in known if (seen := _there(path)) is not None}
    places, until, looked = deque([root]), time.monotonic() + LOOK_S, 0
    while places:
        if time.monotonic() > until or looked > LOOKED_AT_MAX:
            return list(found.values()), False
        for entry in _entries(places.popleft()):
            looked += 1
            if entry.name.endswith(".ipynb") and entry.is_file():
                facts = entry.stat()
                found[entry.path] = Seen(entry.path, facts.st_mtime, facts.st_size)
            elif entry.is_dir(follow_symlinks=False) and _entered(entry):
                places.append(entry.path)
    return list(found.values()), True


# -- inside


def _entries(place: str) -> Iterator["os.DirEntry[str]"]:
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                with contextlib.suppress(OSError):
                    yield entry


def _entered(entry: "os.DirEntry[str]") -> bool:
    return entry.name not in _NOT_ENTERED and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _seen(path: str) -> Seen:
    facts = os.stat(path)
    return Seen(path, facts.st_mtime, facts.st_size)


def _there(path: str) -> Seen | None:
    try:
        return _seen(path)
    except OSError:
        return None


def _is_made(path: str) -> bool:
    """Whether it is what a run wrote: papermill says so in its metadata, which are last in the file."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return b'"papermill": {' in file.read(TAIL_BYTES)
    return False


def _opened(order: Message) -> tuple[dict[str, Kernel], str | None]:
    """(open notebooks with their kernels, why Jupyter could not be asked)"""
    if order.get("target") is None:
        return {}, order["silent"]
    try:
        return Jupyter(order).open_notebooks(order["root"]), None
    except JupyterSilent as error:
        return {}, str(error)


def _edited(order: Message) -> Mapping[str, Any]:
    return {} if order.get("target") is None else Jupyter(order).edited(order["workspace"])


def _open_json(
    seen: Seen, kernel: Kernel | None, silent: str | None, edited: Mapping[str, Any]
) -> dict[str, Any]:
    """What tells whether its file is what its person sees."""
    told: dict[str, Any] = {"open": kernel is not None, "kernel_state": None, "active_at": None, "page": None}
    if kernel is not None:
        told |= {"kernel_state": kernel.state, "active_at": kernel.active_at}
        told["ran_since"] = kernel.active_at is not None and kernel.active_at > seen.modified_at + SETTLE_S
    pages = edited.get("launchyard:unsaved")
    if isinstance(pages, dict) and isinstance(pages.get("at"), int | float):
        told["page"] = _page(seen.path, pages)
    return {**told, "asked": silent is None}


def _page(path: str, said: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the page of JupyterLab said of one notebook; None: it is not open there."""
    unsaved, opened = (_named(path, said.get(key)) for key in ("paths", "opened"))
    return {"at": said["at"] / 1000, "unsaved": unsaved} if opened or unsaved else None


def _named(path: str, paths: Any) -> bool:
    return isinstance(paths, list) and any(path.endswith(f"/{one}") for one in paths)


def _kernel(
    order: Message, read: notebook.Notebook, opened: Kernel | None, silent: str | None
) -> dict[str, Any]:
    """The kernel that it would run with: that which it has now, else the one that it names."""
    default, specs = "", dict[str, dict[str, Any]]()
    if silent is None:
        with contextlib.suppress(JupyterSilent):
            default, specs = Jupyter(order).kernels()
    specs = specs or _specs_on_disk(order["prefix"])
    name = (opened.name if opened is not None else "") or read.kernel or default or "python3"
    spec = specs.get(name)
    told = {"name": name, "title": read.kernel_title or name, "language": read.language, "spec": spec}
    if spec is None:
        return {**told, "known": sorted(specs), "python": None, "own": False}
    python = _python_of(spec, order["prefix"])
    own = python is not None and order["prefix"] is not None and python.startswith(f"{order['prefix']}/")
    return {**told, "title": str(spec.get("display_name") or name), "python": python, "own": own}


def _specs_on_disk(prefix: str | None) -> dict[str, dict[str, Any]]:
    """Where Jupyter looks for kernels, the first place first."""
    home = os.environ.get("JUPYTER_DATA_DIR") or os.path.expanduser("~/.local/share/jupyter")
    places = [home, *([f"{prefix}/share/jupyter"] if prefix else []), "/usr/local/share/jupyter"]
    specs: dict[str, dict[str, Any]] = {}
    for place in [*places, "/usr/share/jupyter"]:
        for entry in _entries(os.path.join(place, "kernels")):
            with contextlib.suppress(OSError, ValueError), open(f"{entry.path}/kernel.json") as file:
                specs.setdefault(entry.name.lower(), json.load(file))
    if prefix is not None:
        specs.setdefault("python3", dict(_NATIVE))
    return specs


def _python_of(spec: Mapping[str, Any], prefix: str | None) -> str | None:
    """The Python that a kernel runs in; None of a kernel that is no Python."""
    argv = spec.get("argv")
    if not isinstance(argv, list) or not argv or spec.get("language", "python") != "python":
        return None
    word = str(argv[0])
    if os.path.basename(word) == word:
        # Jupyter takes this for the Python that it runs in itself.
        return os.path.join(prefix, "bin", "python") if prefix else shutil.which(word)
    return word


def _packages(kernel: Mapping[str, Any], read: notebook.Notebook, folder: str) -> dict[str, Any]:
    """`packages` of the kernel, and the imports that it `missing`s; `unread` says why they are not known."""
    python = kernel["python"]
    if python is None:
        return {"packages": None, "missing": [], "unread": None}
    try:
        said = _probe(python, read.imports, folder)
    except FileNotFoundError:
        gone = "they are gone with the session" if kernel["own"] else f"there is no {python}"
        return {"packages": None, "missing": [], "unread": gone}
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = error.strerror if isinstance(error, OSError) else "it does not say which packages it has"
        return {"packages": None, "missing": [], "unread": f"{python}: {why}"}
    return {"packages": said["packages"], "missing": said["missing"], "unread": None}


def _probe(python: str, modules: Sequence[str], folder: str) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-c", _PROBE],
        input=json.dumps([name for name in modules if name not in sys.stdlib_module_names]),
        capture_output=True,
        text=True,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        timeout=PROBE_S,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said
