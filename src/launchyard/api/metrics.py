"""What `/metrics` tells: the queue, waits and starts, passes, commits, nodes, answers of this API.

No name of a user, a job or an account is in it. Read by operators and administrators, with a token that may
read; where the site says so, also by programs of this machine without one.
"""

import ipaddress
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Scope, Send

from launchyard.api.connection import connection_of
from launchyard.api.login.addresses import host_name
from launchyard.controller.controller import Controller
from launchyard.model.event import StateChanged
from launchyard.model.measures import CONTENT_TYPE, Family, Histogram, counter, gauge, text_of
from launchyard.model.state import ENDED, JobState

PATH = "/metrics"
WAITS_S = (0.01, 0.1, 1, 10, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
ANSWERS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_NOT_BEGUN = (JobState.PENDING, JobState.STARTING)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OF_OTHERS = ("authorization", "origin", "forwarded", "x-forwarded-for", "x-real-ip", "via", "sec-fetch-site")


class Metrics:
    """`on_loopback` says whether programs of this machine need no token; `more` are of other parts."""

    def __init__(
        self,
        controller: Controller,
        on_loopback: Callable[[], bool],
        more: Callable[[], Iterable[Family]] = tuple,
    ) -> None:
        self._controller = controller
        self._on_loopback = on_loopback
        self._more = more
        self._waits = Histogram(WAITS_S)
        self._moves: Counter[str] = Counter()
        self._answers: dict[tuple[str, str, str], Histogram] = {}
        self._began_at = time.time()
        controller.watch(self._look)

    def _look(self, events: Sequence[StateChanged]) -> None:
        for event in events:
            if event.previous is None:
                self._moves["submitted"] += 1
            elif event.state is JobState.RUNNING and event.previous in _NOT_BEGUN:
                self._moves["started"] += 1
                if event.ready_at is not None:
                    self._waits.observe(max(0.0, event.at - event.ready_at))
            elif event.state in ENDED:
                self._moves[event.state.value.lower()] += 1

    # -- answers

    def timed(self, scope: Scope, send: Send) -> Send:
        """`send`, noting how long it took until an answer began."""
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered(scope, message["status"], time.perf_counter() - began)
            await send(message)

        return watched

    def _answered(self, scope: Scope, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", None) or (
            "/v1/jobs" if scope["path"] == "/v1/jobs" else "other"
        )
        method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE") else "other"
        key = (method, path, f"{status // 100}xx")
        if key not in self._answers:
            self._answers[key] = Histogram(ANSWERS_S)
        self._answers[key].observe(seconds)

    def open_to(self, scope: Scope) -> bool:
        """Whether it is answered without a credential: a plain request of a program on this machine."""
        if scope["path"] != PATH or scope["method"] != "GET" or not self._on_loopback():
            return False
        client = scope.get("client")
        if connection_of(scope).peer is not None or not client or not _is_loopback(client[0]):
            return False
        headers = Headers(scope=scope)
        return host_name(headers.get("host", "")) in _LOOPBACK and not any(
            one in headers for one in _OF_OTHERS
        )

    # -- telling

    def response(self) -> Response:
        return Response(text_of(self.families()), media_type=CONTENT_TYPE)

    def families(self) -> Iterator[Family]:
        yield from self._queue()
        yield from self._work()
        yield from self._nodes()
        yield Family(
            name="launchyard_http_seconds",
            kind="histogram",
            help="Seconds until an answer began, by route.",
            figures=[
                figure
                for (method, path, status), one in self._answers.items()
                for figure in one.figures({"method": method, "path": path, "status": status})
            ],
        )
        yield from self._more()
        yield from self._process()

    def _queue(self) -> Iterator[Family]:
        states: Counter[str] = Counter()
        waiting: Counter[str] = Counter()
        for depth, count in self._controller.depths.items():
            states[depth.state.value] += count
            if depth.state is JobState.PENDING:
                waiting[depth.partition] += count
        yield gauge(
            "launchyard_jobs",
            "Live jobs by state; each waiting task of an array counts.",
            *(({"state": state}, count) for state, count in sorted(states.items())),
        )
        yield gauge(
            "launchyard_queue_depth",
            "Jobs that wait, by partition.",
            *(({"partition": name}, count) for name, count in sorted(waiting.items())),
        )

    def _work(self) -> Iterator[Family]:
        passes = self._controller.counters
        yield counter(
            "launchyard_jobs_total",
            "Jobs by what became of them.",
            *(({"what": what}, count) for what, count in sorted(self._moves.items())),
        )
        yield Family(
            name="launchyard_wait_seconds",
            kind="histogram",
            help="Seconds that jobs waited from when they could start until they ran.",
            figures=self._waits.figures(),
        )
        yield Family(
            name="launchyard_pass_seconds",
            kind="summary",
            help="Planning passes and the seconds that they took.",
            figures=[("_sum", {}, passes.total_s), ("_count", {}, passes.cycles)],
        )
        yield gauge("launchyard_pass_last_seconds", "What the last planning pass took.", ({}, passes.last_s))
        yield Family(
            name="launchyard_commit_seconds",
            kind="histogram",
            help="Seconds of each commit to the database.",
            figures=self._controller.commits.figures(),
        )
        yield gauge(
            "launchyard_degraded",
            "1 while the store does not take what is decided.",
            ({}, float(self._controller.degraded is not None)),
        )

    def _nodes(self) -> Iterator[Family]:
        found = self._controller.node_uses()
        states = Counter(use.node.state.value.lower() for use in found)
        yield gauge(
            "launchyard_nodes",
            "Nodes by state.",
            *(({"state": name}, n) for name, n in sorted(states.items())),
        )
        for what, total, used in (
            ("cpus", lambda node: node.cpus, lambda use: use.cpus_milli / 1000),
            ("memory_mib", lambda node: node.memory_mib, lambda use: use.memory_mib),
            ("gpus", lambda node: node.gpus, lambda use: use.gpus),
        ):
            yield gauge(
                f"launchyard_node_{what}",
                f"{what} of all nodes.",
                ({}, _sum(total, (use.node for use in found))),
            )
            yield gauge(f"launchyard_node_{what}_used", f"{what} that jobs hold.", ({}, _sum(used, found)))

    def _process(self) -> Iterator[Family]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        yield counter(
            "process_cpu_seconds_total", "CPU time of the server.", ({}, usage.ru_utime + usage.ru_stime)
        )
        yield gauge("process_resident_memory_bytes", "Memory of the server.", ({}, _resident_bytes()))
        yield gauge(
            "process_open_fds",
            "Open files of the server.",
            ({}, sum(1 for _ in Path("/proc/self/fd").iterdir())),
        )
        yield gauge("process_start_time_seconds", "When it began.", ({}, self._began_at))


def _sum(of: Callable[[Any], float], values: Iterable[Any]) -> float:
    return float(sum(of(one) for one in values))


def _resident_bytes() -> float:
    return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
