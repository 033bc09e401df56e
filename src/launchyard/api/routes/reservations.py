"""Nodes kept for a time: seen by everybody, made and deleted by administrators."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.body import read_as
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.controller.reserving import Reserving
from launchyard.wire.orders import MakeReservation
from launchyard.wire.reservations import reservation_json, to_reservation

router = APIRouter()


@router.get("/v1/reservations", openapi_extra=describe.RESERVATIONS)
async def reservations(request: Request) -> Response:
    Query(request, ())
    known = context_of(request).services.controller.reserving.all()
    return answer({"reservations": [reservation_json(one) for one in known]})


@router.post("/v1/reservations", openapi_extra=describe.MAKE_RESERVATION)
async def create(request: Request) -> Response:
    reserving = _reserving(request)
    body = await read_as(MakeReservation, request)
    now = context_of(request).services.clock()
    asked, count = to_reservation(body, now, caller_of(request).user)
    made, jobs = await reserving.create(asked, count)
    return answer({**reservation_json(made), "jobs": jobs}, 201)


@router.delete("/v1/reservations/{name}", openapi_extra=describe.DELETE_RESERVATION)
async def delete(request: Request) -> Response:
    reserving = _reserving(request)
    Query(request, ())
    return answer(reservation_json(await reserving.delete(request.path_params["name"])))


def _reserving(request: Request) -> Reserving:
    return context_of(request).services.controller.reserving
