"""From a job that was given resources to the order that starts it."""

import asyncio
import logging
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from launchyard.controller.attending import attendant_argv, attendant_variables
from launchyard.controller.clusters import LiveClusters
from launchyard.controller.texts import Texts, environment_of, runtime_env_of
from launchyard.controller.users import UserEntry, Users
from launchyard.engine.protocol import Launch
from launchyard.model.array import Array
from launchyard.model.entrypoint import argv_of, entrypoint_extras, variables_of, with_env_vars
from launchyard.model.errors import LaunchyardError
from launchyard.model.job import Job, JobKind
from launchyard.model.raycluster import mode_of, with_counting, without_other
from launchyard.model.resources import WHOLE_GPU_MILLI
from launchyard.model.runtimeenv import RuntimeEnv, check, surroundings
from launchyard.slurm.environment import kept_environment, slurm_environment
from launchyard.slurm.patterns import expand_pattern
from launchyard.slurm.submitted import launch_extras

PATH = "/usr/local/bin:/usr/bin:/bin"
FAULT = "it could not be started by a fault of this server, of which its log tells more; tell the operator"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """What is the same for every launch."""

    spool: str
    """The directory in which the launcher keeps logs, by uid."""
    state: str | None = None
    """The state directory, by which our commands inside jobs find this server."""
    drop_in: str | None = None
    """The directory with Slurm's commands."""
    slurm_cluster: str | None = None
    """What Slurm's commands call this cluster."""
    log_cap_bytes: int | None = 1 << 30
    pids_max: int | None = 16384
    grace_s: float = 30
    environment: Mapping[str, str] | None = None


OpenTerminal = Callable[[Job], Awaitable[str]]
"""Opens a terminal as the job's user and answers its path."""


class Furnisher(Protocol):
    """Who gives a job that is about to start the files of its runtime environment."""

    async def furnish(self, job: Job, asked: Mapping[str, Any], variables: Mapping[str, str]) -> bool: ...

    def end_start(self, job: Job, why: str) -> None: ...

    def directory(self, job: Job) -> str: ...

    def before_command(self, env: RuntimeEnv, working_dir: str) -> tuple[str, ...]: ...


