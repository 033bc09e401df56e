"""What administrators look after: who did what, and whether the configuration would do for a start.

Both are read when somebody asks: audit records from their own file, so that they outlive the daemon.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from launchyard.auditlog import AuditLog
from launchyard.config.files import Unreadable
from launchyard.model.errors import LaunchyardError

LOOKED_AT_BYTES = 4 * 1024 * 1024


class Operating:
    """`read_settings` reads the configuration as a start would, and raises what is wrong with it."""

    def __init__(self, log: Path, read_settings: Callable[[], object]) -> None:
        self.record = AuditLog(log)
        """Called with each record."""
        self._log = log
        self._read_settings = read_settings

    def audit(self, most: int) -> list[dict[str, Any]]:
        """The newest records of the log, the newest first. May wait for the disk."""
        found: list[dict[str, Any]] = []
        for path in (self._log, self._log.with_name(f"{self._log.name}.1")):
            found += list(_records(path))
            if len(found) >= most:
                break
        return found[:most]

    def file_state(self) -> dict[str, str | None]:
        """`wire.terminals.ConfigState`: of the configuration file as it is now. May wait for the disk."""
        try:
            self._read_settings()
        except Unreadable as error:
            return {"problem": None, "unread": str(error)}
        except LaunchyardError as error:
            return {"problem": str(error), "unread": None}
        return {"problem": None, "unread": None}


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Of the end of one log, the newest first."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOOKED_AT_BYTES))
            lines = file.read(LOOKED_AT_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in reversed(lines):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record
