"""What a job asks for, what a node has, and what an attempt holds.

CPUs are counted in thousandths (Ray asks for 0.5), memory in MiB, GPUs by index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, scaled, shown

CPUS_MAX = 1_000_000


WHOLE_GPU_MILLI = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one job asks for in all: `cpus_milli`, `memory_mib` and `gpus` are totals over its `nodes`.

    With `nodes_max` it takes more nodes of the same size when they are free. With `tasks` its CPUs, memory
    and GPUs are divided among so many tasks, spread over `nodes` to `nodes_max` nodes as they fit; with
    `tasks_per_node` alone each node has so many. `gpu_milli` is the part of each GPU (1000 is a whole one).
    `exclusive`: nobody else on its nodes, and all of them is its own. `constraint` is an expression over the
    nodes' features with `&`, `|`, `!` and brackets.
    """

    cpus_milli: int = 1000
    memory_mib: int = 0
    gpus: int = 0
    nodes: int = 1
    nodes_max: int | None = None
    tasks: int | None = None
    tasks_per_node: int | None = None
    gpu_type: str = ""
    gpu_milli: int = WHOLE_GPU_MILLI
    exclusive: bool = False
    constraint: str = ""
    nodelist: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    licences: tuple[tuple[str, int], ...] = ()
    reservation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the unlike parts of a job: what it asks for, of the nodes of which partition.

    `metadata` is what is only kept of it, beside that of the whole job.
    """

    partition: str
    request: Request
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShare:
    """What an attempt holds of one node. `cpu_ids` is empty when its CPUs are not whole or not pinned.

    Of each of `gpu_ids` it holds `gpu_milli` thousandths. `tasks` of a job that spreads its tasks run here.
    """

    node: str
    cpus_milli: int
    memory_mib: int
    cpu_ids: tuple[int, ...] = ()
    gpu_ids: tuple[int, ...] = ()
    gpu_milli: int = WHOLE_GPU_MILLI
    tasks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Which CPUs, memory and GPUs of which nodes an attempt holds; the first node runs the script."""

    shares: tuple[NodeShare, ...]
    licences: tuple[tuple[str, int], ...] = ()
    parts: tuple[int, ...] = ()
    """Of a job of unlike parts how many shares each part has, in their order; parts may be on one node."""

    @property
    def nodes(self) -> tuple[str, ...]:
        nodes = tuple(share.node for share in self.shares)
        return tuple(dict.fromkeys(nodes)) if self.parts else nodes

    @property
    def by_node(self) -> tuple[NodeShare, ...]:
        """One share for each node."""
        if not self.parts:
            return self.shares
        found: dict[str, NodeShare] = {}
        for share in self.shares:
            found[share.node] = _joined(found[share.node], share) if share.node in found else share
        return tuple(found.values())

    def of_part(self, number: int) -> "Allocation":
        """What one part of the job has of it."""
        first = sum(self.parts[:number])
        return Allocation(shares=self.shares[first : first + self.parts[number]])

    def without_cpus(self) -> "Allocation":
        """The rest of it: what a job holds while it stands still."""
        return replace(self, shares=tuple(replace(one, cpus_milli=0, cpu_ids=()) for one in self.shares))


def _joined(one: NodeShare, other: NodeShare) -> NodeShare:
    """Of one node. Where both have GPUs they count as whole ones, rather as too many than as too few."""
    with_gpus = [share for share in (one, other) if share.gpu_ids]
    return NodeShare(
        node=one.node,
        cpus_milli=one.cpus_milli + other.cpus_milli,
        memory_mib=one.memory_mib + other.memory_mib,
        cpu_ids=tuple(sorted({*one.cpu_ids, *other.cpu_ids})),
        gpu_ids=tuple(sorted({*one.gpu_ids, *other.gpu_ids})),
        gpu_milli=with_gpus[0].gpu_milli if len(with_gpus) == 1 else WHOLE_GPU_MILLI,
        tasks=one.tasks + other.tasks,
    )


def in_all(parts: Sequence[Part]) -> Request:
    """What unlike parts ask for together: what limits and the order look at."""
    asked = [part.request for part in parts]
    licences: dict[str, int] = {}
    for name, count in (one for request in asked for one in request.licences):
        licences[name] = licences.get(name, 0) + count
    return Request(
        cpus_milli=sum(one.cpus_milli for one in asked),
        memory_mib=sum(one.memory_mib for one in asked),
        gpus=sum(one.gpus for one in asked),
        nodes=sum(one.nodes for one in asked),
        licences=tuple(sorted(licences.items())),
        reservation=asked[0].reservation,
    )


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
    if milli is None or not 0 <= milli <= CPUS_MAX * 1000:
        raise Invalid(f"the number of CPUs {shown(value)} is not understood. Write 4, or 0.5 for half a CPU.")
    return milli


def format_cpus(cpus_milli: int) -> str:
    """`4`, `0.5`: what `parse_cpus` reads back."""
    whole, rest = divmod(cpus_milli, 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)
