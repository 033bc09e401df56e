"""Priorities as numbers sort as the queue does, whatever orders it."""

from typing import Any

import pytest

from launchyard.model.job import Job, JobKind
from launchyard.model.resources import Request
from launchyard.model.rules import Order, Weights
from launchyard.policy.limits import Party
from launchyard.policy.order import Ordering, Standing, Totals
from launchyard.policy.priority import PRIORITY_MAX, factors, numbers, weights_of

NOW = 1_800_000_000.0
TOTALS = Totals(cpus_milli=64_000, memory_mib=64_000, gpus=4)


def job(id: int, *, ago: float = 0, cpus: int = 1, **fields: Any) -> Job:
    request = Request(cpus_milli=cpus * 1000)
    usual = {"name": "j", "kind": JobKind.BATCH, "user": "ada", "uid": 1, "partition": "main"}
    return Job(id=id, submitted_at=NOW - ago, request=request, **{**usual, **fields})


def seconds(one: Job) -> float:
    return one.time_limit_s or 3600


JOBS = [
    job(1, ago=500_000, user="bob"),
    job(2, ago=300_000, user="bob", cpus=2),
    job(3, ago=100_000),
    job(4, ago=90_000, cpus=16),
    job(5, ago=90_000, cpus=64, time_limit_s=86_400),
    job(6, ago=300, nice=5),
    job(7, ago=50, time_limit_s=60),
]
STANDINGS = {Party.of(JOBS[2]): Standing(band=0), Party.of(JOBS[0]): Standing(band=3, fairshare=0.3)}


@pytest.mark.parametrize("order", list(Order))
def test_numbers_sort_as_the_keys_of_the_queue(order: Order) -> None:
    ordering = Ordering(order=order, totals=TOTALS, standings=STANDINGS)
    flat = [one for one in JOBS if order is not Order.MULTIFACTOR or (one.nice == 0 and one.user == "ada")]

    by_number = dict(zip([one.id for one in flat], numbers(ordering, flat, seconds, NOW), strict=True))
    by_key = sorted(flat, key=lambda one: ordering.key(one, 0, seconds(one), NOW))

    assert [by_number[one.id] for one in by_key] == sorted(by_number.values(), reverse=True)


def test_a_number_is_the_sum_of_its_parts_and_never_zero() -> None:
    ordering = Ordering(totals=TOTALS, standings=STANDINGS)

    for one in JOBS:
        parts = factors(ordering, one, seconds(one), NOW)
        assert numbers(ordering, [one], seconds, NOW) == [parts.number]
    assert factors(ordering, job(9, nice=10**6), 3600, NOW).number == 1
    assert factors(ordering, job(9, nice=-(10**6)), 3600, NOW).number == PRIORITY_MAX


def test_held_jobs_have_none_and_started_ones_keep_theirs() -> None:
    ordering = Ordering(totals=TOTALS)
    held, runs = job(1, ago=5000, held=True), job(2, ago=5000, started_at=NOW - 4000)

    assert numbers(ordering, [held], seconds, NOW) == [0]
    assert numbers(ordering, [runs], seconds, NOW) == numbers(ordering, [runs], seconds, NOW + 10**6)


def test_multifactor_has_slurms_own_numbers() -> None:
    weights = Weights(age=1000, fairshare=10_000, job_size=100, qos=0)
    ordering = Ordering(order=Order.MULTIFACTOR, weights=weights, totals=TOTALS)

    parts = factors(ordering, job(1, ago=7 * 86_400, cpus=32, nice=11), 3600, NOW)

    assert (parts.age, parts.fairshare, parts.job_size, parts.nice) == (1000, 10_000, 50, -11)
    assert parts.number == 11_039
    assert weights_of(ordering).job_size == 100
