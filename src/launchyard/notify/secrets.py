"""Secrets of the site, each in a file that nobody else can read."""

import os
import stat
from pathlib import Path

from launchyard.model.errors import Invalid

SIZE_MAX = 4096


def read_secret(path: Path) -> str:
    """Its text without spaces around it. Raises `Invalid`, never with what is in it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Invalid(
            f"the secret {path} cannot be read: {(error.strerror or str(error)).lower()}; "
            f"it must belong to the user that the server runs as"
        ) from None
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Invalid(f"the secret {path} is not a file; write the secret into a file of its own")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise Invalid(f"others may read the secret {path} (mode {mode:o}); run: chmod 600 {path}")
        try:
            text = file.read(SIZE_MAX).decode().strip()
        except UnicodeDecodeError:
            raise Invalid(f"the secret {path} is not text; write it anew") from None
    if not text or not text.isprintable():
        raise Invalid(f"the secret {path} is empty or has more than one line; write the secret alone into it")
    return text
