"""Who may act on whose jobs, asked of the real controller: roles, accounts, and tokens of one account."""

from dataclasses import replace

import pytest

from launchyard.model.account import Account, Association
from launchyard.model.errors import Conflict, Forbidden, NotFound
from launchyard.model.role import Role
from launchyard.model.rules import Rules
from launchyard.model.submission import Caller, Submission, Update
from tests.unit.test_controller import lives
from tests.unit.yard import ADA, BOB, ROOT, Yard, running_yard

OPERATOR = Caller(user="ops", uid=1009, role=Role.OPERATOR)
COORDINATOR = Caller(user="eve", uid=1008, role=Role.COORDINATOR, coordinates=("physics",))
RULES = Rules(
    accounts={name: Account(name=name) for name in ("physics", "arts")},
    associations={
        (account, user): Association(user=user, account=account)
        for account in ("physics", "arts")
        for user in ("ada", "eve")
    },
)


async def two_jobs(yard: Yard) -> tuple[int, int]:
    """Of ada's, one in each account, both held so that they wait."""
    return (
        (await yard.submit(ADA, account="physics", held=True)).id,
        (await yard.submit(ADA, account="arts", held=True)).id,
    )


@lives
async def test_an_operator_holds_releases_and_cancels_any_job() -> None:
    async with running_yard(rules=RULES) as yard:
        first, second = await two_jobs(yard)
        held = await yard.controller.hold(OPERATOR, yard.ref(first))
        assert held.held_by_admin
        with pytest.raises(Forbidden, match="held by an administrator"):
            await yard.controller.release(ADA, yard.ref(first))
        assert not (await yard.controller.release(OPERATOR, yard.ref(first))).held
        assert (await yard.controller.cancel(OPERATOR, yard.ref(second))).ended


@lives
async def test_an_operator_changes_nobodys_job() -> None:
    """An update can say where output goes, which is written as the job's user."""
    async with running_yard(rules=RULES) as yard:
        first, _ = await two_jobs(yard)
        for change in (Update(stdout="/home/ada/.bashrc"), Update(nice=-5), Update(metadata={"a": "b"})):
            with pytest.raises(NotFound):
                await yard.controller.update(OPERATOR, yard.ref(first), change)
        with pytest.raises(NotFound):
            await yard.controller.signal(OPERATOR, yard.ref(first), 15)
        await yard.controller.update(ROOT, yard.ref(first), Update(nice=5))


@lives
async def test_a_coordinator_acts_on_jobs_of_the_account_alone() -> None:
    async with running_yard(rules=RULES) as yard:
        physics, arts = await two_jobs(yard)
        assert (await yard.controller.hold(COORDINATOR, yard.ref(physics))).held_by_admin
        for act in (yard.controller.hold, yard.controller.release, yard.controller.cancel):
            with pytest.raises(NotFound, match="or it is not yours"):
                await act(COORDINATOR, yard.ref(arts))
        with pytest.raises(NotFound):
            await yard.controller.cancel(BOB, yard.ref(physics))
        assert (await yard.controller.cancel(COORDINATOR, yard.ref(physics))).ended
        with pytest.raises(Conflict):
            await yard.controller.cancel(COORDINATOR, yard.ref(physics))


@lives
async def test_a_coordinator_does_not_lift_an_administrators_hold_of_the_own_job() -> None:
    async with running_yard(rules=RULES) as yard:
        mine = await yard.submit(COORDINATOR, account="physics", held=True)
        await yard.controller.hold(ROOT, yard.ref(mine.id))
        with pytest.raises(Forbidden):
            await yard.controller.release(COORDINATOR, yard.ref(mine.id))


@lives
async def test_a_token_of_one_account_submits_to_it_and_acts_on_its_jobs() -> None:
    """Threat 28."""
    limited = replace(ADA, account="physics")
    async with running_yard(rules=RULES) as yard:
        physics, arts = await two_jobs(yard)
        assert (await yard.submit(limited)).account == "physics"
        (refused,) = await yard.controller.submit(limited, [Submission(command=("true",), account="arts")])
        assert isinstance(refused, Forbidden)
        with pytest.raises(NotFound):
            await yard.controller.cancel(limited, yard.ref(arts))
        with pytest.raises(Forbidden, match="account physics alone"):
            await yard.controller.update(limited, yard.ref(physics), Update(account="arts"))
        assert (await yard.controller.cancel(limited, yard.ref(physics))).ended
