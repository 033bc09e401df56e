"""How quick the Ray engine is over three nodes: 100 jobs that do nothing a second, 50 ms until one runs."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from functools import partial

import pytest

from tests.ray.lab import Lab
from tests.ray.running import running

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.alone, pytest.mark.timeout(400)]

JOBS = 900
AT_ONCE = 48
TRIES = 41


def test_a_hundred_jobs_a_second_over_three_nodes(lab: Lab) -> None:
    async def body() -> float:
        async with running(lab) as made:
            orders = [made.launch(number % 3, "true") for number in range(JOBS)]
            begun = time.monotonic()
            for number, order in enumerate(orders):
                while number - len(made.ends()) >= AT_ONCE:
                    await asyncio.sleep(0.002)
                made.engine.start([order])
            await made.until(lambda: made.have_ended(orders))
            return JOBS / (time.monotonic() - begun)

    rate = asyncio.run(asyncio.wait_for(body(), 300))
    print(f"ray engine: {rate:.0f} jobs/s")
    assert rate >= 100


def test_half_of_all_jobs_run_within_fifty_milliseconds(lab: Lab) -> None:
    async def body() -> list[float]:
        async with running(lab) as made:
            took = []
            for number in range(TRIES):
                order = made.launch(number % 3, "true")
                begun = time.monotonic()
                made.engine.start([order])
                await made.until(partial(_has, made.at, order.launch_id))
                took.append(made.at[order.launch_id] - begun)
                await made.until(partial(made.have_ended, [order]))
            return took

    took = asyncio.run(asyncio.wait_for(body(), 300))
    half = statistics.median(took)
    print(f"ray engine: order to start p50 {half * 1000:.1f} ms, p95 {sorted(took)[-3] * 1000:.1f} ms")
    assert half <= 0.05


def _has(at: Mapping[str, float], launch_id: str) -> bool:
    return launch_id in at
