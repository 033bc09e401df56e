"""Tokens: made, listed and revoked by their owners (and by administrators). The secret is told once."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from launchyard.api import describe
from launchyard.api.answers import answer
from launchyard.api.audit import note
from launchyard.api.body import read_as
from launchyard.api.context import Context, caller_of, context_of
from launchyard.api.query import Query
from launchyard.api.tokens import new_token, revoked
from launchyard.model.errors import Conflict, Invalid, NotFound
from launchyard.model.number import shown
from launchyard.model.role import Scope
from launchyard.model.submission import Caller
from launchyard.model.token import BROWSER, Token
from launchyard.model.when import parse_rfc3339
from launchyard.policy.access import account_for
from launchyard.policy.rights import Right, may
from launchyard.wire.convert import checked_name
from launchyard.wire.job import time_json
from launchyard.wire.orders import NewToken

TOKENS_MAX = 1000
LOGINS_MAX = 100
LASTS_MAX_S = 100 * 366 * 86_400

router = APIRouter()


@router.post("/v1/tokens", openapi_extra=describe.CREATE_TOKEN)
async def create(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    body = await read_as(NewToken, request)
    name = checked_name(body.name, "name") if body.name else ""
    if len(context.tokens.of(caller)) >= TOKENS_MAX:
        raise Conflict(f"there are {TOKENS_MAX} tokens already; revoke some by `ly token revoke ID`")
    now = context.services.clock()
    account = _account(context, caller, body.account)
    until = _until(body, now)
    scope = Scope(body.scope)
    token, secret = new_token(caller, name or "", now, scope=scope, account=account, expires_at=until)
    note(request.scope, made=token.id, scope=scope, account=account, expires_at=time_json(until))
    await context.services.controller.keep_token(token)
    context.tokens.put(token)
    return answer({**token_json(token), "token": secret}, 201)


@router.get("/v1/tokens", openapi_extra=describe.TOKENS)
async def tokens(request: Request) -> Response:
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    return answer({"tokens": [token_json(token) for token in context.tokens.of(caller)]})


@router.delete("/v1/tokens/{token}", openapi_extra=describe.REVOKE_TOKEN)
async def revoke(request: Request) -> Response:
    """Useless at once, also when it cannot be made durable now (then the error says to do it again)."""
    context, caller = context_of(request), caller_of(request)
    Query(request, ())
    token_id = request.path_params["token"]
    token = context.tokens.get(token_id)
    if token is None or not (token.uid == caller.uid or may(caller, Right.TOKENS_ALL)):
        raise NotFound(f"no token {shown(token_id)}, or it is not yours; `ly token list` has them")
    return answer(token_json(await end_token(context, token)))


def _account(context: Context, caller: Caller, name: str | None) -> str | None:
    """One that the caller may charge. Raises `Infeasible`."""
    if name is None:
        return None
    rules = context.services.controller.administration.rules
    return account_for(checked_name(name, "account"), caller.user, rules)


def _until(body: NewToken, now: float) -> float | None:
    if body.expires_at is not None and body.lasts_s is not None:
        raise Invalid("a token has one end; leave out expires_at or lasts_s")
    until = None if body.expires_at is None else parse_rfc3339(body.expires_at)
    if body.lasts_s is not None:
        until = now + body.lasts_s
    if until is not None and not now < until <= now + LASTS_MAX_S:
        raise Invalid("a token ends in the future, within 100 years; name another time")
    return until


async def begin_login(context: Context, login: Token) -> None:
    """Durable, then good; of very many logins of one user the oldest end."""
    await context.services.controller.keep_token(login)
    context.tokens.put(login)
    mine = (one for one in context.tokens.of(Caller(user=login.user, uid=login.uid)) if one.kind == BROWSER)
    for one in sorted(mine, key=lambda one: one.created_at)[:-LOGINS_MAX]:
        await end_token(context, one)


async def end_token(context: Context, token: Token) -> Token:
    """Useless from now on, and with it the logins that were made by it."""
    now = context.services.clock()
    ended = [revoked(one, now) for one in (token, *context.tokens.below(token.id))]
    for one in ended:
        context.tokens.put(one)
    for one in ended:
        await context.services.controller.keep_token(one)
    return ended[0]


def token_json(token: Token) -> dict[str, Any]:
    """A token without its secret, which nobody has but its owner."""
    return {
        "id": token.id,
        "name": token.name,
        "user": token.user,
        "kind": token.kind,
        "scope": token.scope,
        "account": token.account,
        "created_at": time_json(token.created_at),
        "used_at": time_json(token.used_at),
        "expires_at": time_json(token.expires_at),
        "revoked_at": time_json(token.revoked_at),
    }
