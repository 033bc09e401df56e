"""What a job asks for, what a node has, and what an attempt holds.

CPUs are counted in thousandths (Ray asks for 0.5), memory in MiB, GPUs by index.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one job asks for in all: `cpus_milli`, `memory_mib` and `gpus` are totals over its `nodes`."""

    cpus_milli: int = 1000
    memory_mib: int = 0
    gpus: int = 0
    nodes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShare:
    """What an attempt holds of one node. `cpu_ids` is empty when its CPUs are not whole or not pinned."""

    node: str
    cpus_milli: int
    memory_mib: int
    cpu_ids: tuple[int, ...] = ()
    gpu_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Which CPUs, memory and GPUs of which nodes an attempt holds; the first node runs the script."""

    shares: tuple[NodeShare, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(share.node for share in self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an attempt used. Peak memory is resident memory, not page cache; unknown is None."""

    cpu_s: float | None = None
    memory_peak_mib: float | None = None
    read_mib: float | None = None
    written_mib: float | None = None
