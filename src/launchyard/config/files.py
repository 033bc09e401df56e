"""The text of a configuration file; for root only where nobody else could have written it."""

import grp
import os
import pwd
import stat
from pathlib import Path

from launchyard.launcher.trail import is_loose, trail
from launchyard.model.errors import Invalid

SIZE_MAX = 1 << 20
USUAL_PATH = "/etc/launchyard/config.toml"


class Unreadable(Invalid):
    """The file is closed to the daemon, which root has read it for at its start, and will at the next one."""


def read_text(path: Path, root: bool) -> str:
    """Raises `Invalid`; `FileNotFoundError` where there is none."""
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as file:
            if root:
                _refuse_writable_by_others(path)
            data = file.read(SIZE_MAX + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        if root and os.geteuid() != 0 and isinstance(error, PermissionError):
            raise Unreadable(_closed(path)) from None
        raise Invalid(f"cannot read the configuration {path}: {error.strerror}") from None
    if len(data) > SIZE_MAX:
        raise Invalid(f"the configuration {path} is larger than 1 MiB; is it the right file?")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid(f"the configuration {path} is not UTF-8 text; is it the right file?") from None


def _closed(path: Path) -> str:
    """Whom the file, or a directory above it, is closed to, and what opens it."""
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    for part in reversed(path.absolute().parents):
        if not os.access(part, os.X_OK):
            return (
                f"the server runs as {user}, which may not enter {part} (mode {_mode(part)}), so it cannot "
                f"read {path} again; move the configuration to where it may, such as {USUAL_PATH}"
            )
    return (
        f"the server runs as {user}, which may not read {path} again (mode {_mode(path)}); "
        f"run: chgrp {group} {path} && chmod g+r {path}"
    )


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def _refuse_writable_by_others(path: Path) -> None:
    """Whoever may write the file, or swap it or a link to it from a directory above, would command root."""
    for part, status in reversed(trail(str(path))):
        if status.st_uid != 0:
            raise Invalid(
                f"root does not read {path}: {part} belongs to uid {status.st_uid}; run: chown -h root {part}"
            )
        if is_loose(status):
            mode = stat.S_IMODE(status.st_mode)
            raise Invalid(
                f"root does not read {path}: others may write {part} (mode {mode:o}); run: chmod go-w {part}"
            )
