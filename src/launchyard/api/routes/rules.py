"""The rules of the queue for administrators, and who used what for everybody."""

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.audit import note
from launchyard.api.body import read_as
from launchyard.api.context import caller_of, context_of
from launchyard.api.query import Query
from launchyard.config import changed, read_rules, rules_text, without
from launchyard.config.overlay import changes
from launchyard.config.text import rules_tables
from launchyard.controller.administration import Administration, UsageRow
from launchyard.model.errors import NotFound
from launchyard.model.number import shown
from launchyard.model.submission import Caller
from launchyard.policy.coordinating import refuse_change, shown_rules
from launchyard.policy.rights import Right, may
from launchyard.wire.convert import checked_name
from launchyard.wire.orders import ChangeRules, PutRules

router = APIRouter()


@router.get("/v1/admin/policy", openapi_extra=describe.RULES)
async def show(request: Request) -> Response:
    Query(request, ())
    return _in_force(_administration(request), caller_of(request))


@router.put("/v1/admin/policy", openapi_extra=describe.PUT_RULES)
async def put(request: Request) -> Response:
    administration = _administration(request)
    body = await read_as(PutRules, request)
    name = checked_name(body.name, "name") or "the rules"
    async with administration.alone:
        return await _put_in_force(administration, caller_of(request), body.text, name)


@router.post("/v1/admin/policy", openapi_extra=describe.CHANGE_RULES)
async def change(request: Request) -> Response:
    """The change is made to the rules in force, and checked with all of them."""
    administration = _administration(request)
    body = await read_as(ChangeRules, request)
    make = without if body.remove else changed
    caller = caller_of(request)
    note(request.scope, kind=body.kind, name=body.name, values=body.values, remove=body.remove)
    async with administration.alone:
        refuse_change(caller, body.kind, body.name, body.values, administration.rules, remove=body.remove)
        text = make(administration.told, body.kind, body.name, body.values)
        return await _put_in_force(administration, caller, text, "the changed rules")


@router.post("/v1/admin/reload", openapi_extra=describe.RELOAD_RULES)
async def reload(request: Request) -> Response:
    administration = _administration(request)
    query = Query(request, ("forget",))
    async with administration.alone:
        await administration.reload(forget=query.flag("forget"))
    return _in_force(administration, caller_of(request))


@router.get("/v1/usage", openapi_extra=describe.USAGE)
async def usage(request: Request) -> Response:
    query = Query(request, ("account", "user"))
    services = context_of(request).services
    administration = services.controller.administration
    account, user = query.text("account"), query.text("user")
    accounts = administration.rules.accounts
    if account is not None and account not in accounts:
        there = ", ".join(sorted(accounts)) or "none"
        raise NotFound(f"there is no account {shown(account)}; there are: {there}")
    rows = [
        usage_json(row)
        for row in administration.usage(caller_of(request), services.jobs_visible_to_all)
        if account in (None, row.account) and (user is None or row.user == user)
    ]
    return answer({"half_life_s": administration.rules.scheduler.half_life_s, "usage": rows})


def usage_json(row: UsageRow) -> dict[str, Any]:
    """A row; hours rather than seconds, as people count them."""
    return {
        "account": row.account,
        "user": row.user,
        "shares": row.shares,
        "shares_norm": _rounded(row.shares_norm),
        "usage_norm": _rounded(row.usage_norm),
        "level": _rounded(row.level),
        "factor": _rounded(row.factor),
        "billed_hours": round(row.billed_s / 3600, 6),
        "cpu_hours": round(row.cpu_s / 3600, 6),
        "gpu_hours": round(row.gpu_s / 3600, 6),
        "depth": row.depth,
    }


def _administration(request: Request) -> Administration:
    return context_of(request).services.controller.administration


async def _put_in_force(administration: Administration, caller: Caller, text: str, where: str) -> Response:
    """Refused whole when anything in it is wrong."""
    rules = await asyncio.to_thread(read_rules, text, where, administration.nodes)
    await administration.put_in_force(rules)
    return _in_force(administration, caller)


def _in_force(administration: Administration, caller: Caller) -> Response:
    rules = shown_rules(caller, administration.rules)
    changed_here = changes(administration.kept) if may(caller, Right.RULES) else []
    return answer(
        {
            "source": "run time" if administration.kept else "file",
            "changes": [one._asdict() for one in changed_here],
            "text": rules_text(rules),
            "tables": rules_tables(rules),
        }
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
