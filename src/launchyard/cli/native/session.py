"""`ly session`: interactive apps as jobs: start, list, open, extend, stop; a notebook as a batch job."""

import shlex
import shutil
import webbrowser
from collections.abc import Sequence
from typing import Any

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.job_options import SHAPE, environment, job_options, options_of
from launchyard.cli.native.notebook import batch
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import Line, err, out, out_json
from launchyard.cli.output.sessions import (
    print_apps,
    print_failure,
    print_form,
    print_sessions,
    progress,
    started,
)
from launchyard.model.errors import Conflict, Invalid, LaunchyardError
from launchyard.model.number import is_digits, shown
from launchyard.sdk.client import Client
from launchyard.sdk.records import Record
from launchyard.sdk.sessions import Sessions

_SHAPE = tuple(
    one
    for one in SHAPE
    if one.name
    in ("name", "cpus", "mem", "gpus", "nodes", "time", "partition", "constraint", "nodelist", "reservation")
)
_PLACE = (
    click.Option(["--account"], metavar="NAME", help="Who pays."),
    click.Option(["--cluster"], metavar="NAME", help="Which cluster."),
    click.Option(["--qos"], metavar="NAME", help="How urgent (interactive, where there is room)."),
    click.Option(["-C", "--chdir"], metavar="DIR", help="Directory to begin in (your home)."),
    click.Option(["--notify"], metavar="WHAT", help="Tell you of its start, end, fail, limit (soon over)."),
    click.Option(["--notify-to"], metavar="WHERE", help="Mail addresses, webhooks, URLs (your mail)."),
    click.Option(["--idle-stop"], metavar="TIME", help="Stop it when nobody uses it so long (2h; 0: never)."),
)
_SET = click.option("--set", "pairs", metavar="FIELD=VALUE", multiple=True, help="A field of the app's form.")
_ON = {
    "on": True,
    "yes": True,
    "true": True,
    "1": True,
    "off": False,
    "no": False,
    "false": False,
    "0": False,
}


@click.group(cls=NearestGroup)
def session() -> None:
    """Interactive apps, such as JupyterLab and desktops, as jobs: `ly session apps` lists them."""


session.add_command(batch)


