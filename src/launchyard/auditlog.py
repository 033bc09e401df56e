"""The audit log: one JSON line an action, in a file of its own that the server's user alone reads.

A line is written by one call before the answer leaves, so it outlives the kill of the server. Lines that find
no room on the disk are counted and told of in the daemon's log. At 10 MiB the file is put aside; the oldest
of twenty goes.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

BYTES_MAX = 10 * 1024 * 1024
KEPT = 20

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class AuditLog:
    """Called with each record; it never raises."""

    def __init__(self, path: Path, *, bytes_max: int = BYTES_MAX, kept: int = KEPT) -> None:
        self._path, self._bytes_max, self._kept = path, bytes_max, kept
        self._fd = -1
        self._size = 0
        self._lost = 0

    def __call__(self, record: Mapping[str, Any]) -> None:
        line = _encode(record) + b"\n"
        try:
            if self._fd < 0 or self._size + len(line) > self._bytes_max:
                self._turn_over()
            self._size += os.write(self._fd, line)
        except OSError as error:
            self._lost += 1
            if self._lost.bit_count() == 1:
                _log.error("%s records were not written to the audit log: %s", self._lost, error.strerror)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _turn_over(self) -> None:
        """Open the file, after it was put aside where it is full."""
        if self._fd >= 0:
            self.close()
            for number in range(self._kept - 1, 0, -1):
                _move(self._aside(number), self._aside(number + 1))
            _move(self._path, self._aside(1))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self._path, flags, 0o600)
        os.fchmod(self._fd, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _move(source: Path, target: Path) -> None:
    if source.exists():
        source.replace(target)
