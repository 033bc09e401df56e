"""The rules of the queue, from their tables: partitions, QOS, accounts, users and the scheduler."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from launchyard.config.files import SIZE_MAX
from launchyard.config.keys import KEYS, RULES
from launchyard.config.table import Table
from launchyard.config.words import word
from launchyard.model.account import IMPLICIT, QOS, Account, Association, Limits, PreemptMode
from launchyard.model.cluster import LOCAL, ClusterSettings, EngineKind
from launchyard.model.errors import Invalid
from launchyard.model.hostlist import expand
from launchyard.model.memory import parse_memory
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.role import Role
from launchyard.model.rules import Billing, Members, Rules, SchedulerRules, Sum, Weights, default_qos
from launchyard.model.walltime import parse_walltime

COUNT_MAX = 1_000_000_000
GIVEN = (Role.OPERATOR, Role.ADMINISTRATOR)


def read_rules(text: str, where: str, nodes: Collection[str] = ()) -> Rules:
    """The rules in a text that holds nothing else. Raises `Invalid` with the line, of `where`."""
    if len(text) > SIZE_MAX:
        raise Invalid(f"{where} is larger than 1 MiB; is it the right file?")
    table = Table.parse(where, text)
    for key in KEYS[""]:
        if key in table and key not in RULES:
            table.refuse(key, f"{key} cannot be changed while the server runs; only {', '.join(RULES)} can")
    return rules_of(table, nodes)


def rules_of(table: Table, nodes: Collection[str], clusters: Sequence[ClusterSettings] = ()) -> Rules:
    """The rules in a configuration; what is not said is the default. `nodes` empty: any node may be named.

    `clusters` empty: they are not known here, or there is none but this machine.
    """
    qos = _all_qos(table.tables("qos"))
    accounts = _accounts(table.tables("accounts"), qos)
    associations = _associations(table.tables("users"), accounts, qos)
    partitions = _partitions(table.tables("partitions"), nodes, accounts, qos, clusters)
    return Rules(
        partitions=partitions or Rules().partitions,
        qos=qos,
        accounts=accounts,
        associations=associations,
        scheduler=_scheduler(table.table("scheduler")),
        roles=_roles(table.tables("roles")),
    )


def _all_qos(tables: list[Table]) -> dict[str, QOS]:
    found = default_qos()
    named = _named(tables, "QOS")
    for name, table in named.items():
        found[name] = QOS(
            name=name,
            tier=table.count("tier", 0, -1_000, 1_000),
            priority=table.count("priority", 0, 0, COUNT_MAX),
            limits=_limits(table, "limits"),
            per_account=_limits(table, "per_account"),
            per_user=_limits(table, "per_user"),
            per_job=_limits(table, "per_job"),
            preempt_mode=table.one_of("preempt_mode", PreemptMode.REQUEUE),
            grace_s=table.read("grace", _seconds, 0),
            usage_factor=table.number("usage_factor", 1.0, 0.0, 1e6),
            ignores_partition_limits=table.get("ignores_partition_limits", bool, False),
        )
    for name, table in named.items():
        preempts = table.known("preempts", found, "QOS")
        if name in preempts:
            table.refuse("preempts", f"QOS {name} preempts itself; name others")
        found[name] = replace(found[name], preempts=preempts)
    return found


def _accounts(tables: list[Table], qos: Collection[str]) -> dict[str, Account]:
    named = _named(tables, "accounts")
    found: dict[str, Account] = {}
    for name, table in named.items():
        parent = table.read("parent", word, "") or None
        if parent is not None:
            table.refuse_unknown("parent", parent, named, "account")
        found[name] = Account(
            name=name,
            parent=parent,
            shares=_shares(table),
            everyone=table.get("everyone", bool, False),
            coordinators=table.words("coordinators"),
            limits=_limits(table, "limits"),
            per_user=_limits(table, "per_user"),
            per_job=_limits(table, "per_job"),
            qos=(allowed := table.known("qos", qos, "QOS")),
            default_qos=_default_qos(table, allowed, qos),
        )
    for name, table in named.items():
        _refuse_circle(table, name, found)
    return found


def _refuse_circle(table: Table, name: str, accounts: Mapping[str, Account]) -> None:
    above: list[str] = [name]
    while (parent := accounts[above[-1]].parent) is not None:
        if parent in above:
            table.refuse("parent", f"account {name} is above itself: {' below '.join([*above, parent])}")
        above.append(parent)


def _shares(table: Table) -> int | None:
    if table.is_text("shares"):
        if table.get("shares", str, "") != "parent":
            table.refuse("shares", 'shares is a whole number, or "parent"')
        return None
    return table.count("shares", 1, 0, COUNT_MAX)


def _associations(
    tables: list[Table], accounts: Mapping[str, Account], qos: Collection[str]
) -> dict[tuple[str, str], Association]:
    found: dict[tuple[str, str], Association] = {}
    for table in tables:
        table.need("name")
        user, account = table.read("name", word, ""), table.read("account", word, IMPLICIT)
        if accounts:
            table.need("account")
        if accounts or "account" in table:
            table.refuse_unknown("account", account, accounts, "account")
        if (account, user) in found:
            table.refuse("name", f"user {user} is in account {account} twice; keep one of the tables")
        default = table.get("default", bool, False)
        if default and any(one.default and one.user == user for one in found.values()):
            table.refuse("default", f"user {user} has a second default account; set it in one table only")
        found[account, user] = Association(
            user=user,
            account=account,
            shares=table.count("shares", 1, 0, COUNT_MAX),
            default=default,
            limits=_limits(table, "limits"),
            per_job=_limits(table, "per_job"),
            qos=(allowed := table.known("qos", qos, "QOS")),
            default_qos=_default_qos(table, allowed, qos),
        )
    return _with_defaults(found)


def _with_defaults(found: dict[tuple[str, str], Association]) -> dict[tuple[str, str], Association]:
    """A user's first account is the default where none is marked."""
    users = {one.user for one in found.values() if one.default}
    for place, one in found.items():
        if one.user not in users:
            users.add(one.user)
            found[place] = replace(one, default=True)
    return found


