"""What a Slurm is: its settings as far as we rely on them, its nodes and its partitions."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from launchyard.engine.slurm.commands import Commands
from launchyard.engine.slurm.told import (
    default_accounts,
    nodes_of,
    partitions_of,
    records,
    seconds_in,
    settings_of,
)
from launchyard.model.errors import Invalid, Unavailable
from launchyard.model.node import Node
from launchyard.model.partition import Partition

POLLS_KEPT = 5
"""For so many polls an ended job must be told of, so that one that is late misses no end."""
ASK_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`accounts`: sacct has something to tell of jobs that squeue has forgotten."""

    name: str
    version: str
    min_job_age_s: int
    kill_wait_s: int
    accounts: bool


async def site_of(commands: Commands, poll_s: float) -> Site:
    """Raises `Invalid` for settings that we cannot work with, `Unavailable` when Slurm does not answer."""
    ran = await commands.look("scontrol", "show", "config", limit_s=ASK_S)
    if not ran.ok:
        raise Unavailable(f"Slurm does not answer: {ran.sentence}")
    found = settings_of(ran.out)
    age_s = seconds_in(found.get("MinJobAge", "")) or 0
    if 0 < age_s < POLLS_KEPT * poll_s:
        raise Invalid(
            f"MinJobAge of Slurm is {age_s} s, too short to see each end at one look in {poll_s:g} s; "
            f"set it to {max(60, int(POLLS_KEPT * poll_s))} or more in slurm.conf, or poll_s to less"
        )
    storage = found.get("AccountingStorageType", "").strip().lower()
    return Site(
        name=found.get("ClusterName", ""),
        version=found.get("SLURM_VERSION", ""),
        min_job_age_s=age_s,
        kill_wait_s=seconds_in(found.get("KillWait", "")) or 30,
        accounts=commands.has("sacct") and storage.endswith("slurmdbd"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Its nodes and partitions, and by user the account of a job that names none."""

    nodes: tuple[Node, ...] = ()
    partitions: tuple[Partition, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)


async def parts_of(commands: Commands, cluster: str) -> Parts:
    """As they are now; without slurmdbd there are no accounts. Raises `Unavailable`."""
    nodes, partitions, users = await asyncio.gather(
        commands.look("scontrol", "-o", "show", "node", limit_s=ASK_S),
        commands.look("scontrol", "-o", "-a", "show", "partition", limit_s=ASK_S),
        commands.look("scontrol", "-o", "show", "assoc_mgr", "flags=users", limit_s=ASK_S),
    )
    for ran in (nodes, partitions):
        if not ran.ok:
            raise Unavailable(f"Slurm does not answer: {ran.sentence}")
    return Parts(
        nodes=nodes_of(records(nodes.out), cluster),
        partitions=partitions_of(records(partitions.out), cluster),
        accounts=default_accounts(records(users.out)) if users.ok else {},
    )
