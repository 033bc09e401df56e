"""How quick the Ray engine is over three nodes: 100 jobs that do nothing a second, 50 ms until one runs."""

import pytest

from tests.ray.lab import Lab
from tests.ray.speed import of_ours

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.alone, pytest.mark.timeout(400)]


def test_a_hundred_jobs_a_second_and_half_of_all_run_within_fifty_milliseconds(lab: Lab) -> None:
    ours = of_ours(lab)
    late_ms = sorted(ours.took_s)[-3] * 1000
    print(
        f"ray engine: {ours.rate:.0f} jobs/s, order to start p50 {ours.half_ms:.1f} ms, p95 {late_ms:.1f} ms"
    )
    assert ours.rate >= 100
    assert ours.half_ms <= 50
