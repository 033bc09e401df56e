"""A session and an app as JSON. Times are RFC 3339 in UTC; unknown is null."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.model.app import App, Field, Origin, Rule, When
from launchyard.model.job import Job
from launchyard.model.reason import Reason
from launchyard.model.session import SessionState, Speaks, prefix
from launchyard.policy.sessions import cause_of, ends_at, session_of, state_of, steps_of
from launchyard.wire.job import estimate_json, resources_json, time_json
from launchyard.wire.sessions import SessionResources

ASKED = frozenset(SessionResources.__dataclass_fields__)
_SECONDS = re.compile(r", \d+ s$")


def session_json(
    job: Job,
    told: Mapping[str, Any],
    *,
    now: float,
    reason: Reason | None = None,
    idle: tuple[float, float] | None = None,
    last_lines: Sequence[str] = (),
    notice: str | None = None,
) -> dict[str, Any]:
    """`told` is the job's own JSON; `idle` since when it is and when it is stopped, once it was warned."""
    session, state = session_of(job), state_of(job)
    until = ends_at(job)
    runs = state is SessionState.RUNNING
    return {
        "id": job.id,
        "app": session.app,
        "title": session.title,
        "icon": session.icon,
        "name": job.name,
        "owner": job.user,
        "state": state.value,
        "reason": reason.sentence if reason is not None else job.stop_requested,
        "cause": cause_of(job) if job.ended else None,
        "phase": _phase(session.title, reason),
        "notice": notice,
        "last_lines": list(last_lines),
        "steps": [
            {"name": one.name, "state": one.state, "seconds": one.seconds} for one in steps_of(job, now)
        ],
        "values": session.values,
        "settings": settings_of(job),
        "speaks": session.speaks.value,
        "url": f"{prefix(job.id)}{session.opens}" if runs and session.speaks is Speaks.HTTP else None,
        "submitted_at": time_json(job.submitted_at),
        "started_at": time_json(job.started_at),
        "answered_at": time_json(session.answered_at) if runs or job.ended else None,
        "ended_at": time_json(job.ended_at),
        "ends_at": time_json(until),
        "time_left_s": None if until is None else max(0.0, until - now),
        "idle_stop_s": session.idle_stop_s,
        "idle_since": time_json(idle[0]) if idle is not None else None,
        "idle_stop_at": time_json(idle[1]) if idle is not None else None,
        "estimate": None if reason is None else estimate_json(reason.estimate),
        "sharers": list(session.sharers),
        "deleted": session.deleted,
        "saved_as": session.saved_as,
        "job": told,
    }


def _phase(title: str, reason: Reason | None) -> str | None:
    """What the set-up of its environment does, without how long: that is with the steps."""
    if reason is None or reason.code != "runtime-env":
        return None
    _, _, doing = reason.sentence.partition(": ")
    return f"Setting up {title}: {_SECONDS.sub('', doing)}" if doing else f"Setting up {title}"


def settings_of(job: Job) -> dict[str, Any]:
    """What another session like this one would be asked for with."""
    session = session_of(job)
    asked = {name: value for name, value in resources_json(job.request).items() if name in ASKED}
    if asked["nodes"] == 1:
        del asked["nodes"]
    return {
        "app": session.app,
        "values": session.values,
        "name": job.name,
        "resources": asked,
        "time_limit_s": job.time_limit_s,
        "partition": job.partition,
        "account": job.account,
        "qos": job.qos,
        "working_dir": job.working_dir,
        "runtime_env": session.brought,
        "idle_stop_s": session.idle_stop_s or 0,
    }


def app_json(app: App, unavailable: str | None, cards: Sequence[Job] = ()) -> dict[str, Any]:
    """`cards` are its sessions that the caller has, newest first: the last one, and those that are kept."""
    defaults = app.defaults
    return {
        "name": app.name,
        "title": app.title,
        "summary": app.summary,
        "icon": app.icon,
        "origin": app.origin.value,
        "unavailable": unavailable,
        "speaks": app.opening.speaks.value,
        "environment": bool(app.runtime_env),
        "defaults": {
            "cpus": defaults.cpus,
            "memory_mib": defaults.memory_mib,
            "gpus": defaults.gpus,
            "time_limit_s": defaults.time_limit_s,
            "idle_stop_s": defaults.idle_stop_s,
        },
        "fields": [_field_json(one) for one in app.fields],
        "rules": [_rule_json(one) for one in app.rules],
        "last": settings_of(cards[0]) if cards else None,
        "saved": [saved_json(job) for job in cards if session_of(job).saved_as],
    }


def broken_json(name: str, origin: Origin, problem: str | None) -> dict[str, Any]:
    """A folder whose `app.toml` cannot be read, said where its person looks for it."""
    app = App(name=name, folder="", origin=origin, title=name)
    return app_json(app, problem or "its app.toml cannot be read")


def saved_json(job: Job) -> dict[str, Any]:
    """What was kept of a session."""
    return {"name": session_of(job).saved_as, "session": job.id, "settings": settings_of(job)}


def _field_json(one: Field) -> dict[str, Any]:
    return {
        "name": one.name,
        "label": one.label,
        "type": one.type.value,
        "default": one.default,
        "help": one.help,
        "placeholder": one.placeholder,
        "required": one.required,
        "folded": one.folded,
        "min": one.min,
        "max": one.max,
        "step": one.step,
        "pattern": one.pattern,
        "options": [
            {"value": option.value, "label": option.label, "when": _when_json(option.when)}
            for option in one.options
        ],
        "when": _when_json(one.when),
    }


def _rule_json(one: Rule) -> dict[str, Any]:
    return {
        "when": _when_json(one.when),
        "field": one.field,
        "min": one.min,
        "max": one.max,
        "required": one.required,
        "options": list(one.options),
    }


def _when_json(when: When) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in when.items()}