def _roles(tables: list[Table]) -> dict[Role, Members]:
    """Coordinators are named by their accounts, and everybody is a user."""
    found: dict[Role, Members] = {}
    for name, table in _named(tables, "roles").items():
        table.refuse_unknown("name", name, [one.value for one in GIVEN], "role to give")
        found[Role(name)] = Members(users=table.words("users"), groups=table.words("groups"))
    return found


def _partitions(
    tables: list[Table],
    nodes: Collection[str],
    accounts: Collection[str],
    qos: Collection[str],
    clusters: Sequence[ClusterSettings],
) -> dict[str, Partition]:
    """One of each cluster is its default: the first, where none is marked."""
    found: dict[str, Partition] = {}
    for name, table in _named(tables, "partitions").items():
        cluster = _cluster_of(table, clusters)
        known = nodes if cluster.engine is EngineKind.LOCAL else ()
        one = _partition(table, name, _nodes_of(table, name, known), accounts, qos)
        one = replace(one, cluster=cluster.name)
        if one.default and any(other.default for other in found.values() if other.cluster == one.cluster):
            table.refuse("default", f"partition {name} is a second default; set it on one partition only")
        found[name] = one
    with_default = {one.cluster for one in found.values() if one.default}
    for name, one in found.items():
        if one.cluster not in with_default:
            with_default.add(one.cluster)
            found[name] = replace(one, default=True)
    return found


def _cluster_of(table: Table, clusters: Sequence[ClusterSettings]) -> ClusterSettings:
    default = next((one.name for one in clusters if one.default), LOCAL)
    name = table.read("cluster", word, default)
    if not clusters:
        return ClusterSettings(name=name)
    table.refuse_unknown("cluster", name, [one.name for one in clusters], "cluster")
    return next(one for one in clusters if one.name == name)


def _nodes_of(table: Table, partition: str, nodes: Collection[str]) -> tuple[str, ...]:
    none: list[str] = []
    named = tuple(table.read("nodes", expand, none))
    missing = sorted(set(named) - set(nodes))
    if missing and nodes:
        near = get_close_matches(missing[0], nodes, n=1)
        hint = f"did you mean {near[0]}?" if near else "add it as [[nodes]]"
        table.refuse(
            "nodes", f"partition {partition} names the node {missing[0]}, which is not there; {hint}"
        )
    return named


