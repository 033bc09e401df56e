"""How many files may be open at once: each task has some."""

import contextlib
import resource


def allow_many_files() -> None:
    """As many as we may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
