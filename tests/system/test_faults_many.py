"""F30: ten thousand jobs later everything is as large as it was before them."""

from pathlib import Path

import pytest

from tests.system.accounts import account
from tests.system.product import DEFAULT_CONFIG, Product, job_pids, let_others_in, wait_for
from tests.system.test_two_users import ADA, asked

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]

WARM, MANY = 1_000, 10_000
A_REQUEST = 500
PATIENCE_S = 3_000
GROWN_MAX_KIB = 40 * 1024
CONFIG = DEFAULT_CONFIG.replace("allow_root_jobs = true\n", "").replace("cpus = 4", "cpus = 16")


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def run_many(product: Product, count: int) -> None:
    """So many jobs of a user's own, each of its own submission, to their ends."""
    body = {"command": ["true"], "resources": {"cpus": 1, "memory_mib": 16}}
    before = product.call("GET", "/v1/jobs?state=COMPLETED&limit=1")["jobs"]
    last = before[0]["id"] if before else 0
    for _ in range(count // A_REQUEST):
        status, made = asked(product, ADA, "POST", "/v1/jobs", [body] * A_REQUEST)  # type: ignore[arg-type]
        assert status == 201, made
        last = made[-1]["id"]
    wait_for(lambda: not product.call("GET", "/v1/status")["jobs"], PATIENCE_S, "all have ended", 0.5)
    assert product.job(last)["state"] == "COMPLETED"


def test_f30_ten_thousand_jobs_of_a_user_leave_nothing_behind(tmp_path: Path) -> None:
    account(ADA)
    let_others_in(tmp_path)
    product = Product(tmp_path / "state", CONFIG)
    try:
        product.start()
        run_many(product, WARM)
        ours = [product.pid, *product.keepers()]
        before = {pid: (resident_kib(pid), descriptors(pid)) for pid in ours}
        size = database_bytes(product)

        run_many(product, MANY)

        assert ours == [product.pid, *product.keepers()]
        for pid, (kib, count) in before.items():
            assert resident_kib(pid) < kib + GROWN_MAX_KIB, pid
            assert descriptors(pid) <= count + 8, pid
        assert not list((product.state / "tmp").iterdir())
        assert not job_pids(product.state)
        assert database_bytes(product) < size + MANY * 4096
    finally:
        product.destroy()


def database_bytes(product: Product) -> int:
    return sum(path.stat().st_size for path in (product.state / "daemon").glob("launchyard.db*"))
