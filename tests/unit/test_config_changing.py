"""One thing of the rules changed by an administrator: what is typed finds its place, or is refused."""

import pytest

from launchyard.config import changed, read_rules, without
from launchyard.model.account import Limits
from launchyard.model.errors import Conflict, Invalid, NotFound
from launchyard.model.rules import Order, Rules

BASE = read_rules(
    """
[[accounts]]
name = "physics"
qos = ["normal"]
[[accounts]]
name = "optics"
parent = "physics"
[[users]]
name = "ada"
account = "physics"
[[users]]
name = "ada"
account = "optics"
[[users]]
name = "bob"
account = "optics"
""",
    "base.toml",
)


def change(kind: str, name: str = "", **values: str) -> Rules:
    """`per_user__jobs` stands for `per_user.jobs`."""
    typed = {key.replace("__", "."): value for key, value in values.items()}
    return read_rules(changed(BASE, kind, name, typed), "changed.toml")


def test_limits_are_named_short_or_by_their_table() -> None:
    rules = change("account", "physics", gpus="64", per_user__jobs="8", memory="1TiB", shares="3")
    physics = rules.accounts["physics"]
    assert physics.limits == Limits(gpus=64, memory_mib=1 << 20)
    assert physics.per_user == Limits(jobs=8)
    assert physics.shares == 3
    assert physics.qos == ("normal",), "what is not named stays"


def test_lists_have_commas_and_an_empty_value_is_the_default() -> None:
    assert change("account", "physics", qos="normal,interactive").accounts["physics"].qos == (
        "normal",
        "interactive",
    )
    assert change("account", "physics", qos="").accounts["physics"].qos == ()
    assert change("partition", "main", groups="staff, guests").partitions["main"].groups == (
        "staff",
        "guests",
    )
    assert change("qos", "fast", tier="7", preempts="normal").qos["fast"].preempts == ("normal",)


def test_what_is_not_there_is_made_and_the_scheduler_has_no_name() -> None:
    assert change("account", "lasers", parent="optics").ancestry("lasers") == ("lasers", "optics", "physics")
    assert change("user", "eve", account="optics", shares="2").associations["optics", "eve"].shares == 2
    scheduler = change("scheduler", order="fifo", depth="all", weights__age="7").scheduler
    assert (scheduler.order, scheduler.depth, scheduler.weights.age) == (Order.FIFO, None, 7)


def test_a_user_in_several_accounts_is_found_by_its_account() -> None:
    rules = change("user", "ada", account="optics", shares="9")
    assert rules.associations["optics", "ada"].shares == 9
    assert rules.associations["physics", "ada"].shares == 1
    with pytest.raises(Invalid, match=r"in several accounts \(physics, optics\); add account=NAME"):
        change("user", "ada", shares="9")


@pytest.mark.parametrize(
    ("kind", "name", "values", "sentence"),
    [
        ("acount", "physics", {"gpus": "1"}, "nothing called \"acount\"; did you mean 'account'"),
        ("account", "", {"gpus": "1"}, "which account"),
        ("account", "physics", {"gpuss": "1"}, "has no key \"gpuss\"; did you mean 'gpus'?"),
        ("account", "physics", {"per_usr.jobs": "1"}, "has no table \"per_usr\"; did you mean 'per_user'?"),
        (
            "account",
            "physics",
            {"gpus": "many"},
            'changed.toml, line 18: gpus = "many" is not a whole number',
        ),
        ("account", "physics", {"parent": "optics"}, "account physics is above itself"),
        ("scheduler", "", {"ordr": "fifo"}, "has no key \"ordr\"; did you mean 'order'?"),
    ],
)
def test_what_has_no_place_is_refused(kind: str, name: str, values: dict[str, str], sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_rules(changed(BASE, kind, name, values), "changed.toml")
    assert sentence in str(caught.value)


def test_what_others_name_is_removed_after_them() -> None:
    rules = read_rules(without(BASE, "user", "ada", {"account": "physics"}), "changed.toml")
    assert ("physics", "ada") not in rules.associations
    assert ("optics", "ada") in rules.associations
    with pytest.raises(
        Conflict, match="account optics is named by user ada, user bob; change or remove these"
    ):
        without(BASE, "account", "optics", {})
    with pytest.raises(NotFound, match="there is no account lasers; there are: optics, physics"):
        without(BASE, "account", "lasers", {})
    with pytest.raises(Invalid, match="cannot be removed"):
        without(BASE, "scheduler", "", {})
