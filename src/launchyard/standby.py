"""A server whose database another one may have: it stands by, takes over, and stands by again when it must.

Part of the composition root. With a database of its own (SQLite) there is nobody to wait for.
"""

import asyncio
import hashlib
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from launchyard import __version__
from launchyard.config import Settings
from launchyard.engine.keeper import dismiss_keeper
from launchyard.model.errors import Invalid, Unavailable
from launchyard.starter import Starter
from launchyard.statedir import StateDir
from launchyard.store.open import Tenant, open_store
from launchyard.store.protocol import Held, Store

LOOK_S = 0.5
PATIENCE_S = 30.0
TAKEOVER_PATIENCE_S = 1.5
PASSWORD_MAX = 4096

_log = logging.getLogger(__name__)


class Tenancy:
    """Made with the rights we were started with: only they may be able to read the password."""

    def __init__(self, settings: Settings, state: StateDir) -> None:
        self.lost = False
        """Another server has taken the database over."""
        self.patience_s = PATIENCE_S
        """How long clusters may hold up the start: who takes over is waited for."""
        self._state = state
        self._address = settings.database or state.database
        file = settings.database_password_file
        self._password = None if file is None else read_password(file)
        self._holder = _holder(state.path)

    async def open(self, stop: asyncio.Event, tell: Starter) -> Store | None:
        """The database, as soon as no other server has it; None: told to stop before.

        When another server takes it over later, `stop` is set, and `lost`.
        """
        self.lost, waits = False, False
        loop = asyncio.get_running_loop()

        def fenced() -> None:
            self.lost = True
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)

        tenant = Tenant(
            holder=self._holder, password=self._password, fenced=fenced, backups=self._state.path / "daemon"
        )
        while not stop.is_set():
            try:
                return await asyncio.to_thread(open_store, self._address, tenant=tenant)
            except Held as held:
                if not waits:
                    _log.warning("standing by: %s", held)
                    tell.ready(self._facts(str(held)))
                waits, self.patience_s = True, TAKEOVER_PATIENCE_S
            except Unavailable:
                if not waits:
                    raise
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)
        dismiss_keeper(self._state.path)
        return None

    def open_now(self) -> Store:
        """Without waiting. Raises `Held`."""
        backups = self._state.path / "daemon"
        return open_store(
            self._address, tenant=Tenant(holder=self._holder, password=self._password, backups=backups)
        )

    def _facts(self, why: str) -> dict[str, str | int]:
        state = str(self._state.path)
        return {"standby": why, "state": state, "version": __version__, "pid": os.getpid()}


def read_password(path: Path) -> str:
    """The first line of a file that its owner alone can read. Raises `Invalid`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Invalid(f"cannot read database_password_file {path}: {error.strerror}") from None
    with open(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            raise Invalid(f"database_password_file {path} can be read by others; run: chmod 600 {path}")
        lines = file.read(PASSWORD_MAX).decode("utf-8", "replace").splitlines()
    if not lines or not lines[0]:
        raise Invalid(f"database_password_file {path} is empty; write the password into its first line")
    return lines[0]


def _holder(state: Path) -> str:
    """This server: whoever has the same, on this machine and since it was started, has let its lock go."""
    found = state.stat()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return hashlib.sha256(f"{boot} {found.st_dev} {found.st_ino}".encode()).hexdigest()
