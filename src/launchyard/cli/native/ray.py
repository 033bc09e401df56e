"""`ly ray`: what Ray's own commands need to use this server, and Ray clusters to attach to."""

import os
import shlex
import subprocess
import threading
from typing import Any

import click

from launchyard.cli.environments import ENVIRONMENT, add_environment
from launchyard.cli.groups import NearestGroup
from launchyard.cli.ids import parse_ids
from launchyard.cli.job_options import PLACE, SHAPE, job_options, options_of
from launchyard.cli.native.run import wait_for_start
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.sentences import submitted
from launchyard.cli.tunnel import HERE, Served, listen, opened, serve
from launchyard.model.errors import Conflict, Invalid
from launchyard.raycluster.installed import NotStarted, find
from launchyard.sdk.client import Client
from launchyard.sdk.rayaccess import access
from launchyard.sdk.submission import job_body
from launchyard.sdk.websocket import WebSocket

PORT = 10001
"""Where programs look for `ray://` by custom."""
NAMES = ("RAY_API_SERVER_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")


@click.group(cls=NearestGroup)
def ray() -> None:
    """Use Ray's own commands and classes with this server."""


@ray.command()
@click.option("--unset", is_flag=True, help="Print how to take the variables away again.")
@json_option
def env(unset: bool, as_json: bool) -> None:
    """Print variables for `ray job` and JobSubmissionClient: eval "$(ly ray env)".

    The token is in a file that only you can read. RAY_ADDRESS is left alone: with it `ray.init()` in the same
    shell would look for a cluster here.
    """
    if unset:
        out(f"unset {' '.join(NAMES)}")
        return
    with client() as server:
        found = access(server)
    variables = dict(zip(NAMES, (found.url, "token", str(found.token_path)), strict=True))
    if as_json:
        out_json(variables)
        return
    for name, value in variables.items():
        out(f"export {name}={shlex.quote(value)}")


@options_of(SHAPE, ENVIRONMENT, PLACE)
@ray.command()
@json_option
@quiet_option
def start(as_json: bool, quiet: bool, **values: Any) -> None:
    """Start a Ray cluster as a job, to be used by `ly ray connect`; `ly cancel` ends it.

    Its Ray is that of this shell's Python, or of --pip.
    """
    with client() as server:
        options = job_options({**values, "ray": True}, local=server.transport.address.local)
        options["kind"] = "driver"
        options["name"] = options.get("name") or "ray"
        job = server.submit_body(add_environment(server, job_body(["ray-cluster"], options), values))
        if as_json:
            out_json(job.to_json())
        else:
            out(job.key if quiet else f"{submitted(job)} | ly ray connect {job.key}")


@ray.command(context_settings={"allow_interspersed_args": False})
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Listen here (10001, else any).")
@click.option("--any-version", is_flag=True, help="Go on although Ray or Python is another one here.")
@click.argument("job", metavar="JOB")
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def connect(port: int | None, any_version: bool, job: str, words: tuple[str, ...]) -> int:
    """Let programs here use the Ray cluster of a job: ray.init("ray://127.0.0.1:10001").

    It ends with the job, or by Ctrl-C. With a command: until the command ends, with RAY_ADDRESS set for it.
    """
    ids = parse_ids([job])
    if len(ids) > 1:
        raise Invalid(f"{job} names {len(ids)} jobs; one is connected to")
    command = list(words[1:] if words[:1] == ("--",) else words)
    with client() as server:
        wait_for_start(server, server.job(ids[0]))
        tunnel, served, _ = opened(server, str(ids[0]))
        if not any_version:
            refuse_other(served, command)
        listener = listen(port or PORT, else_any=port is None)
        address = f"ray://{HERE}:{listener.getsockname()[1]}"
        threading.Thread(target=serve, args=(server, str(ids[0]), listener), daemon=True).start()
        if command:
            return run_with(command, address)
        out(f"Job {ids[0]}: Ray {served.ray}, Python {served.python}. Ctrl-C disconnects.")
        out(f'  ray.init("{address}")')
        return stay(server, str(ids[0]), tunnel)


def refuse_other(served: Served, command: list[str]) -> None:
    """Objects of Python cross the connection: both ends need one Ray and one Python. Raises `Conflict`."""
    try:
        here = find(command)
    except NotStarted:
        err(f"No Ray was found here; the program that connects needs {wanted(served)}.")
        return
    if (here.ray, here.version) != (served.ray, served.python):
        raise Conflict(
            f"the cluster has Ray {served.ray} with Python {served.python}, and {here.python} has "
            f"Ray {here.ray} with Python {here.version}; connect from an environment with {wanted(served)}"
        )


def wanted(served: Served) -> str:
    return f"Python {served.python} and ray[client]=={served.ray}"


def run_with(command: list[str], address: str) -> int:
    """The command's exit code, or 128 + n of its signal n."""
    # A token for another server would be taken for one of the cluster, which needs none of this side.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    try:
        done = subprocess.run(command, env={**kept, "RAY_ADDRESS": address}, check=False)
    except OSError as error:
        raise Invalid(f"{command[0]} cannot be run: {error.strerror}") from None
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def stay(server: Client, job: str, tunnel: WebSocket) -> int:
    """Until the job ends; the first connection, which carries nothing, ends with it."""
    try:
        while tunnel.close_code is None:
            tunnel.receive()
    except KeyboardInterrupt:
        return 0
    now = server.job(job)
    err(f"Job {job} is {now.state}." if now.ended else f"The connection to job {job} was lost.")
    return 0 if now.ended else 1
