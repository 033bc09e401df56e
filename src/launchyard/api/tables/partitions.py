"""The columns of partitions, with the totals of their nodes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from launchyard.api.tables.column import Column
from launchyard.model.node import Node
from launchyard.model.partition import Partition


class Row(NamedTuple):
    """`nodes` are those it has, all of the cluster where it names none."""

    partition: Partition
    nodes: Sequence[Node]
    preempt_mode: str = "off"
    """How jobs make room for more urgent ones; `off` where no job ever does."""


COLUMNS: Mapping[str, Column[Row]] = {
    "name": lambda row: row.partition.name,
    "cluster": lambda row: row.partition.cluster,
    "default": lambda row: row.partition.default,
    "state": lambda row: row.partition.state,
    "tier": lambda row: row.partition.tier,
    "priority": lambda row: row.partition.priority,
    "time_limit_s": lambda row: row.partition.time_limit_default_s,
    "time_limit_max_s": lambda row: row.partition.time_limit_max_s,
    "nodes_min": lambda row: row.partition.nodes_min,
    "nodes_max": lambda row: row.partition.nodes_max,
    "accounts": lambda row: list(row.partition.accounts),
    "denied_accounts": lambda row: list(row.partition.denied_accounts),
    "qos": lambda row: list(row.partition.qos),
    "denied_qos": lambda row: list(row.partition.denied_qos),
    "groups": lambda row: list(row.partition.groups),
    "default_qos": lambda row: row.partition.default_qos,
    "preempt_mode": lambda row: row.preempt_mode,
    "nodes": lambda row: [node.name for node in row.nodes],
    "cpus": lambda row: sum(node.cpus for node in row.nodes),
    "memory_mib": lambda row: sum(node.memory_mib for node in row.nodes),
    "gpus": lambda row: sum(node.gpus for node in row.nodes),
}
