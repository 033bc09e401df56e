"""A node and how much of it is in use."""

from dataclasses import dataclass

from launchyard.controller.live import LiveJobs
from launchyard.model.node import Node
from launchyard.model.resources import WHOLE_GPU_MILLI


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUse:
    """A node and what of it is allocated now."""

    node: Node
    cpus_milli: int
    memory_mib: int
    gpus: float
    jobs: int
    gpu_ids: tuple[int, ...] = ()
    """Those that are in use, or a part of them."""
    reservation: str | None = None
    """The one that keeps it now."""


def use_of(node: Node, live: LiveJobs, now: float) -> NodeUse:
    """What the live jobs hold of it."""
    free = live.ledger.free[node.name]
    gpus_milli = (node.gpus - free.gpus.bit_count()) * WHOLE_GPU_MILLI - sum(free.parts.values())
    keeping = (one for one in live.reservations.values() if one.start <= now < one.end)
    return NodeUse(
        node=node,
        cpus_milli=node.cpus * 1000 - free.cpus_milli,
        memory_mib=node.memory_mib - free.memory_mib,
        gpus=gpus_milli / WHOLE_GPU_MILLI,
        jobs=free.jobs,
        gpu_ids=tuple(gpu for gpu in range(node.gpus) if not free.gpus >> gpu & 1),
        reservation=next((one.name for one in keeping if node.name in one.nodes), None),
    )
