"""Reservations made by administrators: kept durable, told to the plan, and let go when they are over."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from launchyard.controller.loop import Loop
from launchyard.model.errors import Conflict, Infeasible, Invalid, NotFound
from launchyard.model.number import shown
from launchyard.model.reservation import Reservation
from launchyard.policy.impossible import nearest
from launchyard.policy.reserved import free_nodes, overlapping

RESERVATIONS_MAX = 1_000


class Reserving:
    """The way in for reservations, and the duty that ends them."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._looked_at = loop.now()

    def all(self) -> list[Reservation]:
        """Those that are not over, the first to begin first."""
        now = self._loop.now()
        known = self._loop.live.reservations.values()
        return sorted((one for one in known if one.end > now), key=lambda one: (one.start, one.name))

    async def create(self, asked: Reservation, count: int | None = None) -> tuple[Reservation, list[int]]:
        """Keep `asked.nodes`, or `count` of them (of all, when none is named).

        Answers the jobs that may still run there when it begins. Raises `Invalid`, `Infeasible`, `Conflict`.
        """
        loop, live = self._loop, self._loop.live
        loop.refuse_when_degraded()
        others = [one for one in self.all() if one.name != asked.name]
        self._refuse(asked)
        if not asked.nodes:
            asked = replace(asked, nodes=tuple(live.nodes))
        if count is not None:
            asked = replace(asked, nodes=tuple(sorted(free_nodes(count, asked, others, self._busy()))))
        if (other := overlapping(asked, others)) is not None:
            both = ", ".join(sorted(set(asked.nodes) & set(other.nodes)))
            raise Conflict(
                f"reservation {other.name} has {both} at that time; choose other nodes or another time, "
                "or delete it first"
            )
        made = replace(asked, created_at=loop.now())
        await self._keep({**{one.name: one for one in others}, made.name: made}.values())
        return made, self._running_on(made)

    async def delete(self, name: str) -> Reservation:
        """Its nodes are open again at once; jobs that name it wait until they are changed."""
        self._loop.refuse_when_degraded()
        known = {one.name: one for one in self.all()}
        gone = known.pop(name, None)
        if gone is None:
            raise NotFound(f"there is no reservation {shown(name)}; {nearest(name, known)}")
        await self._keep(known.values())
        return gone

    def look(self) -> None:
        """Plan anew when one has begun or ended since; forget those that are over."""
        live, now = self._loop.live, self._loop.now()
        known = live.reservations.values()
        if any(self._looked_at < time <= now for one in known for time in (one.start, one.end)):
            self._loop.plan_soon()
        if any(one.end <= now for one in known):
            self._use([one for one in known if one.end > now])
        self._looked_at = now

    def _refuse(self, asked: Reservation) -> None:
        live, now = self._loop.live, self._loop.now()
        if asked.end <= max(asked.start, now):
            raise Invalid("the reservation would be over before it begins; give it a later end")
        if asked.name in live.reservations:
            raise Conflict(f"there is a reservation {shown(asked.name)}; delete it, or choose another name")
        if len(live.reservations) >= RESERVATIONS_MAX:
            raise Conflict(f"there are {RESERVATIONS_MAX} reservations; delete some")
        if not (asked.maintenance or asked.users or asked.accounts):
            raise Invalid("nobody could use it; name users or accounts, or say that it is for maintenance")
        for name in asked.nodes:
            if name not in live.nodes:
                raise Infeasible(f"there is no node {shown(name)}; {nearest(name, live.nodes)}")

    def _busy(self) -> dict[str, float]:
        """Until when each node may be in use."""
        ends = self._loop.live.ends.in_order
        return {share.node: one.until for one in ends for share in one.allocation.shares}

    def _running_on(self, made: Reservation) -> list[int]:
        nodes = set(made.nodes)
        return [
            one.job_id
            for one in self._loop.live.ends.in_order
            if one.until > made.start and nodes & set(one.allocation.nodes)
        ]

    async def _keep(self, known: Iterable[Reservation]) -> None:
        self._use(list(known))
        await self._loop.committed()

    def _use(self, known: Sequence[Reservation]) -> None:
        self._loop.live.use_reservations(known)
        self._loop.draft.reservations = tuple(known)
        self._loop.plan_soon()
