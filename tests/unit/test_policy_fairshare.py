"""Fair Tree: the order it promises, ties, shares of zero and of the parent, and usage that fades."""

from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.account import Account, Association, Spent
from launchyard.model.rules import Billing, Rules, Sum
from launchyard.policy.fairshare import (
    Branch,
    Tree,
    UsageRecord,
    Used,
    bill,
    charged,
    factors,
    grown,
    usage_of,
    users_of,
    worth,
)
from launchyard.policy.limits import Amounts

NOW = 1_000_000.0
WEEK = 7 * 86_400.0


def tree(*accounts: tuple[str, str | None, int | None], members: list[tuple[str, str, int]]) -> Tree:
    return Tree(accounts, tuple(members))


def used(**by: float) -> dict[tuple[str, str], UsageRecord]:
    """`a_ada=3`: what ada used of account a."""
    return {(key.split("_")[0], key.split("_")[1]): UsageRecord(value, NOW) for key, value in by.items()}


def test_without_accounts_there_are_no_factors() -> None:
    assert factors(Tree.of(Rules()), {}, NOW) == {}


def test_every_user_of_the_better_account_comes_before_all_users_of_the_other() -> None:
    found = factors(
        tree(
            ("a", None, 1),
            ("b", None, 1),
            members=[("a", "thrifty", 1), ("a", "greedy", 1), ("b", "x", 1), ("b", "y", 1)],
        ),
        used(a_greedy=90, b_x=50, b_y=60),
        NOW,
    )
    assert found == {("a", "thrifty"): 1.0, ("a", "greedy"): 0.75, ("b", "x"): 0.5, ("b", "y"): 0.25}


def test_levels_are_shares_by_usage_among_siblings() -> None:
    """The example of the description: 60 % of the shares and 20 % of the usage is a level of 3."""
    root = grown(
        tree(("a", None, 60), ("b", None, 40), members=[("a", "ada", 1), ("b", "bob", 1)]),
        used(a_ada=20, b_bob=80),
        NOW,
    )
    levels = {child.account: child.level for child in root.children}
    assert levels == {"a": pytest.approx(3.0), "b": pytest.approx(0.5)}
    assert [(user.user, user.level) for user in users_of(root)] == [("ada", 1.0), ("bob", 1.0)]


def test_siblings_that_used_nothing_share_the_first_rank() -> None:
    found = factors(
        tree(("a", None, 1), members=[("a", "ada", 1), ("a", "bob", 5), ("a", "eve", 1)]),
        used(a_eve=1),
        NOW,
    )
    assert found == {("a", "ada"): 1.0, ("a", "bob"): 1.0, ("a", "eve"): pytest.approx(1 / 3)}


def test_accounts_that_tie_are_visited_as_one() -> None:
    """Otherwise all users of whichever account happens to be first would go ahead."""
    found = factors(
        tree(
            ("a", None, 1),
            ("b", None, 1),
            members=[("a", "a1", 1), ("a", "a2", 1), ("b", "b1", 1), ("b", "b2", 1)],
        ),
        used(a_a1=10, a_a2=30, b_b1=20, b_b2=20),
        NOW,
    )
    assert found == {("a", "a1"): 1.0, ("b", "b1"): 0.75, ("b", "b2"): 0.75, ("a", "a2"): 0.25}


def test_a_user_that_ties_with_an_account_shares_the_rank_of_its_first_user() -> None:
    found = factors(
        tree(
            ("a", None, 1),
            ("sub", "a", 1),
            members=[("a", "ada", 1), ("sub", "s1", 1), ("sub", "s2", 1)],
        ),
        used(a_ada=50, sub_s1=10, sub_s2=40),
        NOW,
    )
    assert found == {("a", "ada"): 1.0, ("sub", "s1"): 1.0, ("sub", "s2"): pytest.approx(1 / 3)}


def test_no_shares_come_last_whatever_was_used() -> None:
    found = factors(
        tree(("a", None, 1), members=[("a", "guest", 0), ("a", "heavy", 1)]), used(a_heavy=1e9), NOW
    )
    assert found["a", "heavy"] > found["a", "guest"]
    assert found["a", "guest"] > 0


def test_an_account_with_its_parents_shares_is_no_level_of_its_own() -> None:
    root = grown(
        tree(
            ("a", None, 1),
            ("team", "a", None),
            members=[("a", "ada", 1), ("team", "t1", 1), ("team", "t2", 1)],
        ),
        {},
        NOW,
    )
    assert [child.shares_norm for child in root.children[0].children] == pytest.approx([1 / 3] * 3)


