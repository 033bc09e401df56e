"""The reports of sreport(1), from what jobs used within a span of time."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.amounts import whole_cpus
from launchyard.slurm.columns import PLAIN, Field

ROOT = "root"
GROUPING = (50, 250, 500, 1000)
RESOURCES = ("cpu", "mem", "energy", "node", "billing", "gres/gpu")
UNITS = {
    "seconds": ("Seconds", 1),
    "minutes": ("Minutes", 60),
    "hours": ("Hours", 3600),
    "secper": ("Seconds/Percentage of Total", 1),
    "minper": ("Minutes/Percentage of Total", 60),
    "hourper": ("Hours/Percentage of Total", 3600),
    "percent": ("Percentage of Total", 0),
}


class Use(NamedTuple):
    """A job's time within the span, and how much of each resource it held."""

    user: str
    uid: int
    account: str
    seconds: float
    held: Mapping[str, float]

    def of(self, resource: str) -> float:
        return self.seconds * self.held.get(resource, 0)


class Account(NamedTuple):
    """An account, in the order of the tree."""

    name: str
    depth: int


class Asked(NamedTuple):
    """`total`: how much there was of each resource, in seconds of it. `resources`: which are reported."""

    cluster: str
    uses: Sequence[Use]
    accounts: Sequence[Account]
    total: Mapping[str, float]
    resources: Sequence[str]
    unit: str
    tree: bool = False
    by_resource: bool = False
    top: int = 10
    group: bool = False
    grouping: Sequence[int] = GROUPING
    job_count: bool = False
    flat: bool = False
    some_users: bool = False
    some_accounts: bool = False
    names: Mapping[int, str] = {}


Rows = tuple[list[Field], list[list[str]]]


def uses_of(rows: Iterable[Mapping[str, Any]], since: float, until: float, now: float) -> list[Use]:
    """What each job held between two times."""
    found = []
    for row in rows:
        begun, ended = row["begun_at"], row["ended_at"]
        if begun is None or row["array_size"] is not None:
            continue
        seconds = min(until, now if ended is None else ended) - max(since, begun)
        if seconds <= 0:
            continue
        cpus = whole_cpus(row["got_cpus_milli"])
        held = {"cpu": cpus, "mem": row["got_memory_mib"], "node": len(row["nodes"]), "billing": cpus}
        held["gres/gpu"] = row["got_gpus"]
        found.append(Use(row["user"], row["uid"], row["account"] or ROOT, seconds, held))
    return found


def amount(value: float, total: float, unit: str) -> str:
    """Seconds in the unit asked for."""
    percent = f"{value / total * 100 if total else 0:.2f}%"
    if unit == "percent":
        return percent
    count = f"{value / UNITS[unit][1]:.0f}"
    return f"{count}({percent})" if unit.endswith("per") else count


def _time(name: str, asked: Asked, key: str) -> Field:
    return Field(name, 17 if asked.unit.endswith("per") else 8, PLAIN, key)


CLUSTER = Field("Cluster", 9, key="cluster")
LOGIN = Field("Login", 9, key="login")
PROPER = Field("Proper Name", 15, key="proper")
ACCOUNT = Field("Account", 15, key="account")
RESOURCE = Field("TRES Name", 14, key="tresname")


def _ends(asked: Asked) -> list[Field]:
    if asked.by_resource:
        return [RESOURCE, _time("Used", asked, "used")]
    return [_time("Used", asked, "used"), _time("Energy", asked, "energy")]


def _ended(asked: Asked, uses: Iterable[Use], *begin: str) -> list[list[str]]:
    """A row, or one for each resource."""
    some = list(uses)
    found = []
    for resource in asked.resources:
        used = amount(sum(use.of(resource) for use in some), asked.total.get(resource, 0), asked.unit)
        last = [resource, used] if asked.by_resource else [used, amount(0, 0, asked.unit)]
        found.append([*begin, *last])
    return found


def utilization(asked: Asked) -> Rows:
    """How much of the cluster was allocated."""
    names = ("Allocated", "Down", "PLND Down", "Idle", "Planned", "Reported")
    times = [_time(name, asked, name.replace(" ", "").lower()) for name in names]
    rows = []
    for resource in asked.resources:
        total = asked.total.get(resource, 0)
        used = min(total, sum(use.of(resource) for use in asked.uses))
        shown = [amount(one, total, asked.unit) for one in (used, 0, 0, total - used, 0, total)]
        rows.append([asked.cluster, *([resource] if asked.by_resource else []), *shown])
    return [CLUSTER, *([RESOURCE] if asked.by_resource else []), *times], rows


