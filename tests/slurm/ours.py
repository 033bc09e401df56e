"""Our own cluster beside the lab: the same nodes, partitions, accounts, licences and first job id."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from launchyard.store import meta
from tests.slurm import settings
from tests.system.product import Product

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class OurCluster:
    """The product with the lab's cluster in its configuration; `environment` is the drop-in PATH."""

    def __init__(self, home: Path, config: str = settings.OURS) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.product = Product(home / "state", config)
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        self.product.start()
        self.product.stop()
        self._number_jobs_from(settings.FIRST_JOB_ID)
        self.product.start()
        self.environment = {"PATH": f"{drop_in(self.product)}:{PATH}"}

    def stop(self) -> None:
        self.product.destroy()

    def _number_jobs_from(self, first: int) -> None:
        """Give jobs ids like the lab's, so that outputs have the same widths."""
        with contextlib.closing(sqlite3.connect(self.product.state / "daemon" / "launchyard.db")) as database:
            key, value, checksum = meta.row(meta.NEXT_JOB_ID, str(first))
            database.execute("UPDATE meta SET value = ?, checksum = ? WHERE key = ?", (value, checksum, key))
            database.commit()


def drop_in(product: Product) -> str:
    """What `ly slurm-path` prints."""
    found = subprocess.run(
        [sys.executable, "-m", "launchyard.cli", "slurm-path"],
        env={**os.environ, "LAUNCHYARD_STATE": str(product.state)},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()
