"""A named set of nodes with limits and defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """`nodes` empty means all nodes of the cluster. Time limits in seconds; None is unlimited."""

    name: str
    nodes: tuple[str, ...] = ()
    cluster: str = "local"
    default: bool = False
    tier: int = 0
    time_limit_default_s: int | None = 24 * 3600
    time_limit_max_s: int | None = None
