"""Five thousand jobs that wait in a real Slurm: still one question a second about all of them together."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launchyard.engine.protocol import LaunchEnded, LaunchTaken, LaunchWaits
from launchyard.engine.slurm.engine import build
from tests.slurm.costs import counted
from tests.slurm.lab import Lab, missing
from tests.slurm.test_engine import Heard, asking, host, launch, surroundings

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(1500)]
WAITING = 5000
WATCHED_S = 30.0


@pytest.fixture
def lab(place: Path) -> Iterator[Lab]:
    if lack := missing():
        pytest.skip(f"real Slurm is not installed (scripts/install-slurm): no {', '.join(lack)}")
    lab = Lab(place / "lab-many", nodes=1)
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()


def test_five_thousand_waiting_jobs_are_looked_at_once_a_second(lab: Lab, tmp_path: Path) -> None:
    # Where users may enter: their sbatch is started there.
    bin, told = counted(lab.directory)
    jobs = [asking(launch(), held=True) for _ in range(WAITING)]

    async def story() -> None:
        async with host(tmp_path / "state") as local:
            (tmp_path / "engine").mkdir()
            around = surroundings(lab, local, tmp_path / "engine")
            around = replace(around, cluster=replace(around.cluster, bin=str(bin)))
            heard = Heard(build(around), patience_s=900)
            await heard.engine.open(heard.take)
            await heard.connected()
            began = time.monotonic()
            heard.engine.start(jobs)
            await heard.until(lambda: len(heard.of(LaunchTaken)) >= WAITING or heard.of(LaunchEnded))
            assert not heard.of(LaunchEnded)
            took_s = time.monotonic() - began
            await heard.until(lambda: len({one.launch_id for one in heard.of(LaunchWaits)}) >= WAITING)
            told.write_text("")
            since, cpu_s = time.monotonic(), time.process_time()
            await heard.until(lambda: time.monotonic() - since >= WATCHED_S)
            watched_s, cpu_s = time.monotonic() - since, time.process_time() - cpu_s
            asked = Counter(told.read_text().split())
            print(
                f"{WAITING} given in {took_s:.0f} s; {watched_s:.0f} s: {dict(asked)}, our CPU {cpu_s:.2f} s"
            )
            assert 1 <= asked["squeue"] <= watched_s + 1
            assert asked["scontrol"] <= 4
            assert asked["sacct"] == 0
            assert len(heard.of(LaunchTaken)) == WAITING
            await heard.engine.close()

    asyncio.run(story())
