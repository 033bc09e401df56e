"""Fair Tree: who used less than its share, of the siblings at every level of the tree, comes first.

Shares and usage are compared among siblings only: `level = (own shares / all siblings' shares) / (own usage /
all siblings' usage)`. The tree is visited from the highest level down, and users are ranked as they come;
a user's factor is its rank by the number of users. Siblings that tie share a rank, accounts that tie are
visited as one. Source: R. Cox and L. Morrison, Fair Tree, 2014, as described in Slurm's documentation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from launchyard.model.account import Association, Spent
from launchyard.model.rules import Billing, Rules, Sum
from launchyard.policy.limits import Amounts

Member = tuple[str, str]
"""(account, user)"""


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """An amount as it was worth at a time; it halves every half-life."""

    value: float
    at: float

    def worth(self, now: float, half_life_s: float | None) -> float:
        """What it is worth now. A clock that went back makes nothing worth more."""
        return self.value * _faded(now - self.at, half_life_s)

    def plus(self, value: float, now: float, half_life_s: float | None) -> "UsageRecord":
        """The record with more on it, as worth now."""
        return UsageRecord(self.worth(now, half_life_s) + value, max(now, self.at))


@dataclass(slots=True)
class Branch:
    """An account, or a user (`user` set), with its place in the tree and what it used."""

    account: str
    user: str | None
    shares: int
    usage: float = 0.0
    children: list["Branch"] = field(default_factory=list)
    shares_norm: float = 0.0
    usage_norm: float = 0.0
    level: float = inf
    factor: float = 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    """Who is in which account, with what shares. `accounts`: name, parent (None: top), shares (None: of the
    parent); an account comes after its parent. `members` are users in accounts, with their shares."""

    accounts: tuple[tuple[str, str | None, int | None], ...]
    members: tuple[tuple[str, str, int], ...]
    half_life_s: float | None = 7 * 86_400

    @classmethod
    def of(cls, rules: Rules, seen: Iterable[Member] = ()) -> "Tree":
        """The tree of these rules; `seen` are further (account, user), for accounts open to everyone."""
        accounts = sorted(rules.accounts.values(), key=lambda one: (len(rules.ancestry(one.name)), one.name))
        open_to_all = {one.name for one in accounts if one.everyone}
        named = {one for one in rules.associations if one[0] in rules.accounts}
        guests = sorted({one for one in seen if one[0] in open_to_all} - named)
        members = [(a, u, rules.associations[a, u].shares) for a, u in sorted(named)]
        members += [(account, user, Association(user=user).shares) for account, user in guests]
        return cls(
            tuple((one.name, one.parent, one.shares) for one in accounts),
            tuple(members),
            rules.scheduler.half_life_s,
        )


def factors(tree: Tree, usage: Mapping[Member, UsageRecord], now: float) -> dict[Member, float]:
    """The factor of every user in an account, above 0 and at most 1. Empty when there are no accounts."""
    root = grown(tree, usage, now)
    return {(one.account, one.user): one.factor for one in users_of(root) if one.user is not None}


def grown(tree: Tree, usage: Mapping[Member, UsageRecord], now: float) -> Branch:
    """The whole tree with shares, usage, levels and factors, for those who show it."""
    root = Branch("", None, 1)
    places = {"": root}
    for name, parent, shares in tree.accounts:
        # Whose shares are the parent's is no level of its own: its members are members of the parent.
        above = places[parent or ""]
        places[name] = above if shares is None else Branch(name, None, shares)
        if shares is not None:
            above.children.append(places[name])
    for account, user, shares in tree.members:
        record = usage.get((account, user))
        used = 0.0 if record is None else record.worth(now, tree.half_life_s)
        places[account].children.append(Branch(account, user, shares, used))
    _sum_up(root)
    root.shares_norm = root.usage_norm = 1.0
    _Ranking(len(users_of(root))).visit(root.children, tied=False)
    return root


def users_of(branch: Branch) -> list[Branch]:
    """All users below a branch."""
    found: list[Branch] = []
    for child in branch.children:
        found.extend([child] if child.user is not None else users_of(child))
    return found


def _sum_up(branch: Branch) -> float:
    """Usage of accounts from their members, and what each child is of its siblings."""
    if branch.user is None:
        branch.usage = sum(_sum_up(child) for child in branch.children)
    shares = sum(child.shares for child in branch.children)
    for child in branch.children:
        child.shares_norm = child.shares / shares if shares else 0.0
        child.usage_norm = child.usage / branch.usage if branch.usage else 0.0
        child.level = _level(child)
    return branch.usage


def _level(one: Branch) -> float:
    """Who has no shares comes last, whatever it used; who used nothing comes first."""
    if not one.shares:
        return 0.0
    return one.shares_norm / one.usage_norm if one.usage_norm else inf


class _Ranking:
    """Ranks handed out from the number of users down; those who tie get the same one."""

    def __init__(self, users: int) -> None:
        self._users = users
        self._rank = users
        self._rank_untied = users

    def visit(self, siblings: Sequence[Branch], *, tied: bool) -> None:
        """Users first of those with one level, then the accounts that tie, as one."""
        ordered = sorted(siblings, key=lambda one: (-one.level, one.user is None))
        before: float | None = None
        position = 0
        while position < len(ordered):
            one = ordered[position]
            tied = tied or one.level == before
            if one.user is not None:
                self._give(one, tied)
                position += 1
            else:
                same = [other for other in ordered[position:] if other.level == one.level]
                self.visit([child for account in same for child in account.children], tied=tied)
                for account in same:
                    account.factor = max((user.factor for user in users_of(account)), default=0.0)
                position += len(same)
            before, tied = one.level, False

    def _give(self, user: Branch, tied: bool) -> None:
        if not tied:
            self._rank = self._rank_untied
        user.factor = self._rank / self._users
        self._rank_untied -= 1


def bill(amounts: Amounts, billing: Billing) -> float:
    """What a second of these amounts costs."""
    parts = (
        amounts.cpus_milli / 1000 * billing.cpu,
        amounts.memory_mib / 1024 * billing.memory_gib,
        amounts.gpus_milli / 1000 * billing.gpu,
    )
    return max(parts) if billing.sum is Sum.MAX else sum(parts)


def charged(spent: Spent, more: "Used", now: float, half_life_s: float | None) -> Spent:
    """What was spent, with more on it; as worth now."""
    faded = _faded(now - spent.at, half_life_s)
    return Spent(
        user=spent.user,
        account=spent.account,
        qos=spent.qos,
        billed_s=max(0.0, spent.billed_s * faded + more.billed_s),
        cpu_s=max(0.0, spent.cpu_s * faded + more.cpu_s),
        gpu_s=max(0.0, spent.gpu_s * faded + more.gpu_s),
        at=max(now, spent.at),
        charged_until=spent.charged_until,
    )


class Used(NamedTuple):
    """What jobs used for a while: the bill, and seconds of CPUs and of GPUs."""

    billed_s: float = 0.0
    cpu_s: float = 0.0
    gpu_s: float = 0.0

    @classmethod
    def of(cls, amounts: Amounts, rate: float, seconds: float) -> "Used":
        """These amounts for so long; `rate` is a second's bill."""
        return cls(rate * seconds, amounts.cpus_milli / 1000 * seconds, amounts.gpus_milli / 1000 * seconds)

    def plus(self, other: "Used") -> "Used":
        return Used(self[0] + other[0], self[1] + other[1], self[2] + other[2])


def worth(spent: Spent, now: float, half_life_s: float | None) -> Spent:
    """The same, as worth now."""
    return charged(spent, Used(), now, half_life_s)


def usage_of(spent: Iterable[Spent], now: float, half_life_s: float | None) -> dict[Member, UsageRecord]:
    """The bills of each user in each account, over all QOS."""
    found: dict[Member, float] = {}
    for one in spent:
        member = (one.account, one.user)
        found[member] = found.get(member, 0.0) + one.billed_s * _faded(now - one.at, half_life_s)
    return {member: UsageRecord(value, now) for member, value in found.items()}


def _faded(seconds: float, half_life_s: float | None) -> float:
    """What is left of 1 after so long."""
    return 1.0 if half_life_s is None or seconds <= 0 else 0.5 ** (seconds / half_life_s)
