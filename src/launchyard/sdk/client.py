"""`Client`: everything that the server offers, as methods. One object for a program; threads may share it."""

import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote, urlencode

from launchyard.sdk.address import find
from launchyard.sdk.errors import ConnectionLost, TimedOut, from_problem
from launchyard.sdk.events import Event, EventStream, follow
from launchyard.sdk.jobs import Job, is_live, is_unsplit
from launchyard.sdk.records import Record
from launchyard.sdk.submission import JobOptions, job_body, update_body, with_resources
from launchyard.sdk.transport import PATIENCE_S, Stream, Transport
from launchyard.sdk.websocket import WebSocket, open_websocket

if TYPE_CHECKING:
    from launchyard.sdk.sessions import Sessions

JobId = int | str
PAGE = 1000
POLL_S = 15.0
"""How long the event stream alone is believed before the jobs waited for are read again."""
UNSPLIT_S = 2.0
"""The same where one of them is a task that has no id of its own yet."""


class Client:
    """A connection to a server: the one named by `url` or `state`, else the one of this machine.

    Raises the classes of `launchyard.model.errors` and `launchyard.sdk.errors`; each says one sentence.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        state: str | None = None,
        timeout_s: float = 30.0,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.transport = Transport(find(url=url, state=state), timeout_s=timeout_s, patience_s=patience_s)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.transport.close()

    # Submitting

    def submit(
        self,
        command: str | Sequence[str] | None = None,
        *,
        script: str | None = None,
        arguments: Sequence[str] = (),
        resources: Mapping[str, Any] | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Queue one job (or one array). A command given as text runs in a shell, as a list as it is.

        `runtime_env` may name directories, archives and requirements files of this machine: they are sent
        first. `resources` are options too: `{"cpus": 4, "memory": "8G", "gpus": 1}`.
        """
        options = with_resources(options, resources)
        if (runtime_env := options.get("runtime_env")) is not None:
            options["runtime_env"] = self.prepare(runtime_env)
        return self.submit_body(job_body(command, options, script=script, arguments=arguments))

    def prepare(
        self, runtime_env: Mapping[str, Any], report: Callable[[Any], None] | None = None
    ) -> dict[str, Any]:
        """A runtime environment as the server takes it, once what it needs from this machine is there.

        `report` is told how far each package is (`sdk.uploads.Progress`).
        """
        environments = importlib.import_module("launchyard.sdk.environments")
        made: dict[str, Any] = environments.prepared(self.transport, runtime_env, report=report)
        return made

    def submit_body(self, body: Mapping[str, Any]) -> Job:
        """Queue one job described as `POST /v1/jobs` wants it; sent again safely when the answer was lost."""
        return self._job(self.transport.json("POST", "/v1/jobs", body, headers=_key()))

    def submit_many(self, bodies: Iterable[Mapping[str, Any]]) -> list[Job | Exception]:
        """Queue many: one job or one error an item, in order, whatever became of the others."""
        results: list[Job | Exception] = []
        waiting = list(bodies)
        for start in range(0, len(waiting), PAGE):
            page = waiting[start : start + PAGE]
            answer = self.transport.json("POST", "/v1/jobs", page, headers=_key())
            results += [self._result(item) for item in answer]
        return results

    def sweep(
        self,
        command: Sequence[str],
        parameters: Mapping[str, Any],
        **options: Unpack[JobOptions],
    ) -> Job:
        """Run a command with every combination of parameters, as one array in one group.

        `{lr}` in the command stands for the value of `lr`; values are listed or as text (`"1..10"`).
        """
        # Few programs sweep, and what reads ranges takes longer to import than `ly jobs` may take.
        sweeps = importlib.import_module("launchyard.sdk.sweep")
        model = importlib.import_module("launchyard.model.sweep")
        return self.submit_body(sweeps.sweep_body(command, model.sweep_of(parameters), options))

    # Reading

    def jobs(
        self,
        *,
        state: str | Sequence[str] | None = None,
        user: str | None = None,
        name: str | None = None,
        since: float | str | None = None,
        array: int | None = None,
        group: str | None = None,
        cluster: str | None = None,
        engine_id: str | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Jobs, newest first: those of the caller unless `user` says otherwise. `engine_id` is Slurm's."""
        wanted: dict[str, Any] = {
            "state": state,
            "user": user,
            "name": name,
            "since": since,
            "array": array,
            "group": group,
        }
        return list(self.iter_jobs(**wanted, cluster=cluster, engine_id=engine_id, limit=limit))

    def iter_jobs(
        self,
        *,
        state: str | Sequence[str] | None = None,
        user: str | None = None,
        name: str | None = None,
        since: float | str | None = None,
        array: int | None = None,
        group: str | None = None,
        cluster: str | None = None,
        engine_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """The same one by one, as they come: a program that lets go of them may go through any number."""
        states = state if state is None or isinstance(state, str) else ",".join(state)
        query = {"state": states, "user": user, "name": name, "since": since, "array": array, "group": group}
        query |= {"cluster": cluster, "engine_id": engine_id}
        cursor: str | None = None
        told = 0
        while limit is None or told < limit:
            wanted = PAGE if limit is None else min(PAGE, limit - told)
            page = self.transport.json("GET", "/v1/jobs", query={**query, "limit": wanted, "cursor": cursor})
            yield from map(self._job, page["jobs"])
            told += len(page["jobs"])
            cursor = page.get("next")
            if cursor is None:
                return

    def job(self, job: JobId) -> Job:
        return self._job(self.transport.json("GET", f"/v1/jobs/{job}"))

    def why(self, job: JobId) -> Record:
        """Why a job waits and when it may start, or why it ended as it did.

        Of an ended job: `code`, `reason`, the `line` of its log and a `command` that helps.
        """
        return Record(self.transport.json("GET", f"/v1/jobs/{job}/why"))

    def efficiency(self, job: JobId) -> Record:
        """What a job used of what it asked for, and what to ask for next time."""
        return Record(self.transport.json("GET", f"/v1/jobs/{job}/efficiency"))

    def efficiencies(self, since: float | str, *, user: str | None = None, name: str | None = None) -> Record:
        """The same of all jobs that ended since then, and of all together."""
        query = {"since": since, "user": user, "name": name}
        return Record(self.transport.json("GET", "/v1/efficiency", query=query))

    def script(self, job: JobId) -> str:
        return self.transport.content("GET", f"/v1/jobs/{job}/script").decode(errors="replace")

    def nodes(self) -> list[Record]:
        answer = self.transport.json("GET", "/v1/nodes")
        return [Record(node) for node in answer["nodes"]]

    def status(self) -> Record:
        return Record(self.transport.json("GET", "/v1/status"))

    def health(self) -> Record:
        return Record(self.transport.json("GET", "/v1/health"))

    # Changing

    def cancel(self, job: JobId) -> Job:
        return self._act(job, "cancel")

    def hold(self, job: JobId) -> Job:
        return self._act(job, "hold")

    def release(self, job: JobId) -> Job:
        return self._act(job, "release")

    def requeue(self, job: JobId) -> Job:
        return self._act(job, "requeue")

    def top(self, job: JobId) -> Job:
        """Put a waiting job before the others of its own user."""
        return self._act(job, "top")

    def suspend(self, job: JobId) -> Job:
        """Let a running job stand still; it keeps what it holds, and its time limit does not run."""
        return self._act(job, "suspend")

    def resume(self, job: JobId) -> Job:
        return self._act(job, "resume")

    def signal(self, job: JobId, signal: str | int) -> Job:
        return self._act(job, "signal", {"signal": signal})

    def update(self, job: JobId, *, array_throttle: int | None = None, **changes: Unpack[JobOptions]) -> Job:
        return self._act(job, "update", update_body(changes, array_throttle=array_throttle))

    def rerun(self, job: JobId, *, failed: bool = False, **changes: Unpack[JobOptions]) -> Job:
        """Submit a job, an array or a task again as it was, but for `changes`; it gets a new id.

        `failed`: of an array only the tasks that failed. Raises `Conflict` where nothing did.
        """
        return self.submit_body(self.rerun_body(job, failed=failed, **changes))

    def rerun_body(
        self, job: JobId, *, failed: bool = False, **changes: Unpack[JobOptions]
    ) -> dict[str, Any]:
        """What `rerun` submits. Variables of the environment are not told by the server, so not in it."""
        reruns = importlib.import_module("launchyard.sdk.reruns")
        body: dict[str, Any] = reruns.rerun_body(self, job, changes, failed=failed)
        return body

    def act_on(self, act: str, jobs: Iterable[JobId]) -> Iterator[Record]:
        """Do one thing (`cancel`, `hold`, `release`, ...) to any number of jobs, a thousand in one request.

        What became of each is told as it is known: `job`, and `state` where `status` is 200, else `detail`.
        """
        waiting = [str(job) for job in jobs]
        for start in range(0, len(waiting), PAGE):
            body = {"act": act, "jobs": waiting[start : start + PAGE]}
            yield from map(Record, self.transport.json("POST", "/v1/acts", body)["results"])

    def set_node(self, name: str, state: str, reason: str = "") -> Record:
        return Record(self.transport.json("POST", f"/v1/nodes/{name}", {"state": state, "reason": reason}))

    # Administering

    def usage(self, *, account: str | None = None, user: str | None = None) -> Record:
        """Who used what, with shares and fair-share factors; one's own but for administrators."""
        return Record(self.transport.json("GET", "/v1/usage", query={"account": account, "user": user}))

    def rules(self) -> Record:
        """The rules of the queue that are in force: `text` is TOML, `source` where they are from."""
        return Record(self.transport.json("GET", "/v1/admin/policy"))

    def put_rules(self, text: str, name: str = "the rules") -> Record:
        """Put other rules in force, as a whole or not at all; `name` is what a refusal calls the text."""
        return Record(self.transport.json("PUT", "/v1/admin/policy", {"text": text, "name": name}))

    def change_rules(
        self, kind: str, name: str = "", values: Mapping[str, str] | None = None, *, remove: bool = False
    ) -> Record:
        """Change or remove one account, user, qos or partition, or the scheduler."""
        body = {"kind": kind, "name": name, "values": dict(values or {}), "remove": remove}
        return Record(self.transport.json("POST", "/v1/admin/policy", body))

    def reload_rules(self, *, forget: bool = False) -> Record:
        """Read the rules of the configuration file again; `forget` what was changed while the server ran."""
        query = "?forget=1" if forget else ""
        return Record(self.transport.json("POST", f"/v1/admin/reload{query}"))

    @property
    def sessions(self) -> "Sessions":
        """Interactive apps: start, list and end them."""
        # Few programs start any, and what waits for them takes a while to import.
        sessions = importlib.import_module("launchyard.sdk.sessions")
        made: Sessions = sessions.Sessions(self)
        return made

    # Waiting and watching

    def wait(self, job: JobId, *, timeout_s: float | None = None) -> Job:
        """The job once it ended; raises `TimedOut` when it has not after `timeout_s`."""
        return self.wait_all([job], timeout_s=timeout_s)[0]

    def wait_all(self, jobs: Sequence[JobId], *, timeout_s: float | None = None) -> list[Job]:
        """The jobs once all ended."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        ended: dict[JobId, Job] = {}
        for moved in self.watch(jobs, timeout_s=timeout_s):
            ended.update({key: job for key, job in moved.items() if job.ended})
            if len(ended) == len(set(jobs)):
                return [ended[key] for key in jobs]
            if deadline is not None and time.monotonic() >= deadline:
                break
        left = ", ".join(str(key) for key in jobs if key not in ended)
        raise TimedOut(f"job {left} has not ended after {timeout_s:g} s; it goes on")

    def watch(
        self, jobs: Sequence[JobId], *, timeout_s: float | None = None, poll_s: float = POLL_S
    ) -> Iterator[dict[JobId, Job]]:
        """The jobs as they are, then those that moved, as they move, until all ended or time is up.

        After `poll_s` all jobs are read again, whatever was heard of others, and what did not move is left
        out: an empty answer then lets a caller look at its clock.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with EventStream(self.transport) as events:
            known = {key: self.job(key) for key in jobs}
            read_at = time.monotonic()
            yield dict(known)
            while any(not job.ended for job in known.values()):
                # What happens to a task that has no id of its own yet is told under the one that it gets.
                every_s = min(poll_s, UNSPLIT_S) if any(map(is_unsplit, known.values())) else poll_s
                left_s = every_s if deadline is None else min(every_s, deadline - time.monotonic())
                if left_s <= 0:
                    return
                news = events.next(left_s)
                ids = {event.data.get("job_id") for event in news if event.kind == "job"}
                again = not news or any(event.kind == "reset" for event in news)
                if again := again or time.monotonic() - read_at >= every_s:
                    read_at = time.monotonic()
                read = {
                    key: self.job(key)
                    for key, job in known.items()
                    if not job.ended and (again or job.id in ids)
                }
                moved = {key: job for key, job in read.items() if job.state != known[key].state or not again}
                known.update(read)
                if moved or not news:
                    yield moved

    def events(self, *, last_id: str | None = None) -> Iterator[Event]:
        """What happens to jobs and nodes, for ever; goes on without a gap when the server restarts."""
        return follow(self.transport, last_id=last_id)

    def logs(
        self,
        job: JobId,
        *,
        follow: bool = False,
        stream: str | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[bytes]:
        """The bytes of a job's output. `follow` goes on until the job has ended and all was read."""
        give_up_at = time.monotonic() + self.transport.patience_s
        while True:
            try:
                with self.log_stream(job, follow=follow, stream=stream, offset=offset, limit=limit) as log:
                    for part in log:
                        offset += len(part)
                        limit = None if limit is None else limit - len(part)
                        yield part
                        give_up_at = time.monotonic() + self.transport.patience_s
                # A server that stops ends its answers in good order, and the job runs on.
                if not follow or self.job(job).ended:
                    return
            except ConnectionLost:
                if time.monotonic() > give_up_at:
                    raise

    def log_stream(
        self,
        job: JobId,
        *,
        follow: bool = False,
        stream: str | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Stream:
        """The same, as one open answer that can be read with a time limit."""
        query = {
            "stream": stream,
            "offset": offset or None,
            "limit": limit,
            "follow": 1 if follow else None,
        }
        return self.transport.stream(f"/v1/jobs/{job}/logs", query=query)

    def terminal(self, job: JobId) -> WebSocket:
        """The terminal of a job that was submitted with one: binary messages are bytes, text is JSON."""
        return open_websocket(self.transport, f"/v1/jobs/{job}/terminal")

    def shell(self, job: JobId, command: Sequence[str] = ()) -> WebSocket:
        """A new terminal inside a running job: `command`, or the user's shell."""
        query = urlencode([("command", word) for word in command])
        return open_websocket(self.transport, f"/v1/jobs/{job}/shell" + ("?" + query if query else ""))

    def ray(self, job: JobId) -> WebSocket:
        """A connection to the Ray Client port of a job's cluster, behind a line that says which Ray it is."""
        return open_websocket(self.transport, f"/v1/jobs/{job}/ray")

    # Tokens

    def reservations(self) -> list[Record]:
        """Nodes kept for a time, those that are not over."""
        return [Record(one) for one in self.transport.json("GET", "/v1/reservations")["reservations"]]

    def create_reservation(self, name: str, **asked: Any) -> Record:
        """Keep `nodes` (`"n[1-4]"`) or `count` of them from `start` to `end`, or for `duration_s`."""
        return Record(self.transport.json("POST", "/v1/reservations", {"name": name, **asked}))

    def delete_reservation(self, name: str) -> Record:
        return Record(self.transport.json("DELETE", f"/v1/reservations/{quote(name, safe='')}"))

    def login_link(self, next_path: str = "/") -> Record:
        """A link that logs one browser in, once, and leads it to `next_path` of the portal."""
        return Record(self.transport.json("POST", "/v1/login-links", {"next": next_path}))

    def create_token(self, name: str = "", **asked: Any) -> Record:
        """A new token; its `token` is told this once. `asked` are keys of `wire.orders.NewToken`."""
        return Record(self.transport.json("POST", "/v1/tokens", {"name": name, **asked}))

    def tokens(self) -> list[Record]:
        return [Record(token) for token in self.transport.json("GET", "/v1/tokens")["tokens"]]

    def revoke_token(self, token_id: str) -> None:
        self.transport.json("DELETE", f"/v1/tokens/{token_id}")

    def _act(self, job: JobId, action: str, body: object = None) -> Job:
        return self._job(self.transport.json("POST", f"/v1/jobs/{job}/{action}", body))

    def _job(self, data: Mapping[str, Any]) -> Job:
        return Job(data, self)

    def _result(self, item: Mapping[str, Any]) -> Job | Exception:
        if "id" in item:
            return self._job(item)
        problem = item.get("error", item)
        error = from_problem(int(problem.get("status", 400)), b"")
        return type(error)(str(problem.get("detail", error)), code=problem.get("code"))


def _key() -> dict[str, str]:
    return {"Idempotency-Key": os.urandom(16).hex()}


__all__ = ["Client", "Job", "is_live"]
