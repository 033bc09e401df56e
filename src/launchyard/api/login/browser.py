"""A browser that has logged in: known by its cookie, which alone vouches for no write and no WebSocket.

Browsers send cookies whoever asks, so a write needs what only our own pages have: the login's CSRF token, and
our origin. A WebSocket cannot carry a header of a page's, but it always says its origin.
"""

from typing import Any

from starlette.datastructures import Headers

from launchyard.api.login import cookies
from launchyard.api.login.addresses import has_apps_beside, host_name
from launchyard.api.login.keys import Keys, same
from launchyard.api.tokens import TokenTable
from launchyard.model.errors import Forbidden
from launchyard.model.token import BROWSER, Token

CSRF_HEADER = "x-launchyard-csrf"
READS = frozenset({"GET", "HEAD"})


class Browsers:
    """Finds the login that a request's cookie names."""

    def __init__(self, tokens: TokenTable, keys: Keys, hosts: frozenset[str]) -> None:
        self._tokens = tokens
        self._hosts = hosts
        self.keys = keys

    def login(self, scope: Any, headers: Headers) -> Token | None:
        """The login, None where there is none. Raises `Forbidden` for what a page of ours would not send."""
        given = headers.getlist("cookie")
        secret = cookies.value_of(given, self._cookie(scope, headers)) if given else None
        login = self._tokens.find(secret) if secret else None
        if login is None or login.kind != BROWSER:
            return None
        self._check(scope, headers, login)
        return login

    def _cookie(self, scope: Any, headers: Headers) -> str:
        host = headers.get("host", "")
        return cookies.name_of(cookies.PORTAL, host, secure=is_strict(scope["scheme"], host, self._hosts))

    def _check(self, scope: Any, headers: Headers, login: Token) -> None:
        reads = scope["type"] == "http" and scope["method"] in READS
        if not reads and "origin" not in headers:
            raise Forbidden(
                "what a browser's login is to do must come from a page of this server; none is named"
            )
        if scope["type"] == "http" and not reads:
            given = headers.getlist(CSRF_HEADER)
            if len(given) != 1 or not same(given[0], self.keys.csrf(login.id)):
                raise Forbidden("X-Launchyard-CSRF is not this login's; read it anew at /v1/me", code="csrf")


def is_strict(scheme: str, host: str, hosts: frozenset[str]) -> bool:
    """Whether cookies bear a name that only this host can set: over TLS, and where apps are beside us.

    Browsers that know names below `localhost` take such cookies there without TLS too.
    """
    return scheme in ("https", "wss") or has_apps_beside(host_name(host), hosts)
