"""Starts the launcher of a state directory by itself, as a service of its own (`ly admin install`).

The daemon finds it there. It is left in the background, and this returns once it listens.
"""

import argparse
import os
import sys
from pathlib import Path

from launchyard import config
from launchyard.daemonuser import daemon_user
from launchyard.engine.keeper import launch_keeper
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.statedir import Owner, StateDir
from launchyard.store.filesystem import refuse_network_file_system


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m launchyard.launcherservice")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--config", type=Path)
    options = parser.parse_args(arguments)
    try:
        _start(options.state, options.config)
    except LaunchyardError as error:
        print(f"ly: {error}", file=sys.stderr)
        return 2 if isinstance(error, Invalid) else 1
    return 0


def _start(named: Path | None, config_file: Path | None) -> None:
    root = os.geteuid() == 0
    settings = config.load(config_file, root=root, environ=dict(os.environ))
    state = StateDir((named or settings.state).resolve())
    refuse_network_file_system(state.path)
    owner = daemon_user(settings.daemon_user) if root else Owner(uid=os.geteuid(), gid=os.getegid())
    state.prepare(owner)
    launch_keeper(
        state.path,
        daemon_uid=owner.uid,
        allow_root_jobs=settings.allow_root_jobs,
        service=True,
        site=settings.service.hooks,
    )
    _say_pid(state.path / "launcher")


def _say_pid(folder: Path) -> None:
    """For systemd, which removes this file when the service ends: it cannot be the lock."""
    half = folder / "service.pid.new"
    half.write_text((folder / "lock").read_text().split()[0] + "\n")
    half.replace(folder / "service.pid")


if __name__ == "__main__":
    sys.exit(main())
