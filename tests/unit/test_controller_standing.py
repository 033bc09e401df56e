"""Very many waiting jobs take another place in parts, so that others have their turn between."""

from launchyard.controller.live import SETTLED_AT_ONCE, LiveJobs
from launchyard.controller.parties import Parties
from launchyard.model.rules import Rules
from launchyard.policy.limits import Party
from launchyard.policy.order import Standing
from tests.unit.cluster import ALL, T0, job, node

MANY = 6 * SETTLED_AT_ONCE


def test_who_stands_behind_others_now_is_behind_them_after_some_turns() -> None:
    live = LiveJobs([node()], Parties(Rules(partitions=ALL)))
    of = {name: range(first, MANY, 2) for first, name in ((1, "ada"), (2, "bob"))}
    live.adopt([job(one, user=name) for name, ids in of.items() for one in ids], T0)
    ada = Party.of(live.jobs[1])
    live.parties.standings[ada] = Standing(band=3)

    live.stand_anew({ada}, T0)
    left = [len(live.unsettled)]
    while live.unsettled:
        live.settle(T0)
        left.append(len(live.unsettled))

    assert left == list(range(len(of["ada"]) - SETTLED_AT_ONCE, -1, -SETTLED_AT_ONCE))
    assert list(live.queue.in_order()) == [*of["bob"], *of["ada"]]


def test_where_nobody_stands_elsewhere_nobody_moves() -> None:
    live = LiveJobs([node()], Parties(Rules(partitions=ALL)))
    live.adopt([job(1), job(2)], T0)

    live.stand_anew(set(), T0)

    assert not live.unsettled
    assert list(live.queue.in_order()) == [1, 2]
