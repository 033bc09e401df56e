"""`ly token`: credentials for use from other machines."""

import re
import time

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.table import print_table
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import full_clock
from launchyard.model.walltime import parse_walltime
from launchyard.model.when import parse_begin, rfc3339
from launchyard.sdk.records import Record
from launchyard.sdk.submission import local_zone

_SPAN = re.compile(r"(\d+[dhms])+", re.IGNORECASE)


@click.group(cls=NearestGroup)
def token() -> None:
    """Create, list and revoke tokens for remote use."""


@token.command()
@click.argument("name", required=False, default="")
@click.option(
    "--scope",
    type=click.Choice(["all", "submit", "read"]),
    default="all",
    help="read: look alone. submit: also submit jobs and act on them. all: whatever you may.",
)
@click.option("--account", help="What it submits is charged to this account; it acts on no other jobs.")
@click.option("--until", help="When it ends: 30d, 12h, 2027-01-31. Without: when it is revoked.")
@json_option
@quiet_option
def create(name: str, scope: str, account: str | None, until: str | None, as_json: bool, quiet: bool) -> None:
    """A new token, shown this once."""
    asked: dict[str, object] = {"scope": scope, **_end(until)}
    if account is not None:
        asked["account"] = account
    with client() as server:
        made = server.create_token(name, **asked)
    if as_json:
        out_json(made.to_json())
        return
    out(str(made.token))
    if not quiet:
        err(f"Token {clean(made.id)} is shown this once. Put it into ~/.config/launchyard/token (mode 600).")


@token.command(name="list")
@json_option
@quiet_option
def list_tokens(as_json: bool, quiet: bool) -> None:
    """Your tokens and browser logins (what they are for, not their secret)."""
    with client() as server:
        found = server.tokens()
    if as_json:
        out_json([one.to_json() for one in found])
    elif quiet:
        for one in found:
            out(clean(one.id))
    elif not found:
        out("No tokens. A new one: ly token create NAME")
    else:
        rows = [
            [
                clean(one.id),
                clean(one.name or "-"),
                _reach(one),
                full_clock(one.created_at),
                full_clock(one.used_at) if one.used_at else "-",
                full_clock(one.expires_at) if one.expires_at else "-",
                _state(one),
            ]
            for one in found
        ]
        print_table(["ID", "NAME", "FOR", "CREATED", "LAST USED", "UNTIL", "STATE"], rows)


def _end(until: str | None) -> dict[str, object]:
    """A span (`30d`) or a time, as the request says it."""
    if until is None:
        return {}
    if _SPAN.fullmatch(until):
        return {"lasts_s": parse_walltime(until)}
    return {"expires_at": rfc3339(parse_begin(until, time.time(), local_zone()))}


def _reach(one: Record) -> str:
    """`read`, or `submit, physics`: everything but what is left out."""
    return ", ".join(clean(word) for word in (one.scope, one.account) if word)


def _state(one: Record) -> str:
    if one.revoked_at:
        return f"revoked {full_clock(one.revoked_at)}"
    return "logged in" if one.kind == "browser" else "in use"


@token.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def revoke(ids: tuple[str, ...]) -> None:
    """End tokens at once."""
    with client() as server:
        for token_id in ids:
            server.revoke_token(token_id)
            out(f"Token {clean(token_id)} is revoked.")
