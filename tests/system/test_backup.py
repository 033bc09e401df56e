"""`ly backup` of a busy server and `ly restore`: nothing runs twice, no id is handed out twice (F31)."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import one_cluster, schema_of
from tests.system.person import ADA, Person, for_all
from tests.system.product import (
    DEFAULT_CONFIG,
    Asking,
    Product,
    command_line,
    job_pids,
    let_others_in,
    wait_for,
)

Make = Callable[..., Product]


def ly(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "launchyard.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def back_up(product: Product, file: Path) -> None:
    done = ly("backup", str(file), "--state", str(product.state), "--config", str(product.config))
    assert done.returncode == 0, done.stderr


def restore(product: Product, file: Path) -> dict[str, Any]:
    words = ["restore", str(file), "--state", str(product.state), "--config", str(product.config), "--json"]
    done = ly(*words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def on_postgresql(tmp_path: Path) -> str:
    return f'database = "{one_cluster().url(schema_of(tmp_path))}"\n{DEFAULT_CONFIG}'


@pytest.mark.root
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_f31_backup_of_a_server_busy_with_users_is_restored_and_no_id_comes_again(
    make_product: Make, tmp_path: Path, kind: str
) -> None:
    """F31: what was acknowledged before is known, what ran is found or LOST, and nothing runs twice."""
    let_others_in(tmp_path)
    database = f'database = "{one_cluster().url(schema_of(tmp_path))}"\n' if kind == "postgresql" else ""
    product = make_product(for_all(more=database))
    product.start()
    ada = Person(product, ADA)
    runs = ada.submit(["sh", "-c", f"while [ ! -e {tmp_path}/mark ]; do sleep 0.1; done; exit 7"])
    starts = tmp_path / "starts"
    starts.mkdir()
    os.chown(starts, ada.entry.pw_uid, ada.entry.pw_gid)
    ends = ada.submit(["sh", "-c", f"echo x >>{starts}/ends; sleep 600"])
    waits = ada.submit(["sh", "-c", f"echo x >>{starts}/waits"], resources={"cpus": 3})
    for job in (runs, ends):
        ada.until(job, "RUNNING")
    wait_for((starts / "ends").exists, 60, "it has said that it runs")
    before = Submitter(ada)
    wait_for(lambda: len(before.acknowledged) > 50 or None, 60, "some are acknowledged")
    known = list(before.acknowledged)
    file = tmp_path / "queue.backup"
    back_up(product, file)
    wait_for(lambda: len(before.acknowledged) > len(known) + 50 or None, 60, "more come after it")
    before.stop()
    ada.call("POST", f"/v1/jobs/{ends}/cancel")
    ada.until(ends)
    ada.until(waits)
    after = ada.submit(["sleep", "300"])
    ada.until(after, "RUNNING")
    product.stop()

    done = restore(product, file)
    product.start()
    jobs = {job["id"]: job for job in product.all_jobs()}
    assert set(known) <= set(jobs)
    assert done["next_job_id"] > max(*before.acknowledged, after)
    assert ada.submit(["true"], hold=True) > max(*before.acknowledged, after)
    assert ada.until(ends)["state"] == "LOST"
    assert jobs[waits]["state"] == "PENDING"
    assert "may have run since" in json.dumps(ada.job(waits))
    (tmp_path / "mark").touch()
    assert ada.until(runs)["exit_code"] == 7
    wait_for(lambda: not _runs("300", product), 60, "what the backup does not know ends")
    assert {path.name: path.read_text() for path in starts.iterdir()} == {"ends": "x\n", "waits": "x\n"}


class Submitter:
    """Submits held jobs until it is stopped, from two connections."""

    def __init__(self, asking: Asking) -> None:
        self.acknowledged: list[int] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(asking,)) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def _run(self, asking: Asking) -> None:
        client = asking.client()
        while not self._stop.is_set():
            answer = client.call("POST", "/v1/jobs", {"command": ["true"], "hold": True})
            self.acknowledged.append(answer["id"])
        client.close()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def _runs(argument: str, product: Product) -> bool:
    return any(f"sleep {argument} " in command_line(pid) for pid in job_pids(product.state))


def test_where_nothing_is_left_ids_go_on_far_above_the_backup(make_product: Make, tmp_path: Path) -> None:
    product, file = make_product(), tmp_path / "queue.backup"
    product.start()
    newest = product.submit(["true"], hold=True)
    back_up(product, file)
    product.stop()
    other = make_product(name="other")
    done = restore(other, file)
    assert done["next_job_id"] == newest + 1 + 1_000_000
    assert (done["live"], done["held"], done["aside"]) == (1, 0, None)
    other.start()
    assert other.submit(["true"]) == newest + 1 + 1_000_000
    assert other.job(newest)["state"] == "PENDING"


def test_backup_of_a_stopped_server_that_did_nothing_since_holds_no_job(
    make_product: Make, tmp_path: Path
) -> None:
    product, file = make_product(), tmp_path / "queue.backup"
    product.start()
    block = product.submit(["sleep", "1000"], resources={"cpus": 4})
    product.until(block, "RUNNING")
    waits = product.submit(["true"], resources={"cpus": 4})
    product.stop()
    back_up(product, file)
    done = restore(product, file)
    assert done["held"] == 0
    assert sorted(path.name for path in Path(done["aside"]).iterdir()) == ["launchyard.db", "launchyard.seq"]
    product.start()
    assert product.job(block)["state"] == "RUNNING"
    product.call("POST", f"/v1/jobs/{block}/cancel")
    assert product.until(waits)["state"] == "COMPLETED"


def test_queue_moves_from_a_file_to_postgresql_and_back(make_product: Make, tmp_path: Path) -> None:
    product, file = make_product(), tmp_path / "queue.backup"
    product.start()
    jobs = [product.submit(["sh", "-c", f"exit {code}"]) for code in range(3)]
    ended = [product.until(job) for job in jobs]
    product.stop()
    back_up(product, file)
    product.configure(on_postgresql(tmp_path))
    restore(product, file)
    product.start()
    assert [product.job(job) for job in jobs] == ended
    product.stop()
    back_up(product, tmp_path / "second.backup")
    product.configure(DEFAULT_CONFIG)
    restore(product, tmp_path / "second.backup")
    product.start()
    assert [product.job(job) for job in jobs] == ended
    assert product.submit(["true"]) > max(jobs)


def test_restore_is_refused_while_a_server_works_and_for_what_is_no_backup(
    make_product: Make, tmp_path: Path
) -> None:
    product, file = make_product(), tmp_path / "queue.backup"
    product.start()
    back_up(product, file)
    done = ly("restore", str(file), "--state", str(product.state), "--config", str(product.config))
    assert done.returncode == 1
    assert "already runs on" in done.stderr
    again = ly("backup", str(file), "--state", str(product.state))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    product.stop()
    for name, spoil in (("text", _text), ("torn", _torn)):
        wrong = tmp_path / name
        shutil.copy(file, wrong)
        spoil(wrong)
        done = ly("restore", str(wrong), "--state", str(product.state), "--config", str(product.config))
        assert done.returncode in (1, 2)
        assert "is no backup" in done.stderr or "is damaged" in done.stderr
    assert not list((product.state / "daemon").glob("restoring-*"))
    product.start()


def _text(path: Path) -> None:
    path.write_text("not a database")


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])
