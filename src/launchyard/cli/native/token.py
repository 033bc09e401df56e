"""`ly token`: credentials for use from other machines."""

import click

from launchyard.cli.groups import NearestGroup
from launchyard.cli.options import client, json_option, quiet_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.table import print_table
from launchyard.cli.output.text import clean
from launchyard.cli.output.units import full_clock
from launchyard.sdk.records import Record


@click.group(cls=NearestGroup)
def token() -> None:
    """Create, list and revoke tokens for remote use."""


@token.command()
@click.argument("name", required=False, default="")
@json_option
@quiet_option
def create(name: str, as_json: bool, quiet: bool) -> None:
    """A new token, shown this once."""
    with client() as server:
        made = server.create_token(name)
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
                full_clock(one.created_at),
                _state(one),
            ]
            for one in found
        ]
        print_table(["ID", "NAME", "CREATED", "STATE"], rows)


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
