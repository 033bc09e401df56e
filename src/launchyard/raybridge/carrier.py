"""One node: its agent, and the two threads that carry the streams there and back by calls of its actor."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from launchyard.agent import seal, seed
from launchyard.agent.streams import Streams

PUSH_BYTES = 1 << 20
PUSH_WAIT_S = 5.0
CALL_S = 30.0
START_S = 90.0
RETRY_S = (0.5, 10.0)
Told = Callable[[], None]


class Order:
    """What every agent of this daemon is started with."""

    def __init__(
        self,
        *,
        yard: str,
        key: bytes,
        packed: bytes,
        version: str,
        root_jobs: bool,
        hooks: dict[str, Any],
    ) -> None:
        self.yard = yard
        self.key = key
        self.packed = packed
        rules = json.dumps([root_jobs, hooks], sort_keys=True)
        self.version = f"{version}-{zlib.crc32(rules.encode()):08x}"
        """An agent that was started with other code or other rules makes way."""
        self.root_jobs = root_jobs
        self.hooks = hooks

    def of(self, name: str) -> dict[str, Any]:
        return {
            "yard": self.yard,
            "node": name,
            "allow_root_jobs": self.root_jobs,
            "hooks": self.hooks,
        }


class Carrier:
    """Tries until its node is gone. `told` is called when `facts` or `why` are others."""

    def __init__(self, kind: Any, order: Order, node_id: str, name: str, directory: str, told: Told) -> None:
        self._kind = kind
        self._order = order
        self._node_id = node_id
        self._name = name
        self._directory = directory
        self._told = told
        self._actor: Any = None
        self._streams: Streams | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.facts: dict[str, Any] = {}
        """Of the agent; empty while there is no session."""
        self.why = ""
        threading.Thread(target=self._run, name=f"carrier {name}", daemon=True).start()

    def connect(self, local: socket.socket) -> None:
        """Join it with the launcher of the node; closed at once while there is no session."""
        with self._lock:
            if self._streams is None or self._streams.closed:
                local.close()
            else:
                self._streams.open(local, "launcher")

    def close(self) -> None:
        """The node is gone."""
        self._over.set()
        with self._lock:
            if self._streams is not None:
                self._streams.close()

    # -- the thread

    def _run(self) -> None:
        pause_s = RETRY_S[0]
        while not self._over.is_set():
            begun = time.monotonic()
            try:
                self._serve()
                why = "its agent does not answer"
            except Exception as error:
                # Ray wraps what the agent raised in an error of its own, and raises many of its own.
                why = _sentence(error)
            self._say({}, why)
            pause_s = RETRY_S[0] if time.monotonic() - begun > RETRY_S[1] else min(2 * pause_s, RETRY_S[1])
            self._over.wait(pause_s)

    def _serve(self) -> None:
        """One session, to its end."""
        self._actor = self._of_this_version()
        facts = ray.get(self._actor.adopt.remote(self._order.key), timeout=START_S)
        nonce = secrets.token_bytes(32)
        session, proof = ray.get(self._actor.greet.remote(nonce), timeout=CALL_S)
        if not seal.is_proof(self._order.key, nonce, session, proof):
            raise seal.Forged("what answers there as its agent does not have our key")
        key = seal.session_key(self._order.key, nonce, session)
        streams = Streams(0, self._directory)
        try:
            pulling = threading.Thread(target=self._pull, args=(streams, key, session), daemon=True)
            # The first push makes the session the agent's.
            pushed = seal.Sealer(key, seal.TO_NODE)
            ray.get(self._actor.push.remote(session, pushed.seal(b"")), timeout=CALL_S)
            pulling.start()
            with self._lock:
                self._streams = streams
            self._say(facts, "")
            while not streams.closed:
                data = streams.take(PUSH_BYTES, PUSH_WAIT_S)
                if data:
                    ray.get(self._actor.push.remote(session, pushed.seal(data)), timeout=CALL_S)
        finally:
            streams.close()

    def _pull(self, streams: Streams, key: bytes, session: bytes) -> None:
        asked, answered = seal.Sealer(key, seal.ASK), seal.Opener(key, seal.FROM_NODE)
        with contextlib.suppress(Exception):
            while not streams.closed:
                sealed = ray.get(self._actor.pull.remote(session, asked.seal(b"")), timeout=CALL_S)
                data = answered.open(sealed)
                if data:
                    streams.feed(data)
        streams.close()

    def _of_this_version(self) -> Any:
        """The node's actor; one with other code makes way, which no job notices."""
        order, actor = self._order, self._make()
        version = ray.get(actor.version.remote(), timeout=START_S)
        if version not in ("", order.version):
            # Ray starts it again, empty.
            ray.kill(actor, no_restart=False)
            raise InterruptedError("its agent makes way for one of this version")
        if not version:
            planting = actor.plant.remote(order.packed, order.version, order.of(self._name))
            ray.get(planting, timeout=START_S)
        return actor

    def _make(self) -> Any:
        return self._kind.options(
            name=f"agent-{self._node_id}",
            lifetime="detached",
            get_if_exists=True,
            scheduling_strategy=NodeAffinitySchedulingStrategy(self._node_id, soft=False),
            # Ray runs its workers at a lower priority, which jobs would inherit.
            runtime_env={"env_vars": {"RAY_worker_niceness": "0"}},
        ).remote()

    def _say(self, facts: dict[str, Any], why: str) -> None:
        if (facts, why) != (self.facts, self.why):
            self.facts, self.why = facts, why
            self._told()


def kind_of_actor() -> Any:
    """Made once: the class as Ray carries it, each direction of a session in a thread of its own."""
    ray.cloudpickle.register_pickle_by_value(seed)
    ray.method(concurrency_group="in")(seed.Seed.push)
    ray.method(concurrency_group="out")(seed.Seed.pull)
    options = {"num_cpus": 0, "max_restarts": -1, "concurrency_groups": {"in": 1, "out": 1}}
    return ray.remote(**options)(seed.Seed)


def _sentence(error: Exception) -> str:
    """What the agent raised is the last line of what Ray makes of it; Ray's own errors say it first."""
    if isinstance(error, ray.exceptions.GetTimeoutError):
        return "its agent does not answer"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if not isinstance(error, ray.exceptions.RayTaskError):
        return lines[0]
    kind, colon, rest = lines[-1].partition(": ")
    return rest if colon and " " not in kind else lines[-1]