def accounts_by_user(asked: Asked) -> Rows:
    """Each account with all below it, and its users."""
    fields = [CLUSTER, ACCOUNT._replace(width=-20) if asked.tree else ACCOUNT, LOGIN, PROPER, *_ends(asked)]
    rows = []
    for place, account in enumerate([Account(ROOT, 0), *asked.accounts]):
        below = _below(asked.accounts, place - 1) if place else {one.name for one in asked.accounts} | {ROOT}
        uses = [use for use in asked.uses if use.account in below or not place]
        if not uses or (asked.some_accounts and not place):
            continue
        shown = " " * account.depth + account.name if asked.tree else account.name
        rows += [] if asked.some_users else _ended(asked, uses, asked.cluster, shown, "", "")
        for (user, uid), own in _by_user(use for use in uses if use.account == account.name):
            shown = " " * (account.depth + 1) + account.name if asked.tree else account.name
            rows += _ended(asked, own, asked.cluster, shown, user, asked.names.get(uid, ""))
    return fields, rows


def _below(accounts: Sequence[Account], place: int) -> set[str]:
    """An account and those under it."""
    found = {accounts[place].name}
    for other in accounts[place + 1 :]:
        if other.depth <= accounts[place].depth:
            break
        found.add(other.name)
    return found


def _by_user(uses: Iterable[Use]) -> list[tuple[tuple[str, int], list[Use]]]:
    found: dict[tuple[str, int], list[Use]] = {}
    for use in uses:
        found.setdefault((use.user, use.uid), []).append(use)
    return sorted(found.items())


def users_by_account(asked: Asked) -> Rows:
    """Each user, by account."""
    rows = []
    for (user, uid), uses in _by_user(asked.uses):
        for account in sorted({use.account for use in uses}):
            own = [use for use in uses if use.account == account]
            rows += _ended(asked, own, asked.cluster, user, asked.names.get(uid, ""), account)
    return [CLUSTER, LOGIN, PROPER, ACCOUNT, *_ends(asked)], rows


def top_users(asked: Asked) -> Rows:
    """Those who used the most, each account of theirs for itself unless they are to be grouped."""
    entries: dict[tuple[str, int, str], list[Use]] = {}
    for use in asked.uses:
        entries.setdefault((use.user, use.uid, "" if asked.group else use.account), []).append(use)
    first = asked.resources[0]
    ranked = sorted(entries.items(), key=lambda entry: (-sum(use.of(first) for use in entry[1]), entry[0]))
    rows = []
    for (user, uid, _), uses in ranked[: asked.top]:
        accounts = ",".join(sorted({use.account for use in uses}))
        rows += _ended(asked, uses, asked.cluster, user, asked.names.get(uid, ""), accounts)
    return [CLUSTER, LOGIN, PROPER, ACCOUNT, *_ends(asked)], rows


def sizes_by_account(asked: Asked) -> Rows:
    """What jobs of which size used: all together, or by account."""
    bounds = (0, *asked.grouping)
    ranges = [f"{low}-{high - 1} CPUs" for low, high in pairwise(bounds)]
    ranges.append(f">= {bounds[-1]} CPUs")
    sizes = [Field(name, 13, PLAIN, name.lower()) for name in ranges]
    total = sum(use.of("cpu") for use in asked.uses)
    apart = asked.flat or asked.some_accounts
    rows = []
    for name in sorted({use.account for use in asked.uses}) if apart else [ROOT] if asked.uses else []:
        uses = [use for use in asked.uses if not apart or use.account == name]
        shown = []
        for low, high in zip(bounds, [*bounds[1:], None], strict=True):
            some = [
                use for use in uses if low <= use.held["cpu"] and (high is None or use.held["cpu"] < high)
            ]
            used = sum(use.of("cpu") for use in some)
            shown.append(str(len(some)) if asked.job_count else amount(used, total, asked.unit))
        part = amount(sum(use.of("cpu") for use in uses), total, "percent")
        rows.append([asked.cluster, name, *shown, part])
    fields = [CLUSTER, ACCOUNT._replace(width=9), *sizes, Field("% of cluster", 12, PLAIN, "ofcluster")]
    return fields, rows
