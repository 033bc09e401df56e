"""The embedded engine: our launcher on this machine, over its unix socket.

Carries the controller's orders in one write a batch and its reports in one call a batch. Reconnects when the
launcher was away; what was ordered meanwhile is dropped, since the controller compares and orders again.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from launchyard import faults
from launchyard.engine.protocol import (
    Enforcement,
    EngineConnected,
    EngineFacts,
    EngineLost,
    EngineReport,
    ForgetRunners,
    Launch,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    RunnerEnded,
    SignalRunner,
    StepOrder,
)
from launchyard.launcher import messages
from launchyard.model.ability import EVERYTHING
from launchyard.model.errors import Conflict, Unavailable
from launchyard.model.event import Exited
from launchyard.model.node import Node
from launchyard.model.resources import Usage
from launchyard.model.step import RunnerEnd, parse_runner_id
from launchyard.raycluster.started import with_cluster

RETRY_S = (0.02, 1.0)
ANSWER_S = 20.0
REMOVING_S = 90.0
"""More than the launcher gives it."""
LOGS_AT_ONCE = 500
FLUSH_S = 5.0
Report = Callable[[Sequence[EngineReport]], None]
Message = messages.Message


class LocalEngine:
    """One connection to the launcher of a state directory. `nodes` may be virtual: all run here.

    `cpus` are the machine's own numbers of the CPUs that the nodes count from 0, one node after the other.
    """

    abilities = EVERYTHING

    def __init__(self, state: Path, *, nodes: tuple[Node, ...], cpus: Sequence[int] = ()) -> None:
        self._path = state / messages.SOCKET_NAME
        self._nodes = nodes
        self._cpus = _cpus_of(nodes, cpus or range(sum(node.cpus for node in nodes)))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._report: Report = lambda reports: None
        self.launcher_stays: Callable[[], bool] = lambda: False
        """At the end: we shall come again, so it is not to end when it has no jobs."""
        self._socket: socket.socket | None = None
        self._decoder = messages.Decoder()
        self._out = bytearray()
        self._fds: list[int] = []
        self._features: Mapping[str, str] = {}
        self.suspends = self.steps = False
        self._welcomed: asyncio.Future[None] | None = None
        self._answering = False
        """The launcher has said hello on this connection."""
        self._pause_s = 0.0
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._steps: dict[str, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        self._connecting: asyncio.Task[None] | None = None

    # -- the port

    async def open(self, report: Report) -> EngineFacts:
        """Connect and learn how limits hold here. Raises `Unavailable` when no launcher answers."""
        self._loop = asyncio.get_running_loop()
        self._report = report
        self._welcomed = self._loop.create_future()
        self._connecting = asyncio.ensure_future(self._connect())
        try:
            await asyncio.wait_for(asyncio.shield(self._welcomed), ANSWER_S)
        except TimeoutError:
            raise Unavailable(f"no launcher answers on {self._path}; run `ly up` again") from None
        found = self._features
        enforcement = Enforcement(
            memory=found.get("memory", "none"),
            cpus=found.get("cpus", "none"),
            processes=found.get("processes", "none"),
            users=found.get("users", "single"),
        )
        return EngineFacts(nodes=self._nodes, enforcement=enforcement, cpus=self._cpus)

    def start(self, launches: Sequence[Launch]) -> None:
        """One write for all of them. One that is too long for the launcher ends at once, saying so."""
        faults.point("send")
        if self._socket is None or self._loop is None:
            return
        frames: list[bytes] = []
        refused: list[EngineReport] = []
        for launch in launches:
            try:
                frames.append(messages.encode(self._launch(launch)))
            except ValueError:
                refused.append(_too_long(launch))
        self._write(b"".join(frames))
        if refused:
            self._loop.call_soon(self._report, refused)

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        self._send([messages.kill(launch_id, signal=signal, grace_s=grace_s)])

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        if self.steps or not steps_only:
            self._send([messages.signal(launch_id, signal, main_only=main_only, steps_only=steps_only)])

    def order_steps(self, orders: Sequence[StepOrder]) -> None:
        if self.steps:
            self._send([_step_message(order) for order in orders])

    def suspend(self, launch_id: str, *, suspended: bool) -> None:
        self._send([messages.suspend(launch_id) if suspended else messages.resume(launch_id)])

    def limit(self, launch_id: str, time_limit_s: float | None) -> None:
        self._send([messages.limit(launch_id, time_limit_s)])

    def acknowledge(self, token: int) -> None:
        self._send([messages.ack(token)])

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        """A socket to a new helper process of this user; all its nodes are this machine."""
        number = str(next(self._numbers))
        answer = await self._ask(number, messages.helper(number, uid, memory_mib=memory_mib))
        if "fd" not in answer:
            raise Conflict(
                f"no process can be started for uid {uid}: {answer.get('error', 'it has no socket')}"
            )
        fd: int = answer["fd"]
        return fd

    async def close(self) -> None:
        self._report = lambda reports: None
        if not self.launcher_stays():
            self._send([messages.rest()])
        deadline = time.monotonic() + FLUSH_S
        # What was ordered last, and that it may rest, arrives also where the launcher is slow to read.
        while self._out and self._socket is not None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        self._disconnect()

    # -- beyond the port: what only a launcher can do

    async def step(
        self, launch_id: str, uid: int, argv: Sequence[str], env: dict[str, str], cwd: str, terminal: str
    ) -> "asyncio.Future[Message]":
        """Start a step in a running launch; the future is its end (`exit_code`, `signal` or `error`)."""
        self._check()
        number = str(next(self._numbers))
        ended: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._steps[number] = ended
        self._send(
            [messages.step(id=number, l=launch_id, uid=uid, argv=argv, env=env, cwd=cwd, terminal=terminal)]
        )
        return ended

    async def usage(self, launch_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, float]]:
        """What running launches use now, by launch id: all, or only these."""
        number = str(next(self._numbers))
        told = await self._ask(number, messages.usage(number, launch_ids))
        found: Mapping[str, Mapping[str, float]] = told.get("launches", {})
        return found

    async def remove_logs(self, uid: int, names: Sequence[str]) -> None:
        """Take these out of the user's spool. Raises `Unavailable` where one of them may still be there."""
        if names and "logs" not in self._features:
            raise Unavailable("logs stay for now: the launcher is of an older version and cannot remove them")
        for start in range(0, len(names), LOGS_AT_ONCE):
            number = str(next(self._numbers))
            order = messages.remove_logs(number, uid, names[start : start + LOGS_AT_ONCE])
            error = (await self._ask(number, order, REMOVING_S)).get("error")
            if error is not None:
                raise Unavailable(f"logs of uid {uid} stay for now: {error}")

    # -- connection

    async def _connect(self) -> None:
        """Try until it works; called again when the connection is lost.

        The pause grows until a launcher has said hello: one that refuses us at once is not asked in a storm.
        """
        while True:
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(max(2 * self._pause_s, RETRY_S[0]), RETRY_S[1])
            try:
                self._socket = sock = await self._dial()
            except OSError:
                continue
            self._decoder = messages.Decoder()
            self._out.clear()
            asyncio.get_running_loop().add_reader(sock, self._readable)
            self._send([messages.hello()])
            return

    async def _dial(self) -> socket.socket:
        """A connection to the launcher, non-blocking. Raises `OSError` when there is none now."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, os.fspath(self._path))
        except BaseException:
            sock.close()
            raise
        return sock

    def _disconnect(self) -> None:
        if self._socket is None or self._loop is None:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        gone = {"error": "the launcher was restarted meanwhile; try again"}
        for waiting in [*self._answers.values(), *self._steps.values()]:
            if not waiting.done():
                waiting.set_result(gone)
        self._answers.clear()
        self._steps.clear()

    def _lost(self) -> None:
        was_answering, self._answering = self._answering, False
        self._disconnect()
        if was_answering:
            self._report([EngineLost(since=time.time())])
        self._connecting = asyncio.ensure_future(self._connect())

    def _readable(self) -> None:
        """Read to the last byte: uvloop tells once of a reset, with what came before it still unread."""
        while self._socket is not None:
            try:
                data, fds = messages.receive(self._socket)
                self._fds += fds
                arrived = self._decoder.feed(data)
            except BlockingIOError:
                return
            except (OSError, messages.BrokenStream):
                data, arrived = b"", []
            self._take(arrived)
            if not data:
                self._lost()
                return

    def _send(self, batch: Sequence[Message]) -> None:
        if self._socket is not None:
            self._write(b"".join(map(messages.encode, batch)))

    def _write(self, frames: bytes) -> None:
        waits = bool(self._out)
        self._out += frames
        if not waits:
            self._writable()

    def _writable(self) -> None:
        if self._socket is None or self._loop is None:
            return
        try:
            sent = self._socket.send(self._out)
            del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            return  # The reader sees the end of the connection and connects again.
        if self._out:
            self._loop.add_writer(self._socket, self._writable)
        else:
            self._loop.remove_writer(self._socket)

    # -- what arrives

    def _take(self, arrived: Sequence[Message]) -> None:
        reports: list[EngineReport] = []
        for message in arrived:
            report = self._reported(message)
            if report is not None:
                reports.append(report)
        if reports:
            self._report(reports)

    def _reported(self, message: Message) -> EngineReport | None:
        match message["t"]:
            case "started":
                return LaunchStarted(launch_id=message["l"], at=message["at"], token=message["seq"])
            case "ended":
                return LaunchEnded(launch_id=message["l"], exit=_exited(message), token=message["seq"])
            case "main_ended":
                return LaunchMainEnded(launch_id=message["l"])
            case "hello":
                self._answering, self._pause_s = True, 0.0
                self._features = message["features"]
                self.suspends, self.steps = "suspend" in self._features, "runners" in self._features
                if self._welcomed is not None and not self._welcomed.done():
                    self._welcomed.set_result(None)
                runners = frozenset(message.get("runners", ()))
                known = frozenset(message["known"])
                return EngineConnected(epoch=message["epoch"], known=known, runners=runners)
            case "runner_ended":
                return _runner_ended(message)
            case "helper":
                fd = {"fd": self._fds.pop(0)} if message.get("ok") and self._fds else {}
                self._answered(message | fd)
            case "usage" | "logs_removed":
                self._answered(message)
            case "step_ended":
                step = self._steps.pop(message["id"], None)
                if step is not None and not step.done():
                    step.set_result(message)
        return None

    def _answered(self, message: Message) -> None:
        waiting = self._answers.pop(message["id"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        elif "fd" in message:
            os.close(message["fd"])

    async def _ask(self, number: str, question: Message, limit_s: float = ANSWER_S) -> Message:
        self._check()
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._send([question])
        try:
            return await asyncio.wait_for(answer, limit_s)
        except TimeoutError:
            raise Unavailable(f"the launcher did not answer within {limit_s:g} s; try again") from None
        finally:
            self._answers.pop(number, None)

    def _check(self) -> None:
        if self._socket is None:
            raise Unavailable("the launcher does not answer at the moment; try again")

    def _launch(self, launch: Launch) -> Message:
        argv, script = with_cluster(launch.argv, launch.script, launch.ray)
        return messages.launch(
            l=launch.launch_id,
            job=launch.job_id,
            uid=launch.uid,
            node=launch.node,
            argv=argv,
            env=dict(launch.environment),
            cwd=launch.working_dir,
            spool_log=launch.spool_log,
            script=None if script is None else script.decode("utf-8", "surrogateescape"),
            stdin=launch.stdin,
            stdout=launch.stdout,
            stderr=launch.stderr,
            append=launch.append,
            terminal=launch.terminal,
            cpu_ids=self._cpu_ids(launch),
            memory_mib=_memory_mib(launch),
            pids_max=launch.pids_max,
            time_limit_s=launch.time_limit_s,
            warning_signal=launch.warning_signal,
            warning_before_s=launch.warning_before_s,
            warning_target=None if launch.warning_target == "all" else launch.warning_target,
            grace_s=launch.grace_s,
            log_cap_bytes=launch.log_cap_bytes,
            no_new_privs=launch.no_new_privs,
            cwd_else=launch.working_dir_else,
            umask=launch.umask,
            pid_variable=launch.pid_variable,
            soft_limits=launch.soft_limits,
        )

    def _cpu_ids(self, launch: Launch) -> list[int]:
        """The machine's CPUs of all its nodes, which are one here; none when any of it is not pinned."""
        held = [(launch.node, launch.cpu_ids), *((one.node, one.cpu_ids) for one in launch.beside)]
        if not all(ids and node in self._cpus for node, ids in held):
            return []
        return sorted({self._cpus[node][one] for node, ids in held for one in ids})


