"""The place of logs and scripts is full while the database has room (F8)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.person import ADA, LI, Person, for_all
from tests.system.power import memory_disk
from tests.system.product import Product, let_others_in, wait_for
from tests.system.verify import script

pytestmark = pytest.mark.root

LITTLE = {"cpus": 0.5, "memory_mib": 8}


@pytest.fixture
def spooled(tmp_path: Path) -> Iterator[Product]:
    """A product whose spool is a file system of 2 MiB."""
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    let_others_in(tmp_path)
    product = Product(state, for_all())
    with memory_disk(state / "spool", 2) as spool:
        spool.chmod(0o711)
        try:
            product.start()
            yield product
        finally:
            product.destroy()


def fill(product: Product) -> Path:
    ballast = product.state / "spool" / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break
    return ballast


@pytest.mark.timeout(200)
def test_f8_full_spool_stops_no_running_job_and_loses_no_exit_code(
    spooled: Product, tmp_path: Path, journal: Path
) -> None:
    """F8, P4, P5: what runs goes on, what cannot start says why, and all is well when there is room again."""
    ada, gate = Person(spooled, ADA), tmp_path / "gate"
    os.chown(journal, ada.entry.pw_uid, ada.entry.pw_gid)
    wait = f"echo first; while [ ! -e {gate} ]; do sleep 0.05; done"
    quiet = ada.submit(f"{wait}; exit 7", resources=LITTLE)
    loud = ada.submit(f"{wait}; head -c 10000 /dev/zero && exit 8; exit 9", resources=LITTLE)
    for job_id in (quiet, loud):
        wait_for(lambda one=job_id: ada.log(one) or None, 60, "it runs")  # type: ignore[misc]
    ballast = fill(spooled)
    scripted = int(ada.call("POST", "/v1/jobs", {"script": script(journal), "resources": LITTLE})["id"])
    job = ada.until(scripted)
    assert (job["state"], job["attempt"], job["exit_code"]) == ("FAILED", 1, None)
    assert "no space left" in job["cause"].lower()
    assert "\n" not in job["cause"]
    assert spooled.call("GET", "/v1/health")["status"] == "ok"
    gate.touch()
    assert ada.until(quiet)["exit_code"] == 7
    assert ada.until(loud)["exit_code"] == 9
    assert ada.log(quiet) == b"first\n"
    ballast.unlink()
    again = int(ada.call("POST", "/v1/jobs", {"script": script(journal), "resources": LITTLE})["id"])
    assert ada.until(again)["exit_code"] == 0


@pytest.mark.timeout(200)
def test_f8_f21_flood_that_fills_the_spool_harms_only_itself(spooled: Product) -> None:
    """F8, F21: the job that floods gets the kernel's refusal; others write elsewhere; the daemon is well."""
    ada, li = Person(spooled, ADA), Person(spooled, LI)
    elsewhere = Path(li.entry.pw_dir, f"elsewhere-{os.getpid()}")
    flood = ada.submit("cat /dev/zero; exit 6", resources=LITTLE)
    other = li.submit("echo here; exit 5", resources=LITTLE, stdout=str(elsewhere))
    try:
        assert ada.until(flood)["exit_code"] == 6
        assert li.until(other)["exit_code"] == 5
        assert elsewhere.read_text() == "here\n"
    finally:
        elsewhere.unlink(missing_ok=True)
    assert ada.log(flood).startswith(b"\0" * 100_000)
    assert li.job(li.submit("true", hold=True))["state"] == "PENDING"
    assert spooled.call("GET", "/v1/health")["status"] == "ok"
    assert not spooled.call("GET", "/v1/status")["degraded"]
