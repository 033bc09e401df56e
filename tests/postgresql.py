"""A PostgreSQL of the tests' own: made in a directory of its own, as an ordinary user, on a unix socket.

Debian's package brings the programs; no service of the machine is used or disturbed.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.ports import free_ports

PATIENCE_S = 60.0


def programs() -> Path:
    """Where initdb and postgres are; the test is skipped where they are not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return found[-1].parent


class Cluster:
    """`start`, then `url`; `stop` and `kill` as often as a test likes. It flushes what it commits."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._bin = programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _ordinary_user()
        self.port = 0

    def make(self, password: str = "") -> None:
        directory = self.directory
        if self._user is not None:
            os.chown(directory, self._user.pw_uid, self._user.pw_gid)
        made = [str(self._bin / "initdb"), "-D", str(directory / "data"), "-U", "launchyard", "-E", "UTF8"]
        made += [
            "--locale=C",
            f"--auth={'scram-sha-256' if password else 'trust'}",
            "--no-sync",
            "--no-instructions",
        ]
        if password:
            file = directory / "password"
            file.write_text(password)
            file.chmod(0o644)
            made += [f"--pwfile={file}"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, **self._as_user())

    def start(self, *settings: str) -> None:
        """`settings` such as fsync=off."""
        self.port = self.port or free_ports(1)[0]
        given = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self.directory}",
        ]
        given += ["max_connections=200", "shared_buffers=32MB", "logging_collector=off", *settings]
        words = [str(self._bin / "postgres"), "-D", str(self.directory / "data")]
        words += [word for one in given for word in ("-c", one)]
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, **self._as_user())
        self.until_up()

    def until_up(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        ready = [str(self._bin / "pg_isready"), "-q", "-h", str(self.directory), "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode:
            assert self._process is not None
            assert self._process.poll() is None, "postgres ended"
            assert time.monotonic() < deadline, "postgres is not up"
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as a crash would be for its clients; it recovers at the next start."""
        if self._process is not None:
            self._process.send_signal(3)
            self._process.wait(timeout=PATIENCE_S)
            self._process = None

    def url(self, schema: str = "", *, port: int | None = None) -> str:
        """By loopback; each schema is a database of its own to us."""
        self.run(f'CREATE SCHEMA IF NOT EXISTS "{schema}"') if schema else None
        found = f"postgresql://launchyard@127.0.0.1:{port or self.port}/postgres"
        return f"{found}?options=-csearch_path%3D{schema}" if schema else found

    def run(self, sql: str, schema: str = "") -> list[Any]:
        with psycopg.connect(self.url(schema), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def _as_user(self) -> dict[str, Any]:
        user = self._user
        if user is None:
            return {"cwd": "/"}
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


@contextmanager
def running(*settings: str, password: str = "") -> Iterator[Cluster]:
    """One that is up with settings such as fsync=off, and gone afterwards. `password`: it wants one."""
    directory = Path(tempfile.mkdtemp(prefix="lypg", dir="/tmp"))
    directory.chmod(0o755)
    inner = directory / "pg"
    inner.mkdir(mode=0o700)
    made = Cluster(inner)
    try:
        made.make(password)
        made.start(*settings)
        yield made
    finally:
        made.stop()
        shutil.rmtree(directory, ignore_errors=True)


@cache
def one_cluster() -> Cluster:
    """One for all tests of this process that need no more than a schema."""
    running_on = ExitStack()
    atexit.register(running_on.close)
    return running_on.enter_context(running())


def schema_of(directory: Path) -> str:
    """What a directory of a test's is a database of."""
    return f"t{sha256(str(directory).encode()).hexdigest()[:16]}"


def _ordinary_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
