"""Who a uid is on this machine: looked up in a thread (the directory may be slow), and kept for a while.

A user who is deleted there, or in other groups, is so here within that while.
"""

import asyncio
import grp
import os
import pwd
import time
from collections.abc import Callable
from dataclasses import dataclass

REMEMBER_MAX = 10_000
FRESH_S = 30.0


@dataclass(frozen=True, slots=True)
class UserEntry:
    """What the password and group databases say of a user."""

    name: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()
    gid: int | None = None


class Users:
    """`entry` never blocks: it knows what `load` has brought in, however long ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[int, UserEntry] = {}
        self._looked_up_at: dict[int, float] = {}

    def entry(self, uid: int) -> UserEntry | None:
        return self._entries.get(uid)

    def fresh(self, uid: int) -> UserEntry | None:
        """The same, if it was looked up lately."""
        late = self._clock() - self._looked_up_at.get(uid, -FRESH_S) >= FRESH_S
        return None if late else self._entries.get(uid)

    async def uid_of(self, name: str) -> int | None:
        """Whose name this is, as it is now."""
        return await asyncio.to_thread(_uid_of, name)

    async def is_known(self, name: str) -> bool:
        """Whether somebody has this name."""
        if any(entry.name == name and self.fresh(uid) for uid, entry in self._entries.items()):
            return True
        return await self.uid_of(name) is not None

    async def refresh(self) -> None:
        """Look everybody up again: groups may have changed."""
        for uid in list(self._entries):
            await self._look_up(uid)

    async def load(self, uid: int) -> UserEntry | None:
        """Look the user up, unless that was done lately; None when there is none."""
        return self.fresh(uid) or await self._look_up(uid)

    async def _look_up(self, uid: int) -> UserEntry | None:
        found = await asyncio.to_thread(_look_up, uid)
        if found is None:
            self._entries.pop(uid, None)
            self._looked_up_at.pop(uid, None)
            return None
        if len(self._entries) >= REMEMBER_MAX and uid not in self._entries:
            self._entries.clear()
            self._looked_up_at.clear()
        self._looked_up_at[uid] = self._clock()
        if self._entries.get(uid) != found:
            # The same entry stays the same object: what was derived from it is kept by it.
            self._entries[uid] = found
        return self._entries[uid]


def _uid_of(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def _look_up(uid: int) -> UserEntry | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    groups = tuple(name for gid in _group_ids(entry) if (name := _group(gid)) is not None)
    return UserEntry(entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh", groups, entry.pw_gid)


def _group_ids(entry: pwd.struct_passwd) -> list[int]:
    try:
        return os.getgrouplist(entry.pw_name, entry.pw_gid)
    except OSError:
        return [entry.pw_gid]


def _group(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None
