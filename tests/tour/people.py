"""A user of the machine at a site: asks by the local socket, and starts the commands that everybody has."""

import base64
import json
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.system.product import PATIENCE_S, Json, wait_for
from tests.tour.site import Site

ASKS = """
import base64, http.client, json, socket, sys
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
answers = []
for method, path, body in json.load(sys.stdin):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(sys.argv[1])
    data = None if body is None else base64.b64decode(body[6:]) if isinstance(body, str) else json.dumps(body)
    headers = {} if data is None else {"Content-Type": "application/json"}
    if isinstance(body, str):
        headers = {"Content-Type": "application/octet-stream"}
    if method == "WEBSOCKET":
        method, headers = "GET", UPGRADE
    connection.request(method, path, data, headers)
    answer = connection.getresponse()
    text = b"" if answer.status == 101 else answer.read()
    answers.append([answer.status, dict(answer.getheaders()), base64.b64encode(text).decode()])
    connection.sock.close() if connection.sock else None
json.dump(answers, sys.stdout)
"""


class Said(NamedTuple):
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Body = Json | list[Json] | str | None
Question = tuple[str, str, Body]
"""Method, path, body; a body that is text is bytes, see `octets`."""


def octets(data: bytes) -> str:
    return "bytes:" + base64.b64encode(data).decode()


@dataclass(frozen=True)
class Person:
    """`name` is an account of this machine."""

    name: str
    site: Site

    @property
    def home(self) -> str:
        return pwd.getpwnam(self.name).pw_dir

    def asks(self, questions: Sequence[Question]) -> list[Said]:
        """One after the other, in one process of this user's."""
        words = ["/usr/bin/env", "python3", "-c", ASKS, str(self.site.state / "run" / "api.sock")]
        done = self._run(words, json.dumps(questions).encode())
        assert done.returncode == 0, done.stderr
        return [
            Said(status, headers, base64.b64decode(body)) for status, headers, body in json.loads(done.stdout)
        ]

    def ask(self, method: str, path: str, body: Body = None) -> Said:
        (said,) = self.asks([(method, path, body)])
        return said

    def makes(self, path: str, body: Json) -> Json:
        said = self.ask("POST", path, body)
        assert said.status in (200, 201), said
        made: Json = said.json
        return made

    def submits(self, command: str, **fields: object) -> int:
        body = {"command": command, "resources": {"cpus": 0.5, "memory_mib": 32}, **fields}
        return int(self.makes("/v1/jobs", body)["id"])

    def sees_end(self, job: int) -> Json:
        """The job once it has ended."""

        def there() -> Json | None:
            found: Json = self.ask("GET", f"/v1/jobs/{job}").json
            return found if found["ended_at"] else None

        return wait_for(there, PATIENCE_S, f"job {job} has ended", 0.1)

    def sees_run(self, job: int) -> None:
        def runs() -> bool:
            return bool(self.ask("GET", f"/v1/jobs/{job}").json["state"] == "RUNNING")

        wait_for(runs, PATIENCE_S, f"job {job} runs", 0.1)

    def sees(self, path: str, word: str) -> None:
        """In the text of the answer, whatever its spaces."""

        def there() -> bool:
            return word in self.ask("GET", path).body.decode().replace(": ", ":")

        wait_for(there, PATIENCE_S, f"{word} in {path}", 0.1)

    def runs(self, *words: str) -> Done:
        """One of the commands: `ly`, or a drop-in command of Slurm's name."""
        program, *rest = words
        path = self.site.prefix / "bin" / "ly" if program == "ly" else self.site.state / "slurm" / program
        done = self._run([str(path), *rest], b"")
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def _run(self, words: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
        switch = ["setpriv", "--reuid", self.name, "--regid", self.name, "--init-groups", "--reset-env"]
        state = f"LAUNCHYARD_STATE={self.site.state}"
        path = "PATH=/usr/local/bin:/usr/bin:/bin"
        return subprocess.run(
            [*switch, "env", state, path, *words],
            input=given,
            cwd=self.home,
            capture_output=True,
            timeout=PATIENCE_S * 2,
            check=False,
        )
