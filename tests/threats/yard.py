"""One server of root's with people of the machine: who attacks it does so as one of them, or as nobody.

The daemon has dropped to its system user, the launcher is root; ada and li are ordinary users, each with a
token and a browser, and ruth administers. What is asked goes over the socket byte by byte.
"""

import base64
import http.client
import json
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import aiohttp

import launchyard
from launchyard.api.server import KEEP_ALIVE_S
from tests.system.accounts import account
from tests.system.product import PATIENCE_S, Json, Product, wait_for
from tests.system.test_two_users import asked
from tests.unit.slurmsite import CONFIG as SLURM_CONFIG
from tests.unit.slurmsite import NODES, PARTITIONS

ADA, LI, RUTH = "lytest1", "lytest2", "lytest3"
CONFIG = """
listen = "127.0.0.1:0"
{more}
[ray_api]
prefix = "/ray"
[sessions]
apps = ["{apps}"]
[[roles]]
name = "administrator"
users = ["lytest3"]
[[accounts]]
name = "physics"
[[accounts]]
name = "secret"
[[users]]
name = "lytest1"
account = "physics"
[[users]]
name = "lytest2"
account = "physics"
[[users]]
name = "lytest3"
account = "secret"
[[nodes]]
name = "node"
cpus = 8
memory = "4GiB"
[[clusters]]
name = "local"
engine = "local"
default = true
[[clusters]]
name = "lab"
engine = "slurm"
bin = "{slurm}"
poll_s = 10.0
"""
SLURM = """#!/bin/sh
# What takes the place of Slurm's commands: writes down the words that it was given, and by whom.
name=${{0##*/}}
{{ printf '%s\\0' "$name" "$@"; }} >> {log}/words.$(id -u)
case "$name $*" in
*"show config"*) cat {log}/config ;;
*"show node"*) cat {log}/nodes ;;
*"show partition"*) cat {log}/partitions ;;
sbatch*) cat > {log}/script.$(id -u); echo 4711 ;;
esac
"""
APP = """
title = "{name}"
[open]
ready = "/ready"
{open}
[open.headers]
X-Session-Secret = "{{secret}}"
[resources]
cpus = 0.5
memory = "256M"
time = "30m"
"""
SERVE = Path(__file__).with_name("app.py")


