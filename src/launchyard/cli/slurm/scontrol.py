"""scontrol: look at everything in full, and change it. Each thing it does is a module of its own."""

import importlib
from typing import NamedTuple

from launchyard.cli.slurm.arguments import options, parse
from launchyard.cli.slurm.main import Refused

OPTIONS = options(
    value="uid",
    maybe="json yaml clusters",
    nothing="all details future help hide local oneliner quiet sibling usage verbose version",
    letters="a:all d:details F:future h:help o:oneliner Q:quiet v:verbose V:version M:clusters u:uid",
)
SHOWN = {
    "job": "job",
    "jobs": "job",
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
}
"""Entities of `show`, by the module in `show/`."""
DOES: dict[str, str] = {"write": "write"}
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


def run(arguments: list[str]) -> int:
    given = parse(arguments, OPTIONS)
    word, *words = given.rest or ["help"]
    flags = Flags(
        oneliner=bool(given.count("oneliner")),
        details=bool(given.count("details")),
        every=bool(given.count("all")),
        json=given.last("json") is not None,
        quiet=bool(given.count("quiet")),
        word=word,
    )
    if word.lower() == "show":
        return _show(words, flags)
    module = DOES.get(word.lower())
    if module is None:
        raise Refused(f"error: invalid keyword: {word}")
    code: int = importlib.import_module(f"launchyard.cli.slurm.control.{module}").run(words, flags)
    return code


def _show(words: list[str], flags: Flags) -> int:
    """`show job 12`, `show job=12`."""
    entity, equals, id = (words[0] if words else "").partition("=")
    module = SHOWN.get(entity.lower())
    if module is None:
        raise Refused(f"error: invalid entity:{entity} for keyword:show")
    rest = [id, *words[1:]] if equals else words[1:]
    flags = flags._replace(word=entity.lower())
    code: int = importlib.import_module(f"launchyard.cli.slurm.show.{module}").show(rest, flags)
    return code
