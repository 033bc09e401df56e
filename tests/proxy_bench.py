"""An app that stands for what runs in sessions, and a server that leads to it, for the tests of the proxy.

The app tells back what it was asked, sends and takes large bodies, streams, and echoes WebSockets.
"""

import asyncio
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from launchyard.controller.sessions import Endpoint, no_session
from launchyard.model.errors import Unavailable
from launchyard.model.job import Job, JobKind
from launchyard.model.session import Session, Target, TcpTarget, UnixTarget
from launchyard.model.state import JobState
from launchyard.model.submission import Caller
from tests.api_bench import ADA, Answer, Bench, FakeSessions, job_of, running

MIB = 1024 * 1024


@dataclass
class App:
    """What the app was asked, and what it is to answer."""

    asked: list[dict[str, object]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    received: int = 0
    open_streams: int = 0
    sockets: int = 0
    cut: bool = False

    def routes(self) -> web.Application:
        made = web.Application(client_max_size=1 << 40)
        made.router.add_route("*", "/{tail:.*}", self._answer)
        return made

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rsplit("/", 1)[-1]
        answers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
            "ws": self._echo,
            "big": self._big,
            "stream": self._stream,
            "upload": self._upload,
            "silent": self._silent,
        }
        return await answers.get(name, self._tell)(request)

    async def _tell(self, request: web.Request) -> web.Response:
        told: dict[str, object] = {
            "method": request.method,
            "target": request.raw_path,
            "headers": [(name.lower(), value) for name, value in request.headers.items()],
            "body": (await request.read()).decode("latin-1"),
        }
        self.asked.append(told)
        response = web.json_response(told)
        for name, value in self.headers:
            response.headers.add(name, value)
        return response

    async def _big(self, request: web.Request) -> web.StreamResponse:
        size = int(request.query["mib"])
        response = web.StreamResponse(headers={"Content-Length": str(size * MIB)})
        await response.prepare(request)
        self.open_streams += 1
        try:
            for _ in range(size):
                await response.write(b"x" * MIB)
        finally:
            self.open_streams -= 1
        return response

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.open_streams += 1
        try:
            while True:
                await response.write(b"data: tick\n\n")
                await asyncio.sleep(0.05)
        finally:
            self.open_streams -= 1

    async def _silent(self, request: web.Request) -> web.StreamResponse:
        self.open_streams += 1
        try:
            await asyncio.Event().wait()
            raise AssertionError
        finally:
            self.open_streams -= 1

    async def _upload(self, request: web.Request) -> web.Response:
        self.received = 0
        async for part in request.content.iter_any():
            self.received += len(part)
        return web.json_response({"received": self.received})

    async def _echo(self, request: web.Request) -> web.WebSocketResponse:
        socket_ = web.WebSocketResponse(protocols=("v1.kernel", "binary"), max_msg_size=1 << 30)
        await socket_.prepare(request)
        self.asked.append({"headers": [(name.lower(), value) for name, value in request.headers.items()]})
        self.sockets += 1
        try:
            async for message in socket_:
                if message.type is WSMsgType.BINARY:
                    await socket_.send_bytes(message.data)
                elif message.data == "leave":
                    await socket_.close(code=4001, message=b"as you wish")
                else:
                    await socket_.send_str(message.data)
        finally:
            self.sockets -= 1
        return socket_


class OpenSessions(FakeSessions):
    """Sessions in a dict, with who may open them."""

    def __init__(self) -> None:
        self.endpoints: dict[int, Endpoint] = {}
        self.used: list[int] = []

    def endpoint(self, caller: Caller, session_id: int) -> Endpoint:
        found = self.endpoints.get(session_id)
        if found is None or (caller.uid != found.job.uid and caller.user not in found.session.sharers):
            raise no_session(session_id)
        return found

    def use(self, session_id: int) -> None:
        self.used.append(session_id)


