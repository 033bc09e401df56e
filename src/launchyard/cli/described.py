"""`ly` as data: every command with its words and options, and what their values are, read from the commands.

Completion for shells, the man pages and the page of commands are made from it, so there is no second list.
"""

from collections.abc import Iterator
from typing import NamedTuple

import click

JOBS, PARTITIONS, NODES, ACCOUNTS, QOS, CLUSTERS = (
    "jobs",
    "partitions",
    "nodes",
    "accounts",
    "qos",
    "clusters",
)
SESSIONS, APPS, FILES, DIRECTORIES = "sessions", "apps", "files", "directories"
ASKED = (JOBS, PARTITIONS, NODES, ACCOUNTS, QOS, CLUSTERS, SESSIONS, APPS)
"""What a server is asked for; the others a shell knows."""
OF_OPTION = {
    "--partition": PARTITIONS,
    "--account": ACCOUNTS,
    "--qos": QOS,
    "--cluster": CLUSTERS,
    "--nodelist": NODES,
    "--exclude": NODES,
}
OF_METAVAR = {
    "JOB": JOBS,
    "SESSION": SESSIONS,
    "APP": APPS,
    "NODE": NODES,
    "DIR": DIRECTORIES,
    "FILE": FILES,
    "SCRIPT": FILES,
}


class Choice(NamedTuple):
    """An option. `value` is "" for a flag; `kind` says what to complete its value with, or has the words."""

    names: tuple[str, ...]
    value: str
    help: str
    kind: str


class Described(NamedTuple):
    """A command: `path` as `("ly", "session", "start")`, `argument` the kind of its words."""

    path: tuple[str, ...]
    usage: str
    help: str
    short: str
    options: tuple[Choice, ...]
    argument: str
    children: tuple["Described", ...]

    def all(self) -> Iterator["Described"]:
        yield self
        for child in self.children:
            yield from child.all()


def described(command: click.Command, path: tuple[str, ...] = ("ly",)) -> Described:
    """The command with all below it; imports every one of them."""
    # `info_name` is the whole path: a context without a parent has no other way to say it.
    context = click.Context(
        command, info_name=" ".join(path), max_content_width=100, help_option_names=["-h", "--help"]
    )
    children: tuple[Described, ...] = ()
    if isinstance(command, click.Group):
        found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
        children = tuple(described(one, (*path, name)) for name, one in found if one and not one.hidden)
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    return Described(
        path,
        " ".join((" ".join(path), *command.collect_usage_pieces(context))),
        (command.help or "").strip(),
        command.get_short_help_str(200).rstrip("."),
        tuple(_option(one, context) for one in command.get_params(context) if _is_shown(one)),
        next((_kind(one, one.make_metavar(context)) for one in arguments), ""),
        children,
    )


def _is_shown(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.hidden


def _option(option: click.Parameter, context: click.Context) -> Choice:
    assert isinstance(option, click.Option)
    takes = not (option.is_flag or option.count)
    value = option.make_metavar(context) if takes else ""
    names = (*option.opts, *option.secondary_opts)
    kind = next((OF_OPTION[name] for name in names if name in OF_OPTION), "")
    return Choice(names, value, option.help or "", (kind or _kind(option, value)) if takes else "")


def _kind(parameter: click.Parameter, metavar: str) -> str:
    if isinstance(parameter.type, click.Choice):
        return " ".join(map(str, parameter.type.choices))
    if isinstance(parameter.type, click.Path):
        return FILES
    return OF_METAVAR.get(metavar.strip("[].").partition(".")[0].partition(" ")[0].rstrip("]."), "")
