"""Nodes that an administrator keeps for a time: for some users, or for nobody, as for maintenance."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """From `start` to `end` (seconds since 1970) the nodes are for jobs that name it.

    Those of `users` and `accounts` may. `maintenance`: they are for no jobs at all, and nobody may name it.
    What runs when it begins runs on.
    """

    name: str
    start: float
    end: float
    nodes: tuple[str, ...]
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    maintenance: bool = False
    reason: str = ""
    created_by: str = ""
    created_at: float = 0

    def left_s(self, now: float) -> float:
        """How long a job in it can run that starts as early as it can."""
        return self.end - max(self.start, now)

    def meets(self, other: "Reservation") -> bool:
        """Whether both keep a node at one time."""
        return self.start < other.end and other.start < self.end and bool(set(self.nodes) & set(other.nodes))
