"""Private TMPDIRs that were left empty, kept for the next launch of the same user.

To move a directory costs a fifth of removing one and making another. Spares lie in a directory of the
launcher's own, where nobody else reaches them by a path; a user's directory is only looked into there, since
a file system that somebody mounted on it cannot be moved.
"""

import contextlib
import os
import stat

SPARES_MAX = 64


class Spares:
    """By user. None of them outlives the launcher."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._of: dict[int, list[str]] = {}
        self._count = 0
        self._made = 0

    def begin(self) -> list[str]:
        """Remove what an earlier launcher left; gives the paths of those that are not empty."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._path, 0o700)
        left = []
        for name in os.listdir(self._path):
            path = f"{self._path}/{name}"
            try:
                os.rmdir(path)
            except OSError:
                left.append(path)
            self._made = max(self._made, int(name) if name.isdigit() else 0)
        return left

    def take(self, uid: int, path: str) -> str:
        """Move a spare of the user to `path`, if there is one; answers `path`."""
        of_user = self._of.get(uid)
        if of_user:
            self._count -= 1
            with contextlib.suppress(OSError):
                os.rename(of_user.pop(), path)
        return path

    def give(self, uid: int, path: str) -> bool:
        """Keep or remove a launch's directory; False: it is not empty, or cannot be moved."""
        spare = f"{self._path}/{self._made + 1}"
        try:
            if self._count >= SPARES_MAX:
                os.rmdir(path)
                return True
            os.rename(path, spare)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        self._made += 1
        if _as_made(spare, uid):
            self._of.setdefault(uid, []).append(spare)
            self._count += 1
            return True
        try:
            os.rmdir(spare)
        except OSError:
            with contextlib.suppress(OSError):
                # Else it stays where nobody looks, until the next launcher begins.
                os.rename(spare, path)
            return False
        return True


def _as_made(path: str, uid: int) -> bool:
    """Whether it is empty, the user's, and nobody else's to enter."""
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        return (found.st_mode, found.st_uid) == (stat.S_IFDIR | 0o700, uid) and not os.listdir(path)
    return False