@options_of(_SHAPE, _PLACE)
@session.command()
@click.argument("app", metavar="APP")
@_SET
@click.option("--like", metavar="NAME", help="As was kept under this name by `ly session save`.")
@click.option("--export", metavar="NAMES", help="Variables to take along from here (A,B=1).")
@click.option("--open", "opening", is_flag=True, help="Wait until it runs, and open it in a browser.")
@click.option("--wait", is_flag=True, help="Wait until it runs; exit code 1 when it does not come to that.")
@json_option
@quiet_option
def start(
    app: str,
    pairs: tuple[str, ...],
    like: str | None,
    export: str | None,
    opening: bool,
    wait: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> int:
    """Start an app: ly session start jupyter --cpus 2 --time 2h --open."""
    with client() as server:
        sessions = Sessions(server)
        options = _options(values)
        if export:
            options["environment"] = environment(export)
        made = sessions.start(
            app, _values(sessions, app, pairs), idle_stop=values.get("idle_stop"), like=like, **options
        )
        return _after(server, made, opening=opening, wait=wait, as_json=as_json, quiet=quiet)


@options_of(_SHAPE, _PLACE)
@session.command()
@click.argument("number", metavar="SESSION")
@_SET
@click.option("--open", "opening", is_flag=True, help="Wait until it runs, and open it in a browser.")
@click.option("--wait", is_flag=True, help="Wait until it runs; exit code 1 when it does not come to that.")
@click.option("--delete", is_flag=True, help="Delete the card of the one that was.")
@json_option
@quiet_option
def relaunch(
    number: str,
    pairs: tuple[str, ...],
    opening: bool,
    wait: bool,
    delete: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> int:
    """Start another one like it, with changes: ly session relaunch 17 --mem 8G."""
    with client() as server:
        sessions = Sessions(server)
        before = _number(number)
        app = str(sessions.get(before).app) if pairs else ""
        made = sessions.relaunch(
            before,
            _values(sessions, app, pairs),
            delete=delete,
            idle_stop=values.get("idle_stop"),
            **_options(values),
        )
        return _after(server, made, opening=opening, wait=wait, as_json=as_json, quiet=quiet)


@session.command(name="list")
@click.option("-a", "--all", "ended", is_flag=True, help="Those that have ended too.")
@json_option
@quiet_option
def list_sessions(ended: bool, as_json: bool, quiet: bool) -> None:
    """Your sessions, and those that are shared with you."""
    with client() as server:
        found = [one for one in Sessions(server).list() if ended or one.state not in ("ended",)]
    if as_json:
        out_json([one.to_json() for one in found])
    elif quiet:
        for one in found:
            out(str(one.id))
    elif not found:
        out("No sessions. Start one: ly session start jupyter --open")
    else:
        print_sessions([one.to_json() for one in found])


@session.command()
@click.argument("number", metavar="SESSION")
@json_option
def show(number: str, as_json: bool) -> None:
    """One session: its state, what it asked for, why it ended and its last lines."""
    with client() as server:
        found = Sessions(server).get(_number(number))
    if as_json:
        out_json(found.to_json())
        return
    print_sessions([found.to_json()])
    if found.state == "failed":
        print_failure(found.to_json())


@session.command(name="open")
@click.argument("number", metavar="SESSION")
@click.option("--print", "printing", is_flag=True, help="Print the address; open no browser.")
def open_session(number: str, printing: bool) -> int:
    """Open a session in a browser; waits until it runs."""
    with client() as server:
        sessions = Sessions(server)
        found = sessions.get(_number(number))
        if found.state in ("ended", "failed", "stopping"):
            raise Conflict(
                f"session {found.id} is {found.state}; start it again: ly session relaunch {found.id}"
            )
        return _come_up(server, found, opening=True, printing=printing)


@session.command()
@click.argument("numbers", metavar="SESSION...", nargs=-1, required=True)
def stop(numbers: Sequence[str]) -> int:
    """End sessions; their cards stay until they are deleted."""
    return _each(numbers, lambda sessions, number: sessions.stop(number), "is being stopped")


@session.command()
@click.argument("numbers", metavar="SESSION...", nargs=-1, required=True)
def delete(numbers: Sequence[str]) -> int:
    """Delete the cards of sessions that have ended."""
    return _each(numbers, lambda sessions, number: sessions.delete(number), "is deleted")


@session.command()
@click.argument("number", metavar="SESSION")
@click.option("--by", default="1h", metavar="TIME", help="By how much (1h).")
def extend(number: str, by: str) -> None:
    """Give a running session more time, as far as limits allow."""
    with client() as server:
        now = Sessions(server).extend(_number(number), by)
    print_sessions([now.to_json()])


@session.command()
@click.argument("number", metavar="SESSION")
@click.argument("users", metavar="[USER...]", nargs=-1)
def share(number: str, users: Sequence[str]) -> None:
    """Let these users open it too, and no others; without a name nobody else."""
    with client() as server:
        now = Sessions(server).share(_number(number), users)
    names = ", ".join(now.sharers)
    out(f"Session {now.id} is shared with {names}." if names else f"Session {now.id} is yours alone.")


@session.command()
@click.argument("number", metavar="SESSION")
@click.argument("name", metavar="[NAME]", default="")
def save(number: str, name: str) -> None:
    """Keep what it was asked for with under a name, for start --like; without a name not any more."""
    with client() as server:
        now = Sessions(server).save(_number(number), name)
    kept = (
        f"is kept: ly session start {now.app} --like {shlex.quote(name)}" if name else "is not kept any more"
    )
    out(f"What session {now.id} was asked for with {kept}")


@session.command()
@click.argument("app", metavar="[APP]", required=False)
@json_option
def apps(app: str | None, as_json: bool) -> None:
    """What can be started; with a name, the fields of its form."""
    with client() as server:
        sessions = Sessions(server)
        if app is not None:
            found = sessions.app(app)
            out_json(found.to_json()) if as_json else print_form(found.to_json())
            return
        every = [one.to_json() for one in sessions.apps()]
    out_json(every) if as_json else print_apps(every)


def _after(server: Client, made: Record, *, opening: bool, wait: bool, as_json: bool, quiet: bool) -> int:
    """What is said once it was asked for, and what is waited for."""
    if quiet:
        out(str(made.id))
    elif not as_json:
        waits = f" {made.reason}" if made.reason and not made.phase else ""
        hint = "" if opening or wait else f"   ly session open {made.id}"
        out(f"{started(made.to_json())}{waits}{hint}")
    code = _come_up(server, made, opening=opening) if opening or wait else 0
    if as_json:
        out_json(Sessions(server).get(made.id).to_json())
    return code


def _come_up(server: Client, made: Record, *, opening: bool, printing: bool = False) -> int:
    line = Line()
    try:
        now = Sessions(server).wait(made.id, told=lambda one: line.show(progress(one.to_json())))
    finally:
        line.clear()
    if now.state != "running":
        print_failure(now.to_json())
        return 1
    if opening:
        _open(server, now, printing=printing)
    return 0


def _open(server: Client, now: Record, *, printing: bool) -> None:
    """By a link that logs the browser in, once."""
    link = Record(server.transport.json("POST", "/v1/login-links", {"next": f"/sessions/{now.id}"}))
    out(f"  Open  {link.url}")
    if not printing and _has_browser():
        webbrowser.open(str(link.url))


def _has_browser() -> bool:
    """A browser that would open here; one for terminals is not meant."""
    return any(shutil.which(name) for name in ("xdg-open", "open", "wslview"))


def _each(numbers: Sequence[str], act: Any, done: str) -> int:
    code = 0
    with client() as server:
        sessions = Sessions(server)
        for number in numbers:
            try:
                now = act(sessions, _number(number))
            except LaunchyardError as error:
                if len(numbers) == 1:
                    raise
                err(f"ly: {error}")
                code = 1
            else:
                word = done if now.state not in ("ended",) or done != "is being stopped" else "has ended"
                out(f"Session {now.id} {word}.")
    return code


def _options(values: dict[str, Any]) -> Any:
    """Without this directory and these variables: a session begins as after a login."""
    chdir = values.get("chdir")
    options = job_options({**values, "chdir": None, "export": "NONE"}, local=False)
    options.pop("working_dir", None)
    options.pop("environment", None)
    if chdir:
        options["working_dir"] = chdir
    return options


def _values(sessions: Sessions, app: str, pairs: Sequence[str]) -> dict[str, Any]:
    """`FIELD=VALUE` as the fields want them."""
    if not pairs:
        return {}
    types = {one["name"]: one["type"] for one in sessions.app(app).to_json()["fields"]}
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Invalid(f"--set {shown(pair)} has no value; write FIELD=VALUE")
        on = _ON.get(value.lower())
        values[name] = on if types.get(name) == "switch" and on is not None else value
    return values


def _number(text: str) -> int:
    if not is_digits(text):
        raise Invalid(f"{shown(text)} is no session; `ly session list` has their numbers")
    return int(text)