@dataclass
class Yard:
    """The server, the app behind it, and how sessions are reached."""

    bench: Bench
    app: App
    unix: Path
    port: int
    sessions: OpenSessions
    reached: list[tuple[int, Target]] = field(default_factory=list)
    out_of_reach: bool = False
    reach_s: float = 0.0

    async def reach(self, uid: int, target: Target) -> socket.socket:
        self.reached.append((uid, target))
        if self.out_of_reach:
            raise Unavailable("nothing listens there")
        there = asyncio.Event()
        asyncio.get_running_loop().call_later(self.reach_s, there.set)
        await there.wait()
        made = socket.socket(socket.AF_UNIX if isinstance(target, UnixTarget) else socket.AF_INET)
        made.setblocking(False)
        address = target.path if isinstance(target, UnixTarget) else ("127.0.0.1", target.port)
        await asyncio.get_running_loop().sock_connect(made, address)
        return made

    def open(self, session_id: int = 17, owner: Caller = ADA, *, tcp: bool = False, **more: object) -> Job:
        """A session that runs."""
        given = {"app": "jupyter", "title": "Jupyter", "folder": "/apps/jupyter", **more}
        session = Session(**given)  # type: ignore[arg-type]
        job = job_of(owner, session_id, kind=JobKind.SESSION, state=JobState.RUNNING, session=session)
        target: Target = TcpTarget(port=self.port) if tcp else UnixTarget(path=str(self.unix))
        self.sessions.endpoints[session_id] = Endpoint(
            job=job, session=session, launch_id=f"launch-{session_id}", target=target, secret="hush"
        )
        self.bench.put(job)
        return job

    def close(self, session_id: int = 17) -> None:
        self.sessions.endpoints.pop(session_id, None)

    def host(self, session_id: int = 17) -> str:
        return f"{session_id}.localhost:{self.bench.port}"

    def let_in(self, session_id: int = 17, user: str = "ada") -> dict[str, str]:
        """The headers of a browser that came to the session by the portal."""
        made = self.bench.ask("POST", f"/v1/sessions/{session_id}/open", {}, user=user)
        assert made.status == 200, made.body
        origin, _, rest = made.json["url"].partition("/.launchyard/")
        assert origin == f"http://{self.host(session_id)}"
        entered = self.ask("GET", f"/.launchyard/{rest}", {}, session_id)
        assert entered.status == 200, entered.body
        return {"Cookie": entered.headers["set-cookie"].partition(";")[0], "Origin": origin}

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        session_id: int = 17,
        raw: bytes | None = None,
    ) -> Answer:
        sent = {"Host": self.host(session_id), **headers}
        return self.bench.ask(method, path, user="", headers=sent, raw=raw)

    def dial(
        self, headers: Mapping[str, str], path: str = "/ws", session_id: int = 17, **more: Any
    ) -> ClientConnection:
        """A WebSocket at the session's own name."""
        return self._dial(self.host(session_id), path, headers, **more)

    def dial_portal(self, path: str, headers: Mapping[str, str], **more: Any) -> ClientConnection:
        """A WebSocket at the portal's name."""
        return self._dial(f"127.0.0.1:{self.bench.port}", path, headers, **more)

    def _dial(self, host: str, path: str, headers: Mapping[str, str], **more: Any) -> ClientConnection:
        sent = dict(headers)
        origin = sent.pop("Origin", None)
        made: ClientConnection = connect(
            f"ws://{host}{path}",
            sock=self.bench.connect(),
            additional_headers=sent,
            origin=None if origin is None else Origin(origin),
            max_size=None,
            proxy=None,
            **more,
        )
        return made


@contextmanager
def yard_in(directory: Path, **more: Any) -> Iterator[Yard]:
    """Server and app, stopped at the end."""
    app = App()
    with serving(app, directory / "app.sock") as port:
        found: list[Yard] = []

        async def reach(job: Job, target: Target) -> socket.socket:
            return await found[0].reach(job.uid, target)

        with running(directory, reach=reach, **more) as bench:
            sessions = OpenSessions()
            bench.controller.sessions = sessions
            found.append(Yard(bench, app, directory / "app.sock", port, sessions))
            yield found[0]


@pytest.fixture(scope="module")
def module_yard() -> Iterator[Yard]:
    """One for all tests of a file; `yard` is what they take."""
    with tempfile.TemporaryDirectory() as directory, yard_in(Path(directory)) as made:
        yield made


@pytest.fixture
def yard(module_yard: Yard) -> Iterator[Yard]:
    """With session 17 of ada's, and nothing that was asked before."""
    module_yard.open()
    yield module_yard
    module_yard.sessions.endpoints.clear()
    module_yard.app.headers.clear()
    module_yard.app.asked.clear()
    module_yard.out_of_reach = False
    module_yard.reach_s = 0.0


@contextmanager
def serving(app: App, unix: Path) -> Iterator[int]:
    """The app on a unix socket and on a port, in a thread."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        runner = web.AppRunner(app.routes(), access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.UnixSite(runner, str(unix)).start()
        listener = socket.create_server(("127.0.0.1", 0))
        ports.append(listener.getsockname()[1])
        await web.SockSite(runner, listener).start()
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(90)
        loop.close()


def headers_of(told: Mapping[str, object]) -> dict[str, str]:
    """Of what the app was asked."""
    pairs: list[tuple[str, str]] = told["headers"]  # type: ignore[assignment]
    return dict(pairs)
