"""Programs of the site that are run around jobs, and who may have written them.

Stands alone, as the launcher does: the daemon and `ly` use `refusal` too.
"""

import os
import stat


def refusal(path: str) -> str | None:
    """Why a program is not run: somebody else could have written it, or swap it from a directory above.

    It and all above belong to root or to us, and no group and nobody else may write there. In a sticky
    directory such as /tmp nobody swaps what belongs to another.
    """
    try:
        real = os.path.realpath(path, strict=True)
        found = os.stat(real)
        if not stat.S_ISREG(found.st_mode):
            return f"{path} is not a program"
        if not found.st_mode & 0o111:
            return f"{path} cannot be executed; run: chmod +x {path}"
        while True:
            sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
            if found.st_uid not in (0, os.geteuid()):
                return f"{real} belongs to uid {found.st_uid}; run: chown root {real}"
            if found.st_mode & 0o022 and not sticky:
                return (
                    f"others may write {real} (mode {stat.S_IMODE(found.st_mode):o}); run: chmod go-w {real}"
                )
            if real == "/":
                return None
            real = os.path.dirname(real)
            found = os.stat(real)
    except OSError as error:
        return f"{path} cannot be looked at: {(error.strerror or str(error)).lower()}"
