"""What Ray is told of ours: which resources are taken, by placement groups, and which are wanted, as demand.

Our policy places; these only let Ray's own scheduler and its autoscaler see it. A launch that is over within
a second is not told of: the group would be younger than the news of its end.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources
from ray.util import placement_group, placement_group_table, remove_placement_group

from launchyard.raybridge.nodes import bundle

SOON_S = 1.0
PAUSE_S = 0.2


class Holds:
    """One thread of its own: Ray answers when it likes."""

    def __init__(self, yard: str) -> None:
        self._prefix = f"launchyard-{yard}-"
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self._due: dict[str, tuple[float, dict[str, Any]]] = {}
        self._groups: dict[str, Any] = {}
        self._wanted: list[dict[str, float]] | None = None
        threading.Thread(target=self._run, name="holds", daemon=True).start()

    def order(self, message: dict[str, Any]) -> None:
        """`held{l, shares}`, `free{l}`, `only{ls}`: those that are still held after a while without a bridge,
        `want{shares}`."""
        self._orders.put(message)

    def _run(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                # What Ray refuses is only news that did not reach it.
                self._turn()

    def _turn(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._hear(self._orders.get(timeout=PAUSE_S))
            while True:
                self._hear(self._orders.get_nowait())
        now = time.monotonic()
        for launch in [one for one, (due, _) in self._due.items() if due <= now]:
            _, message = self._due.pop(launch)
            self._hold(launch, message["shares"])

    def _hear(self, message: dict[str, Any]) -> None:
        kind = message["t"]
        if kind == "held":
            if message["l"] not in self._groups:
                self._due[message["l"]] = (time.monotonic() + SOON_S, message)
        elif kind == "free":
            self._due.pop(message["l"], None)
            group = self._groups.pop(message["l"], None)
            if group is not None:
                remove_placement_group(group)
        elif kind == "only":
            self._sweep(set(message["ls"]))
        elif kind == "want":
            self._want([bundle(one, "") for one in message["shares"]])

    def _hold(self, launch: str, shares: list[dict[str, Any]]) -> None:
        bundles = [bundle(one, one["address"]) for one in shares]
        self._groups[launch] = placement_group(
            [one for one in bundles if one], name=self._prefix + launch, lifetime="detached"
        )

    def _sweep(self, held: set[str]) -> None:
        """Groups of launches that ended while no bridge was there."""
        for one in placement_group_table().values():
            name = str(one.get("name", ""))
            if not name.startswith(self._prefix) or one.get("state") == "REMOVED":
                continue
            launch = name[len(self._prefix) :]
            group = ray.util.get_placement_group(name)
            if launch in held:
                self._groups[launch] = group
            else:
                remove_placement_group(group)

    def _want(self, bundles: list[dict[str, float]]) -> None:
        if bundles != self._wanted:
            request_resources(bundles=bundles)
            self._wanted = bundles
