"""`ly nodes`: the machines and what of them is taken; an operator drains, takes down and resumes them."""

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import BAD, GOOD, MUTED, out, out_json
from launchyard.cli.output.table import Cell, print_table
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import number, short_memory
from launchyard.sdk.records import Record

_SAID = {
    "drain": "takes no new jobs",
    "down": "is down; what ran there has been stopped",
    "up": "takes jobs again",
}
_COLOURS = {"UP": GOOD, "DRAIN": MUTED, "DOWN": BAD}


@click.group(cls=NearestGroup, invoke_without_command=True)
@click.option("--cluster", metavar="NAME", help="Those of this cluster alone.")
@json_option
@quiet_option
@click.pass_context
def nodes(context: click.Context, cluster: str | None, as_json: bool, quiet: bool) -> None:
    """The machines; drain, take down and resume them."""
    if context.invoked_subcommand is not None:
        return
    with client() as server:
        found = [node for node in server.nodes() if cluster in (None, node.cluster)]
    if as_json:
        out_json([node.to_json() for node in found])
    elif quiet:
        for node in found:
            out(clean(node.name))
    else:
        print_table(*_table(found))


@nodes.command()
@click.argument("names", metavar="NODE...", nargs=-1, required=True)
@click.option("-r", "--reason", default="", help="Why, for those who look.")
@json_option
def drain(names: tuple[str, ...], reason: str, as_json: bool) -> None:
    """What runs there may end; nothing new starts."""
    _set(names, "drain", reason, as_json)


@nodes.command()
@click.argument("names", metavar="NODE...", nargs=-1, required=True)
@click.option("-r", "--reason", default="", help="Why, for those who look.")
@json_option
def down(names: tuple[str, ...], reason: str, as_json: bool) -> None:
    """What runs there ends, or waits again where its submitter allowed that."""
    _set(names, "down", reason, as_json)


@nodes.command()
@click.argument("names", metavar="NODE...", nargs=-1, required=True)
@json_option
def resume(names: tuple[str, ...], as_json: bool) -> None:
    """Let jobs start there again."""
    _set(names, "up", "", as_json)


def _set(names: tuple[str, ...], state: str, reason: str, as_json: bool) -> None:
    with client() as server:
        changed = [server.set_node(name, state, reason) for name in names]
    if as_json:
        out_json([node.to_json() for node in changed])
        return
    for node in changed:
        out(f"Node {clean(node.name)} {_SAID[state]}.")


def _table(found: list[Record]) -> tuple[list[str], list[list[Cell]]]:
    """With their clusters, where they are of several."""
    names = ["NODE", "STATE", "CPUS", "MEMORY", "GPUS", "JOBS", "REASON"]
    rows = [_row(node) for node in found]
    if len({node.cluster for node in found}) < 2:
        return names, rows
    rows = [[row[0], clean(node.cluster or ""), *row[1:]] for node, row in zip(found, rows, strict=True)]
    return ["NODE", "CLUSTER", *names[1:]], rows


def _row(node: Record) -> list[Cell]:
    state = str(node.state or "")
    used = node.used or Record({})
    return [
        clean(node.name),
        (state.lower(), _COLOURS.get(state.upper(), "")),
        f"{number(used.get('cpus') or 0)}/{number(node.cpus or 0)}",
        f"{short_memory(used.get('memory_mib') or 0)}/{short_memory(node.memory_mib)}",
        f"{number(used.get('gpus') or 0)}/{node.gpus}" if node.gpus else "-",
        str(used.get("jobs") or 0),
        clean(node.reason or (f"reserved as {node.reservation}" if node.reservation else "")),
    ]