def test_the_tree_is_made_from_the_rules_and_from_who_came_by() -> None:
    rules = Rules(
        accounts={
            "optics": Account(name="optics", parent="physics", shares=2),
            "physics": Account(name="physics", everyone=True),
        },
        associations={("optics", "ada"): Association(user="ada", account="optics", shares=3)},
    )
    found = Tree.of(rules, [("physics", "bob"), ("optics", "bob"), ("gone", "eve")])
    assert found.accounts == (("physics", None, 1), ("optics", "physics", 2))
    assert found.members == (("optics", "ada", 3), ("physics", "bob", 1))


def test_usage_halves_every_half_life() -> None:
    record = UsageRecord(100.0, NOW)
    assert record.worth(NOW + WEEK, WEEK) == 50.0
    assert record.worth(NOW + 2 * WEEK, WEEK) == 25.0
    assert record.worth(NOW - WEEK, WEEK) == 100.0, "a clock that goes back makes nothing worth more"
    assert record.worth(NOW + WEEK, None) == 100.0
    assert record.plus(1.0, NOW + WEEK, WEEK) == UsageRecord(51.0, NOW + WEEK)


def test_who_stops_comes_back() -> None:
    """The same usage, longer ago, is worth less: the heavy user of last month overtakes that of today."""
    usage = {("a", "old"): UsageRecord(1000.0, NOW - 4 * WEEK), ("a", "new"): UsageRecord(100.0, NOW)}
    found = factors(tree(("a", None, 1), members=[("a", "old", 1), ("a", "new", 1)]), usage, NOW)
    assert found["a", "old"] > found["a", "new"]


@pytest.mark.parametrize(
    ("sum_by", "amounts", "per_second"),
    [
        (Sum.MAX, Amounts(1, 4000, 4096, 0, 1), 4.0),
        (Sum.MAX, Amounts(1, 1000, 64 * 1024, 0, 1), 16.0),
        (Sum.MAX, Amounts(1, 1000, 0, 2000, 1), 16.0),
        (Sum.SUM, Amounts(1, 4000, 4096, 1000, 1), 4.0 + 1.0 + 8.0),
    ],
)
def test_a_bill_is_the_largest_part_or_their_sum(sum_by: Sum, amounts: Amounts, per_second: float) -> None:
    assert bill(amounts, Billing(sum=sum_by)) == per_second


def test_what_is_charged_fades_with_what_was_there() -> None:
    before = Spent(
        user="ada", account="a", qos="normal", billed_s=100, cpu_s=100, gpu_s=10, at=NOW, charged_until=NOW
    )
    after = charged(before, Used.of(Amounts(1, 2000, 0, 1000, 1), 8.0, 60), NOW + WEEK, WEEK)
    assert (after.billed_s, after.cpu_s, after.gpu_s, after.at) == (530.0, 170.0, 65.0, NOW + WEEK)
    assert worth(after, NOW + 2 * WEEK, WEEK).billed_s == 265.0
    assert usage_of([after, after], NOW + WEEK, WEEK) == {("a", "ada"): UsageRecord(1060.0, NOW + WEEK)}


ACCOUNTS = st.lists(
    st.tuples(st.integers(0, 5), st.one_of(st.integers(0, 4), st.none())), min_size=1, max_size=6
)
MEMBERS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=15
)


@given(ACCOUNTS, MEMBERS)
def test_factors_are_ranks_and_follow_the_levels(
    accounts: list[tuple[int, int | None]], members: list[tuple[int, int, int]]
) -> None:
    names = [
        (f"a{n}", None if parent >= n else f"a{parent}", shares)
        for n, (parent, shares) in enumerate(accounts)
    ]
    people = [(f"a{at % len(names)}", f"u{n}", shares) for n, (at, shares, _) in enumerate(members)]
    usage = {
        (people[n][0], people[n][1]): UsageRecord(float(amount), NOW)
        for n, (_, _, amount) in enumerate(members)
    }
    root = grown(tree(*names, members=people), usage, NOW)
    users = users_of(root)
    ranks = sorted(round(user.factor * len(users)) for user in users)
    assert len(users) == len(people)
    assert ranks[-1] == len(users)
    assert all(1 <= rank <= len(users) for rank in ranks)
    _holds_below(root.children)


def _holds_below(siblings: Sequence[Branch]) -> None:
    """Of two siblings the one of the higher level has all its users before those of the other."""
    for one in siblings:
        for other in siblings:
            if one.level > other.level:
                ahead = [user.factor for user in (users_of(one) if one.user is None else [one])]
                behind = [user.factor for user in (users_of(other) if other.user is None else [other])]
                assert min(ahead, default=inf) > max(behind, default=-inf)
        _holds_below(one.children)
