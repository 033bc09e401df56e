"""Accounts that children have looked up, kept for a moment so that a thousand launches ask once."""

import os

from launchyard.launcher.child import User
from launchyard.launcher.kernel import boot_clock

_KEPT_S = 10.0
_FILES = ("/etc/passwd", "/etc/group")


class Users:
    """By uid. Forgets after some seconds, and at once when the machine's own files change."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, User]] = {}
        self._files: tuple[int, ...] = ()

    def get(self, uid: int) -> User | None:
        """None: not known (any more); the child finds out and tells."""
        files = tuple(_changed_ns(path) for path in _FILES)
        if files != self._files:
            self._files = files
            self._known.clear()
        since, user = self._known.get(uid, (0.0, None))
        return user if user is not None and boot_clock() - since < _KEPT_S else None

    def put(self, fields: list[object]) -> None:
        """What a child reported while it still had the launcher's rights."""
        name, uid, gid, home, groups = fields
        assert isinstance(uid, int)
        assert isinstance(gid, int)
        assert isinstance(groups, list)
        self._known[uid] = (boot_clock(), User(str(name), uid, gid, str(home), tuple(groups)))


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
