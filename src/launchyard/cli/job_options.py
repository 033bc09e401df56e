"""The options that describe a job, defined once for `submit`, `run`, `rerun` and `#LY` lines."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.model.signals import parse_signal
from launchyard.sdk.submission import JobOptions
from launchyard.slurm.exports import exported

F = TypeVar("F", bound=Callable[..., object])
SECRETS = frozenset({"LAUNCHYARD_TOKEN"})
"""Variables that are the caller's alone and never carried into a job."""

SHAPE: tuple[click.Option, ...] = (
    click.Option(["-n", "--name"], metavar="NAME", help="What to call it."),
    click.Option(["-c", "--cpus"], type=float, metavar="N", help="CPUs (4, 0.5)."),
    click.Option(["--mem"], metavar="SIZE", help="Memory in all (8G, 500M; 0: all of a node)."),
    click.Option(["--gpus"], metavar="[TYPE:]N", help="GPUs (2, a100:2), or a part of one (0.5)."),
    click.Option(["--nodes"], metavar="N[-M]", help="Nodes to spread it over (2, 2-4)."),
    click.Option(["-t", "--time"], metavar="TIME", help="Time limit (2h, 90 minutes: 90, 1-12:00:00)."),
    click.Option(["-p", "--partition"], metavar="NAME", help="Which nodes."),
    click.Option(["--ntasks"], type=click.IntRange(min=1), metavar="N", help="Tasks that share all this."),
    click.Option(["--ntasks-per-node"], type=click.IntRange(min=1), metavar="N", help="Tasks a node."),
    click.Option(["--exclusive"], is_flag=True, default=None, help="All of its nodes, alone on them."),
    click.Option(["--constraint"], metavar="FEATURES", help="Nodes that have these (a100|h100, ib&!old)."),
    click.Option(
        ["-w", "--nodelist"], metavar="NODES", help="These nodes (n[1-2]); with --nodes, some of them."
    ),
    click.Option(["-x", "--exclude"], metavar="NODES", help="None of these nodes."),
    click.Option(
        ["licences", "-L", "--licences", "--licenses"], metavar="NAME[:N]", help="Licences (matlab:2,ansys)."
    ),
    click.Option(["--reservation"], metavar="NAME", help="On the nodes reserved under this name."),
    click.Option(["--time-min"], metavar="TIME", help="Less time will do if it starts sooner so."),
    click.Option(["--ray"], is_flag=True, default=None, help="Start a Ray cluster on its nodes for it."),
)
PLACE: tuple[click.Option, ...] = (
    click.Option(["--account"], metavar="NAME", help="Who pays."),
    click.Option(["--qos"], metavar="NAME", help="How urgent."),
    click.Option(["--cluster"], metavar="NAME", help="Which cluster."),
    click.Option(["--group"], metavar="NAME", help="A name that joins jobs."),
    click.Option(["--nice"], type=int, metavar="N", help="Later by this much (operators: -N, sooner)."),
    click.Option(["--after"], metavar="WHAT", help="Wait for others (afterok:12, after:13+5, singleton)."),
    click.Option(
        ["--keep-on-failed-dependency"],
        is_flag=True,
        default=None,
        help="Wait on, rather than be cancelled, when --after can never be.",
    ),
    click.Option(["--begin"], metavar="TIME", help="Not before (16:00, tomorrow, now+1hour)."),
    click.Option(["--deadline"], metavar="TIME", help="Do not start when it could not end by then."),
    click.Option(
        ["--retries"], metavar="N[:PAUSE]", help="Try again when it failed (3:1m: the pause doubles)."
    ),
    click.Option(
        ["--retry-on"], metavar="ENDS", help="What counts: failed (default), timeout, out-of-memory."
    ),
    click.Option(["-C", "--chdir"], metavar="DIR", help="Directory to run in (here)."),
    click.Option(
        ["--export"], metavar="WHAT", help="Variables to take along: ALL (default), NONE, or A,B=1."
    ),
    click.Option(["--notify"], metavar="WHAT", help="Tell you of its start, end, fail, limit (end,fail)."),
    click.Option(["--notify-to"], metavar="WHERE", help="Mail addresses, webhooks, URLs (your mail)."),
    click.Option(["--requeue/--no-requeue"], default=None, help="Run again when its node fails."),
    click.Option(["--warn-signal"], metavar="SIG[@TIME]", help="Signal before the time limit (USR1@60s)."),
)
BATCH: tuple[click.Option, ...] = (
    click.Option(["-a", "--array"], metavar="INDEXES", help="One task an index (1-20, 0-99:3%4)."),
    click.Option(["-o", "--output"], metavar="FILE", help="File for the output (%j: the job's id)."),
    click.Option(["-e", "--error"], metavar="FILE", help="File for standard error alone."),
    click.Option(["--hold"], is_flag=True, default=None, help="Wait until released."),
)


