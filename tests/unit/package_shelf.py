"""A stand-in for a server's packages: keeps what comes, and loses connections when told to."""

import hashlib
import json
import re
from typing import Any

from tests.unit.canned_server import Handler

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Shelf(dict[tuple[str, str], Any]):
    """Answers of a canned server, packages among them. `cuts`: so many uploads lose half of their bytes."""

    def __init__(self, cuts: int = 0) -> None:
        super().__init__()
        self.cuts = cuts
        self.kept: dict[str, bytes] = {}
        self.complete: set[str] = set()

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        method, path = key
        if path.startswith("/v1/packages/"):
            return self._get if method == "GET" else self._put
        if path.startswith("/api/packages/gcs/"):
            return self._get_named if method == "GET" else self._put_named
        return super().get(key, default)

    def _get(self, handler: Handler) -> None:
        name = handler.path.rpartition("/")[2]
        if name not in self.kept:
            handler.send_problem(404, f"there is no package {name}", "not-found")
            return
        self._tell(handler, name)

    def _put(self, handler: Handler) -> None:
        name, have = handler.path.rpartition("/")[2], b""
        range_ = _RANGE.fullmatch(handler.headers.get("Content-Range") or "")
        total = int(range_[3]) if range_ else len(handler.body)
        if range_ and int(range_[1]):
            have = self.kept.get(name, b"")
            if int(range_[1]) != len(have):
                handler.send_problem(409, f"the upload goes on at {len(have)}", "conflict")
                return
        if self.cuts:
            self.cuts -= 1
            self.kept[name] = have + handler.body[: len(handler.body) // 2]
            handler.cut()
            return
        self.kept[name] = have + handler.body
        if len(self.kept[name]) == total:
            assert hashlib.sha256(self.kept[name]).hexdigest() == name.partition(".")[0]
            self.complete.add(name)
        self._tell(handler, name)

    def _get_named(self, handler: Handler) -> None:
        known = handler.path.rpartition("/")[2] in self.kept
        handler.send(200 if known else 404, b"" if known else b"Package does not exist", "text/plain")

    def _put_named(self, handler: Handler) -> None:
        self.kept[handler.path.rpartition("/")[2]] = handler.body
        handler.send(200, b"", "text/plain")

    def _tell(self, handler: Handler, name: str) -> None:
        told = {"name": name, "received": len(self.kept[name]), "complete": name in self.complete}
        handler.send(200, json.dumps(told).encode())
