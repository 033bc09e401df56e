"""`launchyard.map`: a function called with many inputs, as one array; results in the order of the inputs.

Function, inputs and results travel as files in a directory of the user's own that the jobs see too: on one
machine, or on a shared file system; to a server elsewhere as a package, and back in the logs of the tasks.
The server never reads them: what is unpickled is unpickled by the user's own jobs and program.
"""

import contextlib
import importlib
import json
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack, cast

from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.number import shown
from launchyard.sdk import maptask
from launchyard.sdk.client import Client
from launchyard.sdk.environments import requirement_lines
from launchyard.sdk.events import EventStream
from launchyard.sdk.jobs import Job
from launchyard.sdk.mapsent import MODULE, as_package, outcomes_in
from launchyard.sdk.submission import JobOptions, with_resources

T = TypeVar("T")
R = TypeVar("R")

METADATA_KEY = "launchyard.map"
LOOK_S = 1.0
"""How long a silent event stream is believed before the task waited for is looked at again."""
LAG_S = 2.0
"""How much later than a task's end its file may be seen, on a file system of several machines."""


class TaskFailed(LaunchyardError):
    """A call whose exception could not be brought back, or a task that ended without a result."""


class RemoteTraceback(Exception):
    """Where it happened; the cause of an exception that was brought back."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class Mapped(Generic[R], Iterator[R]):
    """The results, in the order of the inputs; each is waited for. What a call raised is raised in its place.

    `job` is the array (None when there was no input). It runs on whatever becomes of this program.
    """

    def __init__(
        self,
        client: Client,
        job: Job | None,
        directory: Path,
        count: int,
        chunk: int,
        *,
        keep: bool,
        raising: bool,
        sent: bool = False,
    ) -> None:
        """`sent`: to a server that does not see the directory."""
        self.job, self.directory = job, directory
        self._client, self._count, self._chunk = client, count, chunk
        self._keep, self._raising, self._sent = keep, raising, sent
        self._next, self._task = 0, -1
        self._outcomes: list[Any] = []
        self._events: EventStream | None = None

    def __len__(self) -> int:
        return self._count

    def __next__(self) -> R:
        if self._next >= self._count:
            self._finish()
            raise StopIteration
        task, position = divmod(self._next, self._chunk)
        try:
            if task != self._task:
                self._outcomes = self._await(task)
                self._task = task
        except TaskFailed as error:
            return self._failed(error)
        try:
            result = self._result(self._outcomes[position])
        except Exception as error:
            return self._failed(error)
        # Only now: who interrupted the wait by Ctrl-C, or lost the server, may go on where it was.
        self._next += 1
        return result

    def _failed(self, error: Exception) -> R:
        """This call has no result; the next one is the next one's."""
        self._next += 1
        self._keep = True
        if self._raising:
            raise error
        return cast(R, error)

    def cancel(self) -> None:
        """Stop what has not ended."""
        if self.job is not None:
            self._client.cancel(self.job.id)

    def _await(self, task: int) -> list[Any]:
        """What task number `task` left. Raises `TaskFailed` when it ended without leaving anything."""
        if not self._sent and (outcomes := self._left(task)) is not None:
            return outcomes
        if self._events is None:
            self._events = EventStream(self._client.transport)
        gone_at = None
        while True:
            job = self._client.job(f"{cast(Job, self.job).id}_{task}")
            # In the log it is in one piece only after the end.
            if (job.ended or not self._sent) and (outcomes := self._left(task)) is not None:
                return outcomes
            if not job.ended:
                self._events.next(LOOK_S)
                continue
            gone_at = gone_at or time.monotonic() + LAG_S
            if time.monotonic() > gone_at:
                raise TaskFailed(f"task {job.key} ended without a result: {job.cause or job.state.lower()}")
            time.sleep(0.05)

    def _left(self, task: int) -> list[Any] | None:
        """What a task has left by now; None: nothing."""
        if self._sent:
            return outcomes_in(b"".join(self._client.logs(f"{cast(Job, self.job).id}_{task}")))
        path = self.directory / "out" / f"{task}.pkl"
        if not path.exists():
            return None
        with path.open("rb") as file:
            return cast(list[Any], pickle.load(file))  # noqa: S301 - written by the user's own job

    def _result(self, outcome: Any) -> R:
        if outcome[0] == "ok":
            return cast(R, pickle.loads(outcome[1]))  # noqa: S301
        _, kept, text, sentence = outcome
        error: BaseException = TaskFailed(f"the call raised {sentence}")
        if kept is not None:
            with contextlib.suppress(Exception):
                error = pickle.loads(kept)  # noqa: S301
        if not isinstance(error, Exception):
            error = TaskFailed(f"the call raised {sentence}")
        error.__cause__ = RemoteTraceback(text)
        raise error

    def _finish(self) -> None:
        """Without a failure nothing is left to look at."""
        if self._events is not None:
            self._events.close()
            self._events = None
        if not self._keep and self.job is not None:
            with contextlib.suppress(LaunchyardError):
                self._client.wait(self.job.id, timeout_s=30)
            shutil.rmtree(self.directory, ignore_errors=True)
            self._keep = True


