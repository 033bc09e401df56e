"""What a trusted proxy says of its client: the address, the scheme and the name. From nobody else.

Where a proxy is named and there is no TLS of our own, nobody but that proxy and this machine gets in: from
elsewhere, credentials would come in the clear.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from launchyard.api.connection import AtOnce, connection_of, for_an_application

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SCHEMES = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss"}}
_OF_PROXIES = (b"forwarded", b"x-real-ip", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")


class Doors:
    """From where connections are taken; may be changed while they are."""

    def __init__(self, proxies: Sequence[str] = (), *, encrypted: bool = False) -> None:
        self.encrypted = encrypted
        self.trust(proxies)

    def trust(self, proxies: Sequence[str]) -> None:
        self._proxies: list[Network] = [ipaddress.ip_network(one, strict=False) for one in proxies]

    def trusts(self, address: str) -> bool:
        found = _address(address) if self._proxies else None
        return found is not None and any(found in one for one in self._proxies)

    def admits(self, address: str) -> bool:
        """Whether a connection by TCP from there is taken at all."""
        if self.encrypted or not self._proxies:
            return True
        found = _address(address)
        return found is not None and (found.is_loopback or self.trusts(address))


class Forwarded:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, doors: Doors, at_once: AtOnce = for_an_application) -> None:
        self._app = app
        self._doors = doors
        self._at_once = at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(self._told(scope), receive, send)

    def carry_at_once(self, scope: Scope) -> bool:
        """See `ClientProtocol`."""
        return self._at_once(self._told(scope))

    def _told(self, scope: Scope) -> Scope:
        if scope["type"] in _SCHEMES and self._doors.trusts(_peer(scope)):
            return _as_told(scope, self._doors)
        return scope


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client and connection_of(scope).peer is None else ""


def _as_told(scope: Scope, doors: Doors) -> Scope:
    told: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _OF_PROXIES:
            # The last word is that of the proxy next to us.
            told[name] = value.decode("latin-1")
    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_PROXIES]
    changes: dict[str, Any] = {}
    scheme = _SCHEMES[scope["type"]].get(_last(told.get(b"x-forwarded-proto", "")).lower())
    if scheme is not None:
        changes["scheme"] = scheme
    if client := _client(told.get(b"x-forwarded-for", ""), doors):
        changes["client"] = (client, 0)
    if host := _last(told.get(b"x-forwarded-host", "")):
        headers = [(name, value) for name, value in headers if name != b"host"]
        headers.append((b"host", host.encode("latin-1")))
    return {**scope, **changes, "headers": headers}


def _client(chain: str, doors: Doors) -> str:
    """The nearest address of the chain that is no proxy of ours; what is before it may be made up."""
    for one in reversed([word.strip() for word in chain.split(",") if word.strip()]):
        if _address(one) is None:
            return ""
        if not doors.trusts(one):
            return one
    return ""


def _last(words: str) -> str:
    return words.rpartition(",")[2].strip()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
