"""What nodes have left beside a reservation, when it begins: which ids these are matters only then."""

from collections.abc import Mapping
from dataclasses import dataclass

from launchyard.model.resources import WHOLE_GPU_MILLI, Allocation
from launchyard.policy.ledger import Free, Ledger
from launchyard.policy.need import Need

Look = tuple[int, int, int, int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a node is taken: `gpus` of which `gpu_milli` thousandths each."""

    cpus_milli: int
    memory_mib: int
    gpus: int
    gpu_milli: int = WHOLE_GPU_MILLI
    tasks: int = 0


class Spare:
    """Free resources by position, grouped by how they look, so that a thousand alike are asked once."""

    def __init__(self, ledger: Ledger, free: dict[int, Free]) -> None:
        self._ledger = ledger
        self._free = free
        self._groups: dict[Look, int] = {}
        for position in free:
            self._enter(position)

    def holding(self, need: Need) -> int:
        """The nodes (a mask) that hold the need."""
        held = 0
        for nodes in self._groups.values():
            if self._free[(nodes & -nodes).bit_length() - 1].holds(need):
                held |= nodes
        return held

    def covers(self, allocation: Allocation) -> bool:
        """Whether there is room for this allocation on those of its nodes that are among these."""
        for share in allocation.by_node:
            free = self._free.get(self._ledger.free[share.node].position)
            if free is not None and not (
                free.cpus_milli >= share.cpus_milli
                and free.memory_mib >= share.memory_mib
                and free.gpus.bit_count() + len(free.parts) * (share.gpu_milli < WHOLE_GPU_MILLI)
                >= len(share.gpu_ids)
            ):
                return False
        return True

    def take(self, allocation: Allocation) -> None:
        """An allocation takes its part of these nodes."""
        self.take_shares(
            {
                self._ledger.free[share.node].position: Share(
                    share.cpus_milli, share.memory_mib, len(share.gpu_ids), share.gpu_milli
                )
                for share in allocation.by_node
            }
        )

    def take_shares(self, shares: Mapping[int, Share]) -> None:
        """Take these shares, by position, where the nodes are among these."""
        for position, share in shares.items():
            free = self._free.get(position)
            if free is not None:
                self._leave(position)
                take_any(free, share)
                self._enter(position)

    def _enter(self, position: int) -> None:
        look = _look(self._free[position])
        self._groups[look] = self._groups.get(look, 0) | 1 << position

    def _leave(self, position: int) -> None:
        look = _look(self._free[position])
        rest = self._groups[look] & ~(1 << position)
        if rest:
            self._groups[look] = rest
        else:
            del self._groups[look]


def share_of(need: Need, free: Free, tasks_left: int) -> Share:
    """What a job takes of a node that has this much free then."""
    if need.exclusive:
        return Share(free.cpus_milli, free.memory_mib, free.gpus.bit_count(), tasks=need.tasks_per_node)
    tasks = min(free.tasks(need), tasks_left) if need.tasks else 1
    return Share(need.cpus_milli * tasks, need.memory_mib * tasks, need.gpus * tasks, need.gpu_milli, tasks)


def take_any(free: Free, share: Share) -> None:
    """Take as much as the share has, whichever ids these are."""
    free.cpus_milli -= share.cpus_milli
    free.memory_mib -= share.memory_mib
    free.jobs += 1
    for _ in range(share.gpus):
        _take_gpu(free, share.gpu_milli)


def _take_gpu(free: Free, milli: int) -> None:
    fitting = [(left, gpu) for gpu, left in free.parts.items() if left >= milli < WHOLE_GPU_MILLI]
    if fitting:
        left, gpu = min(fitting)
        free.parts[gpu] = left - milli
        return
    low = free.gpus & -free.gpus
    free.gpus ^= low
    if milli < WHOLE_GPU_MILLI and low:
        free.parts[low.bit_length() - 1] = WHOLE_GPU_MILLI - milli


def _look(free: Free) -> Look:
    parts = tuple(sorted(free.parts.values()))
    return (free.cpus_milli, free.memory_mib, free.gpus.bit_count(), free.jobs, parts)
