"""An installation as an operator makes it: from the wheel, by root, below /opt, as a service with TLS.

Nothing of it comes from this checkout but the wheel. It has a place, a state and a configuration of its own,
and is run by the commands of its units; two users made for tests work with it.
"""

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.system.accounts import account
from tests.system.product import PATIENCE_S, Client, job_pids
from tests.system.units import Unit, end_all_that_name
from tests.tidy.source import ROOT

ADA, LI = "lytest1", "lytest2"
SERVER_NAME = "yard.example.org"
VERSION, NEXT_VERSION = "0.1.0", "0.1.1"
INSTALL_MAX_S = 300
CPUS = 64
CONFIG = """
listen = "127.0.0.1:0"
public_url = "https://{name}"
grace_s = 2
[tls]
certificate = "{tls}/cert.pem"
key = "{tls}/key.pem"
[[nodes]]
name = "node"
cpus = {cpus}
memory = "8GiB"
"""


@dataclass(kw_only=True, eq=False)
class Site:
    """`prefix` is what was installed, `place` holds it and everything that it writes."""

    place: Path
    state: Path
    daemon_unit: Unit
    launcher_unit: Unit
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def prefix(self) -> Path:
        return self.place / "venv"

    @property
    def units(self) -> list[Path]:
        return sorted((self.place / "image/etc/systemd/system").iterdir())

    @property
    def said(self) -> str:
        """What the services have written where systemd would keep it."""
        return (self.place / "unit.out").read_text()

    def start(self) -> None:
        self.daemon = self.daemon_unit.start(self.place)

    def stop(self) -> None:
        """As `systemctl stop` does."""
        assert self.daemon is not None
        self.daemon.terminate()
        assert self.daemon.wait(PATIENCE_S) == 0, self.said

    def client(self) -> Client:
        """Root's, at the local socket."""
        return Client(self.state / "run" / "api.sock")

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.place / "tls" / "cert.pem"))


@contextlib.contextmanager
def installed_site() -> Iterator[Site]:
    """Installed, its services running; everything of it is gone afterwards."""
    for user in (ADA, LI):
        account(user)
    place = _place()
    try:
        install(place, wheel(place))
        yield _serving(place)
    finally:
        end_all_that_name(place)
        for pid in job_pids(place / "var"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(place, ignore_errors=True)


def _place() -> Path:
    """/opt/launchyard, where an operator would put it; a directory beside it where that is taken."""
    place = Path("/opt/launchyard")
    try:
        place.mkdir()
    except FileExistsError:
        place = Path(tempfile.mkdtemp(prefix="launchyard-", dir="/opt"))
    place.chmod(0o755)
    return place


def wheel(place: Path) -> Path:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=INSTALL_MAX_S)
    (found,) = (place / "dist").glob(f"launchyard-{VERSION}-*.whl")
    return found


def next_wheel(place: Path) -> Path:
    """The same code under the version that comes next: what an operator gets to upgrade to."""
    (now,) = (place / "dist").glob(f"launchyard-{VERSION}-*.whl")
    then = now.with_name(now.name.replace(VERSION, NEXT_VERSION))
    old, new = f"launchyard-{VERSION}.dist-info", f"launchyard-{NEXT_VERSION}.dist-info"
    with zipfile.ZipFile(now) as before, zipfile.ZipFile(then, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            data = before.read(name)
            if name in ("launchyard/__init__.py", f"{old}/METADATA", f"{old}/RECORD"):
                data = data.replace(VERSION.encode(), NEXT_VERSION.encode())
            after.writestr(name.replace(old, new), data)
    return then


def install(place: Path, wheel: Path) -> None:
    """A virtual environment that every user may run, with the locked versions of what it needs."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    prefix = place / "venv"
    if not prefix.exists():
        _run(sys.executable, "-m", "uv", "venv", "-q", "--python", python, str(prefix))
    words = ("-m", "uv", "pip", "install", "-q", "--system-certs", "--compile-bytecode", "--python")
    lock = str(ROOT / "requirements.lock")
    _run(sys.executable, *words, str(prefix / "bin/python"), "--only-binary", ":all:", "-c", lock, str(wheel))
    # uv's own, open to all.
    (prefix / ".lock").unlink(missing_ok=True)


def _serving(place: Path) -> Site:
    tls, state, config = place / "tls", place / "var", place / "etc" / "config.toml"
    for directory in (tls, config.parent):
        directory.mkdir()
    certificate(tls)
    config.touch(mode=0o600)
    config.write_text(CONFIG.format(name=SERVER_NAME, tls=tls, cpus=CPUS))
    words = ("admin", "install", "--systemd", "--root", str(place / "image"))
    _run(str(place / "venv/bin/ly"), *words, "--state", str(state), "--config", str(config))
    units = place / "image/etc/systemd/system"
    site = Site(
        place=place,
        state=state,
        daemon_unit=Unit(units / "launchyard.service"),
        launcher_unit=Unit(units / "launchyard-launcher.service"),
    )
    site.launcher_unit.start(place)
    # The daemon's user is there from the first start on; nobody else may have the key.
    shutil.chown(tls / "key.pem", "launchyard")
    site.start()
    return site


def certificate(tls: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-days", "2", "-subj", f"/CN={SERVER_NAME}", "-addext", f"subjectAltName=DNS:{SERVER_NAME}"]
    _run(*words, "-keyout", str(tls / "key.pem"), "-out", str(tls / "cert.pem"))
    (tls / "key.pem").chmod(0o600)


def _run(*words: str) -> None:
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, timeout=INSTALL_MAX_S, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
