"""What is free on each node: the allocation table.

CPU and GPU ids are bit masks, and so are sets of nodes: bit `n` is the node at position `n`. One owner, the
controller; a plan books its starts in it as promises, and simulation works on a copy. Never more is taken
than exists: `take` refuses. Every change of a node is noted in `changes`, which `policy.index` follows.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from launchyard.model.node import Node, NodeState
from launchyard.model.resources import WHOLE_GPU_MILLI, Allocation, NodeShare, Request
from launchyard.policy.need import Need

CHANGES_MAX = 100_000

STEPS = 4 * 64
"""Steps of free memory, four to a doubling."""

Level = tuple[int, int]
"""Free GPUs and free CPUs of a node: nodes that are used the most come first, so that large gaps stay."""


@dataclass(slots=True)
class Free:
    """What one node has left. `open`: new work may start here. `parts`: what is left of GPUs in part use."""

    position: int
    cpus_milli: int
    memory_mib: int
    cpus: int
    gpus: int
    open: bool
    pinned: bool
    threads_per_core: int = 1
    jobs: int = 0
    parts: dict[int, int] = field(default_factory=dict)
    bit: int = 0
    """The node in a mask of nodes."""

    def copy(self) -> "Free":
        return Free(
            self.position,
            self.cpus_milli,
            self.memory_mib,
            self.cpus,
            self.gpus,
            self.open,
            self.pinned,
            self.threads_per_core,
            self.jobs,
            dict(self.parts) if self.parts else {},
            self.bit,
        )

    def holds(self, need: Need) -> bool:
        """Whether the need of one node (of one task, if the job spreads tasks) is free here."""
        return (
            self.cpus_milli >= need.cpus_milli
            and self.memory_mib >= need.memory_mib
            and self.open
            and (not need.gpus or self._has_gpus(need))
            and (not need.exclusive or not self.jobs)
        )

    def tasks(self, need: Need) -> int:
        """How many tasks of this need fit, at most as many as may be on one node."""
        if not self.holds(need):
            return 0
        counts = [need.tasks_per_node]
        if need.cpus_milli:
            counts.append(self.cpus_milli // need.cpus_milli)
        if need.memory_mib:
            counts.append(self.memory_mib // need.memory_mib)
        if need.gpus:
            counts.append(self.gpus.bit_count() // need.gpus)
        return max(1, min(counts)) if need.exclusive or min(counts) else 0

    def shrink_to(self, other: "Free") -> None:
        """Keep no more than `other` has."""
        self.cpus_milli = min(self.cpus_milli, other.cpus_milli)
        self.memory_mib = min(self.memory_mib, other.memory_mib)
        self.gpus &= other.gpus
        self.parts = {gpu: min(left, other.parts.get(gpu, 0)) for gpu, left in self.parts.items()}
        self.jobs = max(self.jobs, other.jobs)

    def level(self) -> Level:
        return (self.gpus.bit_count(), self.cpus_milli)

    def _has_gpus(self, need: Need) -> bool:
        if need.gpu_milli == WHOLE_GPU_MILLI:
            return self.gpus.bit_count() >= need.gpus
        return bool(self.gpus) or any(left >= need.gpu_milli for left in self.parts.values())

    def choose_gpus(self, need: Need, count: int) -> tuple[int, ...]:
        """The lowest whole ones; for a part of one, the GPU in part use that it leaves the least of."""
        if need.gpus and need.gpu_milli != WHOLE_GPU_MILLI:
            left = [(left, gpu) for gpu, left in self.parts.items() if left >= need.gpu_milli]
            if left:
                return (min(left)[1],)
        return _lowest(self.gpus, count)

    def choose_cpus(self, count: int) -> tuple[int, ...]:
        """The lowest ids; whole cores first, so that hyperthreads of a core stay with one job."""
        threads = self.threads_per_core
        if threads == 1:
            return _lowest(self.cpus, count)
        core = (1 << threads) - 1
        whole, mask = 0, self.cpus
        for first in range(0, mask.bit_length(), threads):
            if mask >> first & core == core:
                whole |= core << first
        return _lowest(whole if whole.bit_count() >= count else mask, count)

    def hold_gpus(self, share: NodeShare) -> None:
        if share.gpu_milli == WHOLE_GPU_MILLI:
            self.gpus &= ~_mask(share.gpu_ids)
            return
        for gpu in share.gpu_ids:
            left = self.parts.get(gpu, WHOLE_GPU_MILLI) - share.gpu_milli
            self.gpus &= ~(1 << gpu)
            self.parts[gpu] = left

    def free_gpus(self, share: NodeShare) -> None:
        if share.gpu_milli == WHOLE_GPU_MILLI:
            self.gpus |= _mask(share.gpu_ids)
            return
        for gpu in share.gpu_ids:
            left = self.parts.pop(gpu, 0) + share.gpu_milli
            if left >= WHOLE_GPU_MILLI:
                self.gpus |= 1 << gpu
            else:
                self.parts[gpu] = left


class Ledger:
    """Free CPUs, memory and GPUs by node name, in the order of the nodes given, and free licences."""

    def __init__(self, nodes: Iterable[Node], licences: Mapping[str, int] | None = None) -> None:
        self.free = {node.name: _whole(node, position) for position, node in enumerate(nodes)}
        self.names = tuple(self.free)
        self.at = list(self.free.values())
        """The same by position."""
        self.licences = dict(licences or {})
        self.levels: dict[Level, int] = {}
        """Which nodes are at each level."""
        self.changes: list[int] = []
        """Positions of nodes that changed, in order, since `generation` last rose."""
        self.gains: list[int] = []
        """Those of them that may hold more than before, or be open again."""
        self.generation = 0
        self._order: list[Level] = []
        self._roomy = [0] * STEPS
        """The nodes that have as much memory free as the step says, or more."""
        self._promised: dict[int, Allocation] = {}
        for free in self.at:
            self._enter(free)
            self._roomy[_step(free.memory_mib)] |= free.bit
        for step in reversed(range(STEPS - 1)):
            self._roomy[step] |= self._roomy[step + 1]

    def copy(self) -> "Ledger":
        twin = Ledger((), self.licences)
        twin.free = {name: free.copy() for name, free in self.free.items()}
        twin.names, twin.at = self.names, list(twin.free.values())
        twin.levels, twin._order, twin._roomy = dict(self.levels), list(self._order), list(self._roomy)
        return twin

    def set_open(self, name: str, open_: bool) -> None:
        """New work may start on the node, or may not."""
        free = self.free[name]
        free.open = open_
        self._note(free.position, gain=open_)

    def most_cpus(self, nodes: int | None = None) -> int:
        """The most thousandths of a CPU that any node has free, or any of these (a mask)."""
        levels = self.levels
        return max(
            (level[1] for level in self._order if nodes is None or levels[level] & nodes),
            default=0,
        )

    def most_memory(self, nodes: int) -> dict[int, int]:
        """By CPUs that open ones of these nodes (a mask) have free, and by 0: the most memory beside."""
        most = {0: 0}
        for free in self.at:
            if free.open and free.bit & nodes and most.get(free.cpus_milli, -1) < free.memory_mib:
                most[free.cpus_milli] = free.memory_mib
        return most

    def has_licences(self, request: Request) -> bool:
        return all(self.licences.get(name, 0) >= count for name, count in request.licences)

    def choose(
        self, nodes: int, least: int, most: int, need: Need | None = None, missed: list[int] | None = None
    ) -> list[int]:
        """Which of `nodes` (a mask) to take: the fullest; none if too few. With `need`: of those that hold
        it; those that were looked at and do not are put into `missed`.

        Of the same level the lowest position, so that the same plan comes out of the same state.
        """
        chosen: list[int] = []
        first = 0 if need is None or need.exclusive else bisect_left(self._order, _level_of(need))
        for level in self._order[first:]:
            here = self.levels[level] & nodes
            while here:
                low = here & -here
                position = low.bit_length() - 1
                if need is None or self.at[position].holds(need):
                    chosen.append(position)
                    if len(chosen) == most:
                        return chosen
                elif missed is not None:
                    missed.append(position)
                here ^= low
        return chosen if len(chosen) >= least else []

    def shares(
        self, request: Request, need: Need, nodes: int, missed: list[int] | None = None
    ) -> Allocation | None:
        """The allocation that the request gets on these nodes, as far as they hold it; None: too few do.

        Nodes that were looked at and do not hold it are put into `missed`.
        """
        nodes &= self._roomy[_step(need.memory_mib)]
        if nodes.bit_count() < need.nodes:
            return None
        if need.tasks:
            parts = self._spread(need, nodes)
        else:
            chosen = self.choose(nodes, need.nodes, need.nodes_max, need, missed)
            parts = [(position, 1) for position in chosen]
        if not parts:
            return None
        shares = tuple(self._share(position, need, tasks) for position, tasks in parts)
        return Allocation(shares=shares, licences=request.licences)

    def take(self, allocation: Allocation) -> None:
        """Book an allocation; raises `ValueError` rather than hand out what is not there."""
        if self._promised.pop(id(allocation), None) is not None:
            return
        for share in allocation.by_node:
            if not _has(self.free[share.node], share):
                raise ValueError(f"node {share.node} has not got {share} free")
        self._book_all(allocation, -1)

    def has_cpus(self, allocation: Allocation) -> bool:
        """Whether just its CPUs are free, all of them and on nodes that take work."""
        return all(
            (free := self.free.get(share.node)) is not None
            and free.open
            and free.cpus_milli >= share.cpus_milli
            and free.cpus & _mask(share.cpu_ids) == _mask(share.cpu_ids)
            for share in allocation.by_node
        )

    def promise(self, allocation: Allocation) -> None:
        """Book it for a plan. Whoever carries the plan out takes it; the rest is given back at the end."""
        self._book_all(allocation, -1)
        self._promised[id(allocation)] = allocation

    def drop_promises(self) -> None:
        """Give back what a plan booked and nobody took."""
        for allocation in self._promised.values():
            self._book_all(allocation, 1)
        self._promised.clear()

    def release(self, allocation: Allocation) -> None:
        """Give back what `take` booked."""
        self._book_all(allocation, 1)

    def adopt(self, allocation: Allocation) -> None:
        """Book what is in use already, even where a node has become smaller than what runs on it."""
        self._book_all(allocation, -1)

    def _book_all(self, allocation: Allocation, sign: int) -> None:
        for share in allocation.shares:
            self._book(share, sign)
        for name, count in allocation.licences:
            self.licences[name] = self.licences.get(name, 0) + sign * count

    def _book(self, share: NodeShare, sign: int) -> None:
        free = self.free.get(share.node)
        if free is None:
            return
        self._leave(free)
        before = _step(free.memory_mib)
        book(free, share, sign)
        after = _step(free.memory_mib)
        for step in range(min(before, after) + 1, max(before, after) + 1):
            self._roomy[step] ^= free.bit
        self._enter(free)
        self._note(free.position, gain=sign > 0)

    def _note(self, position: int, *, gain: bool) -> None:
        if len(self.changes) >= CHANGES_MAX:
            self.changes.clear()
            self.gains.clear()
            self.generation += 1
        self.changes.append(position)
        if gain:
            self.gains.append(position)

    def _leave(self, free: Free) -> None:
        level = free.level()
        rest = self.levels[level] & ~(free.bit)
        if rest:
            self.levels[level] = rest
        else:
            del self.levels[level]
            del self._order[bisect_left(self._order, level)]

    def _enter(self, free: Free) -> None:
        level = free.level()
        if level not in self.levels:
            self.levels[level] = 0
            insort(self._order, level)
        self.levels[level] |= free.bit

    def _spread(self, need: Need, nodes: int) -> list[tuple[int, int]]:
        """Tasks a node, on as few nodes as may be: one that holds them all, else those that hold the most."""
        room = [(self.at[position].tasks(need), position) for position in positions(nodes)]
        if need.nodes == 1:
            whole = [(self.at[position].level(), position) for count, position in room if count >= need.tasks]
            if whole:
                return [(min(whole)[1], need.tasks)]
        room.sort(key=lambda one: (-one[0], one[1]))
        room = room[: need.nodes_max]
        if len(room) < need.nodes or sum(count for count, _ in room) < need.tasks:
            return []
        return _dealt(need, room)

    def _share(self, position: int, need: Need, tasks: int) -> NodeShare:
        free = self.at[position]
        if need.exclusive:
            return _all_of(self.names[position], free, tasks)
        cpus_milli, gpus = need.cpus_milli * tasks, need.gpus * tasks
        whole, part = divmod(cpus_milli, WHOLE_GPU_MILLI)
        if not part and free.threads_per_core > 1:
            whole = min(-(-whole // free.threads_per_core) * free.threads_per_core, free.cpus_milli // 1000)
            cpus_milli = whole * 1000
        pinned = free.pinned and not part and free.cpus.bit_count() >= whole
        return NodeShare(
            node=self.names[position],
            cpus_milli=cpus_milli,
            memory_mib=need.memory_mib * tasks,
            cpu_ids=free.choose_cpus(whole) if pinned else (),
            gpu_ids=free.choose_gpus(need, gpus) if gpus else (),
            gpu_milli=need.gpu_milli if gpus else WHOLE_GPU_MILLI,
            tasks=tasks,
        )


def book(free: Free, share: NodeShare, sign: int) -> None:
    """Take a share from what is free (-1), or give it back (1)."""
    book_cpus(free, share, sign)
    free.memory_mib += sign * share.memory_mib
    if share.cpus_milli or share.memory_mib or share.gpu_ids:
        # What holds nothing (a program of a trigger) stands in nobody's way.
        free.jobs -= sign
    if sign > 0:
        free.free_gpus(share)
    else:
        free.hold_gpus(share)


def book_cpus(free: Free, share: NodeShare, sign: int) -> None:
    """The same of its CPUs alone."""
    free.cpus_milli += sign * share.cpus_milli
    cpus = _mask(share.cpu_ids)
    free.cpus = free.cpus | cpus if sign > 0 else free.cpus & ~cpus


def positions(nodes: int) -> list[int]:
    """The positions of a mask, lowest first."""
    found = []
    while nodes:
        low = nodes & -nodes
        found.append(low.bit_length() - 1)
        nodes ^= low
    return found


def _step(memory_mib: int) -> int:
    """More memory is never a lower step; what is less than nothing is the lowest."""
    if memory_mib <= 0:
        return 0
    doublings = memory_mib.bit_length()
    return min(4 * doublings + (memory_mib << 2 >> doublings - 1 & 3), STEPS - 1)


def _level_of(need: Need) -> Level:
    """No node below this level holds the need."""
    return (need.gpus if need.gpu_milli == WHOLE_GPU_MILLI else 0, 0 if need.gpus else need.cpus_milli)


def _has(free: Free, share: NodeShare) -> bool:
    if free.cpus_milli < share.cpus_milli or free.memory_mib < share.memory_mib:
        return False
    if _mask(share.cpu_ids) & ~free.cpus:
        return False
    if share.gpu_milli == WHOLE_GPU_MILLI:
        return not _mask(share.gpu_ids) & ~free.gpus
    return all(
        free.parts.get(gpu, WHOLE_GPU_MILLI if free.gpus >> gpu & 1 else 0) >= share.gpu_milli
        for gpu in share.gpu_ids
    )


def _dealt(need: Need, room: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Tasks on the nodes with the most room, at least one on each of the fewest nodes that are asked for."""
    parts: list[tuple[int, int]] = []
    left = need.tasks
    for number, (count, position) in enumerate(room):
        reserved = max(0, need.nodes - number - 1)
        here = min(count, left - reserved)
        if here <= 0:
            break
        parts.append((position, here))
        left -= here
    return parts if not left else []


