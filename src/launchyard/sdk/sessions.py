"""Interactive sessions as a program starts and handles them: `Client().sessions.start("jupyter", cpus=2)`."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from launchyard.model import notify
from launchyard.model.errors import Invalid, NotFound
from launchyard.sdk.errors import TimedOut
from launchyard.sdk.events import EventStream
from launchyard.sdk.records import Record
from launchyard.sdk.submission import JobOptions, job_body, seconds

if TYPE_CHECKING:
    from launchyard.sdk.client import Client

SETTLED = ("running", "ended", "failed")
LOOK_S = 15.0
_TAKEN = ("name", "time_limit_s", "cluster", "partition", "account", "qos", "working_dir", "environment")


class Sessions:
    """The sessions of a server, as one caller sees them."""

    def __init__(self, client: "Client") -> None:
        self._transport = client.transport

    def apps(self) -> list[Record]:
        """What can be started, with its form; `unavailable` says why one cannot."""
        return [Record(one) for one in self._transport.json("GET", "/v1/apps")["apps"]]

    def app(self, name: str) -> Record:
        return Record(self._transport.json("GET", f"/v1/apps/{name}"))

    def start(
        self,
        app: str,
        values: Mapping[str, Any] | None = None,
        *,
        idle_stop: float | str | None = None,
        like: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Record:
        """A new session of an app. `values` are those of its form, `idle_stop` seconds, text, or 0.

        `like`: as the settings that were kept under this name, but for what is named here.
        """
        kept = self._kept(app, like) if like is not None else {}
        asked = _asked(options, idle_stop)
        resources = {**kept.pop("resources", {}), **asked.pop("resources", {})}
        body = {**kept, "app": app, **asked, "resources": resources}
        body["values"] = {**kept.get("values", {}), **(values or {})}
        return Record(self._transport.json("POST", "/v1/sessions", body, headers=_key()))

    def save(self, session: int, name: str) -> Record:
        """Keep its settings under a name; empty: not any more."""
        return Record(self._transport.json("POST", f"/v1/sessions/{session}/save", {"name": name}))

    def _kept(self, app: str, name: str) -> dict[str, Any]:
        saved = self._transport.json("GET", f"/v1/apps/{app}")["saved"]
        found = next((one for one in saved if one["name"] == name), None)
        if found is None:
            names = ", ".join(one["name"] for one in saved) or "none"
            raise NotFound(f"nothing of {app} is kept as {name}; there is: {names}")
        return dict(found["settings"])

    def relaunch(
        self,
        session: int,
        values: Mapping[str, Any] | None = None,
        *,
        delete: bool = False,
        idle_stop: float | str | None = None,
        **options: Unpack[JobOptions],
    ) -> Record:
        """Another session like one that was, but for what is named here; `delete` its card."""
        body = {"values": dict(values or {}), "delete": delete, **_asked(options, idle_stop)}
        body.pop("environment", None)
        answer = self._transport.json("POST", f"/v1/sessions/{session}/relaunch", body, headers=_key())
        return Record(answer)

    def list(self, *, live: bool = False, app: str | None = None) -> "list[Record]":
        """Newest first; `live`: only those that have not ended."""
        query = {"live": 1 if live else None, "app": app}
        return [Record(one) for one in self._transport.json("GET", "/v1/sessions", query=query)["sessions"]]

    def get(self, session: int) -> Record:
        return Record(self._transport.json("GET", f"/v1/sessions/{session}"))

    def stop(self, session: int) -> Record:
        """End it; its card stays."""
        return Record(self._transport.json("POST", f"/v1/sessions/{session}/stop"))

    def extend(self, session: int, by: float | str = "1h") -> Record:
        """Give it more time, as far as limits allow."""
        by_s = seconds(by) if isinstance(by, str) else int(by)
        return Record(self._transport.json("POST", f"/v1/sessions/{session}/extend", {"by_s": by_s}))

    def share(self, session: int, users: Sequence[str]) -> Record:
        """These users may open it beside its owner, and nobody else."""
        return Record(self._transport.json("POST", f"/v1/sessions/{session}/share", {"users": [*users]}))

    def delete(self, session: int) -> Record:
        """Its card is gone; accounting keeps the job."""
        return Record(self._transport.json("DELETE", f"/v1/sessions/{session}"))

    def wait(self, session: int, *, timeout_s: float | None = None, told: Any = None) -> Record:
        """The session once it runs or has ended; `told` is called with it whenever it changed."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with EventStream(self._transport) as events:
            while True:
                now = self.get(session)
                if told is not None:
                    told(now)
                if now.state in SETTLED:
                    return now
                left_s = LOOK_S if deadline is None else min(LOOK_S, deadline - time.monotonic())
                if left_s <= 0:
                    raise TimedOut(f"session {session} is {now.state} after {timeout_s:g} s; it goes on")
                events.next(left_s)


def _asked(options: JobOptions, idle_stop: float | str | None) -> dict[str, Any]:
    """What is asked for of the node, in the names of the API."""
    body = job_body(["session"], options)
    asked = {name: body[name] for name in _TAKEN if body.get(name) is not None}
    resources = {name: value for name, value in body.get("resources", {}).items() if value is not None}
    if resources:
        asked["resources"] = resources
    told = body.get("metadata", {})
    for name, key in (("notify", notify.KEY), ("notify_to", notify.TO)):
        if key in told:
            asked[name] = told[key].split(",")
    if idle_stop is not None:
        asked["idle_stop_s"] = (0 if idle_stop == "0" else seconds(idle_stop)) or 0
        if asked["idle_stop_s"] < 0:
            raise Invalid("idle_stop is less than 0; 0 never stops it")
    return asked


def _key() -> dict[str, str]:
    return {"Idempotency-Key": os.urandom(16).hex()}
