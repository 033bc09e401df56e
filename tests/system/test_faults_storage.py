"""The disk under the product: power cuts, garbage, no space, a database that somebody else holds."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.power import memory_disk, powered_disk
from tests.system.product import Product, Refused, wait_for
from tests.system.test_store_busy_or_full import held
from tests.system.verify import check_database, said_by_all, script, verify

HELD = {"command": ["true"], "hold": True}


@contextlib.contextmanager
def running(state: Path, config: str = "") -> Iterator[Product]:
    product = Product(state, config)
    try:
        yield product
    finally:
        product.destroy()


@contextlib.contextmanager
def frozen(product: Product) -> Iterator[None]:
    """All of the product stands still."""
    pids = [product.pid, *product.keepers()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.root
@pytest.mark.timeout(300)
def test_f6_power_cut_loses_no_acknowledged_submission(tmp_path: Path, chance: random.Random) -> None:
    """F6, P1: the disk is copied at random moments; a product on the copy knows all that was acknowledged."""
    with powered_disk(tmp_path, 96) as disk, running(disk.mount_point / "state") as product:
        product.start()
        acknowledged: list[int] = []
        stop = threading.Event()

        def submit() -> None:
            client = product.client()
            while not stop.is_set():
                acknowledged.append(int(client.call("POST", "/v1/jobs", HELD)["id"]))

        clients = [threading.Thread(target=submit) for _ in range(3)]
        for client in clients:
            client.start()
        try:
            for cut in range(3):
                wait_for(lambda so_far=35 * cut: len(acknowledged) > so_far, 60, "some are known")  # type: ignore[misc]
                time.sleep(chance.uniform(0.2, 0.6))
                with frozen(product):
                    until_then = list(acknowledged)
                    with disk.cut() as place:
                        _check_copy(place / "state", until_then)
            wait_for(lambda: len(acknowledged) > 100, 60, "it goes on after the last cut")
        finally:
            stop.set()
            for client in clients:
                client.join()


def _check_copy(state: Path, acknowledged: list[int]) -> None:
    with running(state) as copy:
        copy.start()
        known = {job["id"] for job in copy.all_jobs()}
        assert set(acknowledged) <= known
        assert copy.call("POST", "/v1/jobs", HELD)["id"] > max(acknowledged)
        check_database(state)


@pytest.mark.parametrize("damage", ["garbage", "zeros", "cut"])
def test_f7_damaged_database_is_refused_with_its_name(damage: str, product: Product) -> None:
    """F7: never wrong rows; one sentence that names the file and says what to do."""
    for _ in range(50):
        product.call("POST", "/v1/jobs", HELD)
    product.stop()
    path = product.state / "daemon" / "launchyard.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        if damage == "garbage":
            file.seek(size // 2)
            file.write(os.urandom(4096))
        elif damage == "zeros":
            file.seek(size - 3 * 4096)
            file.write(bytes(3 * 4096))
        else:
            file.truncate(size // 2)
    with pytest.raises(Refused) as caught:
        product.start()
    sentence = caught.value.problem["error"]
    assert str(path) in sentence
    assert "aside" in sentence
    assert "Traceback" not in sentence


def test_f7_torn_journal_of_the_launcher_goes_on_from_its_last_whole_record(
    product: Product, journal: Path
) -> None:
    """F7: half a record at the end of the launcher's journal."""
    go = journal.parent / "go"
    body = {"script": script(journal, lines=10, pause_s=0.2, code=4, gate=go)}
    job_id = int(product.call("POST", "/v1/jobs", body)["id"])
    product.until(job_id, "RUNNING")
    (launcher,) = product.launchers()
    product.kill()
    os.kill(launcher, signal.SIGSTOP)
    path = product.state / "launcher" / "journal"
    whole = path.read_bytes().rstrip(b"\0")
    with path.open("r+b") as file:
        file.seek(len(whole))
        file.write(b'00000000 {"k":"end","l":"to')
    os.kill(launcher, signal.SIGKILL)
    product.start()
    go.touch()
    assert product.until(job_id)["exit_code"] == 4
    verify(product, [job_id], journal)


@pytest.mark.root
@pytest.mark.timeout(200)
def test_f8_full_disk_stops_acknowledgements_and_loses_nothing(tmp_path: Path, journal: Path) -> None:
    """F8, P10: refused with a sentence; what runs goes on and its exit code arrives; no restart is needed."""
    with memory_disk(tmp_path / "disk", 24) as disk, running(disk / "state") as product:
        product.start()
        acknowledged = [
            int(
                product.call("POST", "/v1/jobs", {"script": script(journal, lines=8, pause_s=0.5, code=5)})[
                    "id"
                ]
            )
            for _ in range(3)
        ]
        wait_for(
            lambda: said_by_all(journal, acknowledged[:3], "start") or None, 60, "the jobs are under way"
        )
        ballast = disk / "ballast"
        _fill(ballast)
        refused = wait_for(lambda: _refusal(product, acknowledged), 60, "a refusal")
        assert refused.status in (503, 507)
        assert "disk" in refused.problem["detail"]
        assert str(disk) not in refused.problem["detail"]
        wait_for(lambda: said_by_all(journal, acknowledged[:3], "end 5") or None, 60, "the jobs have ended")
        ballast.unlink()
        for job_id in acknowledged[:3]:
            assert product.until(job_id)["exit_code"] == 5
        assert product.call("POST", "/v1/jobs", HELD)["id"] not in acknowledged
        known = {job["id"] for job in product.all_jobs()}
        assert set(acknowledged) <= known


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _refusal(product: Product, acknowledged: list[int]) -> Refused | None:
    try:
        big = {"PADDING": "".join(random.choices("abcdefghijklmnop", k=100_000))}
        acknowledged.append(int(product.call("POST", "/v1/jobs", {**HELD, "environment": big})["id"]))
    except Refused as refused:
        return refused
    return None


@pytest.mark.timeout(200)
def test_f14_held_database_is_answered_with_try_again_and_recovers(product: Product, journal: Path) -> None:
    """F14: reads work, submissions get 503 with Retry-After, what ended meanwhile is recorded."""
    go = journal.parent / "go"
    body = {"script": script(journal, lines=3, pause_s=0.3, code=6, gate=go)}
    job_id = int(product.call("POST", "/v1/jobs", body)["id"])
    product.until(job_id, "RUNNING")
    with held(product.state / "daemon" / "launchyard.db"):
        go.touch()
        connection = product.client()._connection
        connection.request("POST", "/v1/jobs", b'{"command": ["true"]}', {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert product.job(job_id)["id"] == job_id
        wait_for(lambda: said_by_all(journal, [job_id], "end 6") or None, 60, "the job has ended")
    assert product.until(job_id)["exit_code"] == 6
    again = int(product.call("POST", "/v1/jobs", {"script": script(journal)})["id"])
    verify(product, [job_id, again], journal)
