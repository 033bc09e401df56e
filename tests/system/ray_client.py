"""Ray's own client, unmodified, as a test drives it: the `ray` command, and the class in a process with Ray.

Ray has a virtual environment of its own; nothing of it is imported here.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120

_SERVE = """
import asyncio, json, sys
from ray.job_submission import JobSubmissionClient

def plain(value):
    if hasattr(value, "json") and hasattr(value, "status"):
        return json.loads(value.json())
    if isinstance(value, list):
        return [plain(one) for one in value]
    return getattr(value, "value", value)

async def tail(client, name):
    return [chunk async for chunk in client.tail_job_logs(name)]

client = JobSubmissionClient(*json.loads(sys.argv[1]), **json.loads(sys.argv[2]))
print("ready", flush=True)
for line in sys.stdin:
    method, args, kwargs = json.loads(line)
    try:
        if method == "tail":
            told = {"ok": asyncio.run(tail(client, *args))}
        else:
            told = {"ok": plain(getattr(client, method)(*args, **kwargs))}
    except Exception as error:
        told = {"error": type(error).__name__, "text": str(error)}
    print(json.dumps(told), flush=True)
"""


class Said(NamedTuple):
    """The exit code and all that was printed."""

    code: int
    text: str


class RayError(Exception):
    """What Ray's client raised: its type's name, and its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Ray:
    """Where Ray is installed, and the variables with which it is run."""

    def __init__(self, programs: Path, variables: Mapping[str, str]) -> None:
        self._programs = programs
        ours = ("RAY_", "LAUNCHYARD_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.variables = {**kept, **variables}

    def with_variables(self, **variables: str) -> "Ray":
        """The same Ray, told other things; an empty value takes a variable away."""
        wanted = {**self.variables, **variables}
        return Ray(self._programs, {name: value for name, value in wanted.items() if value})

    def job(self, *words: str, cwd: Path | None = None) -> Said:
        """`ray job ...`, run to its end."""
        command = [str(self._programs / "ray"), "job", *words]
        done = subprocess.run(
            command,
            env=self._environment(),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode())

    def client(self, *args: str, **kwargs: Any) -> "JobSubmissionClient":
        """A `JobSubmissionClient` made with these arguments."""
        command = [str(self._programs / "python"), "-c", _SERVE, json.dumps(args), json.dumps(kwargs)]
        return JobSubmissionClient(command, self._environment())

    def _environment(self) -> dict[str, str]:
        return {**self.variables, "PYTHONWARNINGS": "ignore", "RAY_LOG_TO_STDERR": "0", "COLUMNS": "200"}


class JobSubmissionClient:
    """The methods of Ray's class by their own names; answers are plain values."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if first != b"ready\n":
            _, errors = self._process.communicate(timeout=PATIENCE_S)
            kind, _, text = errors.decode().strip().rpartition("\n")[2].partition(": ")
            raise RayError(kind.rpartition(".")[2], text or errors.decode())

    def __enter__(self) -> "JobSubmissionClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_S)

    def send(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Begin a call; `answer` ends it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([method, args, kwargs]).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        if "error" in told:
            raise RayError(told["error"], told["text"])
        return told["ok"]

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.send(method, *args, **kwargs)
        return self.answer()


def programs(*which: str) -> Path:
    """The directory of Ray's programs, installed where it is missing; `old`: of an old version."""
    done = subprocess.run(
        [ROOT / "scripts" / "install-ray", *which], stdout=subprocess.PIPE, text=True, check=True, timeout=900
    )
    return Path(done.stdout.strip())