def map(
    function: Callable[[T], R],
    inputs: Iterable[T],
    *,
    resources: Mapping[str, Any] | None = None,
    chunk: int = 1,
    python: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    keep: bool = False,
    return_exceptions: bool = False,
    client: Client | None = None,
    **options: Unpack[JobOptions],
) -> Mapped[R]:
    """Call `function` with each of `inputs`, each call a task of one array; the results come in order.

    `resources` and `options` are for each task, as in `Client.submit`; `chunk` inputs go to one task.
    `python` runs the tasks: this one, unless the runtime environment brings its own; on a server elsewhere
    its `python3`. The files are in a new directory below `directory`, and stay there after a failure, or to
    `keep` them; to a server elsewhere they go as a package, unless a `directory` is named that both see. What
    a call raised is raised in its result's place, or with `return_exceptions` is the result.
    """
    given = list(inputs)
    if chunk < 1:
        raise Invalid(f"chunk is {chunk}; at least 1 input goes to a task")
    client = client or Client()
    sent = not client.transport.address.local and directory is None
    made = _written(function, given, _parent(directory))
    if not given:
        shutil.rmtree(made, ignore_errors=True)
        return Mapped(client, None, made, 0, chunk, keep=True, raising=True)
    asked = with_resources(options, resources)
    asked, python = _python(asked, python, "python3" if sent else sys.executable)
    name = asked.get("name") or f"map-{getattr(function, '__name__', 'function').strip('<>')}"
    tasks = -(-len(given) // chunk)
    if client.transport.address.local:
        asked.setdefault("working_dir", str(Path.cwd()))
        asked.setdefault("environment", _variables())
    asked["name"], asked["array"] = name, f"0-{tasks - 1}" if tasks > 1 else "0"
    asked["metadata"] = {**(asked.get("metadata") or {}), METADATA_KEY: str(made)}
    try:
        if sent:
            job = _sent(client, made, python, chunk, asked)
        else:
            job = client.submit([python, str(made / "task.py"), str(made), str(chunk)], **asked)
    except LaunchyardError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return Mapped(client, job, made, len(given), chunk, keep=keep, raising=not return_exceptions, sent=sent)


def _sent(client: Client, made: Path, python: str, chunk: int, asked: JobOptions) -> Job:
    """The array, with what it needs as a module of its runtime environment."""
    environment = dict(asked.get("runtime_env") or {})
    with as_package(made) as module:
        environment["py_modules"] = [*(environment.get("py_modules") or ()), str(module)]
        asked["runtime_env"] = environment
        return client.submit([python, "-m", MODULE, str(chunk)], **asked)


def _written(function: Callable[..., Any], inputs: list[Any], parent: Path) -> Path:
    """A new directory with all that the tasks need."""
    dumps = _pickler(function)
    stored = _dumped(dumps, function, "the function")
    directory = Path(tempfile.mkdtemp(dir=parent, prefix="map-"))
    (directory / "out").mkdir()
    (directory / "function.pkl").write_bytes(stored)
    (directory / "paths.json").write_text(json.dumps([os.path.abspath(path) for path in sys.path]))  # noqa: PTH100
    shutil.copyfile(maptask.__file__, directory / "task.py")
    end = 0
    with (directory / "inputs.bin").open("wb") as kept, (directory / "offsets.bin").open("wb") as offsets:
        offsets.write(maptask.OFFSET.pack(end))
        for number, one in enumerate(inputs):
            end += kept.write(_dumped(dumps, one, f"input {number}"))
            offsets.write(maptask.OFFSET.pack(end))
    return directory


def _dumped(dumps: Callable[[Any], bytes], value: Any, what: str) -> bytes:
    try:
        return dumps(value)
    except Exception as error:
        raise Invalid(f"{what} cannot be sent: {error}") from error


def _pickler(function: Callable[..., Any]) -> Callable[[Any], bytes]:
    """cloudpickle's, which sends what no module has; without it, what a task can import goes."""
    try:
        return cast(Callable[[Any], bytes], importlib.import_module("cloudpickle").dumps)
    except ImportError:
        name = getattr(function, "__qualname__", "")
        if getattr(function, "__module__", "__main__") == "__main__" or "<" in name:
            raise Invalid(
                f"to send {shown(name or 'this function')}, which no module has, cloudpickle is needed: "
                "pip install 'launchyard[map]'"
            ) from None
        return pickle.dumps


def _parent(directory: str | os.PathLike[str] | None) -> Path:
    if directory is not None:
        parent = Path(directory).expanduser().absolute()
    else:
        named = os.environ.get("XDG_DATA_HOME")
        parent = (Path(named) if named else Path.home() / ".local/share") / "launchyard"
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"the directory {parent} cannot be made: {error.strerror}; name another one") from None
    return parent


def _python(options: JobOptions, python: str | None, otherwise: str) -> tuple[JobOptions, str]:
    """Which Python runs the tasks; one that the runtime environment brings is to have cloudpickle."""
    environment = dict(options.get("runtime_env") or {})
    for tool in ("pip", "uv"):
        asked = environment.get(tool)
        if asked is None or "cloudpickle" not in sys.modules:
            continue
        if isinstance(asked, Mapping):
            packages = asked.get("packages") or []
            lines = requirement_lines(packages, tool) if isinstance(packages, str) else list(packages)
            environment[tool] = {**asked, "packages": [*lines, "cloudpickle"]}
        else:
            lines = requirement_lines(os.fspath(asked), tool) if isinstance(asked, str) else list(asked)
            environment[tool] = [*lines, "cloudpickle"]
    if environment:
        options["runtime_env"] = environment
    brings = any(environment.get(key) for key in ("pip", "uv", "conda", "image_uri", "container"))
    return options, python or ("python" if brings else otherwise)


def _variables() -> dict[str, str]:
    """This program's variables, as `ly submit` takes them along; those that JSON cannot hold stay."""
    kept = {}
    for name, value in os.environ.items():
        with contextlib.suppress(UnicodeEncodeError):
            (name + value).encode()
            if name != "LAUNCHYARD_TOKEN":
                kept[name] = value
    return kept
