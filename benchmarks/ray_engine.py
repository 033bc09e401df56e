"""The Ray engine over three nodes of a real cluster, each in a network namespace of its own."""

from benchmarks.row import Row
from tests.ray.conftest import brought_up
from tests.ray.speed import Speed, of_ours, of_ray

RATE_LEAST = 100.0
HALF_MOST_MS = 50.0


def rows() -> list[Row]:
    """By root. Beside what is asked for stands Ray itself, with tasks that start the same program."""
    with brought_up() as lab:
        return _rows(of_ours(lab), of_ray(lab))


def _rows(ours: Speed, rays: Speed) -> list[Row]:
    return [
        Row(
            work="Ray engine: jobs that do nothing over three nodes",
            value=ours.rate,
            unit="jobs/s",
            against=f"{RATE_LEAST:g} jobs/s",
            ratio=ours.rate / RATE_LEAST,
            gate=1,
            note=f"Ray's own tasks {rays.rate:,.0f}/s",
        ),
        Row(
            work="Ray engine: order to start",
            value=ours.half_ms,
            unit="ms p50",
            against=f"{HALF_MOST_MS:g} ms",
            ratio=ours.half_ms / HALF_MOST_MS,
            gate=1,
            lower_is_better=True,
            note=f"Ray's own tasks {rays.half_ms:.1f} ms",
        ),
    ]
