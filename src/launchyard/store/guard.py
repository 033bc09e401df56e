"""The number of the newest durable change and the next job id, in a small file beside the database.

SQLite takes a damaged or missing write-ahead log for a log that ends there, and silently forgets the commits
behind it. This file tells: it is written after each commit, so it never runs ahead of what is durable, and a
database that ends before it has lost something. It is not flushed (a power cut may leave an older number,
which is still true), so it costs some ten microseconds a commit.
Why: docs/decisions/0004-lost-commits-are-noticed.md.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LINE = "launchyard {database} {seq:020} {next_job_id:020}\n"
_PATTERN = re.compile(rb"launchyard ([0-9a-f]{32}) ([0-9]{20})(?: ([0-9]{20}))?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which database it guards and what it had reached. `next_job_id` 0: an older version wrote it."""

    database: str
    seq: int
    next_job_id: int


class Guard:
    """The open file; `keep` is called by the writer after each commit."""

    def __init__(self, path: Path, database: str, seq: int, next_job_id: int) -> None:
        self._database = database
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.keep(seq, next_job_id)
        os.fsync(self._fd)

    def keep(self, seq: int, next_job_id: int) -> None:
        # The change is durable by now; a guard that cannot be written is only weaker.
        with suppress(OSError):
            line = _LINE.format(database=self._database, seq=seq, next_job_id=next_job_id)
            os.pwrite(self._fd, line.encode(), 0)

    def close(self) -> None:
        os.close(self._fd)


def read(path: Path) -> Kept | None:
    """None when it is not there or not readable."""
    try:
        match = _PATTERN.fullmatch(path.read_bytes())
    except OSError:
        return None
    if match is None:
        return None
    return Kept(database=match[1].decode(), seq=int(match[2]), next_job_id=int(match[3] or 0))
