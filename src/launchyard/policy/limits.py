"""Limits of users, accounts and QOS: what is taken of each, and which one a job would go beyond.

Every limit holds, whoever set it: those of the QOS, of the user in the account, of the account and of all
accounts above it. The book of what is taken is one of the controller's tables; a plan works on a copy.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from launchyard.model.account import IMPLICIT, Limits
from launchyard.model.job import Job
from launchyard.model.memory import humane_memory
from launchyard.model.resources import Allocation, Request, format_cpus
from launchyard.model.rules import Rules
from launchyard.model.walltime import format_walltime, humane


class Party(NamedTuple):
    """For whom a job runs: what limits and usage are counted by."""

    user: str
    account: str
    qos: str

    @classmethod
    def of(cls, job: Job) -> "Party":
        return cls(job.user, job.account or IMPLICIT, job.qos)


class Amounts(NamedTuple):
    """What one job, or several, take at one time; CPUs and GPUs in thousandths."""

    jobs: int = 1
    cpus_milli: int = 0
    memory_mib: int = 0
    gpus_milli: int = 0
    nodes: int = 1

    @classmethod
    def asked(cls, request: Request) -> "Amounts":
        """What a job that asks for this takes at least."""
        gpus_milli = request.gpus * request.gpu_milli
        return cls(1, request.cpus_milli, request.memory_mib, gpus_milli, request.nodes)

    @classmethod
    def given(cls, allocation: Allocation) -> "Amounts":
        """What a job that was given this takes."""
        shares = allocation.shares
        return cls(
            1,
            sum(share.cpus_milli for share in shares),
            sum(share.memory_mib for share in shares),
            sum(len(share.gpu_ids) * share.gpu_milli for share in shares),
            len(shares),
        )


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a job would go beyond. `code` is a stable word, `sentence` has the numbers."""

    code: str
    sentence: str
    scope: str = ""
    """Whose limit it is: `user of qos`, `account`, `job of qos` ..."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of limit is said: `GPUs` as in `uses 64 of 64 GPUs`, `--gpus` to ask for less."""

    code: str
    words: str
    option: str
    verb: str = "uses"
    may: str = "use"


_KINDS = (
    _Kind("limit-jobs", "jobs", "", "runs", "run"),
    _Kind("limit-cpus", "CPUs", "--cpus"),
    _Kind("limit-memory", "of memory", "--mem"),
    _Kind("limit-gpus", "GPUs", "--gpus"),
    _Kind("limit-nodes", "nodes", "--nodes"),
)
"""In the order of `Amounts`."""

_MINUTES = (("limit-cpu-minutes", "CPU"), ("limit-gpu-minutes", "GPU"))

_Key = tuple[str, ...]
_Taken = tuple[int, ...]
_NOTHING: _Taken = (0, 0, 0, 0, 0)
_UNSPENT = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Scope:
    """One set of limits as it meets one party. `key` None: a limit of each job, of which nothing is counted.

    `subject` and `place` are the sentence's: `user ada` ... ` of QOS interactive`.
    """

    key: _Key | None
    subject: str
    place: str
    checks: tuple[tuple[int, int], ...]
    minutes: tuple[tuple[int, int], ...]
    waiting: int | None
    time_limit_s: int | None
    whose: str


