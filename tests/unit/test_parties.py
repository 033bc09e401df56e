"""The books of limits and usage follow any life of any job, over restarts, and balance at its end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.controller.parties import Parties
from launchyard.model.account import QOS, Account, Limits, Spent
from launchyard.model.job import Attempt, Job
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.rules import Rules, SchedulerRules
from launchyard.model.state import JobState as S
from tests.unit.cluster import T0, job

WIDE = Limits(jobs=100, waiting=100, cpus_milli=10**6, gpus=100, cpu_minutes=10**6, gpu_minutes=10**6)
RULES = Rules(
    qos={
        "normal": QOS(name="normal", limits=WIDE),
        "free": QOS(name="free", usage_factor=0.0, per_user=WIDE),
    },
    accounts={"physics": Account(name="physics", everyone=True, limits=WIDE, per_user=WIDE)},
    scheduler=SchedulerRules(half_life_s=None),
)
STEPS = ("start", "run", "suspend", "resume", "end", "requeue", "charge", "restart", "rules")


class Yard:
    """Jobs that a test moves by hand, what is durable of their usage, and for how long they ran."""

    def __init__(self, jobs: int) -> None:
        self.now = T0
        self.rows: dict[tuple[str, str, str], Spent] = {}
        self.ran_s = 0.0
        self.jobs = {n: self._new(n) for n in range(1, jobs + 1)}
        self.parties = Parties(RULES)
        for one in self.jobs.values():
            self.parties.follow(one, self.now)

    def _new(self, n: int) -> Job:
        user, qos = ("ada", "normal") if n % 2 else ("bob", "free")
        return job(n, user=user, account="physics", qos=qos)

    def step(self, n: int, what: str, seconds: int) -> None:
        self.now += seconds
        self.ran_s += seconds * sum(one.state is S.RUNNING for one in self.jobs.values())
        match what:
            case "charge":
                self.parties.charge(self.now)
            case "restart":
                self.keep()
                self.parties = Parties(RULES, self.rows.values())
                for one in self.jobs.values():
                    self.parties.follow(one, self.now)
            case "rules":
                self.parties.use_rules(RULES, self.jobs.values(), self.now)
            case _:
                self.move(n, what)
        self.keep()

    def move(self, n: int, what: str) -> None:
        one = self.jobs[n]
        moved = {
            ("start", S.PENDING): lambda: replace(one, state=S.STARTING, attempt=self._attempt()),
            ("run", S.STARTING): lambda: replace(one, state=S.RUNNING, started_at=self.now),
            ("suspend", S.RUNNING): lambda: replace(one, state=S.SUSPENDED),
            ("resume", S.SUSPENDED): lambda: replace(one, state=S.RUNNING),
            ("end", S.RUNNING): lambda: replace(one, state=S.COMPLETED, ended_at=self.now),
            ("requeue", S.RUNNING): lambda: replace(one, state=S.PENDING, attempt=None, started_at=None),
        }.get((what, one.state))
        if moved is not None:
            self.jobs[n] = moved()
            self.parties.follow(self.jobs[n], self.now)

    def _attempt(self) -> Attempt:
        shares = (NodeShare(node="n1", cpus_milli=2000, memory_mib=512, gpu_ids=(0,)),)
        return Attempt(
            number=1, launch_id="x", epoch="e", allocation=Allocation(shares=shares), allocated_at=self.now
        )

    def keep(self) -> None:
        """What a change would make durable."""
        self.rows.update({(one.user, one.account, one.qos): one for one in self.parties.charges()})

    def finish(self) -> None:
        for n in self.jobs:
            for what in ("start", "run", "resume", "end"):
                self.move(n, what)
        self.keep()


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(STEPS), st.integers(0, 90)), max_size=40))
def test_books_balance_after_any_lives(steps: list[tuple[int, str, int]]) -> None:
    yard = Yard(4)
    suspended = False
    for n, what, seconds in steps:
        suspended = suspended or what == "suspend"
        yard.step(n, what, seconds)
    yard.finish()
    assert yard.parties.book.empty
    charged = sum(row.cpu_s for row in yard.rows.values())
    if not suspended:
        assert charged == pytest.approx(2 * yard.ran_s)
    assert sum(row.gpu_s for row in yard.rows.values()) == pytest.approx(charged / 2)
    assert all(row.billed_s == 0 for row in yard.rows.values() if row.qos == "free")


def test_a_suspended_job_is_not_charged_and_keeps_what_it_holds() -> None:
    yard = Yard(1)
    for what, seconds in (
        ("start", 5),
        ("run", 5),
        ("suspend", 100),
        ("charge", 50),
        ("resume", 50),
        ("end", 10),
    ):
        yard.step(1, what, seconds)
        if what == "charge":
            assert not yard.parties.book.empty
    assert [row.cpu_s for row in yard.rows.values()] == [220.0]


def test_a_crash_between_two_charges_forgets_nothing_and_charges_nothing_twice() -> None:
    yard = Yard(1)
    for what, seconds in (
        ("start", 0),
        ("run", 0),
        ("charge", 60),
        ("restart", 30),
        ("restart", 5),
        ("end", 5),
    ):
        yard.step(1, what, seconds)
    assert [row.cpu_s for row in yard.rows.values()] == [200.0]
