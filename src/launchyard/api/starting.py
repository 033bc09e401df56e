"""What starts a session: the app, checked values and resources, as a submission like any other.

Every value is checked here, whatever the page did: against the fields of the app and its rules, and what is
asked of the machine like that of any job.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from launchyard.api.context import Context
from launchyard.engine.apps import Apps, Found
from launchyard.model import notify
from launchyard.model.app import App, checked, environment_of
from launchyard.model.errors import Infeasible, Invalid, LaunchyardError, Unavailable
from launchyard.model.job import JobKind
from launchyard.model.runtimeenv import check as check_runtime_env
from launchyard.model.session import Session
from launchyard.model.submission import Caller, Submission
from launchyard.wire.convert import to_submission
from launchyard.wire.sessions import StartSession
from launchyard.wire.submit import Resources, SubmitJob

IDLE_STOP_MIN_S = 300
WITHOUT = ("conda", "image_uri", "container")
"""What a runtime environment cannot have beside that of an app."""


def apps_of(context: Context) -> Apps:
    """Raises `Unavailable` where this server has none."""
    if context.services.apps is None:
        raise Unavailable("this server starts no sessions")
    return context.services.apps


async def find_app(context: Context, caller: Caller, name: str) -> Found:
    """The app of this name, whether it can be started or not. Raises `NotFound`."""
    return await apps_of(context).one(caller.uid, name, await context.services.login(caller.uid))


async def to_start(context: Context, caller: Caller, body: StartSession) -> Submission:
    """The submission that a body asks for. Raises `Invalid`, `Infeasible` or `NotFound`."""
    found = await find_app(context, caller, body.app)
    app = found.app
    if app is None or found.unavailable is not None:
        title = found.name if app is None else app.title
        raise Infeasible(f"{title} cannot be started: {found.unavailable}", code="app-unavailable")
    resources = _resources(app, body)
    limit_s = body.time_limit_s if body.time_limit_s is not None else app.defaults.time_limit_s
    values = checked(app, body.values, _facts(resources, limit_s, body.partition))
    entry = await context.services.users.load(caller.uid)
    home = "/" if entry is None else entry.home
    login = await context.services.login(caller.uid)
    environment = _merged(environment_of(app, values), body.runtime_env)
    job = SubmitJob(
        command=[posixpath.join(app.folder, "start.sh")],
        name=body.name or app.name,
        account=body.account,
        cluster=body.cluster,
        partition=body.partition,
        qos=body.qos,
        resources=resources,
        time_limit_s=limit_s,
        working_dir=_below(home, body.working_dir),
        environment={**login, **body.environment} or None,
        runtime_env=environment or None,
        metadata={**app.metadata, **_notified(body)},
    )
    site_s = apps_of(context).idle_stop_s
    session = _session(app, values, body, home=home, site_s=site_s)
    submission = replace(to_submission(job), kind=JobKind.SESSION, session=session)
    if body.qos is None:
        submission = replace(submission, qos=context.services.controller.sessions.qos_for(caller, submission))
    return submission


def _notified(body: StartSession) -> dict[str, str]:
    """Of what its person is told, and where."""
    asked = {notify.KEY: notify.joined(body.notify), notify.TO: notify.joined(body.notify_to)}
    return {key: words for key, words in asked.items() if words}


def _session(
    app: App, values: Mapping[str, Any], body: StartSession, *, home: str, site_s: int | None
) -> Session:
    opening = app.opening
    given = (body.idle_stop_s, app.defaults.idle_stop_s, site_s)
    idle_stop_s = next((one for one in given if one is not None), None)
    if idle_stop_s is not None and 0 != idle_stop_s < IDLE_STOP_MIN_S:
        raise Invalid(
            f"idle_stop_s is {idle_stop_s}; {IDLE_STOP_MIN_S} is the least, and 0 never stops it",
            code="form:idle_stop_s",
        )
    return Session(
        app=app.name,
        title=app.title,
        folder=app.folder,
        icon=app.icon,
        values={name: _at_home(home, value) for name, value in values.items()},
        speaks=opening.speaks,
        strip_prefix=opening.strip_prefix,
        opens=opening.path,
        ready=opening.ready,
        start_s=opening.start_s,
        tcp=opening.tcp,
        headers=dict(opening.headers),
        quiet=opening.quiet,
        programs=tuple(("|".join(one.names), one.hint) for one in app.programs),
        brought=body.runtime_env,
        idle_stop_s=idle_stop_s or None,
    )


def _resources(app: App, body: StartSession) -> Resources:
    given = {name: value for name, value in asdict(body.resources).items() if value is not None}
    defaults = app.defaults
    asked = {"cpus": defaults.cpus, "memory_mib": defaults.memory_mib, "gpus": defaults.gpus, **given}
    return Resources(**asked)


def _facts(resources: Resources, limit_s: int | None, partition: str | None) -> dict[str, Any]:
    """What rules may look at beside the form."""
    return {
        "cpus": resources.cpus,
        "memory_mib": resources.memory_mib,
        "gpus": resources.gpus,
        "time_limit_s": limit_s,
        "partition": partition,
    }


def _merged(own: Mapping[str, Any], brought: Mapping[str, Any]) -> dict[str, Any]:
    """The environment of the app with what its person brings: packages of both, files and variables."""
    asked = check_runtime_env(brought)
    if not own.get("uv") or not brought:
        return {**own, **brought}
    if wrong := [name for name in WITHOUT if brought.get(name) is not None]:
        raise Infeasible(
            f"the app brings packages of its own, which do not go with {wrong[0]}; leave it out, and choose "
            f"that Python in the form"
        )
    merged = {**own, **{name: value for name, value in brought.items() if name not in ("pip", "uv")}}
    if asked.requirements is not None:
        merged["uv"] = [*own["uv"], *asked.requirements.lines]
    return merged


def _below(home: str, path: str | None) -> str:
    return home if not path else str(_at_home(home, path))


def _at_home(home: str, value: Any) -> Any:
    """`~/x` as the full path that it means."""
    if isinstance(value, str) and (value == "~" or value.startswith("~/")):
        return posixpath.join(home, value[2:]) if value != "~" else home
    return value


async def start(
    context: Context, caller: Caller, body: StartSession, idempotency: tuple[str, str] | None = None
) -> Any:
    """The job of the new session, durable. Raises what `to_start` and the queue refuse."""
    submission = await to_start(context, caller, body)
    (made,) = await context.services.controller.submit(caller, [submission], idempotency=idempotency)
    if isinstance(made, LaunchyardError):
        raise made
    return made
