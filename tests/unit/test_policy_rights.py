"""Who may do what: the whole table of roles and of what tokens are for, and what it is to others' jobs."""

from dataclasses import replace
from itertools import product

import pytest

from launchyard.model.account import Account, Association
from launchyard.model.errors import Forbidden
from launchyard.model.job import Job, JobKind
from launchyard.model.role import Role, Scope
from launchyard.model.rules import Members, Rules
from launchyard.model.submission import Caller, Submission
from launchyard.policy.coordinating import refuse_change, shown_rules
from launchyard.policy.rights import (
    Right,
    above,
    acts,
    charged,
    may,
    owns,
    reads,
    refuse_ahead,
    refuse_other_account,
    require,
    role_of,
    sees,
)

TABLE = """
                user coordinator operator administrator | all submit read
look            x    x           x        x             | x   x      x
submit          x    x           x        x             | x   x      .
enter           x    x           x        x             | x   .      .
credentials     x    x           x        x             | x   .      .
account         .    x           .        x             | x   .      .
see-all         .    .           x        x             | x   .      x
act-all         .    .           x        x             | x   .      .
nodes           .    .           x        x             | x   .      .
content-all     .    .           .        x             | x   .      .
rules           .    .           .        x             | x   .      .
audit           .    .           .        x             | x   .      .
tokens-all      .    .           .        x             | x   .      .
"""
LINES = [line.replace("|", " ").split() for line in TABLE.strip().splitlines()]
COLUMNS = LINES[0]
GIVEN = {
    (line[0], column): mark == "x"
    for line in LINES[1:]
    for column, mark in zip(COLUMNS, line[1:], strict=True)
}

TREE = Rules(
    accounts={
        "science": Account(name="science", coordinators=("ada",)),
        "physics": Account(name="physics", parent="science"),
        "optics": Account(name="optics", parent="physics", coordinators=("eve",)),
        "arts": Account(name="arts"),
    },
    associations={("physics", "bob"): Association(user="bob", account="physics")},
    roles={
        Role.OPERATOR: Members(users=("bob",), groups=("ops",)),
        Role.ADMINISTRATOR: Members(users=("carol",), groups=("wheel",)),
    },
)


def job(user: str = "bob", uid: int = 1002, account: str | None = "physics") -> Job:
    return Job(
        id=1,
        name="a",
        kind=JobKind.COMMAND,
        user=user,
        uid=uid,
        partition="main",
        submitted_at=0.0,
        account=account,
    )


def caller(role: Role = Role.USER, *, uid: int = 1001, coordinates: tuple[str, ...] = ()) -> Caller:
    return Caller(user="ada", uid=uid, role=role, coordinates=coordinates)


@pytest.mark.parametrize(("role", "scope", "right"), list(product(Role, Scope, Right)))
def test_a_right_needs_role_and_scope(role: Role, scope: Scope, right: Right) -> None:
    expected = GIVEN[right, role] and GIVEN[right, scope]
    who = replace(caller(role, coordinates=("physics",) if role is Role.COORDINATOR else ()), scope=scope)
    assert may(who, right) is expected
    if expected:
        require(who, right)
    else:
        with pytest.raises(Forbidden) as refused:
            require(who, right)
        assert ("ly token create" in str(refused.value)) is GIVEN[right, role]


def test_the_table_names_every_right() -> None:
    assert {right for right, _ in GIVEN} == {one.value for one in Right}
    assert set(COLUMNS) == {*(one.value for one in Role), *(one.value for one in Scope)}


def test_an_operator_who_coordinates_has_both() -> None:
    who = caller(Role.OPERATOR, coordinates=("physics",))
    assert may(who, Right.ACCOUNT)
    assert may(who, Right.NODES)


@pytest.mark.parametrize(
    ("user", "uid", "groups", "role", "coordinates"),
    [
        ("root", 0, (), Role.ADMINISTRATOR, ()),
        ("carol", 1003, (), Role.ADMINISTRATOR, ()),
        ("dan", 1004, ("users", "wheel"), Role.ADMINISTRATOR, ()),
        ("bob", 1002, (), Role.OPERATOR, ()),
        ("dan", 1004, ("ops",), Role.OPERATOR, ()),
        ("ada", 1001, (), Role.COORDINATOR, ("optics", "physics", "science")),
        ("eve", 1005, (), Role.COORDINATOR, ("optics",)),
        ("dan", 1004, ("users",), Role.USER, ()),
    ],
)
def test_the_rules_say_what_somebody_is(
    user: str, uid: int, groups: tuple[str, ...], role: Role, coordinates: tuple[str, ...]
) -> None:
    assert role_of(user, uid, groups, TREE) == (role, coordinates)


OTHERS = [
    (caller(), (False, False, False, False, False)),
    (caller(coordinates=("physics",), role=Role.COORDINATOR), (True, False, True, True, False)),
    (caller(coordinates=("arts",), role=Role.COORDINATOR), (False, False, False, False, False)),
    (caller(Role.OPERATOR), (True, False, True, True, False)),
    (caller(Role.ADMINISTRATOR), (True, True, True, True, True)),
    (replace(caller(Role.ADMINISTRATOR), scope=Scope.READ), (True, False, False, False, False)),
    (replace(caller(Role.OPERATOR), scope=Scope.SUBMIT), (False, False, False, False, False)),
    (
        replace(caller(Role.COORDINATOR, coordinates=("physics",)), scope=Scope.READ),
        (True, False, False, False, False),
    ),
]