_SAME_NAMES = ("exclusive", "constraint", "nodelist", "exclude", "licences", "reservation")


class JobCommand(click.Command):
    """A command whose `words` may come after `--`; `context.meta["dashed"]` says whether they did."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        rest = super().parse_args(ctx, args)
        count = len(ctx.params.get("words") or ())
        ctx.meta["dashed"] = len(given) > count and given[len(given) - count - 1] == "--"
        return rest


def options_of(*groups: tuple[click.Option, ...]) -> Callable[[click.Command], click.Command]:
    """Puts the groups' options in front of a command's own."""

    def extend(command: click.Command) -> click.Command:
        command.params[:0] = [option for group in groups for option in group]
        return command

    return extend


def job_options(
    values: Mapping[str, Any], *, local: bool, directives: Mapping[str, Any] | None = None
) -> JobOptions:
    """What the options mean for a submission; `values` by option name, None: not given.

    `local`: the server is on this machine, so it is told our directory and, unless `--export` says
    otherwise, our variables. `directives` are options of the script's own, which those of the command line
    go before.
    """
    script = dict(directives or {})
    export = values.get("export") or script.pop("export", None) or ("ALL" if local else "NONE")
    variables = {**environment(export), **script.pop("environment", {})}
    chdir = values.get("chdir") or script.pop("working_dir", None)
    signal, before_s = warning(values.get("warn_signal"))
    options: dict[str, Any] = {
        "name": values.get("name"),
        "cpus": not_negative(values.get("cpus"), "--cpus"),
        "memory": values.get("mem"),
        "gpus": values.get("gpus"),
        "nodes": values.get("nodes"),
        "tasks": values.get("ntasks"),
        "tasks_per_node": values.get("ntasks_per_node"),
        "time_min": values.get("time_min"),
        **{name: values.get(name) for name in _SAME_NAMES},
        "time_limit": values.get("time"),
        "partition": values.get("partition"),
        "account": values.get("account"),
        "qos": values.get("qos"),
        "cluster": values.get("cluster"),
        "group": values.get("group"),
        "nice": values.get("nice"),
        "array": values.get("array"),
        "after": values.get("after"),
        "keep_on_failed_dependency": values.get("keep_on_failed_dependency") or None,
        "begin": values.get("begin"),
        "deadline": values.get("deadline"),
        "retries": values.get("retries"),
        "retry_on": values.get("retry_on"),
        "working_dir": directory(chdir, local=local),
        "environment": variables or None,
        "stdout": values.get("output"),
        "stderr": values.get("error"),
        "requeue": values.get("requeue"),
        "notify": values.get("notify"),
        "notify_to": values.get("notify_to"),
        "hold": values.get("hold") or None,
        "ray": values.get("ray") or None,
        "warning_signal": signal,
        "warning_before_s": before_s,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return cast(JobOptions, {**script, **given})


def not_negative(value: float | None, option: str) -> float | None:
    """0 CPUs are for a job that starts others and waits for them."""
    if value is not None and value < 0:
        raise Invalid(f"{option} {value:g}: ask for 0 or more, or leave {option} out")
    return value


def directory(named: str | None, *, local: bool) -> str | None:
    """The directory to run in, absolute; it must be there when the server is on this machine."""
    path = _here() / Path(named or ".").expanduser()
    if local and not path.is_dir():
        what = "is not a directory" if path.exists() else "is not there"
        raise Invalid(f"the directory {shown(str(path))} {what}; name another with --chdir DIR")
    return str(path)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise Invalid("this directory was removed; cd to another, or name one with --chdir DIR") from None


def environment(export: str) -> dict[str, str]:
    """The variables to send along by the rules of `--export`; those that JSON cannot hold are left out."""
    chosen = exported(export, os.environ)
    return {name: value for name, value in chosen.items() if name not in SECRETS and _is_text(name + value)}


def _is_text(text: str) -> bool:
    """Bytes that are not UTF-8 cannot be sent as JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def warning(text: str | None) -> tuple[str | None, int | None]:
    """`USR1`, `USR1@60`, `B:USR1@60`, `TERM@2m`: the signal and how many seconds before the limit."""
    if text is None:
        return None, None
    name, at, before = text.removeprefix("B:").partition("@")
    parse_signal(name)
    if not at:
        return name, None
    digits = before.removesuffix("s")
    minutes = before.removesuffix("m")
    if digits.isascii() and digits.isdigit():
        return name, int(digits)
    if minutes.isascii() and minutes.isdigit():
        return name, int(minutes) * 60
    raise Invalid(f"--warn-signal {shown(text)} is not understood; write for example USR1@60s")
