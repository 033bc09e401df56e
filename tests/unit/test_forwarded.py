"""Whom a proxy speaks for, and who may connect at all."""

import asyncio
from typing import Any

import pytest

from launchyard.api.connection import Connection, Peer
from launchyard.api.forwarded import Doors, Forwarded


def told(doors: Doors, client: str, headers: dict[str, str], peer: Peer | None = None) -> dict[str, Any]:
    """The scope as the application gets it."""
    found: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (client, 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "state": {"connection": Connection(peer, abort=pytest.fail, take=pytest.fail)},
    }
    asyncio.run(Forwarded(app, doors)(scope, None, None))  # type: ignore[arg-type]
    return found[0]


SAID = {
    "host": "10.0.0.1:80",
    "x-forwarded-proto": "https",
    "x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.0.0.3",
    "x-forwarded-host": "yard.example.org",
}


def test_a_trusted_proxy_says_who_and_how() -> None:
    scope = told(Doors(["10.0.0.0/24"]), "10.0.0.2", SAID)
    assert scope["scheme"] == "https"
    assert scope["client"] == ("203.0.113.7", 0)
    assert scope["headers"] == [(b"host", b"yard.example.org")]


@pytest.mark.parametrize("client", ["10.0.1.2", "127.0.0.1", "::1"])
def test_nobody_else_is_believed(client: str) -> None:
    scope = told(Doors(["10.0.0.0/24"]), client, SAID)
    assert (scope["scheme"], scope["client"][0]) == ("http", client)
    assert (b"host", b"10.0.0.1:80") in scope["headers"]


def test_a_user_of_the_unix_socket_is_no_proxy() -> None:
    scope = told(Doors(["0.0.0.0/0"]), "10.0.0.2", SAID, Peer(1, 1000, 1000))
    assert scope["scheme"] == "http"


@pytest.mark.parametrize("chain", ["", "nonsense", "1.2.3.4:80", "10.0.0.5"])
def test_a_chain_that_names_nobody_changes_nobody(chain: str) -> None:
    scope = told(Doors(["10.0.0.0/24"]), "10.0.0.2", {"x-forwarded-for": chain})
    assert scope["client"][0] == "10.0.0.2"


@pytest.mark.parametrize(
    ("proxies", "encrypted", "address", "admitted"),
    [
        (["10.0.0.2"], False, "10.0.0.2", True),
        (["10.0.0.2"], False, "::ffff:10.0.0.2", True),
        (["10.0.0.2"], False, "127.0.0.1", True),
        (["10.0.0.2"], False, "10.0.0.9", False),
        (["10.0.0.2"], True, "10.0.0.9", True),
        ([], True, "10.0.0.9", True),
    ],
)
def test_without_tls_of_our_own_only_the_proxy_gets_in(
    proxies: list[str], encrypted: bool, address: str, admitted: bool
) -> None:
    assert Doors(proxies, encrypted=encrypted).admits(address) is admitted
