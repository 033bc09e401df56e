"""A server of canned answers on a unix socket, speaking HTTP/1.1 as the API does; it records requests."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Answer = Callable[["Handler"], None]


class Asked:
    """One request: method, path with query, body (None without one; JSON is read), headers."""

    def __init__(self, method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        self.method, self.path, self.body, self.headers = method, path, body, headers

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


class CannedServer(socketserver.ThreadingUnixStreamServer):
    """`answers[method, path without query]` is a JSON value, bytes, an `Answer`, or `Turns` of them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(str(path), Handler)
        self.state = path.parent.parent
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[Asked] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes in the middle of an answer is no error here."""

    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CannedServer
    body: bytes

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = json.loads(body) if body and "json" in headers.get("content-type", "") else body or None
        self.server.asked.append(Asked(self.command, self.path, told, headers))
        found = self.server.answers.get((self.command, self.path.partition("?")[0]))
        if isinstance(found, Turns):
            found = found.next()
        if callable(found):
            found(self)
        elif isinstance(found, bytes):
            self.send(200, found, "application/octet-stream")
        elif found is None:
            self.send_problem(404, f"no such thing: {self.path}", "not-found")
        else:
            self.send(200, json.dumps(found).encode())

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def address_string(self) -> str:
        return "a unix socket"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_problem(self, status: int, detail: str, code: str) -> None:
        self.send(status, json.dumps({"detail": detail, "code": code, "status": status}).encode())

    def begin_parts(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_part(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def end_parts(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Lose the connection, as a killed server would."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class Turns:
    """Another answer each time; the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def next(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def problem(status: int, detail: str, code: str) -> Answer:
    return lambda handler: handler.send_problem(status, detail, code)


def parts(*pieces: bytes, cut: bool = False) -> Answer:
    """A body in chunks; `cut`: the connection is lost before its end."""

    def answer(handler: Handler) -> None:
        handler.begin_parts()
        for piece in pieces:
            handler.send_part(piece)
        if cut:
            handler.cut()
        else:
            handler.end_parts()

    return answer


def events(*pieces: bytes) -> Answer:
    """An event stream that stays open (silently) after its pieces, until the client goes."""

    def answer(handler: Handler) -> None:
        handler.begin_parts()
        for piece in pieces:
            handler.send_part(piece)
        handler.connection.settimeout(60)
        handler.connection.recv(1)
        handler.close_connection = True

    return answer


@contextmanager
def canned_server(directory: Path) -> Iterator[CannedServer]:
    """Serving at `directory/run/api.sock` until the end of the block."""
    server = CannedServer(directory / "run" / "api.sock")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def job_json(job_id: int = 17, **changes: Any) -> dict[str, Any]:
    """A job as the API writes it."""
    job = {
        "id": job_id,
        "name": "train",
        "kind": "command",
        "user": "ada",
        "account": None,
        "partition": "main",
        "qos": "normal",
        "cluster": "local",
        "engine_id": None,
        "group": None,
        "state": "PENDING",
        "reason": None,
        "cause": None,
        "exit_code": None,
        "signal": None,
        "priority": 0,
        "resources": {"cpus": 4, "memory_mib": 8192, "gpus": 0, "nodes": 1},
        "time_limit_s": 7200,
        "submitted_at": "2026-11-21T10:00:00Z",
        "started_at": None,
        "ended_at": None,
        "estimate": None,
        "nodes": [],
        "array": None,
        "submission_id": None,
        "command": "python train.py",
        "script": None,
        "working_dir": "/home/ada",
        "log_path": "/var/lib/launchyard/spool/1000/17.out",
        "url": None,
        "metadata": {},
        "attempt": 0,
        "usage": {"cpu_s": None, "memory_peak_mib": None, "read_mib": None, "written_mib": None},
        "stale_since": None,
    }
    return {**job, **changes}
