"""The figures that others published for recorded workloads come out here to nine decimals."""

from functools import cache

import pytest

from launchyard.sim.measures import Measures
from tests.sim.traces import KTH, SDSC, measured, run, synthetic

PUBLISHED = {
    "easy": (92.5765397336, 36.5233635393),
    "easy-sjbf": (69.4054005803, 19.8260115152),
    "easy++": (62.8568827273, 16.8268612189),
    "easy-clairvoyant": (71.7223851124, 30.6214539424),
    "sjbf-clairvoyant": (49.8477189313, 13.1775880059),
}
"""Mean bounded slowdown on KTH-SP2 and SDSC-BLUE. Source: E. Gaussier et al., "Improving backfilling by using
machine learning to predict running times", SC 2015."""
COMPUTED = {"fcfs": (6814.973310176, 353776.409150), "conservative": (88.997274969, 7310.551174)}
"""Mean bounded slowdown and mean wait on KTH-SP2, by two programs that agree."""


@cache
def on_kth(policy: str) -> Measures:
    return measured(KTH, policy)


@cache
def on_sdsc(policy: str) -> Measures:
    return measured(SDSC, policy)


@pytest.mark.parametrize("policy", PUBLISHED)
def test_published_slowdown_of_kth_sp2(policy: str) -> None:
    assert on_kth(policy).mean_bounded_slowdown == pytest.approx(PUBLISHED[policy][0], abs=1e-9, rel=0)


@pytest.mark.parametrize("policy", COMPUTED)
def test_computed_slowdown_and_wait_of_kth_sp2(policy: str) -> None:
    slowdown, wait_s = COMPUTED[policy]
    assert on_kth(policy).mean_bounded_slowdown == pytest.approx(slowdown, abs=1e-9, rel=0)
    assert on_kth(policy).mean_wait_s == pytest.approx(wait_s, abs=1e-6, rel=0)


def test_mean_wait_of_easy_on_kth_sp2() -> None:
    assert on_kth("easy").mean_wait_s == pytest.approx(6836.872090, abs=1e-6, rel=0)


@pytest.mark.slow
@pytest.mark.parametrize("policy", PUBLISHED)
def test_published_slowdown_of_sdsc_blue(policy: str) -> None:
    assert on_sdsc(policy).mean_bounded_slowdown == pytest.approx(PUBLISHED[policy][1], abs=1e-9, rel=0)


def test_the_default_policy_halves_the_slowdown_of_easy_on_kth_sp2() -> None:
    bounds_hold(on_kth("easy"), on_kth("default"), slowdown_max=0.53)


@pytest.mark.slow
def test_the_default_policy_halves_the_slowdown_of_easy_on_sdsc_blue() -> None:
    bounds_hold(on_sdsc("easy"), on_sdsc("default"), slowdown_max=0.43)


@pytest.mark.parametrize(("seed", "processors"), [(1, 128), (2, 64)])
def test_the_default_policy_is_better_on_made_workloads_too(seed: int, processors: int) -> None:
    trace = synthetic(seed, processors=processors)
    easy, ours = run(trace, "easy"), run(trace, "default")
    assert ours.mean_bounded_slowdown <= 0.8 * easy.mean_bounded_slowdown


def bounds_hold(easy: Measures, ours: Measures, *, slowdown_max: float) -> None:
    """Nobody pays for it out of proportion, and the machine is as full."""
    assert ours.mean_bounded_slowdown <= slowdown_max * easy.mean_bounded_slowdown
    assert ours.max_wait_s <= 1.7 * easy.max_wait_s
    assert ours.area_weighted_wait_s <= 1.8 * easy.area_weighted_wait_s
    assert ours.utilisation == pytest.approx(easy.utilisation, abs=0.005)
