"""What a job asks for, what a node has, and what an attempt holds.

CPUs are counted in thousandths (Ray asks for 0.5), memory in MiB, GPUs by index.
"""

from dataclasses import dataclass

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, scaled, shown

CPUS_MAX = 1_000_000


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


def parse_cpus(text: str) -> int:
    """CPUs in thousandths: `4` is 4000, `0.5` is 500. Raises `Invalid`."""
    value = bounded(text, "the number of CPUs", 20)
    milli = scaled(value, 3)
    if milli is None or not 0 < milli <= CPUS_MAX * 1000:
        raise Invalid(f"the number of CPUs {shown(value)} is not understood. Write 4, or 0.5 for half a CPU.")
    return milli


def format_cpus(cpus_milli: int) -> str:
    """`4`, `0.5`: what `parse_cpus` reads back."""
    whole, rest = divmod(cpus_milli, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)
