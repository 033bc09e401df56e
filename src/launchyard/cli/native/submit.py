"""`ly submit`: queue a script, or a command after `--`."""

from collections.abc import Callable
from typing import Any

import click

from launchyard.cli.environments import ENVIRONMENT, add_environment
from launchyard.cli.job_options import BATCH, PLACE, SHAPE, JobCommand, job_options, options_of
from launchyard.cli.native.logs import copy
from launchyard.cli.native.wait import wait_for
from launchyard.cli.native.why import told_of
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import err, out, out_json, out_stream
from launchyard.cli.output.sentences import asked, ended, estimate, reason, sooner, submitted, waits
from launchyard.cli.output.text import capitalised, clean
from launchyard.cli.scripts import directives_of, read_script
from launchyard.model.errors import Invalid
from launchyard.sdk.client import Client
from launchyard.sdk.jobs import Job
from launchyard.sdk.submission import job_body


@options_of(SHAPE, ENVIRONMENT, BATCH, PLACE)
@click.command(cls=JobCommand, context_settings={"allow_interspersed_args": False})
@click.argument("words", metavar="SCRIPT [ARGUMENT...] | -- COMMAND...", nargs=-1, type=click.UNPROCESSED)
@click.option("--dry-run", is_flag=True, help="Say what would become of it; queue nothing.")
@click.option("--wait", is_flag=True, help="Wait until it has ended; exit code 0 when it completed.")
@click.option("-f", "--follow", is_flag=True, help="Show its output until it has ended.")
@json_option
@quiet_option
def submit(
    words: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    follow: bool,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> int:
    """Queue a script, or a command after --."""
    context = click.get_current_context()
    if not words:
        raise Invalid("nothing to submit: name a script, or a command after --, like: ly submit -- hostname")
    with client() as server:
        body = request_body(server, words, values, dashed=context.meta["dashed"])
        body = add_environment(server, body, values)
        if dry_run:
            body["dry_run"] = True
        job = server.submit_body(body)
        if as_json and not (wait or follow):
            out_json(job.to_json())
            return 0
        if dry_run:
            why = f"; it {waits(job)}" if reason(job) or estimate(job) else ""
            out(f"Would be queued: {asked(job)}{why}." if why else f"Would start now: {asked(job)}.")
            for line in sooner(job.to_json()):
                out(line)
            say_advice(job)
            return 0
        return after_submission(server, job, wait=wait, follow=follow, as_json=as_json, quiet=quiet)


def request_body(
    server: Client, words: tuple[str, ...], values: dict[str, Any], *, dashed: bool
) -> dict[str, Any]:
    """What is sent; `dashed`: the words came after `--`: a command. Else a script and its arguments."""
    if dashed:
        return job_body(list(words), job_options(values, local=server.transport.address.local))
    return script_body(server, words, values)


def script_body(server: Client, words: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    """What the command line says goes before what the script's own lines say."""
    path, *arguments = words
    script = read_script(path)
    asked_for, without_effect = directives_of(script, path)
    if without_effect is not None:
        err(f"{path}: {without_effect}")
    options = job_options(values, local=server.transport.address.local, directives=asked_for)
    options.setdefault("name", "stdin" if path == "-" else path.rsplit("/", 1)[-1])
    body = job_body(None, options, script=script, arguments=arguments)
    return {**body, "brought": asked_for["brought"]} if "brought" in asked_for else body


def say_advice(job: Job, say: Callable[[str], None] = out) -> None:
    """What earlier runs of the same job advise, one line."""
    if job.advice:
        say(clean(job.advice.sentence))


def after_submission(
    server: Client, job: Job, *, wait: bool, follow: bool, as_json: bool, quiet: bool
) -> int:
    """Say what was queued and, when asked to, stay until it has ended."""
    if not as_json:
        (err if follow else out)(job.key if quiet else submitted(job))
    if not (as_json or quiet):
        say_advice(job, err if follow else out)
    if not (wait or follow):
        return 0
    if follow:
        copy(server.logs(job.id, follow=True), out_stream())
    done = wait_for(server, [str(job.id)], timeout_s=None, say=False)[0]
    if as_json:
        out_json(done.to_json())
    elif not quiet:
        err(capitalised(ended(done, told_of(server, done))) + ".")
    return 0 if done.succeeded else 1
