"""Who asks: the peer of a unix socket by the kernel's word, a TCP caller by its token. Nothing else counts.

Also who may be asked at all: the name under which we were reached must be ours, and a page of another origin
may not ask through somebody's browser.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from starlette.datastructures import Headers

from launchyard.api.answers import WrongHost
from launchyard.api.connection import Peer, connection_of
from launchyard.api.login.addresses import PORTAL_NAME
from launchyard.api.login.addresses import host_name as host_name
from launchyard.api.login.browser import Browsers
from launchyard.api.tokens import TokenTable
from launchyard.controller.users import UserEntry, Users
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, Unauthenticated
from launchyard.model.number import shown
from launchyard.model.role import Role, Scope
from launchyard.model.rules import Rules
from launchyard.model.submission import Caller
from launchyard.model.token import BROWSER, Token
from launchyard.policy.rights import role_of

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", PORTAL_NAME})
KNOWN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller; `token_id` None: by the unix socket. `browser`: by its cookie."""

    caller: Caller
    token_id: str | None = None
    browser: bool = False


class Authenticator:
    """Turns a connection or a token into a caller, by the rules of the mode the daemon runs in."""

    def __init__(
        self,
        users: Users,
        tokens: TokenTable,
        owner_uid: int | None,
        rules: Callable[[], Rules] = Rules,
        browsers: Browsers | None = None,
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._owner_uid = owner_uid
        self._browsers = browsers
        self._rules = rules
        self._known: dict[int, tuple[UserEntry | None, Rules, Caller]] = {}

    async def identify(self, scope: Any, headers: Headers) -> Identity:
        """Raises `Unauthenticated` or `Forbidden`. What a header says goes before what a cookie says."""
        presented = headers.get("authorization", "")
        if not presented and self._browsers is not None and connection_of(scope).peer is None:
            login = self._browsers.login(scope, headers)
            if login is not None:
                return await self.of_token(login)
        return await self.identify_by(scope, presented)

    async def identify_by(self, scope: Any, authorization: str) -> Identity:
        """The same of an Authorization header that is said here."""
        peer = connection_of(scope).peer
        if peer is not None:
            return Identity(await self._of_peer(peer))
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated(
                "no credential; run `ly token create` and send it as `Authorization: Bearer TOKEN`"
            )
        token = self._tokens.find(secret.strip())
        if token is None or token.kind == BROWSER:
            raise Unauthenticated("the token is not known or was revoked; make another by `ly token create`")
        return await self.of_token(token)

    async def of_token(self, token: Token) -> Identity:
        """Whom a valid token stands for."""
        caller = await self._of_uid(token.uid)
        if caller.user != token.user and self._owner_uid is None:
            raise Unauthenticated("the token's user has another name now; make another by `ly token create`")
        self._tokens.used(token)
        if token.scope is not Scope.ALL or token.account is not None:
            caller = replace(caller, scope=token.scope, account=token.account)
        return Identity(caller, token.id, browser=token.kind == BROWSER)

    async def of_user(self, uid: int) -> Identity:
        """Somebody whom the configuration names."""
        return Identity(await self._of_uid(uid))

    async def _of_peer(self, peer: Peer) -> Caller:
        if self._owner_uid is not None and peer.uid not in (self._owner_uid, 0):
            raise Forbidden(
                f"this server belongs to another user (uid {self._owner_uid}); start your own by `ly up`"
            )
        return await self._of_uid(peer.uid)

    async def _of_uid(self, uid: int) -> Caller:
        """In single-user mode everybody who gets in is the owner, who administers; else the rules say who."""
        uid = uid if self._owner_uid is None else self._owner_uid
        entry = self._users.fresh(uid) or await self._users.load(uid)
        if entry is None and self._owner_uid is None:
            raise Forbidden(f"uid {uid} has no user name on this machine, so no job can run as it")
        rules = self._rules()
        known = self._known.get(uid)
        if known is not None and known[0] is entry and known[1] is rules:
            return known[2]
        caller = self._caller(uid, entry, rules)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[uid] = (entry, rules, caller)
        return caller

    def _caller(self, uid: int, entry: UserEntry | None, rules: Rules) -> Caller:
        name = entry.name if entry is not None else str(uid)
        groups = entry.groups if entry is not None else ()
        role, coordinates = role_of(name, uid, groups, rules)
        if self._owner_uid is not None:
            role = Role.ADMINISTRATOR
        return Caller(user=name, uid=uid, role=role, groups=groups, coordinates=coordinates)


def check_host(scope: Any, headers: Headers, hosts: frozenset[str]) -> None:
    """By TCP, only under our own names: a name that an attacker points at this address is refused."""
    if connection_of(scope).peer is not None:
        return
    host = headers.get("host", "")
    if len(headers.getlist("host")) > 1 or any(c in host for c in "/@, "):
        raise Invalid(f"the Host header {shown(host)} is not understood")
    name = host_name(host)
    if name not in LOOPBACK_NAMES and name not in hosts:
        raise WrongHost(
            f"{shown(name)} is no name of this server; use 127.0.0.1, or add it to `hosts` in its settings"
        )


def is_our_name(scope: Any, hosts: frozenset[str]) -> bool:
    """Whether a request reached us under a name of ours."""
    try:
        check_host(scope, Headers(scope=scope), hosts)
    except LaunchyardError:
        return False
    return True


def browser_like(headers: Headers) -> bool:
    """Whether a page in a browser may be what asks."""
    names = ("origin", "referer", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
    asks = any(name in headers for name in (*names, "access-control-request-method"))
    return asks or headers.get("user-agent", "").startswith("Mozilla")


def check_origin(headers: Headers) -> None:
    """A browser says where a request comes from; only pages of our own may ask."""
    origin = headers.get("origin")
    if origin is not None:
        scheme, separator, host = origin.partition("://")
        same = scheme in ("http", "https") and bool(separator) and host == headers.get("host")
        if not same:
            raise Forbidden(f"a page of {shown(origin)} may not use this server")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Forbidden("a page of another site may not use this server")


def identity_of(scope: Any) -> Identity:
    """Who asks, as the guard found out."""
    return cast(Identity, scope["state"]["identity"])
