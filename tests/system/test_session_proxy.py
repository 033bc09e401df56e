"""A session of one user reached through the real server, which runs as another, and by nobody else.

By root, with two users: the daemon is a system user that cannot connect to the app's socket; a process of the
session's own user does that for it (threats 5, 6, 7, 9, 30).
"""

import http.client
import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.system.accounts import account
from tests.system.product import Json, Product, wait_for
from tests.system.test_two_users import ADA, LI, asked

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users"),
]
CONFIG = """
listen = "127.0.0.1:0"
[sessions]
apps = ["{apps}"]
[[nodes]]
name = "node"
cpus = 2
memory = "2GiB"
"""
APP = """
title = "Echo"
[open]
ready = "/ready"
[resources]
cpus = 0.5
memory = "256M"
time = "10m"
"""
SERVE = """
import os, socket, sys
sys.path.insert(0, {site!r})
from aiohttp import WSMsgType, web

async def tell(request):
    return web.json_response({{"uid": os.getuid(), "path": request.path, "headers": dict(request.headers)}})

async def echo(request):
    made = web.WebSocketResponse()
    await made.prepare(request)
    async for message in made:
        await made.send_str(message.data.upper())
    return made

os.umask(0o077)
app = web.Application()
app.router.add_get(os.environ["LAUNCHYARD_SESSION_PREFIX"] + "/ws", echo)
app.router.add_route("*", "/{{tail:.*}}", tell)
web.run_app(app, path=os.environ["LAUNCHYARD_SESSION_SOCKET"], print=None)
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Product]:
    """In a directory of its own: pytest keeps its own from other users whenever it starts."""
    for user in (ADA, LI):
        account(user)
    with tempfile.TemporaryDirectory(prefix="ly-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        product = made(directory)
        product.start()
        yield product
        product.destroy()


def made(directory: Path) -> Product:
    """With the app beside its state."""
    folder = directory / "apps" / "echo"
    folder.mkdir(parents=True)
    site = str(Path(aiohttp.__file__).parent.parent)
    (folder / "app.toml").write_text(APP)
    (folder / "serve.py").write_text(SERVE.format(site=site))
    (folder / "start.sh").write_text('exec /usr/bin/python3 "$LAUNCHYARD_APP_DIR/serve.py"\n')
    return Product(directory / "state", CONFIG.format(apps=folder.parent))


@pytest.fixture(scope="module")
def session(served: Product) -> int:
    """One of ada's, running."""
    status, made = asked(served, ADA, "POST", "/v1/sessions", {"app": "echo"})
    assert status == 201, made
    number = int(made["id"])

    def runs() -> bool:
        found: Json = asked(served, ADA, "GET", f"/v1/sessions/{number}")[1]
        assert found["state"] not in ("failed", "ended"), found
        return bool(found["state"] == "running")

    wait_for(runs, 60, "the session to run", 0.2)
    return number


class Visit:
    """A browser at the session's own name."""

    def __init__(self, product: Product, user: str, session: int) -> None:
        status, opened = asked(product, user, "POST", f"/v1/sessions/{session}/open", {})
        assert status == 200, opened
        self.port = int(str(product.facts["url"]).rpartition(":")[2])
        self.host = opened["url"].split("/")[2]
        code = opened["url"].partition(self.host)[2]
        given = self.ask("GET", code, {}).getheader("set-cookie") or ""
        self.cookie = given.partition(";")[0]

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": self.host} | ({"Cookie": self.cookie} if headers is None else dict(headers))
        connection.request(method, path, headers=sent)
        return connection.getresponse()

    def dial(self, path: str) -> ClientConnection:
        made: ClientConnection = connect(
            f"ws://{self.host}{path}",
            sock=socket.create_connection(("127.0.0.1", self.port)),
            additional_headers={"Cookie": self.cookie},
            origin=Origin(f"http://{self.host}"),
            proxy=None,
        )
        return made


def test_its_owner_reaches_a_session_that_the_server_itself_could_not(served: Product, session: int) -> None:
    """Threat 5: the connection is made with the rights of the session's user."""
    (path,) = served.state.glob("tmp/**/app.sock")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert path.owner() == ADA
    told = json.loads(Visit(served, ADA, session).ask("GET", f"/session/{session}/x").read())
    assert told["uid"] == path.stat().st_uid
    assert told["path"] == f"/session/{session}/x"
    assert "Cookie" not in told["headers"]


def test_nobody_else_reaches_it(served: Product, session: int) -> None:
    """Threat 9."""
    others = asked(served, LI, "POST", f"/v1/sessions/{session}/open", {})
    missing = asked(served, LI, "POST", "/v1/sessions/999/open", {})
    assert (others[0], missing[0]) == (404, 404)
    assert others[1]["detail"].replace(str(session), "999") == missing[1]["detail"]
    assert asked(served, LI, "GET", f"/session/{session}/x")[0] == 404
    assert asked(served, "root", "GET", f"/session/{session}/x")[0] == 404


@pytest.mark.alone
def test_revoking_what_let_in_ends_its_websockets(served: Product, session: int) -> None:
    """Threat 30: within 5 s."""
    visit = Visit(served, ADA, session)
    logins = [
        token
        for token in asked(served, ADA, "GET", "/v1/tokens")[1]["tokens"]
        if token["kind"] == "browser" and token["id"] in visit.cookie
    ]
    with visit.dial(f"/session/{session}/ws") as sock:
        sock.send("hello")
        assert sock.recv(60) == "HELLO"
        assert asked(served, ADA, "DELETE", f"/v1/tokens/{logins[0]['id']}")[0] == 200
        with pytest.raises(ConnectionClosed):
            sock.recv(5)
    assert visit.ask("GET", f"/session/{session}/x").status == 401


def test_a_browser_stays_let_in_when_the_server_was_restarted(served: Product, session: int) -> None:
    """The server's death ends no session, and no page has to be opened anew."""
    visit = Visit(served, ADA, session)
    port = served.facts["url"].rpartition(":")[2]
    served.kill()
    text = served.config.read_text()
    served.config.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    served.start()
    wait_for(lambda: visit.ask("GET", f"/session/{session}/x").status == 200, 60, "the page to answer", 0.2)


def test_a_session_that_ends_takes_its_page_with_it(served: Product, session: int) -> None:
    """Threat 6."""
    visit = Visit(served, ADA, session)
    with visit.dial(f"/session/{session}/ws") as sock:
        assert asked(served, ADA, "POST", f"/v1/sessions/{session}/stop")[0] == 200
        with pytest.raises(ConnectionClosed):
            sock.recv(60)
    wait_for(lambda: visit.ask("GET", f"/session/{session}/x").status == 404, 60, "the page to be gone", 0.2)
    with pytest.raises(InvalidStatus), visit.dial(f"/session/{session}/ws"):
        pass
