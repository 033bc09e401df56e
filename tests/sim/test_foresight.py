"""Start estimates against what became of the jobs, on the KTH replay: right about eight times in ten."""

import pytest

from launchyard.policy.calibration import LEARNT_MIN, Calibration
from launchyard.sim.foresight import ForetellingReplay
from launchyard.sim.policies import POLICIES
from launchyard.sim.trace import read_trace
from tests.sim.traces import KTH


@pytest.mark.parametrize("policy", ["default", "easy"])
def test_most_starts_lie_within_a_range_that_is_not_too_wide(policy: str) -> None:
    replay = ForetellingReplay(read_trace(KTH), POLICIES[policy], stride=5)
    replay.run()
    found = replay.foresight()
    assert found.count > 1_000
    assert 0.7 <= found.share <= 0.9
    assert found.width <= 2


def test_before_anything_is_learnt_the_range_ends_at_the_bound() -> None:
    found = Calibration().estimate(100.0, 700.0)
    assert (found.low, found.start, found.high) == (100.0, 700.0, 700.0)


def test_what_is_learnt_moves_the_range() -> None:
    calibration = Calibration()
    for number in range(LEARNT_MIN):
        calibration.learn(500.0 + number, 1_000.0)
    found = calibration.estimate(0.0, 2_000.0)
    assert 900 < found.low < found.start < found.high < 1_200