def _partition(
    table: Table, name: str, nodes: tuple[str, ...], accounts: Collection[str], qos: Collection[str]
) -> Partition:
    most = table.read("time_limit_max", parse_walltime, None)
    day: int | None = min(24 * 3600, most or 24 * 3600)
    asked = table.read("time_limit", parse_walltime, day)
    if most is not None and (asked is None or asked > most):
        table.refuse("time_limit", f"the default time limit of partition {name} is above its time_limit_max")
    least = table.count("nodes_min", 1, 1, COUNT_MAX)
    allowed, denied = table.known("qos", qos, "QOS"), table.known("denied_qos", qos, "QOS")
    return Partition(
        name=name,
        nodes=nodes,
        default=table.get("default", bool, False),
        tier=table.count("tier", 0, -1_000, 1_000),
        priority=table.count("priority", 0, 0, COUNT_MAX),
        state=table.one_of("state", PartitionState.UP),
        time_limit_default_s=asked,
        time_limit_max_s=most,
        nodes_min=least,
        nodes_max=table.count("nodes_max", least, least, COUNT_MAX) if "nodes_max" in table else None,
        accounts=table.known("accounts", accounts, "account"),
        denied_accounts=table.known("denied_accounts", accounts, "account"),
        qos=allowed,
        denied_qos=denied,
        groups=table.words("groups"),
        default_qos=_default_qos(table, tuple(set(allowed or qos) - set(denied)), qos),
    )


def _default_qos(table: Table, allowed: tuple[str, ...], qos: Collection[str]) -> str | None:
    name = table.read("default_qos", word, "")
    if not name:
        return None
    table.refuse_unknown("default_qos", name, qos, "QOS")
    if allowed and name not in allowed:
        table.refuse("default_qos", f"the default QOS {name} is not one that is allowed here")
    return name


def _limits(table: Table, part: str) -> Limits:
    keys = dict(KEYS["limits"])
    if part == "per_job":
        del keys["jobs"], keys["waiting"]
    one = table.table(part, keys)

    def count(key: str) -> int | None:
        return one.count(key, 0, 0, COUNT_MAX) if key in one else None

    cpus = one.number("cpus", 0.0, 0.0, COUNT_MAX) if "cpus" in one else None
    return Limits(
        jobs=count("jobs"),
        waiting=count("waiting"),
        cpus_milli=None if cpus is None else round(cpus * 1000),
        memory_mib=one.read("memory", parse_memory, None),
        gpus=count("gpus"),
        nodes=count("nodes"),
        cpu_minutes=count("cpu_minutes"),
        gpu_minutes=count("gpu_minutes"),
        time_limit_s=one.read("time_limit", parse_walltime, None),
    )


def _scheduler(table: Table) -> SchedulerRules:
    default = SchedulerRules()
    depth: int | None = default.depth
    if table.is_text("depth"):
        if table.get("depth", str, "") != "all":
            table.refuse("depth", 'depth is a whole number, or "all"')
        depth = None
    else:
        depth = table.count("depth", 1, 0, COUNT_MAX)
    half_life: Callable[[str], float | None] = parse_walltime
    return SchedulerRules(
        order=table.one_of("order", default.order),
        depth=depth,
        bands=table.count("bands", default.bands, 1, 1_000),
        ageing_h=table.number("ageing_h", default.ageing_h, 0.001, 1e6),
        half_life_s=table.read("half_life", half_life, default.half_life_s),
        billing=_billing(table.table("billing"), default.billing),
        weights=_weights(table.table("weights"), default.weights),
    )


def _billing(table: Table, default: Billing) -> Billing:
    return Billing(
        cpu=table.number("cpu", default.cpu, 0, 1e9),
        memory_gib=table.number("memory_gib", default.memory_gib, 0, 1e9),
        gpu=table.number("gpu", default.gpu, 0, 1e9),
        sum=table.one_of("sum", Sum.MAX),
    )


def _weights(table: Table, default: Weights) -> Weights:
    def weight(key: str) -> int:
        return table.count(key, getattr(default, key), 0, COUNT_MAX)

    return Weights(
        age=weight("age"),
        age_max_s=table.read("age_max", _positive, default.age_max_s),
        fairshare=weight("fairshare"),
        job_size=weight("job_size"),
        favor_small=table.get("favor_small", bool, default.favor_small),
        partition=weight("partition"),
        qos=weight("qos"),
        cpus=weight("cpus"),
        memory=weight("memory"),
        gpus=weight("gpus"),
    )


def _named(tables: list[Table], what: str) -> dict[str, Table]:
    """The tables by name, each name once."""
    found: dict[str, Table] = {}
    for table in tables:
        table.need("name")
        name = table.read("name", word, "")
        if name in found:
            table.refuse("name", f"two {what} have the name {name}; give each its own")
        found[name] = table
    return found


def _seconds(text: str) -> int:
    return 0 if text in ("0", "0s") else parse_walltime(text) or 0


def _positive(text: str) -> int:
    return parse_walltime(text) or 100 * 366 * 86_400
