"""`make bench`: print the rows, write docs/benchmarks.md, fail when a gate is missed."""

import argparse
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    databases,
    files,
    latency,
    listing,
    peers,
    planning,
    portal,
    ray_engine,
    ray_head,
    ray_jobs,
    sessions,
    simulation,
    slurm_jobs,
    throughput,
    waiting,
)
from benchmarks.row import HEAD, Row, spliced
from tests.system.product import Product

USER = "lytest1"


def main() -> int:
    """By root: user mode is measured as an ordinary user in a second process, root mode here."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument(
        "--only",
        choices=(
            "all",
            "throughput",
            "databases",
            "latency",
            "planning",
            "portal",
            "files",
            "ray",
            "sessions",
            "slurm",
        ),
        default="all",
    )
    parser.add_argument("--report", type=Path, default=None, help="where the table is written")
    parser.add_argument("--directory", type=Path, default=None, help="work here and leave it all there")
    options = parser.parse_args()
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ly-bench-") as name:
        # Removed at the very end: ext4 makes new files slowly for minutes after many were removed.
        directory = options.directory or Path(name)
        if os.geteuid() == 0:
            directory.chmod(0o755)
            lines = _as_ordinary_user(directory / USER, options)
            rows = _root_rows(directory, options)
        else:
            rows = _user_rows(directory, options)
    for row in rows:
        print(row.line(), flush=True)
    lines += [row.line() for row in rows]
    missed = [line for line in lines if "| MISSED |" in line]
    print(f"{len(lines)} rows, {len(missed)} gates missed")
    if options.report is not None:
        if options.only != "all" and options.report.exists():
            lines = spliced(options.report.read_text(), lines)
        options.report.write_text(_page(lines))
    return 1 if missed else 0


def _as_ordinary_user(directory: Path, options: argparse.Namespace) -> list[str]:
    """The rows of this very program run by somebody who is not root, and who can read this tree."""
    if subprocess.run(["id", USER], capture_output=True, check=False).returncode:
        subprocess.run(["useradd", "--create-home", USER], check=True)
    directory.mkdir()
    shutil.chown(directory, USER, USER)
    done = subprocess.run(
        _command_as_user(directory, options), stdout=subprocess.PIPE, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    print("\n".join(lines), flush=True)
    if done.returncode and not any("| MISSED |" in line for line in lines):
        sys.exit("what an ordinary user measures came to no end; the reason stands above")
    return lines


def _command_as_user(directory: Path, options: argparse.Namespace) -> list[str]:
    entry = pwd.getpwnam(USER)
    again = [sys.executable, "-m", "benchmarks", "--jobs", str(options.jobs), "--only", options.only]
    again += ["--directory", str(directory)]
    installed = ray_head.programs()
    environment = [f"{ray_head.VENV}={installed.parent}"] if installed is not None else []
    environment += [f"HOME={entry.pw_dir}", f"USER={USER}", "PATH=/usr/local/bin:/usr/bin:/bin"]
    ids = ["--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--init-groups"]
    return ["setpriv", *ids, "env", "-i", *environment, *again]


def _maker(directory: Path, daemon_user: str) -> Callable[[str], Product]:
    config = throughput.CONFIG.format(daemon_user=daemon_user)
    return lambda name: Product(directory / name.replace(" ", "-"), config)


def _user_rows(directory: Path, options: argparse.Namespace) -> list[Row]:
    make = _maker(directory, "root")
    rows: list[Row] = []
    if options.only in ("all", "planning"):
        rows += [*planning.rows(), simulation.row()]
    if options.only in ("all", "throughput"):
        rows += peers.rows()
        rows += throughput.rows(make, options.jobs, "user mode", (0.4, 0.25))
    if options.only in ("all", "databases"):
        rows += databases.rows(directory, options.jobs)
    if options.only in ("all", "latency"):
        rows += _measured(make("latency"), lambda product: _latencies(product, directory))
        rows += _measured(make("waiting"), lambda product: waiting.rows(product, options.jobs))
        rows += _measured(make("listing"), lambda product: listing.rows(product, options.jobs))
    if options.only in ("all", "sessions"):
        rows += _measured(sessions.make(directory), sessions.rows)
    if options.only in ("all", "portal"):
        rows += _measured(make("portal"), lambda product: portal.rows(product, options.jobs))
    if options.only in ("all", "files"):
        rows += _measured(files.make(directory), files.rows)
    if options.only in ("all", "ray"):
        rows += _measured(make("ray"), lambda product: ray_jobs.rows(product, directory))
    return rows


def _root_rows(directory: Path, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    if options.only in ("all", "throughput"):
        rows += throughput.rows(_maker(directory, "launchyard"), options.jobs, "root mode", (0.2, 0.15))
    if options.only in ("all", "slurm"):
        rows += slurm_jobs.rows(directory, options.jobs)
    if options.only in ("all", "ray") and ray_head.programs() is not None:
        rows += ray_engine.rows()
    return rows


def _latencies(product: Product, directory: Path) -> list[Row]:
    rows = [latency.start_row(product, directory), latency.follow_row(product), latency.cli_row(product)]
    rows += latency.submit_rows(product, directory)
    throughput.array(product, 10_000)
    return rows + latency.memory_rows(product)


def _measured(product: Product, measure: Callable[[Product], list[Row]]) -> list[Row]:
    product.start()
    try:
        return measure(product)
    finally:
        product.destroy()


def _page(lines: list[str]) -> str:
    """The page of docs: made by `make bench`, never by hand."""
    head = "# Benchmarks\n\nMade by `make bench` on the machine and at the moment that the figures are of"
    facts = f"{os.cpu_count()} CPUs, Linux {os.uname().release}, Python {platform.python_version()}"
    why = (
        "Gates are ratios to the bare limit of the same run (a bare spawn on one core, a bare fdatasync, a\n"
        "loop of the interpreter): times alone say little on a shared machine. A missed gate says so."
    )
    return "\n".join([f"{head}: {facts}.", "", why, "", HEAD, *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
