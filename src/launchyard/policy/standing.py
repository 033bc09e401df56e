"""How a party stands in the order: its fair-share factor and band, and what its QOS adds."""

from collections.abc import Mapping

from launchyard.model.rules import Rules
from launchyard.policy.fairshare import Member
from launchyard.policy.limits import Party
from launchyard.policy.order import Standing


def standing_of(party: Party, rules: Rules, factors: Mapping[Member, float]) -> Standing:
    """`factors` are those of Fair Tree; who is not in them has used nothing yet. Without any: one band."""
    factor = factors.get((party.account, party.user), 1.0)
    bands = rules.scheduler.bands
    qos = rules.qos.get(party.qos)
    priority_max = max((one.priority for one in rules.qos.values()), default=0)
    return Standing(
        band=min(bands - 1, int((1 - factor) * bands)),
        fairshare=factor,
        qos=qos.priority / priority_max if qos is not None and priority_max else 0.0,
        tier=qos.tier if qos is not None else 0,
    )
