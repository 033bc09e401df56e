"""`ly open`: the portal, logged in as whoever asks."""

import os
import sys
import webbrowser

import click

from launchyard.cli.options import client, json_option
from launchyard.cli.output.screen import err, out, out_json
from launchyard.cli.output.text import clean
from launchyard.model.walltime import humane

DESKTOPS = ("DISPLAY", "WAYLAND_DISPLAY")


@click.command(name="open")
@click.argument("path", required=False, default="/")
@click.option("-n", "--no-browser", is_flag=True, help="Print the link, and open no browser.")
@json_option
def open_(path: str, no_browser: bool, as_json: bool) -> None:
    """Open the portal in a browser by a link that logs in, once.

    PATH is a place in it, such as /jobs/17.
    """
    with client() as server:
        link = server.login_link(path)
    if as_json:
        out_json(link.to_json())
        return
    url = clean(str(link.url))
    out(url)
    err(f"Good once, for {humane(link.expires_in_s)}.")
    if not no_browser and _has_desktop():
        webbrowser.open(url)


def _has_desktop() -> bool:
    """Whether a browser would be seen by whoever typed this."""
    return sys.stdout.isatty() and (
        sys.platform == "darwin" or any(os.environ.get(name) for name in DESKTOPS)
    )
