"""Who a uid is on this machine: looked up in a thread (the directory may be slow), then remembered."""

import asyncio
import pwd
from dataclasses import dataclass

REMEMBER_MAX = 10_000


@dataclass(frozen=True, slots=True)
class UserEntry:
    """What the password database says of a user."""

    name: str
    home: str
    shell: str


class Users:
    """`entry` never blocks: it knows what `load` has brought in."""

    def __init__(self) -> None:
        self._entries: dict[int, UserEntry] = {}

    def entry(self, uid: int) -> UserEntry | None:
        return self._entries.get(uid)

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


def _look_up(uid: int) -> UserEntry | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return UserEntry(entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh")