@dataclass(frozen=True)
class Answer:
    """What came back, as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def all(self, name: str) -> list[str]:
        return [value for one, value in self.headers if one == name]

    def header(self, name: str) -> str:
        return ", ".join(self.all(name))


@dataclass
class Yard:
    """The server and what everybody has at it."""

    product: Product
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)
    token_ids: dict[str, str] = field(default_factory=dict)
    _browsers: dict[str, tuple[str, str]] = field(default_factory=dict)
    _kept: socket.socket | None = None
    _kept_since: float = 0.0

    @cached_property
    def port(self) -> int:
        return int(str(self.product.facts["url"]).rpartition(":")[2])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def state(self) -> Path:
        return self.product.state

    # -- bytes

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def send(self, data: bytes, *, all_of_it: bool = True) -> bytes:
        """All that comes back until the server closes (it must be asked to), or says no more."""
        with self.connect() as sock:
            sock.sendall(data)
            if all_of_it:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "",
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """One request; `path` goes out as it is. `user`: by this one's token.

        By a connection that is kept from request to request, and left long before the server closes it.
        """
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = {"Host": self.host}
        if user:
            sent["Authorization"] = f"Bearer {self.tokens[user]}"
        if body is not None or raw is not None:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        elif method not in ("GET", "HEAD"):
            sent["Content-Length"] = "0"
        sent |= dict(headers or {})
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        head = f"{method} {path} HTTP/1.1\r\n{lines}\r\n"
        sock = self._next_connection()
        # Who is refused at the first bytes may have the answer before the rest is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(head.encode("latin-1", "replace") + data)
        response = http.client.HTTPResponse(sock, method=method)
        response.begin()
        pairs = [(name.lower(), value) for name, value in response.getheaders()]
        answer = Answer(response.status, pairs, response.read())
        if response.will_close:
            sock.close()
        else:
            self._kept, self._kept_since = sock, time.monotonic()
        return answer

    def _next_connection(self) -> socket.socket:
        kept, self._kept = self._kept, None
        if kept is not None and time.monotonic() - self._kept_since < KEEP_ALIVE_S / 3:
            return kept
        if kept is not None:
            kept.close()
        return self.connect()

    def handshake(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The server's first answer to a WebSocket's opening; the connection is left at once."""
        key = base64.b64encode(b"0123456789abcdef").decode()
        sent = {
            **{"Host": self.host, "Connection": "Upgrade", "Upgrade": "websocket"},
            **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key},
            **headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with self.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
            data = b""
            while b"\r\n\r\n" not in data and (part := sock.recv(65536)):
                data += part
        return parsed(data)

    # -- people

    def by_socket(self, user: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """As this user of the machine, at the unix socket."""
        return asked(self.product, user, method, path, body)

    def browser(self, user: str) -> dict[str, str]:
        """What the browser of somebody who has logged in sends with a write of the portal's page."""
        if user not in self._browsers:
            made = self.ask("POST", "/v1/login-links", {}, user=user).json["url"]
            entered = self.ask("POST", "/login", {"code": made.partition("#")[2]})
            assert entered.status == 200, entered
            cookie = entered.header("set-cookie").partition(";")[0]
            me = self.ask("GET", "/v1/me", headers={"Cookie": cookie}).json
            self._browsers[user] = (cookie, me["csrf"])
        cookie, csrf = self._browsers[user]
        return {"Cookie": cookie, "Origin": f"http://{self.host}", "X-Launchyard-CSRF": csrf}

    def forget_browser(self, user: str) -> None:
        self._browsers.pop(user, None)

    def submit(self, user: str, command: str = "true", **more: object) -> int:
        body = {"command": command, "resources": {"cpus": 0.1, "memory_mib": 32}, **more}
        made = self.ask("POST", "/v1/jobs", body, user=user)
        assert made.status == 201, made
        return int(made.json["id"])

    def ended(self, user: str, job: int) -> Json:
        def there() -> Json | None:
            found: Json = self.ask("GET", f"/v1/jobs/{job}", user=user).json
            return found if found["ended_at"] else None

        return wait_for(there, PATIENCE_S, f"job {job} has ended", 0.05)

    def runs(self, user: str, job: int) -> None:
        def there() -> bool:
            found: Json = self.ask("GET", f"/v1/jobs/{job}", user=user).json
            assert not found["ended_at"], found
            return bool(found["state"] == "RUNNING")

        wait_for(there, PATIENCE_S, f"job {job} runs", 0.05)

    def ly(self, user: str, *words: str, within: str = "ly") -> subprocess.CompletedProcess[bytes]:
        """A command of ours typed by this user; `within`: a drop-in command of Slurm's name."""
        code = "import sys; from launchyard.cli.main import main; sys.exit(main())"
        if within != "ly":
            code = f"import sys; from launchyard.cli.slurm.main import main; sys.exit(main({within!r}))"
        source = str(Path(launchyard.__file__).parent.parent)
        place = [f"LAUNCHYARD_STATE={self.state}", f"PYTHONPATH={source}"]
        command = [*as_(user), *place, sys.executable, "-c", code, *words]
        return subprocess.run(command, cwd="/", capture_output=True, timeout=PATIENCE_S * 2, check=False)

    # -- sessions

    def session(self, user: str, app: str = "echo") -> int:
        """A new one of this user's, once it runs."""
        made = self.ask("POST", "/v1/sessions", {"app": app}, user=user)
        assert made.status == 201, made
        number = int(made.json["id"])

        def there() -> bool:
            found: Json = self.ask("GET", f"/v1/sessions/{number}", user=user).json
            assert found["state"] not in ("failed", "ended"), found
            return bool(found["state"] == "running")

        wait_for(there, PATIENCE_S, f"session {number} runs", 0.05)
        return number

    def let_in(self, user: str, session: int) -> dict[str, str]:
        """What this user's browser sends at the session's own name."""
        opened = self.ask("POST", f"/v1/sessions/{session}/open", {}, user=user)
        assert opened.status == 200, opened
        host, slash, path = opened.json["url"].partition("://")[2].partition("/")
        entered = self.ask("GET", slash + path, headers={"Host": host})
        assert entered.status == 200, entered
        cookie = entered.all("set-cookie")[0].partition(";")[0]
        return {"Host": host, "Cookie": cookie, "Origin": f"http://{host}"}

    # -- looking from behind

    def cpu_s(self) -> float:
        """What the daemon has used of the processor."""
        words = Path(f"/proc/{self.product.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def listening(self) -> list[tuple[str, str]]:
        """Address and port, in hexadecimal, at which processes of this server listen."""
        inodes = set()
        for pid in (self.product.pid, *self.product.keepers()):
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    inodes.add(str(fd.readlink()))
        rows = [
            line.split()
            for name in ("tcp", "tcp6", "udp", "udp6")
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        ]
        mine = [row for row in rows if f"socket:[{row[9]}]" in inodes and row[3] in ("0A", "07")]
        return [(row[1].partition(":")[0], row[1].partition(":")[2]) for row in mine]

    def rss_mib(self) -> int:
        text = Path(f"/proc/{self.product.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) // 1024

    def audit(self) -> list[Json]:
        """Records, the oldest first."""
        text = (self.state / "daemon" / "audit.log").read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines()]


def as_(user: str) -> list[str]:
    """A command is run as this user; variables may follow."""
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env", "env"]


def run_as(user: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*as_(user), *command], cwd="/", capture_output=True, text=True, check=False)


def home(user: str) -> Path:
    return Path(pwd.getpwnam(user).pw_dir)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def parsed(data: bytes) -> Answer:
    """The first answer of what came."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), data[:300]
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    answer = Answer(int(first.split()[1]), pairs, body)
    if "chunked" in answer.header("transfer-encoding"):
        return Answer(answer.status, pairs, b"".join(_chunks(body)))
    return answer


def _chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        yield body[:length]
        body = body[length + 2 :]


@contextmanager
def serving(more: str = "") -> Iterator[Yard]:
    """In a directory of its own, where pytest lets no other user in."""
    for user in (ADA, LI, RUTH):
        account(user)
    with tempfile.TemporaryDirectory(prefix="ly-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _apps(folder / "apps")
        _slurm(folder / "slurm")
        settings = CONFIG.format(apps=folder / "apps", slurm=folder / "slurm", more=more)
        product = Product(folder / "state", settings)
        try:
            product.start()
            yard = Yard(product, folder)
            for user in (ADA, LI, RUTH):
                status, made = yard.by_socket(user, "POST", "/v1/tokens", {"name": "of the tests"})
                assert status == 201, made
                yard.tokens[user], yard.token_ids[user] = made["token"], made["id"]
            yield yard
        finally:
            product.destroy()


def _apps(folder: Path) -> None:
    site = str(Path(aiohttp.__file__).parent.parent)
    for name, listens in (("echo", ""), ("port", 'listens = "port"')):
        made = folder / name
        made.mkdir(parents=True)
        (made / "app.toml").write_text(APP.format(name=name, open=listens))
        (made / "serve.py").write_text(SERVE.read_text())
        (made / "start.sh").write_text(f'exec /usr/bin/python3 "$LAUNCHYARD_APP_DIR/serve.py" {site}\n')


def _slurm(folder: Path) -> None:
    """Programs with the names of Slurm's, and what they say of their cluster."""
    log = folder / "log"
    log.mkdir(parents=True)
    log.chmod(0o1777)
    for name in ("sbatch", "scancel", "scontrol", "squeue"):
        (folder / name).write_text(SLURM.format(log=log))
        (folder / name).chmod(0o755)
    (log / "config").write_text(SLURM_CONFIG.format(storage="accounting_storage/none", min_job_age=300))
    (log / "nodes").write_text(NODES)
    (log / "partitions").write_text(PARTITIONS)