def _memory_mib(launch: Launch) -> int | None:
    """Of all its nodes together; unlimited when it is on any."""
    parts = [launch.memory_mib or 0, *(one.memory_mib for one in launch.beside)]
    return sum(parts) if all(parts) else None


def _step_message(order: StepOrder) -> Message:
    match order:
        case SignalRunner():
            return messages.signal_runner(order.runner_id, order.signal, grace_s=order.grace_s)
        case ForgetRunners():
            return messages.forget_runners(order.runner_ids)
    argv = [*messages.package_argv("launchyard.runner.main"), *order.arguments]
    environment = dict(order.environment)
    return messages.runner(id=order.runner_id, l=order.launch_id, uid=order.uid, argv=argv, env=environment)


def _runner_ended(message: Mapping[str, Any]) -> RunnerEnded | None:
    parsed = parse_runner_id(message["id"])
    if parsed is None:
        return None
    end = RunnerEnd(
        position=parsed[2],
        at=message["at"],
        exit_code=message.get("exit_code"),
        signal=message.get("signal"),
        cpu_s=message.get("cpu_s"),
        memory_peak_mib=message.get("memory_peak_mib"),
        oom=message.get("oom", False),
        ending=message.get("ending", False),
        timed_out=message.get("timed_out", False),
        error=message.get("error"),
    )
    return RunnerEnded(runner_id=message["id"], end=end)