class Launcher:
    """Builds and sends orders; texts that are not at hand are fetched off the loop first."""

    def __init__(self, clusters: LiveClusters, texts: Texts, users: Users, settings: LaunchSettings) -> None:
        self._clusters = clusters
        self._texts = texts
        self._users = users
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self.open_terminal: OpenTerminal | None = None
        self.preparing: Furnisher | None = None
        self.array_of: Callable[[Job], Array | None] = lambda job: None
        """The array that a task belongs to."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Order the start of these jobs; each has an attempt that is durable."""
        simple = [job for job in jobs if not job.terminal and job.runtime_env is None]
        texts = self._texts.at_hand(_digests(simple))
        if texts is None:
            self._later(self._fetch_and_send(simple))
        elif simple:
            self._order(simple, texts)
        for job in jobs:
            if job.terminal or job.runtime_env is not None:
                self._later(self._send_slowly(job))

    async def _fetch_and_send(self, jobs: Sequence[Job]) -> None:
        texts = await self._texts.fetch(_digests(jobs))
        for job in jobs:
            await self._users.load(job.uid)
        self._order(jobs, texts)

    async def _send_slowly(self, job: Job) -> None:
        """A job for which something must be made first; where that fails, it has failed to start."""
        try:
            await self._make_and_send(job)
        except Exception:
            _log.exception("job %d could not be started", job.id)
            if self.preparing is None:
                raise
            self.preparing.end_start(job, FAULT)

    async def _make_and_send(self, job: Job) -> None:
        texts = await self._texts.fetch(_digests([job]))
        await self._users.load(job.uid)
        launch = self._launch(job, texts)
        if job.runtime_env is not None and self.preparing is not None:
            asked = runtime_env_of(texts.get(job.runtime_env, b"{}"))
            if not await self.preparing.furnish(job, asked, launch.environment):
                return
            launch = self._within(job, launch, check(asked), self.preparing)
        launch = replace(launch, terminal=await self._terminal_of(job))
        self._clusters.of(job).engine.start([launch])

    async def place_of(self, job: Job, command: tuple[str, ...]) -> Launch:
        """`command` as the job's own command is started: with its variables, where its files are."""
        texts = await self._texts.fetch(_digests([job]))
        await self._users.load(job.uid)
        launch = replace(self._launch(job, texts), argv=command)
        if job.runtime_env is None or self.preparing is None:
            return launch
        env = check(runtime_env_of(texts.get(job.runtime_env, b"{}")))
        return self._within(job, launch, env, self.preparing)

    def _within(self, job: Job, launch: Launch, env: RuntimeEnv, preparing: Furnisher) -> Launch:
        """The launch in the job's runtime environment."""
        found = surroundings(env, preparing.directory(job), launch.environment)
        directory = found.working_dir or launch.working_dir
        variables = with_env_vars(found.variables, env.env_vars)
        variables["PYTHONPATH"] = with_counting(variables.get("PYTHONPATH"))
        argv = (*preparing.before_command(env, directory), *launch.argv)
        needs = preparing.directory(job) if env.needs_setup else None
        return replace(launch, argv=argv, environment=variables, working_dir=directory, needs=needs)

    async def _terminal_of(self, job: Job) -> str | None:
        terminal = None
        if job.terminal and self.open_terminal is not None:
            try:
                terminal = await self.open_terminal(job)
            except (LaunchyardError, OSError):
                # Without a terminal the job still runs, to its log: better than not at all.
                terminal = None
        return terminal

    def _order(self, jobs: Sequence[Job], texts: Mapping[str, bytes]) -> None:
        by_cluster: dict[str, list[Launch]] = {}
        for job in jobs:
            by_cluster.setdefault(job.cluster, []).append(self._launch(job, texts))
        for name, launches in by_cluster.items():
            self._clusters.named(name).engine.start(launches)

    def _launch(self, job: Job, texts: Mapping[str, bytes]) -> Launch:
        warning = job.warning
        entry = self._users.entry(job.uid)
        script = texts.get(job.script) if job.script is not None else None
        if job.script is not None and script is None:
            script = b"#!/bin/sh\necho 'launchyard: the text of this script is lost' >&2\nexit 1\n"
        return Launch(
            launch_id=job.launch_id or "",
            job_id=job.id,
            uid=job.uid,
            **_where(job),
            argv=argv_of(job) if job.session is None else attendant_argv(self._clusters.outpost(job)),
            script=script,
            environment=self._environment(job, entry, texts),
            working_dir=job.working_dir,
            spool_log=f"{job.id}-{job.launch_id}.log",
            stdin=_output(job, job.stdin, entry),
            stdout=_output(job, job.stdout, entry),
            stderr=_output(job, job.stderr, entry),
            append=job.append,
            pids_max=self._settings.pids_max,
            time_limit_s=job.limit_s,
            warning_signal=warning.signal if warning is not None else None,
            warning_before_s=warning.before_s if warning is not None else 0,
            warning_target=warning.target if warning is not None else "all",
            **launch_extras(job.metadata),
            **entrypoint_extras(job),
            grace_s=self._settings.grace_s if job.entrypoint is None else job.entrypoint.grace_s,
            log_cap_bytes=self._settings.log_cap_bytes,
            ray=mode_of(job),
        )

    def _environment(self, job: Job, entry: UserEntry | None, texts: Mapping[str, bytes]) -> dict[str, str]:
        """The user's own variables, under those that say who and where the job is."""
        given = texts.get(job.environment) if job.environment is not None else None
        home = entry.home if entry is not None else "/"
        shell = entry.shell if entry is not None else "/bin/sh"
        variables = {
            **{"PATH": PATH, "HOME": home, "SHELL": shell},
            **variables_of(job),
            **(without_other(environment_of(given)) if given is not None else {}),
        }
        if job.handed is not None:
            # What it gets there, and which commands it finds, is its engine's to say.
            who = {"USER": job.user, "LOGNAME": job.user}
            ours = kept_environment(job, self.array_of(job))
            return {**variables, **who, **ours, **_own_environment(job), **self._session_environment(job)}
        variables["PATH"] = self._path(job, variables["PATH"])
        variables["PYTHONPATH"] = with_counting(variables.get("PYTHONPATH"))
        return {
            **variables,
            **({"LAUNCHYARD_STATE": self._settings.state} if self._settings.state else {}),
            "USER": job.user,
            "LOGNAME": job.user,
            **slurm_environment(job, self.array_of(job), gid=entry.gid if entry is not None else None),
            **({"SLURM_CLUSTER_NAME": name} if (name := self._settings.slurm_cluster) else {}),
            **_own_environment(job),
            **_gpu_environment(job),
            **self._session_environment(job),
        }

    def _session_environment(self, job: Job) -> dict[str, str]:
        if job.session is None:
            return {}
        return attendant_variables(job, self._settings.state, self._clusters.outpost(job))

    def _path(self, job: Job, path: str) -> str:
        """Slurm's commands come first in a batch script; other jobs find them when there are no others."""
        drop_in = self._settings.drop_in
        if drop_in is None or drop_in in path.split(":"):
            return path
        return f"{drop_in}:{path}" if job.kind is JobKind.BATCH else f"{path}:{drop_in}"

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _where(job: Job) -> dict[str, Any]:
    """What the job was given; of one that its engine places, what it asks for."""
    if job.handed is not None:
        asked = job.request
        return {
            "node": "",
            "job": job,
            "cpus_milli": asked.cpus_milli,
            "memory_mib": asked.memory_mib or None,
        }
    if job.attempt is None:
        raise ValueError(f"job {job.id} has no attempt to launch")
    share, *beside = job.attempt.allocation.by_node
    return {
        "node": share.node,
        "cpu_ids": share.cpu_ids,
        "cpus_milli": share.cpus_milli,
        # A program of a trigger holds nothing, and has a limit all the same.
        "memory_mib": share.memory_mib or job.request.memory_mib or None,
        "beside": tuple(beside),
    }


