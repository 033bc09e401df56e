"""`ly usage`: who used what, against its share."""

import click

from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import out, out_json
from launchyard.cli.output.table import print_table
from launchyard.cli.output.text import clean
from launchyard.model.walltime import humane
from launchyard.sdk.records import Record


@click.command()
@click.option("-A", "--account", metavar="NAME", help="This account and its users.")
@click.option("-u", "--user", metavar="NAME", help="This user.")
@json_option
def usage(account: str | None, user: str | None, as_json: bool) -> None:
    """Who used what, with shares.

    Usage fades: it is worth half after the half-life. PLACE is the fair-share factor: who used less than
    its share has a higher one, and goes first.
    """
    with client() as server:
        found = server.usage(account=account, user=user)
    if as_json:
        out_json(found.to_json())
        return
    rows = list(found.usage or ())
    if not rows:
        out("Nothing has been used yet.")
        return
    if all(row.account is None for row in rows):
        print_table(["USER", "CPU HOURS", "GPU HOURS"], [[clean(row.user), *_hours(row)] for row in rows])
    else:
        head = ["ACCOUNT", "USER", "SHARE", "USED", "CPU HOURS", "GPU HOURS", "PLACE"]
        print_table(head, [_row(row) for row in rows])
    if found.half_life_s is not None:
        out(f"Usage is worth half after {humane(found.half_life_s)}.")


def _row(row: Record) -> list[str]:
    return [
        clean(row.account or "-"),
        clean(row.user or ""),
        _percent(row.shares_norm),
        _percent(row.usage_norm),
        *_hours(row),
        f"{row.factor:.2f}" if row.user and row.factor is not None else "",
    ]


def _hours(row: Record) -> list[str]:
    return [f"{row.cpu_hours or 0:.1f}", f"{row.gpu_hours or 0:.1f}"]


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.0%}"