@pytest.mark.parametrize(("who", "expected"), OTHERS)
def test_what_one_may_do_to_somebody_elses_job(who: Caller, expected: tuple[bool, ...]) -> None:
    found = (sees, reads, acts, above, owns)
    assert tuple(ask(who, job()) for ask in found) == expected


def test_ones_own_job_is_ones_own_but_not_below_one() -> None:
    mine = job("ada", 1001)
    for role in (Role.USER, Role.COORDINATOR):
        who = caller(role, coordinates=("physics",) if role is Role.COORDINATOR else ())
        assert (sees(who, mine), reads(who, mine), acts(who, mine), owns(who, mine)) == (True,) * 4
        assert not above(who, mine)


def test_a_token_of_one_account_acts_on_its_jobs_alone() -> None:
    """Threat 28: a token of one is useless for another's."""
    who = replace(caller(), account="physics")
    mine, other = job("ada", 1001), job("ada", 1001, "arts")
    assert (acts(who, mine), owns(who, mine)) == (True, True)
    assert (acts(who, other), owns(who, other), reads(who, other)) == (False, False, True)
    assert charged(who, Submission(command=("a",))).account == "physics"
    assert charged(caller(), Submission(command=("a",))).account is None
    for name in ("arts", "phys", "physics2"):
        with pytest.raises(Forbidden, match="physics alone"):
            charged(who, Submission(command=("a",), account=name))
        with pytest.raises(Forbidden):
            refuse_other_account(who, name)


ADA = caller(Role.COORDINATOR, coordinates=("physics", "optics"))
CHANGES = [
    (("user", "bob", {"account": "physics", "gpus": "4"}), True),
    (("user", "bob", {"account": "physics", "limits.gpus": "4", "per_job.cpus": "2", "shares": "3"}), True),
    (("user", "bob", {"account": "arts", "gpus": "4"}), False),
    (("user", "bob", {"gpus": "4"}), False),
    (("user", "bob", {"account": "physics", "qos": "urgent"}), False),
    (("user", "bob", {"account": "physics", "default_qos": "urgent"}), False),
    (("account", "physics", {"per_user.gpus": "4"}), True),
    (("account", "physics", {"gpus": "400"}), False),
    (("account", "physics", {"shares": "400"}), False),
    (("account", "physics", {"coordinators": "bob"}), False),
    (("account", "physics", {"parent": "optics"}), False),
    (("account", "optics", {"gpus": "4", "shares": "2"}), True),
    (("account", "optics", {"parent": "arts"}), False),
    (("account", "optics", {"everyone": "true"}), False),
    (("account", "lasers", {"parent": "physics", "gpus": "1"}), True),
    (("account", "lasers", {"parent": "arts"}), False),
    (("account", "lasers", {}), False),
    (("account", "arts", {"per_user.gpus": "4"}), False),
    (("account", "arts", {"parent": "physics"}), False),
    (("qos", "normal", {"tier": "9"}), False),
    (("partition", "main", {"state": "down"}), False),
    (("role", "administrator", {"users": "ada"}), False),
    (("scheduler", "", {"order": "fifo"}), False),
]


@pytest.mark.parametrize(("change", "allowed"), CHANGES)
def test_a_coordinator_changes_what_is_in_the_account(
    change: tuple[str, str, dict[str, str]], allowed: bool
) -> None:
    refuse_change(caller(Role.ADMINISTRATOR), *change, TREE)
    if allowed:
        refuse_change(ADA, *change, TREE)
    else:
        with pytest.raises(Forbidden):
            refuse_change(ADA, *change, TREE)


def test_a_coordinator_removes_members_and_accounts_below() -> None:
    refuse_change(ADA, "user", "bob", {"account": "physics"}, TREE, remove=True)
    refuse_change(ADA, "account", "optics", {}, TREE, remove=True)
    for name in ("physics", "science", "arts"):
        with pytest.raises(Forbidden):
            refuse_change(ADA, "account", name, {}, TREE, remove=True)


def test_a_coordinator_sees_the_rules_of_the_own_accounts() -> None:
    shown = shown_rules(caller(Role.COORDINATOR, coordinates=("optics",)), TREE)
    assert set(shown.accounts) == {"optics", "physics", "science"}
    assert (shown.associations, shown.roles) == ({}, {})
    assert shown_rules(caller(Role.ADMINISTRATOR), TREE) is TREE


def test_only_operators_put_a_job_before_those_of_others() -> None:
    """Threat 11: by a nice below 0; what was so already may stay."""
    user, operator = Caller(user="ada", uid=1001), Caller(user="op", uid=1002, role=Role.OPERATOR)
    for nice, before in ((-1, 0), (-6, -5)):
        with pytest.raises(Forbidden, match="write 0 or more"):
            refuse_ahead(user, nice, before)
        refuse_ahead(operator, nice, before)
    refuse_ahead(user, None)
    for nice, before in ((0, 0), (5, 0), (-5, -5), (-4, -5)):
        refuse_ahead(user, nice, before)
