"""`ly admin install --systemd`: units of daemon and launcher and a first configuration, written and checked.

The launcher has a unit of its own, so that a restart of the daemon is none of the launcher's. Both kill only
their main process, and delegate their cgroups: jobs are below the launcher's and outlive what is restarted.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click

from launchyard.cli.output.screen import out, out_json
from launchyard.model.errors import Invalid, LaunchyardError

UNITS = Path("/etc/systemd/system")
DAEMON, LAUNCHER = "launchyard.service", "launchyard-launcher.service"
CONFIG, STATE = Path("/etc/launchyard/config.toml"), Path("/var/lib/launchyard")
VERIFY_S = 60

_LAUNCHER = """\
[Unit]
Description=Launchyard: the launcher, which runs the jobs of this machine
After=local-fs.target network.target remote-fs.target nss-user-lookup.target

[Service]
Type=forking
PIDFile={state}/launcher/service.pid
ExecStart={python} -P -m launchyard.launcherservice --state {state} --config {config}
# A new version takes the place of the old one by exec: every job stays its child.
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
SendSIGKILL=no
Delegate=yes
# A job that runs out of memory ends; that is no failure of the service.
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576
LimitMEMLOCK=infinity
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
"""

_DAEMON = """\
[Unit]
Description=Launchyard: the queue and its portal
Wants=launchyard-launcher.service network-online.target
After=launchyard-launcher.service network-online.target

[Service]
Type=notify
ExecStart={python} -P -m launchyard.daemon --state {state} --config {config}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Delegate=yes
TimeoutStartSec=120
TimeoutStopSec=30
LimitNOFILE=65536
OOMScoreAdjust=-500
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
"""

_CONFIG = """\
# Launchyard's configuration; every key has a default. See: ly config check, docs/guides/operating.md
listen = "127.0.0.1:8265"
# public_url = "https://yard.example.org"
# [tls]
# certificate = "/etc/launchyard/tls/fullchain.pem"
# key = "/etc/launchyard/tls/key.pem"
"""


@click.command()
@click.option("--systemd", is_flag=True, required=True, help="Units for systemd.")
@click.option("--root", metavar="DIR", default="/", help="Write below DIR, as for an image.")
@click.option("--state", metavar="DIR", default=str(STATE), show_default=True, help="The state directory.")
@click.option("--config", metavar="FILE", default=str(CONFIG), show_default=True, help="The configuration.")
@click.option("--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def install(systemd: bool, root: str, state: str, config: str, dry_run: bool, as_json: bool) -> int:
    """Make this installation a service of the machine: units for systemd and a first configuration."""
    files = service_files(_absolute(state), _absolute(config))
    top = Path(root).absolute()
    if dry_run:
        if as_json:
            out_json({str(path): text for path, text in files.items()})
        for path, text in files.items() if not as_json else ():
            out(f"# {path}\n{text}")
        return 0
    if top == Path("/") and os.geteuid() != 0:
        raise LaunchyardError("only root makes services of this machine; try sudo, or --root DIR")
    written = [path for path, text in files.items() if _write(top, path, text)]
    said = verify([top / str(path).lstrip("/") for path in files if path.suffix == ".service"])
    if as_json:
        out_json(
            {"written": [str(path) for path in written], "verified": said == "", "problem": said or None}
        )
    else:
        for path in written:
            out(f"Wrote {path}")
        out(f"systemd-analyze says: {said}" if said else _next(said))
    return 1 if said else 0


def service_files(state: Path, config: Path) -> dict[Path, str]:
    """By path what a service of this installation consists of."""
    words = {"python": _quoted(sys.executable), "state": _quoted(str(state)), "config": _quoted(str(config))}
    return {
        UNITS / LAUNCHER: _LAUNCHER.format(**words),
        UNITS / DAEMON: _DAEMON.format(**words),
        config: _CONFIG,
    }


def verify(units: list[Path]) -> str | None:
    """What `systemd-analyze verify` says against them: nothing, or None where it is not there."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return None
    words = [program, "verify", "--man=no", *map(str, units)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=VERIFY_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    names = [unit.name for unit in units]
    lines = [line for line in done.stderr.splitlines() if any(name in line for name in names)]
    return "; ".join(lines)


def _next(said: str | None) -> str:
    checked = "They pass systemd-analyze verify. " if said is not None else ""
    return f"{checked}Next: systemctl daemon-reload && systemctl enable --now launchyard; then ly doctor"


def _write(top: Path, path: Path, text: str) -> bool:
    """False: it is a configuration that is there already. No link that others could have put is followed."""
    target = top / str(path).lstrip("/")
    if path.suffix == ".toml" and target.exists():
        return False
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        half = target.with_name(f".{target.name}.new")
        half.unlink(missing_ok=True)
        fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(fd, "w") as file:
            file.write(text)
        half.replace(target)
    except OSError as error:
        raise LaunchyardError(f"cannot write {target}: {error.strerror}") from None
    return True


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise Invalid(f"{text} is not an absolute path; a service has no directory of its own")
    return path


def _quoted(word: str) -> str:
    """A word of a unit: what systemd would fill in or split is refused, it has rules of its own for those."""
    if shlex.quote(word) != word or "%" in word or "$" in word:
        raise Invalid(f"{word} has characters that a unit cannot hold plainly; take a path without them")
    return word
