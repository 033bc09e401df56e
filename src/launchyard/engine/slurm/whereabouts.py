"""Whether what a job writes is seen from here, or on its node alone: known by its runner's first record.

Where one job's record was seen all others of that user on that node are taken to be seen too.
"""

from launchyard.engine.channel import UserHelpers
from launchyard.engine.slurm.held import Held
from launchyard.engine.slurm.outcome import records_of
from launchyard.engine.slurm.table import Table

APART_S = 15.0
"""So long after its start a record that is not seen is taken to be on the node alone."""
AGAIN_S = 3.0


class Whereabouts:
    """Learned of each running job once."""

    def __init__(self, table: Table, helpers: UserHelpers) -> None:
        self._table = table
        self._helpers = helpers
        self._shared: set[tuple[int, str]] = set()
        self._asked_at: dict[str, float] = {}

    def learn(self, held: Held, node: str, now: float) -> None:
        """Ask, unless that is known or was asked just now."""
        if held.given.found or (held.given.uid, node) in self._shared:
            held.apart = False
        elif held.given.directory and now - self._asked_at.get(held.launch_id, 0.0) >= AGAIN_S:
            self._asked_at[held.launch_id] = now
            self._table.later(self._ask(held, node))

    async def _ask(self, held: Held, node: str) -> None:
        found = await records_of(self._helpers, held.launch_id, held.given)
        if found.start is not None:
            self._shared.add((held.given.uid, node))
            held.apart = False
        elif held.start is not None and self._table.clock() - held.start.at >= APART_S:
            held.apart = True
        if held.apart is not None or held.end is not None:
            self._asked_at.pop(held.launch_id, None)
