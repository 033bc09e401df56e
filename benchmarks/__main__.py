"""`make bench`: print the rows, write docs/benchmarks.md, fail when a gate is missed."""

import argparse
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import latency, throughput
from benchmarks.row import Row
from tests.system.product import Product

REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
USER = "lytest1"


def main() -> int:
    """By root: user mode is measured as an ordinary user in a second process, root mode here."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows-to", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ly-bench-") as directory:
        Path(directory).chmod(0o755)
        if os.geteuid() == 0:
            subprocess.run(_as_user(options), check=False)
            rows += _root_rows(Path(directory), options.jobs)
        else:
            rows += _user_rows(Path(directory), options.jobs, options.only)
    for row in rows:
        print(row.line(), flush=True)
    return 0 if all(row.passed for row in rows) else 1


def _as_user(options: argparse.Namespace) -> list[str]:
    """This very program as an ordinary user, who must be able to read this tree."""
    entry = pwd.getpwnam(USER)
    again = [sys.executable, "-m", "benchmarks", "--jobs", str(options.jobs), "--only", options.only]
    environment = [f"HOME={entry.pw_dir}", f"USER={USER}", "PATH=/usr/local/bin:/usr/bin:/bin"]
    ids = ["--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--init-groups"]
    return ["setpriv", *ids, "env", "-i", *environment, *again]


def _maker(directory: Path, daemon_user: str) -> Callable[[str], Product]:
    config = throughput.CONFIG.format(daemon_user=daemon_user)
    return lambda name: Product(directory / name.replace(" ", "-"), config)


def _user_rows(directory: Path, jobs: int, only: str) -> list[Row]:
    make = _maker(directory, "root")
    rows = [] if only == "latency" else throughput.rows(make, jobs, "user mode", (0.4, 0.25))
    if only == "throughput":
        return rows
    product = make("latency")
    product.start()
    try:
        rows.append(latency.start_row(product, directory))
        rows.append(latency.follow_row(product))
        rows += latency.submit_rows(product, directory)
        rows.append(latency.cli_row(product))
        rows += latency.memory_rows(product)
    finally:
        product.destroy()
    return rows


def _root_rows(directory: Path, jobs: int) -> list[Row]:
    return throughput.rows(_maker(directory, "launchyard"), jobs, "root mode", (0.2, 0.15))


if __name__ == "__main__":
    sys.exit(main())
