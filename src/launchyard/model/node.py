"""A machine, or a virtual one, and what is known of it."""

from dataclasses import dataclass
from enum import StrEnum


class NodeState(StrEnum):
    """`DRAIN`: what runs may end, nothing starts. `DOWN`: not answering."""

    UP = "UP"
    DRAIN = "DRAIN"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of one cluster. GPUs are known by index `0..gpus-1`; `gpu_type` is e.g. `a100` or `fake`."""

    name: str
    cpus: int
    memory_mib: int
    gpus: int = 0
    gpu_type: str = ""
    cluster: str = "local"
    state: NodeState = NodeState.UP
    reason: str = ""
    marked_by: str = ""
    """Who gave it this state; nobody: the server itself."""
    marked_at: float | None = None
    features: tuple[str, ...] = ()
    threads_per_core: int = 1
    """CPU ids `n * threads_per_core` and up to the next such number are hyperthreads of one core."""
    pinned: bool = True
    """CPU ids are those of the machine; False for virtual nodes that together exceed it."""
