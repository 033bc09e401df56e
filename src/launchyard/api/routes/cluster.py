"""The cluster as tables by column: nodes, partitions, reservations, licences; and what the server did."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.context import context_of
from launchyard.api.query import Query
from launchyard.api.services import Services
from launchyard.api.tables import licences as licence_table
from launchyard.api.tables import nodes as node_table
from launchyard.api.tables import partitions as partition_table
from launchyard.api.tables import reservations as reservation_table
from launchyard.api.tables.column import Column, chosen, rows_of
from launchyard.api.tables.machine import machine
from launchyard.controller.tally import Depth
from launchyard.model.account import QOS, PreemptMode
from launchyard.model.state import JobState

router = APIRouter()


@router.get("/v1/tables/nodes", openapi_extra=describe.NODE_TABLE)
async def nodes(request: Request) -> Response:
    columns = _columns(request, node_table.COLUMNS)
    return _rows(rows_of(node_rows(context_of(request).services), columns))


@router.get("/v1/tables/partitions", openapi_extra=describe.PARTITION_TABLE)
async def partitions(request: Request) -> Response:
    columns = _columns(request, partition_table.COLUMNS)
    controller = context_of(request).services.controller
    known = {use.node.name: use.node for use in controller.node_uses()}
    rules = controller.administration.rules
    mode = preempt_mode(rules.qos)
    rows = [
        partition_table.Row(one, [known[name] for name in one.nodes or known if name in known], mode)
        for one in rules.partitions.values()
    ]
    return _rows(rows_of(rows, columns))


@router.get("/v1/tables/reservations", openapi_extra=describe.RESERVATION_TABLE)
async def reservations(request: Request) -> Response:
    columns = _columns(request, reservation_table.COLUMNS)
    return _rows(rows_of(context_of(request).services.controller.reserving.all(), columns))


@router.get("/v1/tables/licences", openapi_extra=describe.LICENCE_TABLE)
async def licences(request: Request) -> Response:
    columns = _columns(request, licence_table.COLUMNS)
    return _rows(rows_of(context_of(request).services.controller.licences(), columns))


@router.get("/v1/counters", openapi_extra=describe.COUNTERS)
async def counters(request: Request) -> Response:
    Query(request, ())
    controller = context_of(request).services.controller
    found = controller.counters
    return answer(
        {
            "now": context_of(request).services.clock(),
            "since": found.since,
            "jobs": found.jobs,
            "states": jobs_by_state(controller.depths),
            "cycles": found.cycles,
            "last_at": found.last_at,
            "last_s": found.last_s,
            "max_s": found.max_s,
            "total_s": found.total_s,
            "last_depth": found.last_depth,
            "total_depth": found.total_depth,
            "planned": found.planned,
        }
    )


@router.post("/v1/counters/reset", openapi_extra=describe.RESET_COUNTERS)
async def reset(request: Request) -> Response:
    services = context_of(request).services
    services.controller.counters.reset(services.clock())
    return answer({"since": services.controller.counters.since})


def jobs_by_state(depths: Mapping[Depth, int]) -> dict[str, int]:
    """Of an array the tasks that wait, whatever its others do: those are jobs of their own."""
    states: dict[str, int] = {}
    for depth, count in depths.items():
        state = JobState.PENDING if depth.array else depth.state
        states[state] = states.get(state, 0) + count
    return states


def preempt_mode(qos: Mapping[str, QOS]) -> str:
    """How the first QOS that others preempt makes room."""
    victims = (qos[name] for one in qos.values() for name in one.preempts)
    return next((victim.preempt_mode.value for victim in victims), PreemptMode.OFF.value)


def node_rows(services: Services) -> list[node_table.Row]:
    """All nodes with what is joined when they are read."""
    controller = services.controller
    began = services.status().get("started_at")
    here = machine(began if isinstance(began, float) else None)
    completing: dict[str, int] = {}
    for job in controller.holding().values():
        if job.attempt is not None and job.state is JobState.COMPLETING:
            for name in job.attempt.allocation.nodes:
                completing[name] = completing.get(name, 0) + 1
    kept = {one.name: one for one in controller.reserving.all()}
    among = controller.administration.rules.partitions.values()
    return [
        node_table.Row(
            use=use,
            machine=here,
            partitions=tuple(one.name for one in among if not one.nodes or use.node.name in one.nodes),
            completing=completing.get(use.node.name, 0),
            reservation=kept.get(use.reservation or ""),
        )
        for use in controller.node_uses()
    ]


def _columns(request: Request, known: Mapping[str, Column[Any]]) -> list[Column[Any]]:
    return chosen(Query(request, ("columns",)).text("columns"), known)


def _rows(rows: list[list[Any]]) -> Response:
    return answer({"rows": rows})