def _all_of(name: str, free: Free, tasks: int) -> NodeShare:
    """All that the node has."""
    return NodeShare(
        node=name,
        cpus_milli=free.cpus_milli,
        memory_mib=free.memory_mib,
        cpu_ids=_lowest(free.cpus, free.cpus.bit_count()) if free.pinned else (),
        gpu_ids=_lowest(free.gpus, free.gpus.bit_count()),
        tasks=tasks,
    )


def _whole(node: Node, position: int) -> Free:
    return Free(
        position=position,
        cpus_milli=node.cpus * 1000,
        memory_mib=node.memory_mib,
        cpus=(1 << node.cpus) - 1,
        gpus=(1 << node.gpus) - 1,
        open=node.state is NodeState.UP,
        pinned=node.pinned,
        threads_per_core=node.threads_per_core,
        bit=1 << position,
    )


def _mask(ids: tuple[int, ...]) -> int:
    """The ids, which are in rising order, as a mask; a run of them at once."""
    if not ids:
        return 0
    if ids[-1] - ids[0] + 1 == len(ids):
        return (1 << len(ids)) - 1 << ids[0]
    mask = 0
    for one in ids:
        mask |= 1 << one
    return mask


def _lowest(mask: int, count: int) -> tuple[int, ...]:
    """The `count` lowest ids of a mask; a run of them at once."""
    first = (mask & -mask).bit_length() - 1
    run = (1 << count) - 1
    if count and mask >> first & run == run:
        return tuple(range(first, first + count))
    ids = []
    for _ in range(count):
        low = mask & -mask
        ids.append(low.bit_length() - 1)
        mask ^= low
    return tuple(ids)