def log_name(job: Job) -> str:
    """The name of the attempt's log in the spool; never one that was there before."""
    launch_id = launch_of(job)
    return f"{job.id}.log" if launch_id is None else f"{job.id}-{launch_id}.log"


def launch_of(job: Job) -> str | None:
    """The launch of its attempt, or of the last one before; None before there is one."""
    latest = job.attempt or (job.past[-1] if job.past else None)
    return None if latest is None else latest.launch_id


def log_paths(job: Job, spool: str, entry: UserEntry | None) -> tuple[str | None, str | None]:
    """Where stdout and stderr of the latest attempt are; (None, None) before there is one.

    `spool` is the user's, on the machine where the attempt was.
    """
    if job.attempt is None and not job.past:
        return None, None
    elsewhere = job.attempt.log if job.attempt is not None else None
    out = elsewhere or _output(job, job.stdout, entry) or posixpath.join(spool, log_name(job))
    return out, _output(job, job.stderr, entry) or out


def _output(job: Job, pattern: str | None, entry: UserEntry | None) -> str | None:
    if pattern is None:
        return None
    return posixpath.join(job.working_dir, expand_pattern(pattern, job))


def _own_environment(job: Job) -> dict[str, str]:
    attempt = job.attempt
    own = {"LAUNCHYARD_JOB_ID": str(job.id), "LAUNCHYARD_JOB_NAME": job.name}
    if job.handed is not None:
        own["LAUNCHYARD_ATTEMPT"] = str(job.attempts + 1)
        own["LAUNCHYARD_LAUNCH_ID"] = job.handed.launch_id
    if attempt is not None:
        own["LAUNCHYARD_ATTEMPT"] = str(attempt.number)
        own["LAUNCHYARD_LAUNCH_ID"] = attempt.launch_id
        own["LAUNCHYARD_NODE"] = attempt.allocation.nodes[0]
        own["LAUNCHYARD_NODES"] = ",".join(attempt.allocation.nodes)
        shares = attempt.allocation.shares
        own["LAUNCHYARD_CPUS"] = f"{sum(share.cpus_milli for share in shares) / 1000:g}"
        own["LAUNCHYARD_MEMORY_MIB"] = str(sum(share.memory_mib for share in shares))
    if job.task is not None:
        own["LAUNCHYARD_ARRAY_JOB_ID"] = str(job.task.job_id)
        own["LAUNCHYARD_ARRAY_INDEX"] = str(job.task.index)
    return own


def _gpu_environment(job: Job) -> dict[str, str]:
    """The GPUs that were given, by the order of the PCI bus; none given, none visible.

    Of a part of a GPU the program is told how much: nothing holds it to that but NVIDIA's MPS, where it runs.
    """
    share = job.attempt.allocation.shares[0] if job.attempt is not None else None
    ids = share.gpu_ids if share is not None else ()
    variables = {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(str(one) for one in ids),
    }
    if share is not None and ids and share.gpu_milli != WHOLE_GPU_MILLI:
        variables["LAUNCHYARD_GPUS"] = f"{share.gpu_milli / WHOLE_GPU_MILLI:g}"
        variables["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = f"{share.gpu_milli / 10:g}"
    return variables


def _digests(jobs: Sequence[Job]) -> set[str]:
    return {one for job in jobs for one in (job.script, job.environment, job.runtime_env) if one is not None}
