"""`ly reservations`: nodes kept for a time, for some users or for maintenance."""

from typing import Any

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.table import print_table
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import full_clock, plural
from launchyard.model.errors import Invalid
from launchyard.model.hostlist import compress
from launchyard.model.number import is_digits
from launchyard.sdk.records import Record
from launchyard.sdk.submission import moment, seconds


@click.group(cls=NearestGroup)
def reservations() -> None:
    """Nodes kept for a time: list them; administrators create and delete them.

    Jobs use one by --reservation NAME. Under maintenance nodes are for no job: what would run into it waits.
    """


@reservations.command()
@click.argument("name")
@click.option("--start", metavar="TIME", help="When it begins (now; 16:00, tomorrow, now+1hour).")
@click.option("--end", metavar="TIME", help="When it is over.")
@click.option("--duration", metavar="TIME", help="How long it is (2h), in the place of --end.")
@click.option("--nodes", metavar="NODES|N", help="Which nodes (n[1-4]), or how many.")
@click.option("--users", metavar="NAMES", help="Who may use it (ada,bob).")
@click.option("--accounts", metavar="NAMES", help="Whose members may use it.")
@click.option("--maintenance", is_flag=True, help="For no jobs at all.")
@click.option("--reason", default="", metavar="TEXT", help="What those are told who wait for it.")
@json_option
@quiet_option
def create(name: str, as_json: bool, quiet: bool, **values: Any) -> None:
    """Keep nodes from --start to --end."""
    with client() as server:
        made = server.create_reservation(**_body(name, values))
    if as_json:
        out_json(made.to_json())
        return
    if quiet:
        out(clean(made.name))
        return
    nodes = clean(compress(made.nodes))
    out(f"{clean(made.name)} keeps {nodes} from {full_clock(made.start)} to {full_clock(made.end)}.")
    if made.jobs:
        jobs = ", ".join(str(one) for one in made.jobs[:5]) + (" ..." if len(made.jobs) > 5 else "")
        err(f"{plural(len(made.jobs), 'job')} may still run there when it begins: {jobs}")


@reservations.command(name="list")
@json_option
@quiet_option
def list_reservations(as_json: bool, quiet: bool) -> None:
    """Those that are not over."""
    with client() as server:
        found = server.reservations()
    if as_json:
        out_json([one.to_json() for one in found])
    elif quiet:
        for one in found:
            out(clean(one.name))
    elif not found:
        out("No reservations. A new one: ly reservations create NAME --nodes n1 --duration 2h --maintenance")
    else:
        rows = [
            [
                clean(one.name),
                clean(compress(one.nodes)),
                full_clock(one.start),
                full_clock(one.end),
                _for(one),
            ]
            for one in found
        ]
        print_table(["NAME", "NODES", "START", "END", "FOR"], rows)


@reservations.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def delete(names: tuple[str, ...]) -> None:
    """Open their nodes again at once."""
    with client() as server:
        for name in names:
            server.delete_reservation(name)
            out(f"{clean(name)} is deleted; its nodes are open.")


def _body(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """What is sent; nodes are names or a number of them."""
    nodes = values["nodes"]
    if nodes is None:
        raise Invalid("say which nodes: --nodes n[1-4], or how many: --nodes 4")
    if (values["end"] is None) == (values["duration"] is None):
        raise Invalid("say when it is over: --end TIME, or --duration TIME")
    body: dict[str, Any] = {"name": name, "maintenance": values["maintenance"], "reason": values["reason"]}
    body |= {"count": int(nodes)} if is_digits(nodes) else {"nodes": nodes}
    for key in ("users", "accounts"):
        if values[key]:
            body[key] = [word.strip() for word in values[key].split(",") if word.strip()]
    if values["start"] is not None:
        body["start"] = moment(values["start"])
    if values["end"] is not None:
        body["end"] = moment(values["end"])
    else:
        body["duration_s"] = seconds(values["duration"])
    return body


def _for(one: Record) -> str:
    if one.maintenance:
        return clean(f"maintenance: {one.reason}" if one.reason else "maintenance")
    return clean(", ".join([*one.users, *(f"account {account}" for account in one.accounts)]))
