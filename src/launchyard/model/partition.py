"""A named set of nodes with limits and defaults."""

from dataclasses import dataclass
from enum import StrEnum


class PartitionState(StrEnum):
    """`DOWN`: nothing starts. `DRAIN`: nothing new is taken. `INACTIVE`: neither."""

    UP = "up"
    DOWN = "down"
    DRAIN = "drain"
    INACTIVE = "inactive"

    @property
    def takes(self) -> bool:
        """New jobs are taken."""
        return self in (PartitionState.UP, PartitionState.DOWN)

    @property
    def starts(self) -> bool:
        """Waiting jobs may start."""
        return self in (PartitionState.UP, PartitionState.DRAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """`nodes` empty means all nodes of the cluster. Time limits in seconds; None is unlimited.

    `nodes_min` and `nodes_max` bound the nodes of one job. Empty `accounts`, `qos` and `groups` (of Unix)
    allow all; the `denied_` ones are refused whatever is allowed. `default_qos` is that of jobs which name
    none. `priority` is the factor of the order `multifactor`.
    """

    name: str
    nodes: tuple[str, ...] = ()
    cluster: str = "local"
    default: bool = False
    tier: int = 0
    time_limit_default_s: int | None = 24 * 3600
    time_limit_max_s: int | None = None
    nodes_min: int = 1
    nodes_max: int | None = None
    accounts: tuple[str, ...] = ()
    denied_accounts: tuple[str, ...] = ()
    qos: tuple[str, ...] = ()
    denied_qos: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    default_qos: str | None = None
    priority: int = 0
    state: PartitionState = PartitionState.UP