class LimitBook:
    """What is taken of every limit. Without any limit it does nothing, and costs nothing."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        sets = list(_sets(rules))
        self.any = any(limits.any for limits in sets)
        self.minutes = any(
            limits.cpu_minutes is not None or limits.gpu_minutes is not None for limits in sets
        )
        """Whether there are limits of resource-minutes, for which running time has to be booked."""
        self._scopes: dict[Party, tuple[_Scope, ...]] = {}
        self._taken: dict[_Key, _Taken] = {}
        self._reserved: dict[_Key, tuple[float, float]] = {}
        self._spent: dict[_Key, tuple[float, float]] = {}
        self._waiting: dict[_Key, int] = {}
        self._counts: dict[Party, bool] = {}
        self.entries: dict[Hashable, Any] = {}
        """As what `policy.access` let in whom."""

    def copy(self) -> "LimitBook":
        """A book to plan on. What waits and what was spent does not change while planning and is shared."""
        if not self.any:
            return self
        twin = object.__new__(LimitBook)
        twin._rules, twin.any, twin.minutes = self._rules, self.any, self.minutes
        twin._scopes, twin._spent, twin._waiting = self._scopes, self._spent, self._waiting
        twin._counts = self._counts
        twin._taken, twin._reserved = self._taken.copy(), self._reserved.copy()
        return twin

    def take(self, party: Party, amounts: Amounts, seconds: float = 0.0) -> None:
        """Book what a job takes, and the seconds that it may still run."""
        if self.any:
            self._book(party, amounts, 1)
            self.reserve(party, amounts, seconds)

    def give(self, party: Party, amounts: Amounts, seconds: float = 0.0) -> None:
        """Give back what `take` booked; `seconds` are those still reserved."""
        if self.any:
            self._book(party, amounts, -1)
            self.reserve(party, amounts, -seconds)

    def reserve(self, party: Party, amounts: Amounts, seconds: float) -> None:
        """More (or fewer) seconds that a running job may still use of its limits in resource-minutes."""
        if not self.minutes or not seconds:
            return
        for scope in self._scopes_of(party):
            if scope.key is not None and scope.minutes:
                cpu_s, gpu_s = self._reserved.get(scope.key, _UNSPENT)
                more = (amounts.cpus_milli / 1000 * seconds, amounts.gpus_milli / 1000 * seconds)
                self._reserved[scope.key] = (cpu_s + more[0], gpu_s + more[1])

    def set_spent(self, spent: Iterable[tuple[Party, float, float]]) -> None:
        """What each party used by now: CPU seconds and GPU seconds, faded."""
        found: dict[_Key, tuple[float, float]] = {}
        for party, cpu_s, gpu_s in spent if self.minutes else ():
            for scope in self._scopes_of(party):
                if scope.key is not None and scope.minutes:
                    before = found.get(scope.key, _UNSPENT)
                    found[scope.key] = (before[0] + cpu_s, before[1] + gpu_s)
        self._spent = found

    def wait(self, party: Party, count: int) -> None:
        """`count` more jobs of this party wait (fewer, when negative)."""
        if self.any and count:
            for scope in self._scopes_of(party):
                if scope.key is not None and scope.waiting is not None:
                    self._waiting[scope.key] = self._waiting.get(scope.key, 0) + count

    def counts_waiting(self, party: Party) -> bool:
        """Whether it matters how many jobs of this party wait."""
        if not self.any:
            return False
        known = self._counts.get(party)
        if known is None:
            known = any(scope.waiting is not None for scope in self._scopes_of(party))
            self._counts[party] = known
        return known

    def concerns(self, party: Party) -> bool:
        """Whether any limit holds for this party."""
        return bool(self._scopes_of(party))

    def breach(self, party: Party, amounts: Amounts, seconds: float) -> Breach | None:
        """The limit that this job would go beyond if it started now and ran for `seconds`; None: it may."""
        if not self.any:
            return None
        for scope in self._scopes_of(party):
            taken = _NOTHING if scope.key is None else self._taken.get(scope.key, _NOTHING)
            for place, limit in scope.checks:
                if taken[place] + amounts[place] > limit and amounts[place]:
                    return _over(scope, place, taken[place], limit, amounts[place])
            if scope.time_limit_s is not None and seconds > scope.time_limit_s:
                return _too_long(scope, scope.time_limit_s, seconds)
            if scope.minutes and (found := self._over_minutes(scope, amounts, seconds)) is not None:
                return found
        return None

    def impossible(self, party: Party, amounts: Amounts, seconds: float) -> Breach | None:
        """The limit that this job alone is beyond, with what to ask for instead: waiting would not help."""
        if not self.any:
            return None
        for scope in self._scopes_of(party):
            for place, limit in scope.checks:
                if amounts[place] > limit:
                    return _beyond(scope, place, limit, amounts[place])
            if scope.time_limit_s is not None and seconds > scope.time_limit_s:
                return _too_long(scope, scope.time_limit_s, seconds)
            for which, limit in scope.minutes:
                count = _count(which, amounts)
                if count and count * seconds > limit * 60:
                    return _too_many_minutes(scope, which, limit, count, seconds)
        return None

    def breach_of_waiting(self, party: Party, count: int) -> Breach | None:
        """The limit of waiting jobs that `count` more would go beyond."""
        if not self.any:
            return None
        for scope in self._scopes_of(party):
            if scope.waiting is None:
                continue
            waiting = 0 if scope.key is None else self._waiting.get(scope.key, 0)
            if waiting + count > scope.waiting:
                more = f", {count} more asked for" if count > 1 else ""
                return Breach(
                    "limit-waiting",
                    f"{scope.subject} has {waiting} of {scope.waiting} waiting jobs{scope.place}{more}; "
                    "submit again when some have started",
                )
        return None

    @property
    def empty(self) -> bool:
        """Nothing is booked: what it must come to when nothing runs or waits."""
        booked = [
            *self._taken.values(),
            *self._reserved.values(),
            *((one,) for one in self._waiting.values()),
        ]
        return not any(abs(one) > 1e-6 for each in booked for one in each)

    def time_limit_max_s(self, party: Party) -> int | None:
        """The longest time limit that a job of this party may have."""
        if not self.any:
            return None
        found = [scope.time_limit_s for scope in self._scopes_of(party) if scope.time_limit_s is not None]
        return min(found, default=None)

    def _book(self, party: Party, amounts: Amounts, sign: int) -> None:
        for scope in self._scopes_of(party):
            if scope.key is not None and scope.checks:
                a, b, c, d, e = self._taken.get(scope.key, _NOTHING)
                v, w, x, y, z = amounts
                self._taken[scope.key] = (
                    a + sign * v, b + sign * w, c + sign * x, d + sign * y, e + sign * z
                )  # fmt: skip

    def _over_minutes(self, scope: _Scope, amounts: Amounts, seconds: float) -> Breach | None:
        spent = _UNSPENT if scope.key is None else self._spent.get(scope.key, _UNSPENT)
        reserved = _UNSPENT if scope.key is None else self._reserved.get(scope.key, _UNSPENT)
        for which, limit in scope.minutes:
            code, word = _MINUTES[which]
            asked = _count(which, amounts) * seconds
            if not asked or spent[which] + reserved[which] + asked <= limit * 60:
                continue
            kept = f", {reserved[which] / 60:.0f} are kept for what runs" if reserved[which] > 0 else ""
            return Breach(
                code,
                f"{scope.subject} has used {spent[which] / 60:.0f} of {limit} {word} minutes{scope.place}"
                f"{kept}, {asked / 60:.0f} asked for",
                scope.whose,
            )
        return None

    def _scopes_of(self, party: Party) -> tuple[_Scope, ...]:
        found = self._scopes.get(party)
        if found is None:
            found = self._scopes[party] = tuple(_scopes(self._rules, party))
        return found


def _sets(rules: Rules) -> Iterator[Limits]:
    """Every set of limits there is."""
    for qos in rules.qos.values():
        yield from (qos.limits, qos.per_account, qos.per_user, qos.per_job)
    for account in rules.accounts.values():
        yield from (account.limits, account.per_user, account.per_job)
    for association in rules.associations.values():
        yield from (association.limits, association.per_job)


def _scopes(rules: Rules, party: Party) -> Iterator[_Scope]:
    """The limits that hold for a party: those of its QOS, of the user, of the account and those above it."""
    if not rules.accounts and party.account != IMPLICIT:
        # Without accounts the name is a label that the submitter put on the job.
        yield from _scopes(rules, Party(party.user, IMPLICIT, party.qos))
        return
    user, account = f"user {party.user}", f"account {party.account}"
    qos = rules.qos.get(party.qos)
    if qos is not None:
        name, of_qos = f"QOS {qos.name}", f" of QOS {qos.name}"
        yield from _scope(None, "a job", of_qos, qos.per_job, "job of qos")
        yield from _scope(("qos", qos.name, "user", party.user), user, of_qos, qos.per_user, "user of qos")
        key = ("qos", qos.name, "account", party.account)
        yield from _scope(key, account, of_qos, qos.per_account, "account of qos")
        yield from _scope(("qos", qos.name), name, "", qos.limits, "qos")
    association = rules.associations.get((party.account, party.user))
    if association is not None:
        place = "" if association.account == IMPLICIT else f" in {account}"
        yield from _scope(None, f"a job of {user}", place, association.per_job, "job")
        yield from _scope(("user", party.account, party.user), user, place, association.limits, "user")
    for name in rules.ancestry(party.account):
        one = rules.accounts.get(name)
        if one is not None:
            place = f" in account {name}"
            yield from _scope(None, "a job", place, one.per_job, "job")
            key = ("account", name, "user", party.user)
            yield from _scope(key, user, place, one.per_user, "user of account")
            yield from _scope(("account", name), f"account {name}", "", one.limits, "account")


def _scope(key: _Key | None, subject: str, place: str, limits: Limits, whose: str) -> Iterator[_Scope]:
    if not limits.any:
        return
    gpus_milli = None if limits.gpus is None else limits.gpus * 1000
    amounts = (limits.jobs, limits.cpus_milli, limits.memory_mib, gpus_milli, limits.nodes)
    minutes = (limits.cpu_minutes, limits.gpu_minutes)
    yield _Scope(
        key,
        subject,
        place,
        checks=tuple((n, limit) for n, limit in enumerate(amounts) if limit is not None),
        minutes=tuple((n, limit) for n, limit in enumerate(minutes) if limit is not None),
        waiting=limits.waiting,
        time_limit_s=limits.time_limit_s,
        whose=whose,
    )


def _count(which: int, amounts: Amounts) -> float:
    """Of what is multiplied by time: whole CPUs, or GPUs."""
    return (amounts.gpus_milli if which else amounts.cpus_milli) / 1000


def _over(scope: _Scope, place: int, taken: int, limit: int, asked: int) -> Breach:
    if scope.key is None or asked > limit:
        return _beyond(scope, place, limit, asked)
    kind = _KINDS[place]
    of = f"{_said(place, taken)} of {_said(place, limit)}"
    more = "" if taken >= limit else f", {_said(place, asked)} asked for"
    sentence = f"{scope.subject} {kind.verb} {of} {kind.words}{scope.place}{more}"
    return Breach(kind.code, sentence, scope.whose)


def _beyond(scope: _Scope, place: int, limit: int, asked: int) -> Breach:
    kind = _KINDS[place]
    less = f"; ask for {kind.option} {_typed(place, limit)} or less" if kind.option and limit else ""
    if not limit:
        less = f"; leave out {kind.option}" if place == 3 else ""
    sentence = (
        f"{scope.subject}{scope.place} may {kind.may} {_said(place, limit)} {kind.words}, "
        f"{_said(place, asked)} asked for{less}"
    )
    return Breach(kind.code, sentence, scope.whose)


def _too_long(scope: _Scope, limit_s: int, seconds: float) -> Breach:
    return Breach(
        "limit-time",
        f"{_each(scope)} may run {humane(limit_s)}, {humane(seconds)} asked for; "
        f"ask for --time {format_walltime(limit_s)} or less",
        scope.whose,
    )


def _each(scope: _Scope) -> str:
    """A limit of time is one of each job, whatever it is written for."""
    if scope.key is None:
        return f"{scope.subject}{scope.place}"
    return f"a job of {scope.subject}{scope.place}"


def _too_many_minutes(scope: _Scope, which: int, limit: int, count: float, seconds: float) -> Breach:
    code, word = _MINUTES[which]
    return Breach(
        code,
        f"{scope.subject}{scope.place} may use {limit} {word} minutes, {count * seconds / 60:.0f} asked for; "
        f"ask for --time {format_walltime(max(1, int(limit * 60 / count)))} or less",
        scope.whose,
    )


def _said(place: int, value: int) -> str:
    if place in (1, 3):
        return format_cpus(value)
    return humane_memory(value) if place == 2 else str(value)


def _typed(place: int, value: int) -> str:
    return f"{value}M" if place == 2 else _said(place, value)
