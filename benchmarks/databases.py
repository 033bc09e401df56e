"""The throughput of no-op jobs on PostgreSQL against SQLite: two servers, in turns, in one run.

The PostgreSQL is one of this run's own, on the same disk and the same cores, and flushes what it commits.
"""

from collections.abc import Callable
from pathlib import Path

from benchmarks import throughput
from benchmarks.row import Row
from tests.postgresql import running
from tests.system.product import Product

GATE = 0.5
SERVERS = Path("/usr/lib/postgresql")


def rows(directory: Path, count: int) -> list[Row]:
    """One for an array, one for separate jobs; none where PostgreSQL is not installed."""
    if not list(SERVERS.glob("*/bin/initdb")):
        return []
    config = throughput.CONFIG.format(daemon_user="root")
    with running() as cluster:
        sqlite = Product(directory / "on-sqlite", config)
        postgresql = Product(directory / "on-postgresql", f'database = "{cluster.url()}"\n{config}')
        try:
            for product in (sqlite, postgresql):
                product.start()
            return [
                _row("array", throughput.array, sqlite, postgresql, count),
                _row("separate", throughput.separate, sqlite, postgresql, count),
            ]
        finally:
            sqlite.destroy()
            postgresql.destroy()


def _row(
    name: str, run: Callable[[Product, int], float], sqlite: Product, postgresql: Product, count: int
) -> Row:
    part = count // throughput.ROUNDS
    seconds = {"sqlite": 0.0, "postgresql": 0.0}
    for turn in range(throughput.ROUNDS):
        both = [("sqlite", sqlite), ("postgresql", postgresql)]
        for kind, product in both if turn % 2 else reversed(both):
            seconds[kind] += run(product, part)
    done = part * throughput.ROUNDS
    return Row(
        work=f"{name}, on PostgreSQL",
        value=done / seconds["postgresql"],
        unit="jobs/s",
        against="on SQLite",
        ratio=seconds["sqlite"] / seconds["postgresql"],
        gate=GATE,
        note=f"{done} jobs, on SQLite {done / seconds['sqlite']:,.0f}/s",
    )
