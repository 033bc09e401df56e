"""Who uses what: limits taken, waiting jobs counted, usage charged; follows each job as it moves.

What a user has spent is durable with the move that it belongs to: the row and the job's end are one change.
Jobs that run are charged each minute (`duties.charging`); a row says up to when those of its party are, so
after a crash nothing is charged twice and nothing is forgotten.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from launchyard.model.account import Spent
from launchyard.model.job import Job
from launchyard.model.parts import as_parts
from launchyard.model.reason import Reason
from launchyard.model.rules import Rules
from launchyard.model.state import ALLOCATED, ENDED, JobState
from launchyard.policy import fairshare
from launchyard.policy.access import barred, beyond
from launchyard.policy.fairshare import Used
from launchyard.policy.limits import Amounts, Breach, LimitBook, Party
from launchyard.policy.order import Standing
from launchyard.policy.snapshot import UNLIMITED_S
from launchyard.policy.standing import standing_of

CHARGED = frozenset({JobState.RUNNING, JobState.COMPLETING})
"""A suspended job keeps its memory, but it is not charged."""

STANDINGS_MAX = 10_000


@dataclass(slots=True)
class _Use:
    """What a job takes. `since`: charged up to then, None while it is not charged; `left_s`: seconds of its
    time limit that are still kept in limits of resource-minutes."""

    party: Party
    amounts: Amounts
    bill: float
    since: float | None
    limit_s: float
    left_s: float


class Parties:
    """The book of limits, what was spent, and how everybody stands. Owned by the controller's loop."""

    def __init__(self, rules: Rules, spent: Iterable[Spent] = ()) -> None:
        self.rules = rules
        self.book = LimitBook(rules)
        self.factors: dict[fairshare.Member, float] = {}
        """Fair Tree's, as of the last charge; empty without accounts."""
        self.standings: dict[Party, Standing] = {}
        """Of every party that was met; what a party that is not here stands like nobody needs to know."""
        self.placed_elsewhere: Collection[str] = ()
        """Clusters whose engine says itself who may what, with partitions, accounts and QOS of its own."""
        self._spent = {Party(one.user, one.account, one.qos): one for one in spent}
        self._uses: dict[int, _Use] = {}
        self._waiting: dict[int, tuple[Party, int]] = {}
        self._entering: dict[int, Job] = {}
        self._touched: set[Party] = set()
        self._barred: dict[tuple[str, Party], bool] = {}

    def follow(self, job: Job, now: float) -> None:
        """A job is now like this."""
        use = self._uses.get(job.id)
        holds = job.attempt is not None and job.state in ALLOCATED
        if use is not None and holds:
            self._go_on(job, use, now)
            return
        party = Party.of(job)
        if party not in self.standings:
            self.standings[party] = standing_of(party, self.rules, self.factors)
        self._count_waiting(job, party)
        if holds:
            self._begin(job, party, now)
        elif use is not None:
            self._end(job, use, now)

    def party_in_limits(self, job: Job) -> Party | None:
        """The party of a job for which there are limits, None where there are none."""
        if not self.book.any:
            return None
        party = Party.of(job)
        return party if self.book.concerns(party) else None

    def barred(self, job: Job) -> Reason | None:
        """Why the rules as they are now keep a waiting job from starting; None: they do not."""
        if job.parts:
            return next((why for one in as_parts(job) if (why := self.barred(one)) is not None), None)
        if job.cluster in self.placed_elsewhere and job.partition in self.rules.partitions:
            return None
        key = (job.partition, Party.of(job))
        reason = None
        if self._barred.get(key) is not False:
            reason = barred(job, self.rules)
            self._barred[key] = reason is not None
        return reason or beyond(job, self.rules)

    def reason(self, job: Job) -> Reason | None:
        """Why rules or limits keep a waiting job from starting now; None: they do not."""
        reason = self.barred(job)
        if reason is not None or not self.book.any:
            return reason
        breach = self.book.breach(Party.of(job), Amounts.asked(job.request), self._limit_s(job))
        if breach is None:
            return None
        return Reason(code=breach.code, sentence=f"waits because {breach.sentence}", scope=breach.scope)

    def enter(self, job: Job) -> Breach | None:
        """Count a job that is on its way in, unless it would be one waiting job too many."""
        party, count = Party.of(job), _waiting(job)
        breach = self.book.breach_of_waiting(party, count)
        if breach is None:
            self.book.wait(party, count)
            self._entering[job.id] = job
        return breach

    def change(self, before: Job, after: Job) -> Breach | None:
        """The limit of waiting jobs that a waiting job would break with another account or QOS."""
        old, new, count = Party.of(before), Party.of(after), _waiting(after)
        if old == new:
            return None
        self.book.wait(old, -count)
        breach = self.book.breach_of_waiting(new, count)
        self.book.wait(old, count)
        return breach

    def entered(self, jobs: Iterable[Job]) -> None:
        """They are in by now, or never will be."""
        for job in jobs:
            del self._entering[job.id]
            self.book.wait(Party.of(job), -_waiting(job))

    def charge(self, now: float) -> set[Party]:
        """Charge what runs, up to now; answers who stands differently since."""
        owed: dict[Party, Used] = {}
        for use in self._uses.values():
            if use.since is not None and now > use.since:
                seconds = now - use.since
                owed[use.party] = owed.get(use.party, Used()).plus(Used.of(use.amounts, use.bill, seconds))
                self._run_on(use, seconds)
                use.since = now
        for party, used in owed.items():
            self._owe(party, used, now)
            self._spent[party] = replace(self._spent[party], charged_until=now)
        return self._stand(now)

    def forget(self, live: Iterable[Job]) -> None:
        """Forget how those stand who have no job any more, once there are many."""
        if len(self.standings) > STANDINGS_MAX:
            here = {Party.of(job) for job in live}
            for party in [party for party in self.standings if party not in here]:
                del self.standings[party]
            self._barred.clear()

    @property
    def owes(self) -> bool:
        """Whether there are charges that no change has yet."""
        return bool(self._touched)

    def charges(self) -> tuple[Spent, ...]:
        """The rows that changed since this was last asked: for the next change."""
        rows = tuple(self._spent[party] for party in self._touched)
        self._touched.clear()
        return rows

    def spent(self, now: float) -> list[Spent]:
        """What everybody has spent, as worth now; what runs counts up to the last charge."""
        half_life_s = self.rules.scheduler.half_life_s
        return [fairshare.worth(one, now, half_life_s) for one in self._spent.values()]

    def usage(self, now: float) -> dict[fairshare.Member, fairshare.UsageRecord]:
        """The bills by account and user."""
        return fairshare.usage_of(self._spent.values(), now, self.rules.scheduler.half_life_s)

    def tree(self) -> fairshare.Tree:
        """Who is in which account, guests of open accounts included."""
        return fairshare.Tree.of(self.rules, {(party.account, party.user) for party in self._met()})

    def use_rules(self, rules: Rules, at_work: Iterable[Job], now: float) -> None:
        """Other rules are in force: what is at work counts anew. Who waits has to `follow` again."""
        self.charge(now)
        self.rules, self.book = rules, LimitBook(rules)
        self.standings = {party: standing_of(party, rules, {}) for party in self.standings}
        self._barred.clear()
        kept, self._uses, self._waiting = self._uses, {}, {}
        for job in at_work:
            self.follow(job, now)
        for job in self._entering.values():
            self.book.wait(Party.of(job), _waiting(job))
        for job_id, use in self._uses.items():
            if job_id in kept:
                use.since = kept[job_id].since
        self._stand(now)

    # -- inside

    def _met(self) -> set[Party]:
        return self._spent.keys() | self.standings.keys()

    def _count_waiting(self, job: Job, party: Party) -> None:
        before = self._waiting.pop(job.id, None)
        if before is None and not self.book.counts_waiting(party):
            return
        count = _waiting(job)
        if before is not None and before != (party, count):
            self.book.wait(before[0], -before[1])
            before = None
        if count:
            self._waiting[job.id] = (party, count)
            if before is None:
                self.book.wait(party, count)

    def _begin(self, job: Job, party: Party, now: float) -> None:
        if job.attempt is None:
            return
        amounts = Amounts.given(job.attempt.allocation)
        use = _Use(party, amounts, self._bill(party, amounts), None, self._limit_s(job), 0.0)
        if job.state in CHARGED:
            began = job.started_at if job.started_at is not None else now
            spent = self._spent.get(party)
            use.since = began if spent is None else max(began, spent.charged_until)
        run_s = max(0.0, now - job.started_at) if job.started_at is not None else 0.0
        use.left_s = max(0.0, use.limit_s - run_s)
        self.book.take(party, amounts, use.left_s)
        self._uses[job.id] = use

    def _go_on(self, job: Job, use: _Use, now: float) -> None:
        if job.state in CHARGED:
            if use.since is None:
                first = use.left_s == use.limit_s
                use.since = job.started_at if first and job.started_at is not None else now
        elif use.since is not None:
            self._charge(use, now - use.since, now)
            use.since = None
        limit_s = self._limit_s(job)
        if limit_s != use.limit_s:
            more = max(limit_s - use.limit_s, -use.left_s)
            self.book.reserve(use.party, use.amounts, more)
            use.limit_s, use.left_s = limit_s, use.left_s + more

    def _end(self, job: Job, use: _Use, now: float) -> None:
        del self._uses[job.id]
        if use.since is not None:
            # It may have ended a moment before it was charged the last time.
            ended = job.ended_at if job.state in ENDED and job.ended_at is not None else now
            self._charge(use, max(ended - use.since, -60.0), now)
        self.book.give(use.party, use.amounts, use.left_s)

    def _charge(self, use: _Use, seconds: float, now: float) -> None:
        self._owe(use.party, Used.of(use.amounts, use.bill, seconds), now)
        self._run_on(use, seconds)

    def _owe(self, party: Party, used: Used, now: float) -> None:
        before = self._spent.get(party) or Spent(
            user=party.user,
            account=party.account,
            qos=party.qos,
            billed_s=0.0,
            cpu_s=0.0,
            gpu_s=0.0,
            at=now,
            charged_until=0.0,
        )
        self._spent[party] = fairshare.charged(before, used, now, self.rules.scheduler.half_life_s)
        self._touched.add(party)

    def _run_on(self, use: _Use, seconds: float) -> None:
        """What it ran is not kept any more in limits of resource-minutes."""
        ran_s = min(max(seconds, 0.0), use.left_s)
        self.book.reserve(use.party, use.amounts, -ran_s)
        use.left_s -= ran_s

    def _bill(self, party: Party, amounts: Amounts) -> float:
        qos = self.rules.qos.get(party.qos)
        factor = 1.0 if qos is None else qos.usage_factor
        return factor * fairshare.bill(amounts, self.rules.scheduler.billing)

    def _limit_s(self, job: Job) -> float:
        if job.time_limit_s is not None:
            return job.time_limit_s
        partition = self.rules.partitions.get(job.partition)
        return (partition.time_limit_max_s if partition is not None else None) or UNLIMITED_S

    def _stand(self, now: float) -> set[Party]:
        """Factors, limits of minutes and standings anew; answers whose standing changed."""
        if self.book.minutes:
            spent = [(Party(one.user, one.account, one.qos), one.cpu_s, one.gpu_s) for one in self.spent(now)]
            self.book.set_spent(spent)
        self.factors = fairshare.factors(self.tree(), self.usage(now), now) if self.rules.accounts else {}
        moved = set()
        for party, before in self.standings.items():
            standing = standing_of(party, self.rules, self.factors)
            if standing != before:
                self.standings[party] = standing
                moved.add(party)
        return moved


def _waiting(job: Job) -> int:
    """How many waiting jobs it is."""
    if job.state in ENDED:
        return 0
    if job.array is not None:
        return len(job.array.waiting)
    return 1 if job.state is JobState.PENDING else 0
