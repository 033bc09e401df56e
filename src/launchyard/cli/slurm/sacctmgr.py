"""sacctmgr: accounts, users, QOS and their limits, shown and changed."""

import sys

from launchyard.cli.slurm.accounts import change
from launchyard.cli.slurm.accounts.show import show
from launchyard.cli.slurm.accounts.words import Lines, Mode
from launchyard.cli.slurm.arguments import WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server

OPTIONS = options(
    nothing="associations help immediate noheader oneliner parsable parsable2 quiet readonly usage verbose "
    "version",
    maybe="json yaml",
    letters="s:associations h:help i:immediate n:noheader o:oneliner p:parsable P:parsable2 Q:quiet "
    "r:readonly v:verbose V:version",
)
VERBS = {
    "show": show,
    "list": show,
    "add": change.add,
    "create": change.add,
    "modify": change.modify,
    "update": change.modify,
    "delete": change.delete,
    "remove": change.delete,
}
NOT_HERE = ("archive", "clear", "dump", "load", "ping", "reconfigure", "shutdown")
HELP = """Usage: sacctmgr [-inpPQrs] VERB ENTITY [NAME...] [where KEY=VALUE...] [set KEY=VALUE...]
  show     account, user, qos, association, cluster, tres (format=FIELD[%WIDTH],... withassoc tree)
  add      account NAME [parent= fairshare= limits]; user NAME account=; qos NAME [priority= limits]
  modify   account, user, qos: what `set` says of those that `where` names
  delete   account, user, qos
  -i commits without asking; -P and -p put | between the columns; -n leaves out the heads."""


def run(arguments: list[str]) -> int:
    """Wrong use is exit code 1 here."""
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        print(f'sacctmgr: {error.line}\nTry "sacctmgr --help" for more information', file=sys.stderr)
        return 1
    if given.count("version"):
        print(f"slurm {Server().get('/v1/slurm')['version']}")
        return 0
    verb, *words = given.rest or ["help"]
    if given.count("help") or given.count("usage") or verb == "help":
        print(HELP)
        return 0
    if given.last("yaml") is not None:
        raise Refused("error: YAML is not written here; ask for --json")
    mode = Mode(
        immediate=bool(given.count("immediate")),
        header=not given.count("noheader"),
        parsable="|" if given.count("parsable2") else "||" if given.count("parsable") else "",
        readonly=bool(given.count("readonly")),
        quiet=bool(given.count("quiet")),
        associations=bool(given.count("associations")),
        json=given.last("json") is not None,
    )
    verb = verb.lower()
    if verb in NOT_HERE:
        raise Refused(f"error: {verb}: the rules are kept by the server; see `ly admin --help`")
    act = VERBS.get(verb) or next(
        (VERBS[one] for one in VERBS if len(verb) > 1 and one.startswith(verb)), None
    )
    if act is None:
        print(f"invalid keyword: {verb}", file=sys.stderr)
        return 1
    try:
        return act(words, mode)
    except Lines as error:
        sys.stdout.flush()
        for line in error.plain:
            print(line, file=sys.stderr)
        return error.code