def _cpus_of(nodes: Sequence[Node], cpus: Sequence[int]) -> dict[str, Sequence[int]]:
    """The real CPUs that each node's are, in its order; empty when nothing is pinned."""
    first, found = 0, {}
    for node in nodes:
        found[node.name] = cpus[first : first + node.cpus]
        first += node.cpus
    return found if first <= len(cpus) and all(node.pinned for node in nodes) else {}


def _too_long(launch: Launch) -> LaunchEnded:
    """The launcher never hears of it, so there is nothing to acknowledge: token 0."""
    limit_mib = messages.FRAME_MAX // 2**20
    error = f"its script and environment are together longer than the {limit_mib} MiB that a launch may have"
    return LaunchEnded(launch_id=launch.launch_id, exit=Exited(at=time.time(), error=error), token=0)


def _exited(message: Mapping[str, Any]) -> Exited:
    return Exited(
        at=message["at"],
        exit_code=message.get("exit_code"),
        signal=message.get("signal"),
        usage=Usage(
            cpu_s=message.get("cpu_s"),
            memory_peak_mib=message.get("memory_peak_mib"),
            read_mib=message.get("read_mib"),
            written_mib=message.get("written_mib"),
        ),
        out_of_memory=message.get("oom", False),
        timed_out=message.get("timed_out", False),
        log_full=message.get("log_full", False),
        lost=message.get("lost", False),
        node_lost=message.get("node_lost", False),
        error=message.get("error"),
        node_fault=message.get("hook"),
    )
