"""`ly doctor`: everything that commonly goes wrong, each with what was found and what to do."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import click

from launchyard import __version__
from launchyard.cli.native import health as service
from launchyard.cli.native.health import FAIL, OK, WARN, Finding
from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import BAD, GOOD, MUTED, out, out_json, paint
from launchyard.cli.output.server import home
from launchyard.cli.output.text import clean, pad
from launchyard.model.errors import LaunchyardError
from launchyard.model.memory import humane_memory
from launchyard.sdk.client import Client
from launchyard.sdk.records import Record

SPACE_MIN_MIB = 1024
CGROUPS = Path("/sys/fs/cgroup")
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "gpfs", "beegfs", "afs", "9p", "glusterfs")


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check everything that commonly goes wrong, and say what to do. Exit code 1 when something fails."""
    findings = examine()
    if as_json:
        out_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            show(finding)
    return 1 if any(finding.level == FAIL for finding in findings) else 0


def examine() -> list[Finding]:
    try:
        with client() as server:
            facts, config = server.status(), service.configuration(server)
    except LaunchyardError as error:
        return [Finding("server", FAIL, str(error)), cgroups()]
    return [
        answers(server, facts),
        config,
        *(check(facts) for check in CHECKS),
        cgroups(),
        *service.examine(facts),
    ]


def show(finding: Finding) -> None:
    colour = {OK: GOOD, WARN: MUTED, FAIL: BAD}[finding.level]
    out(f"{paint(pad(finding.level, 4), colour)} {pad(finding.name, 13)} {finding.found}")
    if finding.advice:
        out(f"{' ' * 19}{finding.advice}")


def answers(server: Client, facts: Record) -> Finding:
    return Finding("server", OK, f"answers at {server.transport.address} as {clean(facts.user or 'you')}")


def version(facts: Record) -> Finding:
    theirs = clean(facts.version or "?")
    if theirs == __version__:
        return Finding("version", OK, f"{theirs}, the same as `ly`")
    return Finding(
        "version",
        WARN,
        f"the server is {theirs}, `ly` is {__version__}",
        "restart the server (jobs run on): ly down && ly up -d",
    )


def health(facts: Record) -> Finding:
    if not facts.degraded:
        return Finding("health", OK, "new jobs are taken and started")
    return Finding(
        "health",
        FAIL,
        f"degraded: {clean(facts.degraded)}",
        "free space on the state directory's disk; it goes on by itself",
    )


def memory(facts: Record) -> Finding:
    how = clean((facts.enforcement or Record({})).memory or "unknown")
    if how.startswith("cgroup"):
        return Finding("memory limits", OK, f"by the kernel ({how})")
    return Finding(
        "memory limits",
        WARN,
        f"by {how}: a job may pass its limit for a moment before it is stopped",
        "run the server as root, or in a user session with delegated cgroups, to have the kernel do it",
    )


def processes(facts: Record) -> Finding:
    how = clean((facts.enforcement or Record({})).processes or "unknown")
    if how.startswith("cgroup"):
        return Finding("clean ends", OK, f"every process of a job is found at its end ({how})")
    return Finding(
        "clean ends",
        WARN,
        f"by {how}: a process that hides its environment may outlive its job",
        "with cgroups none can: run the server as root, or with delegated cgroups",
    )


def file_system(facts: Record) -> Finding:
    path = Path(facts.state or "/")
    kind = mounted_kind(path)
    if kind in NETWORK:
        return Finding(
            "state", FAIL, f"{home(str(path))} is on {kind}", "move it to a local disk: ly up --state DIR"
        )
    return Finding("state", OK, f"{home(str(path))} is on a local disk ({kind or 'unknown kind'})")


def space(facts: Record) -> Finding:
    path = Path(facts.state or "/")
    try:
        free_mib = shutil.disk_usage(path).free / 2**20
    except OSError as error:
        return Finding("disk space", WARN, f"{home(str(path))} cannot be looked at: {error.strerror}")
    found = f"{humane_memory(free_mib)} free for state and logs"
    if free_mib >= SPACE_MIN_MIB:
        return Finding("disk space", OK, found)
    return Finding("disk space", FAIL, found, "free some: nothing is accepted when the disk is full")


def clock(facts: Record) -> Finding:
    ahead_s = float(facts.started_at or 0) - time.time()
    if ahead_s > 1:
        return Finding(
            "clock",
            FAIL,
            f"the server started {ahead_s:.0f} s in the future: the clock was set back",
            "let the machine keep its time by NTP; waiting times are wrong until then",
        )
    return Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S %Z"))


CHECKS: tuple[Callable[[Record], Finding], ...] = (
    version,
    health,
    memory,
    processes,
    file_system,
    space,
    clock,
)


def cgroups() -> Finding:
    if (CGROUPS / "cgroup.controllers").exists():
        kind, root = "v2", CGROUPS
    elif (CGROUPS / "memory").is_dir():
        kind, root = "v1", CGROUPS / "memory"
    else:
        return Finding("cgroups", WARN, "none on this machine", "limits are held by sampling")
    if os.access(root, os.W_OK):
        return Finding("cgroups", OK, f"{kind}, writable for {'root' if os.geteuid() == 0 else 'you'}")
    return Finding("cgroups", WARN, f"{kind}, not writable for you", "limits are held by sampling")


def mounted_kind(path: Path) -> str:
    """The type of the file system that holds `path`, by the longest mount point above it."""
    best, kind = "", ""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].encode().decode("unicode_escape")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, right.split(" ", 1)[0]
    return kind
