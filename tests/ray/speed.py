"""How quick the Ray engine is, and Ray itself on the same cluster with tasks that start the same program."""

import asyncio
import json
import statistics
import subprocess
import time
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from tests.ray.lab import Lab
from tests.ray.running import Running, running

JOBS = 900
AT_ONCE = 48
TRIES = 41
WITHIN_S = 300.0
_RAYS_OWN = f"""
import json, os, statistics, subprocess, time
@ray.remote
def job():
    began = time.time()
    subprocess.run(["true"], check=True)
    return began
ray.get([job.remote() for _ in range({AT_ONCE})])
began, waiting = time.time(), []
for number in range({JOBS}):
    if len(waiting) == {AT_ONCE}:
        _, waiting = ray.wait(waiting)
    waiting.append(job.remote())
ray.get(waiting)
rate, took = {JOBS} / (time.time() - began), []
for _ in range({TRIES}):
    began = time.time()
    took.append(ray.get(job.remote()) - began)
print(json.dumps([rate, took]))
"""


class Speed(NamedTuple):
    """Jobs that do nothing: how many a second, and seconds from order to start of some, one after another."""

    rate: float
    took_s: list[float]

    @property
    def half_ms(self) -> float:
        return statistics.median(self.took_s) * 1000


def of_ours(lab: Lab) -> Speed:
    """Over all nodes by turns."""

    async def body() -> Speed:
        async with running(lab) as made:
            return Speed(await _rate(made), await _took(made))

    return asyncio.run(asyncio.wait_for(body(), WITHIN_S))


def of_ray(lab: Lab) -> Speed:
    """Where Ray likes."""
    program = f"import ray\nray.init(address={lab.address!r}, log_to_driver=False)\n{_RAYS_OWN}"
    said = subprocess.run(
        [lab.python, "-c", program],
        env=lab.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=WITHIN_S,
    )
    return Speed(*json.loads(said.stdout.splitlines()[-1]))


async def _rate(made: Running) -> float:
    orders = [made.launch(number % made.lab.nodes, "true") for number in range(JOBS)]
    begun = time.monotonic()
    for number, order in enumerate(orders):
        while number - len(made.ends()) >= AT_ONCE:
            await asyncio.sleep(0.002)
        made.engine.start([order])
    await made.until(lambda: made.have_ended(orders))
    return JOBS / (time.monotonic() - begun)


async def _took(made: Running) -> list[float]:
    took = []
    for number in range(TRIES):
        order = made.launch(number % made.lab.nodes, "true")
        begun = time.monotonic()
        made.engine.start([order])
        await made.until(partial(_has, made.at, order.launch_id))
        took.append(made.at[order.launch_id] - begun)
        await made.until(partial(made.have_ended, [order]))
    return took


def _has(at: Mapping[str, float], launch_id: str) -> bool:
    return launch_id in at
