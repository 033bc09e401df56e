"""`JobSubmissionClient`: the class of Ray's that programs use to submit jobs, without Ray.

The same constructor, methods, values and kinds of errors, by the same routes, so that a program that imports
it from here and no more from `ray.job_submission` goes on as it was. Directories go as our own packages.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote

from launchyard.model.errors import LaunchyardError
from launchyard.sdk.address import Address, find
from launchyard.sdk.asynchronous import in_thread
from launchyard.sdk.environments import prepared
from launchyard.sdk.errors import ConnectionLost, NotRunning, TimedOut
from launchyard.sdk.packages import Known
from launchyard.sdk.rayaccess import read_token, token_path
from launchyard.sdk.rayplugin import LOCAL, PREFIX
from launchyard.sdk.transport import Transport
from launchyard.sdk.websocket import WebSocket, open_websocket

PATIENCE_S = 10.0
CUT = 1006
"""The code of a WebSocket that ended without a word."""


class JobStatus(StrEnum):
    """Where a job is, in Ray's words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    def is_terminal(self) -> bool:
        return self in (JobStatus.STOPPED, JobStatus.SUCCEEDED, JobStatus.FAILED)


class JobType(StrEnum):
    """`SUBMISSION` was submitted as a job, `DRIVER` is attached."""

    SUBMISSION = "SUBMISSION"
    DRIVER = "DRIVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverInfo:
    """The process that runs an entrypoint with Ray."""

    id: str
    node_ip_address: str
    pid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails:
    """A job as Ray describes it; times are milliseconds since 1970, `start_time` is when it was submitted.

    `launchyard` holds what Ray has no words for: our `id`, `state`, `user`, `queue`, `start_time`.
    """

    type: JobType
    status: JobStatus
    entrypoint: str
    job_id: str | None = None
    submission_id: str | None = None
    driver_info: DriverInfo | None = None
    message: str | None = None
    error_type: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    metadata: Mapping[str, str] | None = None
    runtime_env: Mapping[str, Any] | None = None
    driver_agent_http_address: str | None = None
    driver_node_id: str | None = None
    driver_exit_code: int | None = None
    launchyard: Mapping[str, Any] = field(default_factory=dict)

    def dict(self) -> "dict[str, Any]":
        return asdict(self)

    def json(self) -> str:
        return json.dumps(self.dict())


JobInfo = JobDetails


class RequestFailed(LaunchyardError, RuntimeError):
    """What Ray's class raises, with what the server said."""


