"""Packages that tests fetch are kept from run to run: a user's server has a cache, that of a test is new."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "launchyard"


def fetch_packages(uv: Path, packages: Sequence[str], target: Path) -> None:
    """So that they are kept for those who reach no index; `target` is for what is not needed here."""
    command = [str(uv), "pip", "install", "-q", "--python", "/usr/bin/python3"]
    command += ["--target", str(target), *packages]
    environment = {**os.environ, "UV_CACHE_DIR": str(CACHE / "tests-uv"), "UV_LINK_MODE": "copy"}
    subprocess.run(command, env=environment, check=True, timeout=600)


def keep_packages(state: Path) -> None:
    """Of our own user, before the first set-up of this state directory."""
    keep_packages_in(state / "environments")


def keep_packages_in(environments: Path) -> None:
    """The same, of a launcher somewhere."""
    kept, own = CACHE / "tests-uv", environments / str(os.getuid())
    kept.mkdir(parents=True, exist_ok=True)
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (own / "uv").is_symlink():
        (own / "uv").symlink_to(kept)
