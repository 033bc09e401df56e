"""The orders about files: one answer each, or bytes through a socket that came with the order.

Every order names the folders that may be opened (`roots`); a path is absolute. What goes wrong goes back as
an error number, from which the daemon makes the sentence.
"""

import base64
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Any

from launchyard.helper import contents, folders, uploads
from launchyard.launcher.messages import Message

Answer = Callable[[Message], None]


class Files:
    """Does one order at a time a thread."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._known: dict[str, Callable[[Message], dict[str, Any]]] = {
            "about": lambda o: folders.about(o["path"], o["roots"]),
            "look_at": lambda o: {"rows": folders.look_at(o["path"], o["roots"], o["names"])},
            "read": lambda o: contents.read(o["path"], o["roots"], o["limit"]),
            "save": _save,
            "make_folder": _make_folder,
            "move": lambda o: {"name": folders.move(o["path"], o["to"], o["roots"], o["conflict"])},
            "remove": _remove,
            "upload_state": lambda o: uploads.state(o["path"], o["roots"], o["number"]),
            "upload": _upload,
            "upload_drop": _drop,
        }

    def do(self, order: Message) -> None:
        """Called in a thread of its own. Raises OSError, ValueError."""
        try:
            told = self._known[order["do"]](order)
        except RecursionError:
            raise OSError(errno.ENAMETOOLONG, "its folders lie too deep") from None
        self._answer({"t": "file", "id": order["id"], **told})

    def send(self, order: Message, fd: int) -> None:
        """A file, several packed as one, or a folder's rows, as bytes into the socket `fd`; then `done`."""

        def begin(known: dict[str, Any]) -> None:
            self._answer({"t": "begun", "id": order["id"], **known})

        with socket.socket(fileno=fd) as out, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if order["do"] == "list":
                _list(order, begin, out)
            elif order["do"] == "pack":
                contents.pack(order["paths"], order["roots"], begin, out)
            else:
                contents.send(order["path"], order["roots"], order["offset"], order["length"], begin, out)
        self._answer({"t": "done", "id": order["id"]})


def _list(order: Message, begin: contents.Begin, out: socket.socket) -> None:
    found = folders.about(order["path"], order["roots"])
    rows = folders.list_folder(order["path"], order["roots"], order["most"], order["look_s"])
    begin({**found, "complete": len(rows) < order["most"]})
    folders.send_rows(rows, out)


def _save(order: Message) -> dict[str, Any]:
    data = base64.b64decode(order["data"])
    return {"version": contents.save(order["path"], order["roots"], data, order["version"])}


def _make_folder(order: Message) -> dict[str, Any]:
    folders.make_folder(order["path"], order["roots"])
    return {}


def _remove(order: Message) -> dict[str, Any]:
    failed: list[dict[str, Any]] = []
    gone = folders.remove_all(
        order["paths"],
        order["roots"],
        lambda path, error: failed.append({"path": path, "errno": error.errno or 0, "why": error.strerror}),
    )
    return {"removed": gone, "failed": failed}


def _upload(order: Message) -> dict[str, Any]:
    return uploads.put(
        order["path"],
        order["roots"],
        order["number"],
        offset=order["offset"],
        size=order["size"],
        data=base64.b64decode(order["data"]),
        conflict=order["conflict"],
    )


def _drop(order: Message) -> dict[str, Any]:
    uploads.drop(order["path"], order["roots"], order["number"])
    return {}
