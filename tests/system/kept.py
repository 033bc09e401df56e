"""Packages that tests fetch are kept from run to run: a user's server has a cache, that of a test is new."""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "launchyard"


def keep_packages(state: Path) -> None:
    """Of our own user, before the first set-up of this state directory."""
    kept, own = CACHE / "tests-uv", state / "environments" / str(os.getuid())
    kept.mkdir(parents=True, exist_ok=True)
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    (own / "uv").symlink_to(kept)
