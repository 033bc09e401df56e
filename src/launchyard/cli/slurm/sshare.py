"""sshare: how much of which account users have used, and what place that gives them."""

import os
import sys
import time

from launchyard.cli.slurm.about import print_version, settings
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.history import rows_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.people import user_name
from launchyard.cli.slurm.server import Server
from launchyard.slurm.columns import Style, UnknownField, chosen, lines, listing
from launchyard.slurm.sharefields import (
    DEFAULT,
    FIELDS,
    LONG,
    PARTITION,
    chosen_of,
    tree,
    value,
    with_running,
)

OPTIONS = options(
    value="accounts clusters format users",
    nothing="all help helpformat long noheader parsable parsable2 partition usage Users verbose version",
    maybe="json yaml",
    letters="""A:accounts a:all M:clusters o:format e:helpformat l:long n:noheader h:noheader p:parsable
    P:parsable2 m:partition u:users U:Users v:verbose V:version""",
)
RUNNING = "id user account state time_limit_s begun_at nodes got_cpus_milli got_memory_mib got_gpus"
USAGE = "Usage: sshare [-a] [-A account,...] [-u user,...] [-o field[%width],...] [-hlmnpPU]"
HELP = f"""{USAGE}

Shows accounts with their shares and usage, and your own place in them.

  -a, --all             all users; -u, --users=list of these; -U, --Users yours alone
  -A, --accounts=list   these accounts
  -o, --format=list     fields, each with %width or %-width; -e lists them
  -l, --long  -m, --partition
  -P, --parsable2  -p, --parsable  -n, -h, --noheader"""


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        print(f"sshare: {error.line}", 'Try "sshare --help" for more information', sep="\n", file=sys.stderr)
        return 1
    if given.count("version"):
        return print_version()
    if said := _said(given):
        print(said)
        return 0
    presets = {"long": LONG, "partition": PARTITION}
    preset = next((text for name, text in presets.items() if given.count(name)), DEFAULT)
    try:
        fields = chosen(given.last("format") or preset, FIELDS)
    except UnknownField as error:
        raise Refused(f'error: Invalid field requested: "{error}"') from None
    server = Server()
    known = tree(server.get("/v1/usage")["usage"])
    if any(field.key == "tresrunmins" for field in fields):
        now = time.time()
        known = with_running(known, rows_of(server, since=now, columns=RUNNING), now)
    branches = chosen_of(
        known,
        users=_users(given),
        accounts=_words(given, "accounts"),
        users_only=bool(given.count("Users")),
    )
    cluster = str(settings(server)["cluster"]) if any(field.key == "cluster" for field in fields) else ""
    parsable = given.count("parsable") or given.count("parsable2")
    style = Style("|" if parsable else None, bool(given.count("parsable")), not given.count("noheader"))
    for line in lines(fields, ([value(one.key, row, cluster) for one in fields] for row in branches), style):
        print(line)
    return 0


def _said(given: Given) -> str | None:
    if given.count("help"):
        return HELP
    if given.count("usage"):
        return USAGE
    if given.count("helpformat"):
        return "\n".join(listing((field.name for field in FIELDS.values()), width=17))
    return None


def _users(given: Given) -> frozenset[str] | None:
    """None: all; else those that are named, or the caller."""
    if given.count("all"):
        return None
    return _words(given, "users") or frozenset({user_name(os.getuid())})


def _words(given: Given, name: str) -> frozenset[str] | None:
    text = ",".join(value for one, value in given.options if one == name and value)
    return frozenset(filter(None, text.split(","))) or None
