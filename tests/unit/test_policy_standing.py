"""How a party stands: bands of the fair-share factor, the tier and the weight of its QOS."""

import pytest

from launchyard.model.account import QOS
from launchyard.model.rules import Rules, SchedulerRules
from launchyard.policy.limits import Party
from launchyard.policy.standing import standing_of

ADA = Party("ada", "physics", "normal")


@pytest.mark.parametrize(
    ("factor", "bands", "band"), [(1.0, 5, 0), (0.81, 5, 0), (0.79, 5, 1), (0.0001, 5, 4), (0.5, 1, 0)]
)
def test_the_factor_is_cut_into_bands(factor: float, bands: int, band: int) -> None:
    rules = Rules(scheduler=SchedulerRules(bands=bands))
    standing = standing_of(ADA, rules, {("physics", "ada"): factor})
    assert (standing.band, standing.fairshare) == (band, factor)


def test_who_is_not_in_the_tree_has_used_nothing_yet() -> None:
    standing = standing_of(ADA, Rules(), {("physics", "bob"): 0.5})
    assert (standing.band, standing.fairshare, standing.tier, standing.qos) == (0, 1.0, 0, 0.0)


def test_a_qos_adds_its_tier_and_its_part_of_the_highest_priority() -> None:
    rules = Rules(
        qos={"normal": QOS(name="normal", priority=5, tier=-1), "top": QOS(name="top", priority=20)}
    )
    standing = standing_of(ADA, rules, {})
    assert (standing.tier, standing.qos) == (-1, 0.25)
    assert standing_of(Party("ada", "physics", "gone"), rules, {}).tier == 0
