"""The rules of the queue while the server runs: shown, replaced as a whole, read again; and who used what.

What is changed here is kept in the store (`config.overlay`) and goes before the configuration file, also when
that is read again, until it is forgotten.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isinf

from launchyard.config.overlay import difference, over
from launchyard.controller.loop import Loop
from launchyard.controller.parties import Parties
from launchyard.controller.users import Users
from launchyard.model.account import Spent
from launchyard.model.job import Job
from launchyard.model.rules import Rules
from launchyard.model.submission import Caller
from launchyard.policy.access import accounts_of
from launchyard.policy.fairshare import Branch, Member, grown, users_of
from launchyard.policy.rights import Right, may


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What an account (`user` None), or a user in one, has used, as worth now, and how it stands.

    Shares and usage are parts of those of all siblings; `level` is their ratio, None where nothing was used.
    Without accounts there are no shares and no factor.
    """

    account: str | None
    user: str | None
    shares: int | None = None
    shares_norm: float | None = None
    usage_norm: float | None = None
    level: float | None = None
    factor: float | None = None
    billed_s: float = 0.0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    depth: int = 0
    """How many accounts it is below."""


class Administration:
    """For administrators but for `usage`. `read_file` reads the rules of the configuration file."""

    def __init__(self, loop: Loop, users: Users, *, file: Rules, read_file: Callable[[], Rules]) -> None:
        self._loop = loop
        self._users = users
        self._file = file
        self._read_file = read_file
        self.alone = asyncio.Lock()
        """Held from reading the rules in force to putting changed ones there."""
        self.changed: Callable[[], None] = lambda: None
        """Told when other rules are in force."""
        self.kept = difference(file, self.told)
        """What was changed of the file's rules."""

    @property
    def rules(self) -> Rules:
        """Those in force."""
        return self._loop.live.parties.rules

    @property
    def told(self) -> Rules:
        """The same as they are written, without what engines say of their nodes and partitions."""
        return self._loop.live.told

    @property
    def nodes(self) -> frozenset[str]:
        """The nodes that partitions may name."""
        return frozenset(self._loop.live.nodes)

    def least_nodes(self, job: Job) -> int:
        """On how many nodes it is at least: what it asks for, or so many that their CPUs are enough."""
        nodes = self._loop.live.capacity.of_partition(job.partition).values()
        largest = max((node.cpus for node in nodes), default=1)
        return max(job.request.nodes, -(-job.request.cpus_milli // (largest * 1000)))

    async def put_in_force(self, rules: Rules) -> None:
        """From now on: what of them is not in the file is kept, whatever that says later."""
        await self._use(self._file, rules)

    async def reload(self, *, forget: bool = False) -> None:
        """Read the configuration file again; `forget` what was changed here. Raises `Invalid`."""
        file = await asyncio.to_thread(self._read_file)
        await self._use(file, file if forget else await asyncio.to_thread(over, file, self.kept, self.nodes))

    def usage(self, caller: Caller, others: bool = False) -> list[UsageRow]:
        """Accounts from the top down with their users; others' only for administrators, or if `others`."""
        parties, now = self._loop.live.parties, self._loop.now()
        rows = _rows(parties, now) if parties.rules.accounts else _rows_of_users(parties.spent(now))
        if others or may(caller, Right.SEE_ALL):
            return rows
        own = {
            name for one in accounts_of(caller.user, parties.rules) for name in parties.rules.ancestry(one)
        }
        return [row for row in rows if (row.user or caller.user) == caller.user and _among(row, own)]

    async def _use(self, file: Rules, rules: Rules) -> None:
        self._loop.refuse_when_degraded()
        await self._users.refresh()
        kept = await asyncio.to_thread(difference, file, rules)
        self._loop.live.use_rules(rules, self._loop.now())
        self._file, self.kept = file, kept
        self._loop.draft.rules = kept
        self.changed()
        self._loop.plan_soon()
        await self._loop.committed()


def _among(row: UsageRow, accounts: set[str]) -> bool:
    return row.account is None or row.account in accounts


def _rows(parties: Parties, now: float) -> list[UsageRow]:
    """By account and user, as Fair Tree sees them."""
    root = grown(parties.tree(), parties.usage(now), now)
    spent: dict[Member, list[Spent]] = {}
    for one in parties.spent(now):
        spent.setdefault((one.account, one.user), []).append(one)
    return list(_below(root, spent))


def _below(branch: Branch, spent: dict[Member, list[Spent]], depth: int = 0) -> Iterator[UsageRow]:
    for one in branch.children:
        below = [one] if one.user is not None else users_of(one)
        rows = [row for user in below for row in spent.get((user.account, user.user or ""), ())]
        yield UsageRow(
            account=one.account,
            user=one.user,
            shares=one.shares,
            shares_norm=one.shares_norm,
            usage_norm=one.usage_norm,
            level=None if isinf(one.level) else one.level,
            factor=one.factor,
            billed_s=sum(row.billed_s for row in rows),
            cpu_s=sum(row.cpu_s for row in rows),
            gpu_s=sum(row.gpu_s for row in rows),
            depth=depth,
        )
        yield from _below(one, spent, depth + 1)


def _rows_of_users(spent: list[Spent]) -> list[UsageRow]:
    """Without accounts: by user, whatever name of an account was on the jobs."""
    found: dict[str, list[Spent]] = {}
    for one in spent:
        found.setdefault(one.user, []).append(one)
    return [
        UsageRow(
            account=None,
            user=user,
            billed_s=sum(row.billed_s for row in rows),
            cpu_s=sum(row.cpu_s for row in rows),
            gpu_s=sum(row.gpu_s for row in rows),
        )
        for user, rows in sorted(found.items())
    ]