class JobSubmissionClient:
    """Submits jobs and looks after them; use it where `ray.job_submission.JobSubmissionClient` was used.

    Without an address: RAY_API_SERVER_ADDRESS, else the server that `ly` would use. `launchyard://local` is
    that too; `launchyard://host:8265?queue=gpu` another one, with what each job says.
    """

    def __init__(
        self,
        address: str | None = None,
        create_cluster_if_needed: bool = False,
        cookies: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | str | None = True,
        **_: Any,
    ) -> None:
        for name, value in (("cookies", cookies), ("metadata", metadata), ("headers", headers)):
            if value is not None and not isinstance(value, Mapping):
                raise TypeError(f"{name} must be a dict, got {type(value)}")
        if address is not None and not isinstance(address, str):
            raise TypeError(f"address must be a string, got {type(address)}")
        named, said = _plugged(os.environ.get("RAY_API_SERVER_ADDRESS") or address)
        found = _address(named, headers or {}, cookies or {}, True if verify is None else verify)
        self._transport = Transport(found, patience_s=PATIENCE_S)
        self._address = str(found)
        self._metadata = {**said, **dict(metadata or {})}
        self._known = Known()
        self.get_version()

    def submit_job(
        self,
        *,
        entrypoint: str,
        job_id: str | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        submission_id: str | None = None,
        entrypoint_num_cpus: int | float | None = None,
        entrypoint_num_gpus: int | float | None = None,
        entrypoint_memory: int | None = None,
        entrypoint_resources: Mapping[str, float] | None = None,
        entrypoint_label_selector: Mapping[str, str] | None = None,
    ) -> str:
        """The submission id of a job that runs `entrypoint` in a shell.

        `runtime_env` may name directories and files of this machine. Keys of `metadata` such as
        `launchyard.time` say what Ray has no words for.
        """
        if job_id and submission_id and job_id != submission_id:
            raise ValueError("job_id is the older name of submission_id; give one of them")
        body = {
            "entrypoint": entrypoint,
            "submission_id": submission_id or job_id or _new_id(),
            "runtime_env": self._prepared(runtime_env or {}),
            "metadata": {**dict(metadata or {}), **self._metadata},
            "entrypoint_num_cpus": entrypoint_num_cpus,
            "entrypoint_num_gpus": entrypoint_num_gpus,
            "entrypoint_memory": entrypoint_memory,
            "entrypoint_resources": entrypoint_resources and dict(entrypoint_resources),
            "entrypoint_label_selector": entrypoint_label_selector and dict(entrypoint_label_selector),
        }
        given = {name: value for name, value in body.items() if value is not None}
        made = self._ask("POST", "/api/jobs/", given, headers={"Idempotency-Key": os.urandom(16).hex()})
        return str(made["submission_id"])

    def stop_job(self, job_id: str) -> bool:
        """Whether it was stopped; False when it had ended before."""
        return bool(self._ask("POST", f"{_route(job_id)}/stop")["stopped"])

    def delete_job(self, job_id: str) -> bool:
        """Forget a job that has ended."""
        return bool(self._ask("DELETE", _route(job_id))["deleted"])

    def get_job_info(self, job_id: str) -> JobDetails:
        return _details(self._ask("GET", _route(job_id)))

    def list_jobs(self) -> list[JobDetails]:
        return [_details(one) for one in self._ask("GET", "/api/jobs/")]

    def get_job_status(self, job_id: str) -> JobStatus:
        return self.get_job_info(job_id).status

    def get_job_logs(self, job_id: str) -> str:
        """All that it has printed."""
        return str(self._ask("GET", f"{_route(job_id)}/logs")["logs"])

    async def tail_job_logs(self, job_id: str) -> AsyncGenerator[str, None]:
        """What it prints, from the beginning until it ends, as it comes; also when the server restarts."""
        seen = 0
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            socket = await in_thread(lambda: self._tail(job_id))
            skipped = seen
            try:
                while socket.close_code is None:
                    for text in await in_thread(socket.receive):
                        if not isinstance(text, str):
                            continue
                        new, skipped = text[skipped:], max(0, skipped - len(text))
                        seen += len(new)
                        if new:
                            yield new
                    if socket.close_code != CUT:
                        give_up_at = time.monotonic() + PATIENCE_S
            finally:
                socket.abort()
            if socket.close_code != CUT:
                return
            if time.monotonic() > give_up_at:
                raise RequestFailed(f"WebSocket connection closed unexpectedly with close code {CUT}")
            await asyncio.sleep(0.1)

    def get_version(self) -> str:
        """The version of the API, "4"."""
        return str(self._ask("GET", "/api/version")["version"])

    def get_address(self) -> str:
        return self._address

    def _tail(self, job_id: str) -> WebSocket:
        try:
            return open_websocket(self._transport, f"{_route(job_id)}/logs/tail")
        except (ConnectionLost, NotRunning, TimedOut) as error:
            raise ConnectionError(str(error)) from None
        except LaunchyardError as error:
            raise _failed(error) from None

    def _prepared(self, runtime_env: Mapping[str, Any]) -> dict[str, Any]:
        return prepared(self._transport, runtime_env, known=self._known)

    def _ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        try:
            return self._transport.json(method, path, body, headers=headers)
        except (ConnectionLost, NotRunning, TimedOut) as error:
            raise ConnectionError(str(error)) from None
        except LaunchyardError as error:
            raise _failed(error) from None


def _failed(error: LaunchyardError) -> RequestFailed:
    return RequestFailed(f"Request failed with status code {error.status}: {error}.", code=error.code)


def _route(job_id: str) -> str:
    return f"/api/jobs/{quote(job_id, safe='')}"


def _details(told: Mapping[str, Any]) -> JobDetails:
    """Keys that are not known here are left out."""
    names = {one.name for one in fields(JobDetails)}
    known = {name: value for name, value in told.items() if name in names}
    known |= {"type": JobType(told["type"]), "status": JobStatus(told["status"])}
    if driver := told.get("driver_info"):
        own = {one.name for one in fields(DriverInfo)}
        known["driver_info"] = DriverInfo(
            **{name: str(value) for name, value in driver.items() if name in own}
        )
    return JobDetails(**known)


def _new_id() -> str:
    """As Ray makes them, without letters that look like others."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz123456789"
    return "raysubmit_" + "".join(letters[byte % len(letters)] for byte in os.urandom(16))


def _plugged(address: str | None) -> tuple[str | None, dict[str, str]]:
    """The URL (None: the server that `ly` uses), and what an address of ours says of each job."""
    if address is None or not address.startswith("launchyard://"):
        return address, {}
    where, _, query = address.removeprefix("launchyard://").partition("?")
    said = {f"{PREFIX}{name}": value for name, value in parse_qsl(query, keep_blank_values=True)}
    return (None if where.strip("/") in LOCAL else f"http://{where}"), said


def _address(
    address: str | None, headers: Mapping[str, str], cookies: Mapping[str, str], verify: bool | str
) -> Address:
    found = find(url=None if address in (None, "", "auto") else address)
    if found.socket is None and found.token is None:
        found = found._replace(token=read_token(token_path(str(found))))
    sent = dict(headers)
    if cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    own = {name.lower() for name in sent}
    token = found.token or os.environ.get("RAY_AUTH_TOKEN") or None
    if "authorization" in own or (own & {"x-ray-authorization", "cookie"}):
        token = None
    return found._replace(token=token, headers=tuple(sent.items()), verify=verify)
