"""The bridge: joins a Ray cluster as a program of it, and speaks with the daemon over the socket on stdin.

    daemon -> bridge: begin{address, key, yard, version, root_jobs, hooks, packed, directory} · connect{name}
        with one descriptor · held{l, shares} · free{l} · only{ls} · want{shares}
    bridge -> daemon: joined{ray, python, address} · nodes{nodes} whenever they are others · failed{why}

Ray ends this process when its head is away for long; we do not wait for that: a head that does not answer for
ten seconds ends it here. The daemon starts another one until that finds a head again.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import threading
import time
from typing import Any, NoReturn

import ray

from launchyard.launcher.messages import BrokenStream, Decoder, Message, encode, receive
from launchyard.raybridge import nodes
from launchyard.raybridge.carrier import Carrier, Order, kind_of_actor
from launchyard.raybridge.holds import Holds

OLDEST = (2, 40)
CLIENT = "ray://"
"""How an address begins that is reached from outside of the cluster."""
LOOK_S = 0.5
AWAY_S = 10.0


class Bridge:
    """`serve` is the main thread; another one looks at Ray."""

    def __init__(self, daemon: socket.socket) -> None:
        self._daemon = daemon
        self._sending = threading.Lock()
        self._carriers: dict[str, Carrier] = {}
        """By Ray's id of the node."""
        self._nodes: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._told: list[dict[str, Any]] | None = None
        self._answered = time.monotonic()
        self._holds: Holds | None = None
        self._order: Order | None = None
        self._directory = "/"
        self._kind: Any = None

    def serve(self) -> None:
        """Until the daemon is gone."""
        decoder, fds = Decoder(), list[int]()
        while True:
            data, came = receive(self._daemon)
            fds += came
            if not data:
                return
            for message in decoder.feed(data):
                self._obey(message, fds)

    def say(self, message: Message) -> None:
        with self._sending:
            self._daemon.sendall(encode(message))

    def _obey(self, message: Message, fds: list[int]) -> None:
        kind = message["t"]
        if kind == "begin":
            self._begin(message)
        elif kind == "connect":
            self._connect(message["name"], socket.socket(fileno=fds.pop(0)))
        elif self._holds is not None:
            self._holds.order(message)

    def _begin(self, message: Message) -> None:
        version = tuple(int(part) for part in ray.__version__.split(".")[:2])
        if version < OLDEST:
            raise RuntimeError(
                f"Ray {ray.__version__} is too old; {OLDEST[0]}.{OLDEST[1]} is the oldest known"
            )
        ray.init(
            address=message["address"],
            namespace=f"launchyard-{message['yard']}",
            log_to_driver=False,
            configure_logging=False,
            logging_level="ERROR",
        )
        with open(message["packed"], "rb") as file:
            packed = file.read()
        self._order = Order(
            yard=message["yard"],
            key=bytes.fromhex(message["key"]),
            packed=packed,
            version=message["version"],
            root_jobs=message["root_jobs"],
            hooks=message["hooks"],
        )
        self._directory, self._kind = message["directory"], kind_of_actor()
        self._holds = Holds(message["yard"])
        address = message["address"]
        if not address.startswith(CLIENT):
            address = ray.get_runtime_context().gcs_address
        joined = {"ray": ray.__version__, "python": platform.python_version(), "address": address}
        self.say({"t": "joined", **joined})
        threading.Thread(target=self._look, name="nodes", daemon=True).start()
        threading.Thread(target=self._mind, name="head", daemon=True).start()

    # -- nodes

    def _look(self) -> None:
        while True:
            found = nodes.of_ray(ray.nodes())
            self._answered = time.monotonic()
            with self._lock:
                self._nodes = found
                alive = {one["id"]: one["name"] for one in found if one["alive"]}
                for gone in self._carriers.keys() - alive.keys():
                    self._carriers.pop(gone).close()
                for node_id, name in alive.items():
                    if node_id not in self._carriers:
                        self._carriers[node_id] = self._carrier(node_id, name)
            self._tell()
            time.sleep(LOOK_S)

    def _carrier(self, node_id: str, name: str) -> Carrier:
        if self._order is None:
            raise RuntimeError("not begun")
        return Carrier(self._kind, self._order, node_id, name, self._directory, self._tell)

    def _tell(self) -> None:
        with self._lock:
            now = [self._with_agent(one) for one in self._nodes]
            if now == self._told:
                return
            self._told = now
            self.say({"t": "nodes", "nodes": now})

    def _with_agent(self, node: dict[str, Any]) -> dict[str, Any]:
        carrier = self._carriers.get(node["id"])
        if carrier is None:
            return {**node, "agent": {}}
        return {**node, "agent": carrier.facts, "why": carrier.why or node["why"]}

    def _mind(self) -> None:
        """Ray's own calls wait long for a head that is away."""
        while time.monotonic() - self._answered < AWAY_S:
            time.sleep(LOOK_S)
        self._fail("the head of the Ray cluster does not answer")

    def _connect(self, name: str, local: socket.socket) -> None:
        with self._lock:
            node_id = next((one["id"] for one in self._nodes if one["name"] == name and one["alive"]), "")
            carrier = self._carriers.get(node_id)
        if carrier is None:
            local.close()
        else:
            carrier.connect(local)

    def _fail(self, why: str) -> NoReturn:
        try:
            self.say({"t": "failed", "why": why})
        finally:
            os._exit(1)


def main() -> NoReturn:
    """Ray's own threads and processes do not keep us."""
    bridge = Bridge(socket.socket(fileno=os.dup(0)))
    try:
        bridge.serve()
    except (OSError, BrokenStream):
        os._exit(0)
    except Exception as error:
        # Whatever Ray raises: the daemon says it, in its one sentence.
        print(repr(error), file=sys.stderr, flush=True)
        lines = [line for line in str(error).splitlines() if line.strip()]
        bridge.say({"t": "failed", "why": lines[0] if lines else type(error).__name__})
        os._exit(1)
    os._exit(0)
