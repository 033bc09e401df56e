"""Who may submit what where: the account, QOS and partition of a job, and the sentence when it may not.

The rules may change while jobs wait: `barred` says which of them then have to wait for the rules.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from launchyard.model.account import IMPLICIT, Account, Association
from launchyard.model.errors import Infeasible
from launchyard.model.job import Job
from launchyard.model.partition import Partition, PartitionState
from launchyard.model.reason import Reason
from launchyard.model.resources import Request
from launchyard.model.rules import NORMAL, Rules
from launchyard.model.walltime import format_walltime
from launchyard.policy.limits import Amounts, LimitBook, Party
from launchyard.policy.snapshot import seconds_of

ENTRIES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Entry:
    """As what a job is let in. `partition` has no limits of its own where the QOS ignores them."""

    party: Party
    account: str | None
    partition: Partition
    time_limit_max_s: int | None
    """The longest time limit that limits of QOS, user and account allow."""


def enter(
    user: str,
    groups: Collection[str] | None,
    asked: tuple[str | None, str | None],
    partition: Partition,
    rules: Rules,
    book: LimitBook,
) -> Entry:
    """`asked`: account and QOS, None for the default; `groups` None: any. Raises `Infeasible`.

    Who was let in is let in again alike as long as these rules, and so their book, are in force.
    """
    key = (user, groups if groups is None else tuple(groups), asked, partition.name)
    entry: Entry | None = book.entries.get(key)
    if entry is not None:
        return entry
    account = account_for(asked[0], user, rules)
    qos = qos_for(asked[1], user, account, partition, rules)
    refuse_partition(partition, rules, account, qos, groups)
    if len(book.entries) >= ENTRIES_MAX:
        book.entries.clear()
    entry = _entry(Party(user, account or IMPLICIT, qos), account, partition, rules, book)
    book.entries[key] = entry
    return entry


def enter_elsewhere(
    user: str, asked: tuple[str | None, str | None], partition: Partition, rules: Rules, book: LimitBook
) -> Entry:
    """Into a cluster whose engine decides who may what: with the names that were asked for, as they are."""
    account, qos = asked
    return _entry(Party(user, account or IMPLICIT, qos or NORMAL), account, partition, rules, book)


def entered(job: Job, partition: Partition, rules: Rules, book: LimitBook) -> Entry:
    """As what a job was let in; its account and QOS need not be there any more."""
    return _entry(Party.of(job), job.account, partition, rules, book)


def _entry(party: Party, account: str | None, partition: Partition, rules: Rules, book: LimitBook) -> Entry:
    qos = rules.qos.get(party.qos)
    if qos is not None and qos.ignores_partition_limits:
        partition = replace(partition, time_limit_max_s=None, nodes_min=1, nodes_max=None)
    return Entry(party, account, partition, book.time_limit_max_s(party))


def refuse_beyond(entry: Entry, request: Request, time_limit_s: int | None, book: LimitBook) -> None:
    """Raises `Infeasible` for what could not start under the limits if nothing else ran."""
    refuse_size(request.nodes, entry.partition)
    refuse_counted(entry, request, time_limit_s, book)


def refuse_counted(entry: Entry, request: Request, time_limit_s: int | None, book: LimitBook) -> None:
    """The same for what is counted of QOS, users and accounts."""
    seconds = seconds_of({entry.partition.name: entry.partition}, entry.partition.name, time_limit_s)
    found = book.impossible(entry.party, Amounts.asked(request), seconds)
    if found is not None:
        raise Infeasible(found.sentence, code=found.code)


def account_for(name: str | None, user: str, rules: Rules) -> str | None:
    """The account that a job of this user is charged to. Raises `Infeasible`.

    Without accounts the name is a label: scripts of other sites bring one.
    """
    if not rules.accounts:
        return name
    own = accounts_of(user, rules)
    if name is None:
        default = [one for one in own if (place := _association(one, user, rules)) and place.default]
        if own:
            return (default or own)[0]
        raise Infeasible(
            f"user {user} is in no account; an administrator adds one: ly admin set user {user} account=NAME",
            code="no-account",
        )
    if name not in rules.accounts:
        raise Infeasible(f"there is no account {name!r}; {_yours(user, own)}", code="no-account")
    if name not in own:
        raise Infeasible(f"user {user} is not in account {name}; {_yours(user, own)}", code="no-account")
    return name


def accounts_of(user: str, rules: Rules) -> list[str]:
    """The accounts that a user may charge, by name."""
    return sorted(
        name for name, one in rules.accounts.items() if one.everyone or (name, user) in rules.associations
    )


def qos_for(name: str | None, user: str, account: str | None, partition: Partition, rules: Rules) -> str:
    """The QOS of a job: as asked, else the default of user, account or partition. Raises `Infeasible`."""
    allowed = _allowed_qos(user, account, rules)
    if name is None:
        return _default_qos(user, account, partition, allowed, rules)
    if name not in rules.qos:
        raise Infeasible(f"there is no QOS {name!r}; there are: {', '.join(allowed)}", code="no-qos")
    if name not in allowed:
        raise Infeasible(
            f"user {user} may not use QOS {name}{_in(account)}; there are: {', '.join(allowed)}",
            code="no-qos",
        )
    return name


def _default_qos(
    user: str, account: str | None, partition: Partition, allowed: list[str], rules: Rules
) -> str:
    places: list[Association | Account | None] = [_association(account, user, rules)]
    places += [rules.accounts.get(one) for one in rules.ancestry(account)] if account else []
    named = [place.default_qos for place in places if place is not None]
    wanted = [one for one in (*named, partition.default_qos, NORMAL) if one in allowed]
    return wanted[0] if wanted else allowed[0]


def _allowed_qos(user: str, account: str | None, rules: Rules) -> list[str]:
    """The nearest list of QOS counts: the user's, the account's, that of an account above it; else all."""
    association = _association(account, user, rules)
    lists = [association.qos if association is not None else ()]
    lists += (
        [rules.accounts[one].qos for one in rules.ancestry(account) if one in rules.accounts]
        if account
        else []
    )
    for allowed in lists:
        if allowed:
            return [name for name in rules.qos if name in allowed]
    return list(rules.qos)


def refuse_partition(
    partition: Partition, rules: Rules, account: str | None, qos: str, groups: Collection[str] | None
) -> None:
    """Raises `Infeasible` where jobs of this account, QOS or user may not come; `groups` None: any."""
    sentence = _not_taken(partition) or _not_here(partition, account, qos, groups)
    if sentence is None:
        return
    others = [
        one.name
        for one in rules.partitions.values()
        if one is not partition and not (_not_taken(one) or _not_here(one, account, qos, groups))
    ]
    there = f"there are: {', '.join(others)}" if others else "no other one does either"
    code = "partition-closed" if _not_taken(partition) else "not-allowed-here"
    raise Infeasible(f"{sentence}; {there}", code=code)


def refuse_size(nodes: int, partition: Partition) -> None:
    """Raises `Infeasible` where a partition does not allow so many nodes, or so few, for one job."""
    if partition.nodes_max is not None and nodes > partition.nodes_max:
        raise Infeasible(
            f"partition {partition.name} allows {partition.nodes_max} nodes a job, {nodes} asked for; "
            f"ask for --nodes {partition.nodes_max} or less",
            code="node-limit",
        )
    if nodes < partition.nodes_min:
        raise Infeasible(
            f"partition {partition.name} is for jobs of {partition.nodes_min} nodes or more, "
            f"{nodes} asked for; ask for --nodes {partition.nodes_min} or name another partition",
            code="node-limit",
        )


def barred(job: Job, rules: Rules) -> Reason | None:
    """Why the rules as they are now keep a waiting job from starting; None: they do not."""
    partition, change = rules.partitions.get(job.partition), f"`ly update {job.id} --"
    if partition is None:
        return _gone("partition", job.partition, change, rules.partitions)
    if not partition.state.starts:
        return Reason(
            code="partition-down",
            sentence=f"waits for partition {partition.name}, which is {partition.state.value}",
            scope=partition.state.value,
        )
    if job.qos not in rules.qos:
        return _gone("qos", job.qos, change, rules.qos)
    if rules.accounts and job.account is not None:
        own = accounts_of(job.user, rules)
        if job.account not in own:
            return _gone("account", job.account, change, own)
    return None


def beyond(job: Job, rules: Rules) -> Reason | None:
    """Why its partition does not allow so much for one job as a waiting one asks for; None: it does."""
    partition, qos = rules.partitions.get(job.partition), rules.qos.get(job.qos)
    if partition is None or (qos is not None and qos.ignores_partition_limits):
        return None
    most_s, nodes = partition.time_limit_max_s, job.request.nodes
    if most_s is not None and (job.time_limit_s is None or job.time_limit_s > most_s):
        asked = "no limit" if job.time_limit_s is None else format_walltime(job.time_limit_s)
        most = format_walltime(most_s)
        return _beyond("time", f"{most} for a job and this one asks for {asked}", f"--time {most}", job)
    if partition.nodes_max is not None and nodes > partition.nodes_max:
        most = f"{partition.nodes_max} node{'' if partition.nodes_max == 1 else 's'}"
        said = f"{most} for a job and this one asks for {nodes}"
        return _beyond("nodes", said, f"--nodes {partition.nodes_max}", job)
    if nodes < partition.nodes_min:
        least = f"{partition.nodes_min}"
        said = f"no fewer than {least} nodes for a job and this one asks for {nodes}"
        return _beyond("nodes", said, f"--nodes {least}", job)
    return None


def _beyond(scope: str, allowed: str, change: str, job: Job) -> Reason:
    return Reason(
        code="partition-limit",
        sentence=f"waits because partition {job.partition} allows {allowed}; "
        f"`ly update {job.id} {change}` lets it go on",
        scope=scope,
    )


def on_nodes(rules: Rules, nodes: Collection[str]) -> Rules:
    """The rules on the nodes that there are: a partition whose nodes are all gone is closed."""
    return replace(rules, partitions={name: _on_nodes(one, nodes) for name, one in rules.partitions.items()})


def _on_nodes(partition: Partition, nodes: Collection[str]) -> Partition:
    here = tuple(name for name in partition.nodes if name in nodes)
    if here == partition.nodes:
        return partition
    return replace(partition, nodes=here, state=partition.state if here else PartitionState.INACTIVE)


def _gone(what: str, name: str, change: str, others: Iterable[str]) -> Reason:
    word = "QOS" if what == "qos" else what
    there = sorted(others)
    hint = f"; go on with {change}{what} {there[0]}`" if there else ""
    return Reason(code=f"no-{what}", sentence=f"waits for {word} {name}, which is not there any more{hint}")


def _not_taken(partition: Partition) -> str | None:
    if partition.state.takes:
        return None
    why = "is being drained" if partition.state is PartitionState.DRAIN else "is inactive"
    return f"partition {partition.name} takes no jobs: it {why}"


def _not_here(
    partition: Partition, account: str | None, qos: str, groups: Collection[str] | None
) -> str | None:
    name = partition.name
    if (partition.accounts and account not in partition.accounts) or account in partition.denied_accounts:
        return f"partition {name} takes no jobs of {f'account {account}' if account else 'no account'}"
    if (partition.qos and qos not in partition.qos) or qos in partition.denied_qos:
        return f"partition {name} takes no jobs of QOS {qos}"
    if groups is not None and partition.groups and not set(partition.groups) & set(groups):
        word = "group" if len(partition.groups) == 1 else "groups"
        return f"partition {name} is for members of the {word} {', '.join(partition.groups)}"
    return None


def _association(account: str | None, user: str, rules: Rules) -> Association | None:
    return None if account is None else rules.associations.get((account, user))


def _yours(user: str, own: list[str]) -> str:
    return f"{user} may use: {', '.join(own)}" if own else f"{user} is in none"


def _in(account: str | None) -> str:
    return f" in account {account}" if account else ""
