"""F30: ten thousand jobs later everything is as large as it was before them."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.launcher_client import cgroup_bases, cgroup_name
from tests.system.person import ADA, Person, for_all, served
from tests.system.product import Product, job_pids, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]

WARM, PART, PARTS = 2_000, 2_000, 5
A_REQUEST = 500
PATIENCE_S = 3_000
GROWN_MAX_KIB = 12 * 1024
"""Of what each process has (shared memory by its part), over ten thousand jobs."""
ROW_MAX_BYTES = 4096
CONFIG = for_all(cpus=16)


@pytest.fixture
def product() -> Iterator[Product]:
    with served(CONFIG) as made:
        yield made


def ours(product: Product) -> list[int]:
    return [product.pid, *sorted(product.keepers())]


def proportional_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def children_that_ended(product: Product) -> list[int]:
    """Zombies below any process of the product."""
    parents, zombies = set(ours(product)), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
                if state == "Z" and int(parent) in parents:
                    zombies.append(int(entry.name))
    return zombies


def cgroups(product: Product) -> list[str]:
    """Directories of launches, in every hierarchy."""
    bases = cgroup_bases(cgroup_name(product.state))
    assert bases, "it has no cgroups, so nothing can be left of them"
    return [entry.path for base in bases for entry in os.scandir(base) if entry.is_dir()]


def files(product: Product) -> set[str]:
    """All but logs."""
    found = (Path(folder, name) for folder, _, names in os.walk(product.state) for name in names)
    return {str(path.relative_to(product.state)) for path in found if "spool" not in path.parts}


def logs(product: Product) -> int:
    return sum(len(names) for _, _, names in os.walk(product.state / "spool"))


def database_bytes(product: Product) -> int:
    return sum(path.stat().st_size for path in (product.state / "daemon").glob("launchyard.db*"))


def run_many(product: Product, person: Person, count: int) -> int:
    """So many jobs of a user's own to their ends; the last one's id."""
    body = {"command": ["sh", "-c", "echo $LAUNCHYARD_JOB_ID"], "resources": {"cpus": 1, "memory_mib": 16}}
    client, last = person.client(), 0
    for _ in range(count // A_REQUEST):
        last = int(client.call("POST", "/v1/jobs", [body] * A_REQUEST)[-1]["id"])
    client.close()
    wait_for(lambda: not product.call("GET", "/v1/status")["jobs"], PATIENCE_S, "all have ended", 0.5)
    assert person.job(last)["state"] == "COMPLETED"
    assert person.log(last) == b"%d\n" % last
    return last


def each(product: Product, figure: Callable[[int], int]) -> list[int]:
    return [figure(pid) for pid in ours(product)]


def test_f30_ten_thousand_jobs_of_a_user_leave_nothing_behind(product: Product) -> None:
    """F30: processes, zombies, cgroups, files, descriptors, memory, rows; and retention empties all of it."""
    ada = Person(product, ADA)
    run_many(product, ada, WARM)
    pids, open_files, at_work = ours(product), each(product, descriptors), each(product, threads)
    groups, others, had_logs = len(cgroups(product)), files(product), logs(product)
    memory, sizes = [each(product, proportional_kib)], [database_bytes(product)]

    for _ in range(PARTS):
        last = run_many(product, ada, PART)
        memory.append(each(product, proportional_kib))
        sizes.append(database_bytes(product))
    print(f"KiB by process {memory}; database {sizes}; descriptors {open_files} {each(product, descriptors)}")

    assert ours(product) == pids
    assert not job_pids(product.state)
    assert not children_that_ended(product)
    wait_for(lambda: len(cgroups(product)) <= groups, 60, "the cgroups of the last jobs are gone")
    wait_for(lambda: files(product) <= others, 60, "no more files than before them")
    assert not list((product.state / "tmp").iterdir())
    assert logs(product) == had_logs + PARTS * PART
    wait_for(lambda: _no_more(each(product, descriptors), open_files, 8), 60, "descriptors are given back")
    assert _no_more(each(product, threads), at_work, 4)
    assert _no_more(memory[-1], memory[0], GROWN_MAX_KIB)
    assert sizes[-1] < sizes[0] + PARTS * PART * ROW_MAX_BYTES

    _forget(product, last)
    full = database_bytes(product)
    run_many(product, Person(product, ADA), PART)
    assert database_bytes(product) <= full, "rows of forgotten jobs make room for others"


def _no_more(now: list[int], before: list[int], by: int) -> bool:
    return all(one <= was + by for one, was in zip(now, before, strict=True))


def _forget(product: Product, last: int) -> None:
    """Retention, from a start with it: rows and logs of all go but for the newest."""
    product.stop()
    product.configure(for_all(cpus=16, more="[retention]\njobs_max = 10\n"))
    product.start()
    wait_for(lambda: len(product.all_jobs()) == 10, PATIENCE_S, "old jobs are forgotten", 0.5)
    wait_for(lambda: logs(product) == 10, 60, "and their logs")
    assert [job["id"] for job in product.all_jobs()] == list(range(last, last - 10, -1))
