"""What `ly backup` and `ly restore` start: the database into a file while the server works, and back.

A program of its own, beside the composition root: the client knows no store.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from launchyard import config
from launchyard.config import Settings
from launchyard.daemonuser import daemon_user
from launchyard.model.errors import Conflict, Invalid, LaunchyardError
from launchyard.standby import Tenancy, read_password
from launchyard.statedir import Owner, StateDir
from launchyard.store import archive, restoring
from launchyard.store.filesystem import refuse_network_file_system
from launchyard.store.open import back_up as back_up_database
from launchyard.store.protocol import Held
from launchyard.store.restoring import Known, Restored
from launchyard.store.sql import SqlStore


def main(arguments: list[str] | None = None) -> int:
    """One line of JSON: what was done, or what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m launchyard.keeping")
    parser.add_argument("act", choices=("backup", "restore"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--config", type=Path)
    options = parser.parse_args(arguments)
    try:
        root = os.geteuid() == 0
        settings = config.load(options.config, root=root, environ=dict(os.environ))
        state = StateDir((options.state or settings.state).expanduser().resolve())
        act = back_up if options.act == "backup" else restore
        print(json.dumps(act(settings, state, options.file.absolute())))
    except LaunchyardError as error:
        print(json.dumps({"error": str(error), "invalid": isinstance(error, Invalid)}))
        return 1
    return 0


def back_up(settings: Settings, state: StateDir, file: Path) -> Mapping[str, Any]:
    """Whole under its name and on the disk, or not there."""
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _copy(settings, state, half)
        fd = os.open(half, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(fd)
        os.close(fd)
        half.rename(file)
    except (OSError, sqlite3.Error) as error:
        raise Invalid(f"cannot write the backup {file}: {_why(error)}") from None
    finally:
        half.unlink(missing_ok=True)
    return {"file": str(file), "bytes": file.stat().st_size}


def _copy(settings: Settings, state: StateDir, half: Path) -> None:
    if settings.database is None and not state.database.exists():
        raise Invalid(f"there is no database {state.database}; name the state directory with --state")
    secret = settings.database_password_file
    password = None if secret is None else read_password(secret)
    back_up_database(settings.database or state.database, half, password=password)
    archive.check_file(half)


def restore(settings: Settings, state: StateDir, file: Path) -> Mapping[str, Any]:
    """Only while no server works with what is replaced. What was there is moved aside, never removed."""
    refuse_network_file_system(state.path)
    root = os.geteuid() == 0
    owner = daemon_user(settings.daemon_user) if root else Owner(uid=os.geteuid(), gid=os.getegid())
    state.prepare(owner)
    try:
        backup = file.open("rb")
    except OSError as error:
        raise Invalid(f"cannot read the backup {file}: {error.strerror}") from None
    with backup:
        tenancy = Tenancy(settings, state)
        lock = state.lock()
        if root and owner.uid != 0:
            os.fchown(lock, owner.uid, owner.gid)
            os.setgroups([])
            os.setresgid(owner.gid, owner.gid, owner.gid)
            os.setresuid(owner.uid, owner.uid, owner.uid)
        with tempfile.TemporaryDirectory(prefix="restoring-", dir=state.database.parent) as directory:
            copy = Path(directory) / state.database.name
            with copy.open("wb") as target:
                shutil.copyfileobj(backup, target)
            restoring.refuse_other_files(copy)
            if settings.database is None:
                done, aside = _into_file(state.database, copy)
                return {**asdict(done), "aside": aside}
            return {**asdict(_into_postgresql(tenancy, copy)), "aside": None}


def _into_file(database: Path, copy: Path) -> tuple[Restored, str | None]:
    done = restoring.make_ready(copy, restoring.left_of(database))
    old = sorted(database.parent.glob(f"{database.stem}.*"))
    aside = database.parent / f"before-restore-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    if old:
        aside.mkdir(mode=0o700)
        for path in old:
            path.rename(aside / path.name)
    for path in sorted(copy.parent.glob(f"{copy.stem}.*")):
        path.rename(database.with_name(path.name))
    fd = os.open(database.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fsync(fd)
    os.close(fd)
    return done, str(aside) if old else None


def _into_postgresql(tenancy: Tenancy, copy: Path) -> Restored:
    try:
        store = tenancy.open_now()
    except Held as held:
        raise Conflict(f"{str(held).partition(';')[0]}; stop it and those that stand by: ly down") from None
    assert isinstance(store, SqlStore)
    with closing(store):
        known = restoring.known_of(store)
        # Tables that were made just now say nothing of what there was.
        done = restoring.make_ready(copy, known if known.seq else Known())
        with archive.reading(copy) as source:
            store.refill(source)
        return done


def _why(error: OSError | sqlite3.Error) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


if __name__ == "__main__":
    sys.exit(main())
