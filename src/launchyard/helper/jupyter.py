"""What a running Jupyter says by its API: which notebooks are open, with which kernel, since when quiet.

Asked as its user, over its own socket. It knows of kernels and files; what is typed in a browser and neither
run nor saved it does not know.
"""

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from launchyard.launcher.messages import Message

ANSWER_S = 5.0
SIZE_MAX = 4 << 20


class JupyterSilent(Exception):
    """It does not answer, or not as Jupyter does; the text is one clause."""


class Kernel(NamedTuple):
    """The kernel of an open notebook. `active_at`: when it last did something, None where it is not told."""

    name: str
    state: str
    active_at: float | None


class Jupyter:
    """One running server. `target`: `{"unix": path}` or `{"tcp": port}`, `base` its path and a `/`."""

    def __init__(self, order: Message) -> None:
        self._target = order["target"]
        self._base = order["base"]
        self._headers: Mapping[str, str] = order["headers"]

    def open_notebooks(self, root: str) -> dict[str, Kernel]:
        """By absolute path; `root` is the directory that it shows."""
        found: dict[str, Kernel] = {}
        for one in _tables(self._get("api/sessions")):
            kernel, path = one.get("kernel"), one.get("path")
            if isinstance(kernel, dict) and isinstance(path, str) and path.endswith(".ipynb"):
                found[os.path.normpath(os.path.join(root, path))] = Kernel(
                    str(kernel.get("name") or ""),
                    str(kernel.get("execution_state") or "unknown"),
                    _moment(kernel.get("last_activity")),
                )
        return found

    def kernels(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """(the name of the default one, all specifications by name)"""
        said = self._get("api/kernelspecs")
        specs = said.get("kernelspecs") if isinstance(said, dict) else None
        if not isinstance(specs, dict):
            raise JupyterSilent("it does not say which kernels it has")
        found = {name: one["spec"] for name, one in specs.items() if isinstance(one.get("spec"), dict)}
        return str(said.get("default") or ""), found

    def edited(self, workspace: str) -> dict[str, Any]:
        """What the page last said of its unsaved notebooks; empty where it says nothing."""
        try:
            said = self._get(f"lab/api/workspaces/{quote(workspace, safe='')}")
        except JupyterSilent:
            return {}
        data = said.get("data") if isinstance(said, dict) else None
        return data if isinstance(data, dict) else {}

    def _get(self, path: str) -> Any:
        connection = _Connection(self._target)
        try:
            connection.request("GET", f"{self._base}{path}", headers={"Host": "localhost", **self._headers})
            answer = connection.getresponse()
            text = answer.read(SIZE_MAX)
            if answer.status != 200:
                raise JupyterSilent(f"it answers {answer.status} to {path}")
            return json.loads(text)
        except (OSError, http.client.HTTPException) as error:
            raise JupyterSilent(f"it does not answer: {error}") from None
        except ValueError:
            raise JupyterSilent(f"it does not answer {path} as Jupyter does") from None
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over either kind of socket."""

    def __init__(self, target: Mapping[str, Any]) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._to = target

    def connect(self) -> None:
        if "unix" in self._to:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(ANSWER_S)
            self.sock.connect(self._to["unix"])
        else:
            self.sock = socket.create_connection(("127.0.0.1", self._to["tcp"]), ANSWER_S)


def _tables(value: Any) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _moment(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
