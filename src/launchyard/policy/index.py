"""Which nodes hold which request now: one bit mask of nodes a class of requests, kept up to date lazily.

The matrix of request classes and nodes, row by row: a row is looked at again only in the columns that changed
since it was last asked for. A class that does not fit therefore costs one look, however many nodes there are.
"""

from collections.abc import Iterable, Mapping

from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.resources import Allocation, Request
from launchyard.policy.features import parse_constraint
from launchyard.policy.ledger import Ledger
from launchyard.policy.need import Need

ROWS_MAX = 4_096
"""More classes than this are not kept: the next pass makes those anew that still wait."""

_DIGITS = bytes.maketrans(b"\0\1", b"01")


class Row:
    """One class of requests: what it needs of a node, the nodes it may use, and those that hold it now.

    `fits` is a mask; `holds` says the same of each node, allowed or not. The latter is compared with, because
    to change one bit of ten thousand makes a new number.
    """

    __slots__ = ("allowed", "fits", "gained", "generation", "holds", "need", "seen")

    def __init__(self, need: Need, allowed: int) -> None:
        self.need = need
        self.allowed = allowed
        self.fits = 0
        self.holds = bytearray()
        self.seen = self.gained = 0
        self.generation = -1


class Index:
    """The rows over one ledger. One owner, as the ledger has."""

    def __init__(self, ledger: Ledger, nodes: Iterable[Node], partitions: Mapping[str, Partition]) -> None:
        self._ledger = ledger
        self._nodes = tuple(nodes)
        self._partitions = partitions
        self._rows: dict[tuple[str, Request], Row] = {}
        self._all = (1 << len(self._nodes)) - 1
        self._of: dict[str, int] = {}

    def over(self, ledger: Ledger) -> "Index":
        """The same index over a copy of the ledger, as it is now."""
        twin = Index(ledger, self._nodes, self._partitions)
        twin._of = self._of
        for key, row in self._rows.items():
            self.refresh(row)
            other = twin._rows[key] = Row(row.need, row.allowed)
            other.fits, other.holds = row.fits, bytearray(row.holds)
            other.generation = ledger.generation
        return twin

    def place(self, partition: str, request: Request) -> Allocation | None:
        """Where the request would go now, None when it does not fit."""
        row = self.row(partition, request)
        return self._ledger.shares(request, row.need, row.fits)

    def row(self, partition: str, request: Request) -> Row:
        """The row of a class, as the ledger is now."""
        row = self._find(partition, request)
        self.refresh(row)
        return row

    def widest(self, partition: str, request: Request) -> Row:
        """The row of a class in which no node that holds it is missing; some may hold it no more.

        Whoever meets one of those says so (`forget`). So a start costs a look at the nodes that it meets, and
        not one at each node that changed, for each class. Who spreads tasks looks at all nodes anyway.
        """
        ledger, row = self._ledger, self._find(partition, request)
        if row.need.tasks:
            self.refresh(row)
        elif row.generation != ledger.generation or len(ledger.gains) - row.gained > len(ledger.at):
            self._make_anew(row)
        elif row.gained != len(ledger.gains):
            self._look_again(row, ledger.gains[row.gained :])
            row.gained = len(ledger.gains)
        return row

    def refresh(self, row: Row) -> None:
        """Bring a row up to date with the ledger; where too much has changed, look at all nodes."""
        ledger = self._ledger
        if row.generation != ledger.generation or len(ledger.changes) - row.seen > len(ledger.at):
            self._make_anew(row)
        elif row.seen != len(ledger.changes):
            self._look_again(row, ledger.changes[row.seen :])
            row.seen, row.gained = len(ledger.changes), len(ledger.gains)

    def forget(self, row: Row, missed: list[int]) -> None:
        """These nodes were met in the row and do not hold its need."""
        for position in missed:
            row.holds[position] = False
            row.fits ^= self._ledger.at[position].bit

    def allowed(self, partition: str, request: Request) -> int:
        """The nodes that the request may use at any time, whatever is free on them."""
        nodes = self.nodes_of(partition)
        if request.nodelist:
            nodes &= self._mask(request.nodelist)
        if request.exclude:
            nodes &= ~self._mask(request.exclude)
        if request.constraint or request.gpu_type:
            nodes &= self._suitable(request)
        return nodes

    def nodes_of(self, partition: str) -> int:
        """The nodes of a partition; of one that names none, all."""
        nodes = self._of.get(partition)
        if nodes is None and partition in self._partitions:
            names = self._partitions[partition].nodes
            nodes = self._of[partition] = self._mask(names) if names else self._all
        return self._all if nodes is None else nodes

    def _find(self, partition: str, request: Request) -> Row:
        row = self._rows.get((partition, request))
        if row is None:
            if len(self._rows) >= ROWS_MAX:
                self._rows.clear()
            row = self._rows[partition, request] = Row(Need.of(request), self.allowed(partition, request))
        return row

    def _make_anew(self, row: Row) -> None:
        ledger = self._ledger
        row.holds = self._holds(row.need)
        row.fits = int(row.holds[::-1].translate(_DIGITS) or b"0", 2) & row.allowed
        row.seen, row.gained, row.generation = len(ledger.changes), len(ledger.gains), ledger.generation

    def _look_again(self, row: Row, changes: list[int]) -> None:
        """At these nodes alone."""
        at, need, holds = self._ledger.at, row.need, row.holds
        changed = 0
        for position in set(changes):
            free = at[position]
            # Most needs are of CPUs and memory alone: no call for those.
            held = (
                free.cpus_milli >= need.cpus_milli
                and free.memory_mib >= need.memory_mib
                and (free.open if need.plain else free.holds(need))
            )
            if held != holds[position]:
                holds[position] = held
                changed |= free.bit
        row.fits ^= changed & row.allowed

    def _holds(self, need: Need) -> bytearray:
        """Of each node, whether it holds the need."""
        at = self._ledger.at
        if not need.plain:
            return bytearray([free.holds(need) for free in at])
        cpus, memory = need.cpus_milli, need.memory_mib
        return bytearray([free.cpus_milli >= cpus and free.memory_mib >= memory and free.open for free in at])

    def _mask(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            free = self._ledger.free.get(name)
            if free is not None:
                mask |= free.bit
        return mask

    def _suitable(self, request: Request) -> int:
        allows = parse_constraint(request.constraint) if request.constraint else None
        mask = 0
        for position, node in enumerate(self._nodes):
            if request.gpu_type and node.gpu_type != request.gpu_type:
                continue
            if allows is None or allows(node.features):
                mask |= 1 << position
        return mask
