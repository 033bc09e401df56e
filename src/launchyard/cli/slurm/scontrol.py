"""scontrol: look at everything in full, and change it. Each thing it does is a module of its own."""

import importlib
import os
import sys

from launchyard.cli.slurm import clusters
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.light import NamedTuple
from launchyard.slurm.formats import printable

OPTIONS = options(
    value="uid clusters",
    maybe="json yaml",
    nothing="all details future help hide local oneliner quiet sibling usage verbose version",
    letters="a:all d:details F:future h:help o:oneliner Q:quiet v:verbose V:version M:clusters u:uid",
)
HINT = ('Try "scontrol --help" for more information',)
SHOWN = {
    "job": "job",
    **dict.fromkeys(("jobs", "jobid"), "job"),
    "step": "step",
    "steps": "step",
    "node": "node",
    "nodes": "node",
    "partition": "partition",
    "partitions": "partition",
    "config": "config",
    "reservation": "reservation",
    "reservations": "reservation",
    "licenses": "licenses",
    "hostnames": "hostlist",
    "hostlist": "hostlist",
    "hostlistsorted": "hostlist",
    **dict.fromkeys(("aliases", "burstbuffer", "daemons", "federation", "topology"), "site"),
}
"""Entities of `show`, by the module in `show/`; a beginning of three letters or more stands for the first."""
DOES: dict[str, str] = {
    "write": "write",
    **{"completing": "completing", "help": "help", "ping": "ping", "version": "version"},
    **dict.fromkeys(("hold", "uhold", "release", "requeue", "requeuehold"), "queueing"),
    **dict.fromkeys(("suspend", "resume", "top"), "queueing"),
    **dict.fromkeys(("listpids", "listjobs", "liststeps", "pidinfo", "notify"), "processes"),
    **{"update": "update", "create": "create", "delete": "delete", "wait_job": "waiting"},
    **{"reconfigure": "reconfigure", "reconfig": "reconfigure", "errnumstr": "numbers"},
    **dict.fromkeys(("abort", "cancel_reboot", "fsdampeningfactor", "power", "reboot"), "refused"),
    **dict.fromkeys(("reboot_nodes", "schedloglevel", "setdebug", "setdebugflags"), "refused"),
    **dict.fromkeys(("shutdown", "takeover", "token"), "refused"),
}
"""Other subcommands, by the module in `control/`; each has `run(words, flags) -> int`."""


class Flags(NamedTuple):
    """What was asked for before the subcommand."""

    oneliner: bool
    details: bool
    every: bool
    json: bool
    quiet: bool
    word: str
    """The subcommand or entity as it was written."""
    cluster: str | None = None
    """As the server calls it: `show` tells of it alone."""


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        # Unlike sbatch this command ends with 1.
        print(f"scontrol: {error.line}", *(HINT if error.hint else ()), sep="\n", file=sys.stderr)
        return 1
    if given.last("yaml") is not None:
        raise Refused("error: YAML is not written here; ask for --json")
    instead = next((word for word in ("help", "usage", "version") if given.count(word)), "")
    word, *words = [instead.replace("usage", "help")] if instead else given.rest or ["help"]
    flags = Flags(
        oneliner=bool(given.count("oneliner")),
        details=bool(given.count("details")),
        every=bool(given.count("all")),
        json=given.last("json") is not None,
        quiet=bool(given.count("quiet")),
        word=word,
        cluster=_cluster(given),
    )
    if word.lower() == "show":
        return _show(words, flags)
    module = DOES.get(word.lower())
    if module is None:
        print(f"invalid keyword: {printable(word)}", file=sys.stderr)
        raise Refused
    code: int = importlib.import_module(f"launchyard.cli.slurm.control.{module}").run(words, flags)
    return code


def _cluster(given: Given) -> str | None:
    """The one that was named; of several the first, as with Slurm. Raises `Refused`."""
    text = given.last("clusters") or os.environ.get("SLURM_CLUSTERS", "")
    if not text:
        return None
    return clusters.reached(text, settings(Server()))[0].name


def _show(words: list[str], flags: Flags) -> int:
    """`show job 12`, `show job=12`."""
    if not words:
        print("too few arguments for keyword:show", file=sys.stderr)
        raise Refused
    written, equals, id = words[0].partition("=")
    entity = _entity(written.lower())
    if entity is None:
        print(f"invalid entity:{printable(written)} for keyword:show ", file=sys.stderr)
        raise Refused
    module = SHOWN[entity]
    rest = [id, *words[1:]] if equals else words[1:]
    flags = flags._replace(word=entity)
    code: int = importlib.import_module(f"launchyard.cli.slurm.show.{module}").show(rest, flags)
    return code


def _entity(word: str) -> str | None:
    if word in SHOWN:
        return word
    return next((name for name in SHOWN if len(word) >= 3 and name.startswith(word)), None)
