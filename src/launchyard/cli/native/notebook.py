"""`ly session batch`: a notebook of a session as a batch job, once or with all combinations of parameters."""

from collections.abc import Sequence
from typing import Any

import click

from launchyard.cli.job_options import SHAPE, options_of
from launchyard.cli.native.submit import after_submission
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.sentences import asked
from launchyard.cli.output.table import print_table
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import full_clock
from launchyard.model.errors import Conflict, Invalid
from launchyard.model.number import is_digits, shown
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job
from launchyard.sdk.submission import JobOptions, job_body

_PLACE = tuple(
    click.Option([f"--{name}"], metavar="NAME", help=help)
    for name, help in (
        ("account", "Who pays."),
        ("qos", "How urgent."),
        ("group", "A name that joins jobs."),
        ("partition", "Which nodes."),
    )
)
_SHAPE = tuple(one for one in SHAPE if one.name in ("name", "cpus", "mem", "gpus", "time"))
_SAVED = {"yes": "not saved", "likely": "likely not saved", "unknown": "open", "no": ""}


@options_of(_SHAPE, _PLACE)
@click.command()
@click.argument("session", metavar="SESSION")
@click.argument("notebook", metavar="[NOTEBOOK]", required=False)
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="A value for it.")
@click.option("--sweep", "swept", metavar="NAME=VALUES", multiple=True, help="lr=0.1,0.01 or seed=1..10.")
@click.option("--throttle", type=click.IntRange(min=1), metavar="N", help="Of a sweep at most N at once.")
@click.option("--package", "packages", metavar="NAME", multiple=True, help="Add these packages alone.")
@click.option(
    "--no-packages", is_flag=True, help="Add none of the packages that the session has beyond its own."
)
@click.option("--as-saved", is_flag=True, help="Run the file though the browser holds newer cells.")
@click.option("-o", "--output", metavar="FILE", help="The output notebook; of a sweep a directory.")
@click.option("--dry-run", is_flag=True, help="Say what would become of it; queue nothing.")
@click.option("--wait", is_flag=True, help="Wait until it has ended; exit code 0 when it completed.")
@click.option("-f", "--follow", is_flag=True, help="Show its output until it has ended.")
@json_option
@quiet_option
def batch(
    session: str,
    notebook: str | None,
    parameters: tuple[str, ...],
    swept: tuple[str, ...],
    packages: tuple[str, ...],
    no_packages: bool,
    wait: bool,
    follow: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> int:
    """Run a notebook of a session as a batch job.

    It runs with the session's kernel, packages, directory and resources; the output notebook is kept. Without
    NOTEBOOK: list them, the last edited first.
    """
    if not is_digits(session):
        raise Invalid(f"{shown(session)} is no session; `ly session list` has their ids")
    with client() as server:
        if notebook is None:
            _list(server, session, as_json=as_json, quiet=quiet)
            return 0
        body = {
            "notebook": notebook,
            "parameters": _pairs(parameters, "-p lr=0.1"),
            "sweep": _pairs(swept, "--sweep lr=0.1,0.01"),
            "packages": list(packages) if packages or no_packages else None,
            "as_saved": values["as_saved"],
            "output": values["output"],
            "throttle": values["throttle"],
            "dry_run": dry_run,
            **_asked_for(values),
        }
        job = _submit(server, session, {name: value for name, value in body.items() if value is not None})
        if as_json and not (wait or follow):
            out_json(job.to_json())
            return 0
        if dry_run:
            out(f"Would be queued: {asked(job)}; the output is {clean(_output(job))}.")
            return 0
        code = after_submission(server, job, wait=wait, follow=follow, as_json=as_json, quiet=quiet)
        if not (as_json or quiet):
            err(f"Output notebook: {clean(_output(job))}")
        return code


def _submit(server: Client, session: str, body: dict[str, Any]) -> Job:
    try:
        return Job(server.transport.json("POST", f"/v1/sessions/{session}/batch", body), server)
    except Conflict as error:
        if error.code != "unsaved":
            raise
        raise Conflict(f"{error} (--as-saved)", code=error.code) from None


def _list(server: Client, session: str, *, as_json: bool, quiet: bool) -> None:
    found = server.transport.json("GET", f"/v1/sessions/{session}/notebooks")
    if as_json:
        out_json(found)
        return
    if quiet:
        for one in found["notebooks"]:
            out(clean(one["name"]))
        return
    rows = [
        [clean(one["name"]), full_clock(one["modified_at"]), _standing(one)] for one in found["notebooks"]
    ]
    if rows:
        print_table(["NOTEBOOK", "EDITED", ""], rows)
    else:
        out(f"No notebooks in {clean(found['directory'])}.")
    if found["note"]:
        err(clean(found["note"]))


def _standing(one: dict[str, Any]) -> str:
    """What is to be known of it before it is chosen."""
    return _SAVED[one["unsaved"]["state"]] or ("output of a run" if one["made"] else "")


def _pairs(texts: Sequence[str], example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Invalid(f"{shown(text)} names no parameter; write for example {example}")
        if name in found:
            raise Invalid(f"the parameter {shown(name)} is given twice; give it once")
        found[name] = value
    return found


def _asked_for(values: dict[str, Any]) -> dict[str, Any]:
    """What the options ask for, by the names of a job's body."""
    options = JobOptions(
        name=values["name"],
        cpus=values["cpus"],
        memory=values["mem"],
        gpus=values["gpus"],
        time_limit=values["time"],
        partition=values["partition"],
        account=values["account"],
        qos=values["qos"],
        group=values["group"],
    )
    body = job_body("-", options)
    del body["command"]
    return body


def _output(job: Job) -> str:
    """Where the output notebook will be; the numbers of tasks come with them."""
    path = str((job.metadata or {}).get("launchyard.notebook_output", ""))
    where = path.replace("{job}", str(job.id) if job.id else "JOB")
    return where.replace("{task}", "TASK")
