"""What `ly doctor` finds of the service: its configuration, clusters, certificate, code and limits."""

import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import launchyard
from launchyard.cli.output.text import clean
from launchyard.config import default_path, load
from launchyard.model.errors import LaunchyardError
from launchyard.sdk.client import Client
from launchyard.sdk.records import Record

OK, WARN, FAIL = "OK", "WARN", "FAIL"
FILES_MIN = 4096
RENEW_DAYS = 14
PATIENCE_S = 10


class Finding(NamedTuple):
    """`level` is OK, WARN or FAIL; `advice` what to do about it."""

    name: str
    level: str
    found: str
    advice: str = ""


def configuration(server: Client) -> Finding:
    """Whether the server would start again with its configuration as it is now."""
    try:
        state = server.transport.json("GET", "/v1/admin/config")
    except LaunchyardError:
        return Finding("configuration", OK, "in force; administrators are told whether its file is in order")
    if problem := state.get("problem"):
        return Finding(
            "configuration", FAIL, clean(problem), "mend it before the next start: ly config check"
        )
    if unread := state.get("unread"):
        found, _, advice = clean(unread).partition("; ")
        return Finding("configuration", WARN, f"SIGHUP and ly admin reload are refused: {found}", advice)
    return Finding("configuration", OK, "the file is in order")


def examine(facts: Record) -> list[Finding]:
    """What can be seen from this machine."""
    return [*clusters(facts), *certificate(), code(facts), *open_files(facts)]


def clusters(facts: Record) -> Iterator[Finding]:
    for one in facts.clusters or ():
        name, engine = clean(one.name), clean(one.engine)
        if one.answers:
            yield Finding("cluster", OK, f"{name} answers ({engine})")
            continue
        advice = "see the launcher's log: launcher/launcher.log in the state directory"
        if engine != "local":
            advice = f"look whether {engine} itself answers on this machine"
        yield Finding("cluster", FAIL, f"{name} ({engine}) does not answer; its jobs run on", advice)


def certificate() -> Iterator[Finding]:
    """Of the usual configuration, where it can be read and names one."""
    program = shutil.which("openssl")
    try:
        root = default_path(root=True, environ={})
        path = load(root, root=False, environ={}).service.certificate if root.exists() else None
    except (LaunchyardError, OSError):
        return
    if path is None or program is None:
        return
    words = [program, "x509", "-noout", "-checkend", str(RENEW_DAYS * 86_400), "-in", str(path)]
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == 0:
        yield Finding("certificate", OK, f"{path} is good for more than {RENEW_DAYS} days")
    else:
        advice = "renew it, then: systemctl reload launchyard (kill -HUP of the server)"
        yield Finding("certificate", FAIL, f"{path} has expired or does so within {RENEW_DAYS} days", advice)


def code(facts: Record) -> Finding:
    """Whether somebody else could change what the server executes."""
    package = Path(launchyard.__file__).resolve().parent
    for part in (package, *package.parents):
        found = part.stat()
        sticky = found.st_mode & stat.S_ISVTX
        if found.st_mode & 0o022 and not sticky:
            advice = f"whoever writes there commands the server; run: chmod go-w {part}"
            return Finding("code", FAIL, f"others may write {part}", advice)
    return Finding("code", OK, f"{package} is its owner's alone to write")


def open_files(facts: Record) -> Iterator[Finding]:
    """How many the server may have, by what the kernel says of its process."""
    try:
        lines = Path(f"/proc/{int(facts.pid)}/limits").read_text().splitlines()
    except (OSError, TypeError, ValueError):
        return
    soft = next((line.split()[3] for line in lines if line.startswith("Max open files")), "unlimited")
    count = resource.RLIM_INFINITY if soft == "unlimited" else int(soft)
    if count == resource.RLIM_INFINITY or count >= FILES_MIN:
        yield Finding("open files", OK, f"the server may open {soft}")
    else:
        advice = (
            f"each client takes one: raise it (ulimit -n {FILES_MIN}, LimitNOFILE= of the unit), then restart"
        )
        yield Finding("open files", WARN, f"the server may open {soft} at a time", advice)
