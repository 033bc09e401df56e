"""The wall clock jumps under the running product (F9); the machine's own clock is left alone."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.system.product import DEFAULT_CONFIG, Json, Product, UnixConnection
from tests.system.verify import script, verify
from tests.system.watcher import Watcher
from tests.tidy.source import ROOT

HOUR_S = 3600
TEN_YEARS_S = 10 * 365 * 86400
LITTLE = {"cpus": 0.1, "memory_mib": 1}


class WallClock:
    """What the daemon's clock is off by."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, offset_s: float) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(str(offset_s))
        new.rename(self.path)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    path = tmp_path / "clock"
    monkeypatch.setenv("LAUNCHYARD_TEST_CLOCK", str(path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return WallClock(path)


@pytest.fixture
def shifted(clock: WallClock, make_product: Callable[..., Product]) -> Product:
    product = make_product(DEFAULT_CONFIG + '[[nodes]]\nname = "other"\ncpus = 1\nmemory = "1GiB"\n')
    product.module = "tests.system.shifted_daemon"
    product.start()
    return product


def until_gate(gate: Path, code: int) -> Json:
    command = f"while [ ! -e {gate} ]; do sleep 0.05; done; exit {code}"
    return {"command": command, "resources": {"cpus": 1.5, "memory_mib": 1}, "time_limit_s": 300}


def opens(product: Product, token: str) -> bool:
    connection = UnixConnection(product.socket_path)
    connection.request("GET", "/v1/jobs?limit=1", headers={"Authorization": f"Bearer {token}"})
    return connection.getresponse().status == 200


@pytest.mark.timeout(200)
def test_f9_jumps_of_the_clock_end_no_job_and_let_the_rest_go_on(
    shifted: Product, clock: WallClock, tmp_path: Path, journal: Path
) -> None:
    """F9: an hour on, an hour back, ten years back, a step a second; a restart under a wrong clock."""
    gate = tmp_path / "gate"
    token = shifted.call("POST", "/v1/tokens", {"name": "far"})["token"]
    with Watcher(shifted) as watcher:
        running = [shifted.call("POST", "/v1/jobs", until_gate(gate, code))["id"] for code in (3, 4)]
        waiting = shifted.submit("exit 5", resources={"cpus": 4, "memory_mib": 1})
        later = (datetime.now(UTC) + timedelta(seconds=HOUR_S / 2)).isoformat()
        begins = shifted.submit("exit 0", resources=LITTLE, begin_at=later)
        others = []
        for offset_s in (HOUR_S, 0, -HOUR_S, -TEN_YEARS_S, 0):
            clock.set(offset_s)
            body = {"script": script(journal), "resources": LITTLE}
            others.append(shifted.call("POST", "/v1/jobs", body)["id"])
            assert shifted.until(others[-1])["state"] == "COMPLETED"
            assert shifted.until(begins)["state"] == "COMPLETED"  # since the first jump
            assert opens(shifted, token)
        for step in range(3):
            clock.set(1000 * step * (-1) ** step)
            time.sleep(1)  # not a wait: the clock that steps each second
            assert shifted.job(waiting)["reason"]
        assert [shifted.job(one)["state"] for one in running] == ["RUNNING", "RUNNING"]
        assert shifted.job(waiting)["state"] == "PENDING"
        watcher.check()
    shifted.kill()
    clock.set(-HOUR_S)
    shifted.start()
    gate.touch()
    assert [shifted.until(one)["exit_code"] for one in (*running, waiting)] == [3, 4, 5]
    for job_id in others:
        assert shifted.job(job_id)["exit_code"] == 0
    gate.unlink()


@pytest.mark.parametrize("offset_s", [HOUR_S, -HOUR_S, -TEN_YEARS_S])
def test_f9_time_limit_is_of_the_boot_clock(offset_s: int, shifted: Product, clock: WallClock) -> None:
    """F9: a clock set back gives no job more time, one set forward takes none."""
    long = shifted.submit("sleep 300", resources=LITTLE, time_limit_s=290)
    shifted.until(long, "RUNNING")
    short = shifted.submit("sleep 300", resources=LITTLE, time_limit_s=3)
    shifted.until(short, "RUNNING", "TIMEOUT")
    clock.set(offset_s)
    assert shifted.until(short)["state"] == "TIMEOUT"
    assert shifted.job(long)["state"] == "RUNNING"


def test_f9_submissions_under_a_jumping_clock_keep_their_ids_and_ends(
    shifted: Product, clock: WallClock, journal: Path
) -> None:
    """F9, P2, P3: verified against the outside journals."""
    ids = []
    for number in range(20):
        clock.set(HOUR_S * (-1) ** number * number)
        body = {"script": script(journal, code=number % 3), "resources": LITTLE}
        ids.append(int(shifted.call("POST", "/v1/jobs", body)["id"]))
    assert ids == sorted(set(ids))
    verify(shifted, ids, journal)
