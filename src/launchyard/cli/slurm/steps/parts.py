"""The nodes of a step as srun sees them: who is connected, and which of the tasks run and have ended."""

import signal
from collections.abc import Iterable, Mapping

from launchyard.model.light import Any
from launchyard.runner.connection import Connection
from launchyard.runner.frames import INPUT, LAUNCH, SIGNAL, SIZE
from launchyard.runner.order import Order
from launchyard.slurm.stepends import tasks_word

WINDOW_BYTES = 256 * 1024
"""So much input may be on its way to a node."""


class Part:
    """One node of the step. `connection` is None before its runner came and after it went."""

    def __init__(self, node: str, ranks: list[int], order: Order) -> None:
        self.node = node
        self.ranks = ranks
        self.order = order
        self.connection: Connection | None = None
        self.came = False
        self.finished = False
        self.unread = 0

    def launch(self, connection: Connection, own: Mapping[str, str]) -> None:
        """`own` is what the runner's own environment says of this place."""
        self.connection, self.came = connection, True
        order = self.order._replace(env={**self.order.env, **own})
        connection.tell(LAUNCH, order.to_json())


class Parts:
    """All nodes; `ended` are the wait statuses of tasks by rank."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.every = list(parts)
        self._of_rank = {rank: part for part in self.every for rank in part.ranks}
        self.node_of = {rank: part.node for rank, part in self._of_rank.items()}
        self.running: set[int] = set()
        self.ended: dict[int, int] = {}

    @property
    def connected(self) -> list[Part]:
        return [part for part in self.every if part.connection is not None]

    @property
    def missing(self) -> list[Part]:
        """Whose runner has not come yet."""
        return [part for part in self.every if not part.came]

    @property
    def over(self) -> bool:
        return not self.missing and not self.connected

    def part(self, rank: int) -> Part:
        return self._of_rank[rank]

    def awaited(self, node: str) -> Part | None:
        """What a runner on the node is for: any that has not come, as there may be two of one node."""
        return next((part for part in self.missing if part.node == node), None)

    def tell(self, kind: int, value: dict[str, Any]) -> None:
        for part in self.connected:
            if part.connection is not None:
                part.connection.tell(kind, value)

    def signal(self, number: int, grace_s: float | None = None) -> None:
        self.tell(SIGNAL, {"signal": number, "grace_s": grace_s})

    def resize(self, rows: int, columns: int) -> None:
        self.tell(SIZE, {"rows": rows, "columns": columns})

    def give(self, rank: int, data: bytes) -> None:
        """Input for a task, or for all (-1)."""
        for part in self.readers(rank):
            if part.connection is not None:
                part.unread += len(data)
                part.connection.send(INPUT, data, rank)

    def readers(self, rank: int) -> list[Part]:
        return self.connected if rank < 0 else [part for part in self.connected if rank in part.ranks]

    def thirsty(self, rank: int) -> bool:
        """Whether more input may be sent: everybody is there, and has taken most of what was."""
        if self.missing:
            return False
        return all(part.unread < WINDOW_BYTES for part in self.readers(rank))

    def lose(self, part: Part) -> list[int]:
        """Its runner is gone; the ranks of which no end was heard: they are dead, as it was killed."""
        part.connection = None
        lost = [rank for rank in part.ranks if rank not in self.ended]
        for rank in lost:
            self.ended[rank] = int(signal.SIGKILL)
            self.running.discard(rank)
        return lost

    def give_up(self, part: Part) -> dict[int, int]:
        """Its runner came too late to be told anything; the ends of its tasks."""
        part.came = True
        ends = {rank: int(signal.SIGTERM) for rank in part.ranks}
        self.ended.update(ends)
        return ends

    def states(self) -> list[str]:
        """What Ctrl-C shows: `tasks 0-3: running`."""
        groups = {
            "unknown": [r for r in self.node_of if r not in self.running and r not in self.ended],
            "running": self.running,
            "exited abnormally": [rank for rank, status in self.ended.items() if status],
            "exited": [rank for rank, status in self.ended.items() if not status],
        }
        return [f"{tasks_word(ranks)}: {state}" for state, ranks in groups.items() if ranks]
