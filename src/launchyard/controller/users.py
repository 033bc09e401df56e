"""Who a uid is on this machine: looked up in a thread (the directory may be slow), then remembered."""

import asyncio
import grp
import os
import pwd
from dataclasses import dataclass

REMEMBER_MAX = 10_000


@dataclass(frozen=True, slots=True)
class UserEntry:
    """What the password and group databases say of a user."""

    name: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()
    gid: int | None = None


class Users:
    """`entry` never blocks: it knows what `load` has brought in."""

    def __init__(self) -> None:
        self._entries: dict[int, UserEntry] = {}

    def entry(self, uid: int) -> UserEntry | None:
        return self._entries.get(uid)

    async def is_known(self, name: str) -> bool:
        """Whether somebody has this name."""
        if any(entry.name == name for entry in self._entries.values()):
            return True
        return await asyncio.to_thread(_is_name, name)

    async def refresh(self) -> None:
        """Look everybody up again: groups may have changed."""
        for uid in list(self._entries):
            found = await asyncio.to_thread(_look_up, uid)
            if found is not None:
                self._entries[uid] = found

    async def load(self, uid: int) -> UserEntry | None:
        """Look the user up once; None when there is none."""
        if uid not in self._entries:
            found = await asyncio.to_thread(_look_up, uid)
            if found is None:
                return None
            if len(self._entries) >= REMEMBER_MAX:
                self._entries.clear()
            self._entries[uid] = found
        return self._entries[uid]


def _is_name(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError):
        return False
    return True


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
