"""What the engine has to know after a restart: its key, and which launchers were on which nodes.

A launcher keeps an epoch for as long as its journal is the same. While every node that we had comes back with
the epoch it had, a launch that none of them knows was lost on the way and may be ordered again; as soon as
one comes back with another, that cannot be said any more, and the engine's own epoch is another too.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from launchyard.agent.seal import KEY_BYTES
from launchyard.model.node import Node

_NODE = ("name", "cpus", "memory_mib", "gpus", "gpu_type", "cluster", "pinned", "features")


class Remembered:
    """Files in the engine's own directory, each written whole."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "nodes.json"
        self._key_path = directory / "key"
        found = self._read()
        self.epoch: str = found.get("epoch") or secrets.token_hex(8)
        self.nodes: dict[str, dict[str, Any]] = found.get("nodes", {})
        """By name: `node` as it was, `epoch` of its launcher; "": it failed, and what it had is given up."""

    def key(self) -> bytes:
        """That by which this daemon's nodes know it; made when it is first asked for."""
        try:
            return self._key_path.read_bytes()
        except FileNotFoundError:
            key = secrets.token_bytes(KEY_BYTES)
            _write(self._key_path, key)
            return key

    def expected(self) -> set[str]:
        """Nodes on which there may be launches."""
        return {name for name, one in self.nodes.items() if one["epoch"]}

    def is_new(self, name: str) -> bool:
        """There is nothing on it that anybody may still wait for."""
        return not self.nodes.get(name, {}).get("epoch")

    def is_same(self, name: str, epoch: str) -> bool:
        return bool(self.nodes.get(name, {}).get("epoch") == epoch)

    def came(self, node: Node, epoch: str) -> None:
        """A node is there with this launcher. One with another launcher than before makes a new epoch."""
        if not self.is_new(node.name) and not self.is_same(node.name, epoch):
            self.epoch = secrets.token_hex(8)
        kept = {key: value for key, value in asdict(node).items() if key in _NODE}
        kept["features"] = list(node.features)
        before, self.nodes[node.name] = self.nodes.get(node.name), {"epoch": epoch, "node": kept}
        if before != self.nodes[node.name]:
            self._save()

    def failed(self, name: str) -> None:
        """What was on it is given up."""
        if not self.is_new(name):
            self.nodes[name]["epoch"] = ""
            self._save()

    def model(self, name: str) -> Node:
        """The node as it was when it was last there."""
        kept = self.nodes[name]["node"]
        return Node(**{**kept, "features": tuple(kept.get("features", ()))})

    def _read(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _save(self) -> None:
        _write(self._path, json.dumps({"epoch": self.epoch, "nodes": self.nodes}).encode())


def yard_of(key: bytes) -> str:
    """What the nodes call the daemon that has it."""
    return hashlib.sha256(b"yard" + key).hexdigest()[:8]


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, for us alone."""
    making = path.with_name(f"{path.name}.new")
    making.unlink(missing_ok=True)
    fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    making.rename(path)
