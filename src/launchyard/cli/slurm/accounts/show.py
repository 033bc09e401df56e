"""sacctmgr show: lists of accounts, users, QOS, associations and what else there is one of."""

from collections.abc import Callable, Mapping

from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.accounts.words import Lines, Mode, Words, entity_of, listed, split
from launchyard.cli.slurm.clustertable import print_json
from launchyard.cli.slurm.server import Server
from launchyard.slurm import associationjson
from launchyard.slurm import associations as of
from launchyard.slurm.associationfields import chosen, printed

Rows = list[of.Row]

LISTS: Mapping[str, Callable[[of.Site], Rows]] = {
    "account": of.accounts,
    "association": of.associations,
    "cluster": of.clusters,
    "event": lambda site: [],
    "problem": lambda site: [],
    "qos": of.qos,
    "tres": of.tres,
    "user": of.users,
    "wckey": lambda site: [],
}
CONDITIONS = {
    "account": ("account", "accounts", "acct", "accts"),
    "user": ("user", "users"),
    "cluster": ("cluster", "clusters"),
    "parentname": ("parent",),
}


def site(server: Server) -> of.Site:
    found = server.get("/v1/slurm/associations")
    return of.Site(found, found["cluster"], found["user"])


def show(words: list[str], mode: Mode) -> int:
    kind = entity_of("list", words)
    server, asked = Server(), split(words[1:])
    if kind not in LISTS:
        return _other(kind, server)
    known = site(server)
    with_associations = mode.associations or bool(asked.flags & {"withassoc", "withassocs"})
    with_associations = with_associations and kind in ("user", "account") and not mode.json
    fields = chosen(kind, asked.last("format", "fields", "fomat"), associations=with_associations)
    if isinstance(fields, str):
        raise Lines(f"Unknown field '{fields}'")
    rows = LISTS[kind](known)
    if with_associations:
        rows = of.joined(rows, of.associations(known), kind)
        if kind == "user":
            rows = [row for row in rows if row["user"]]
    rows = [row for row in rows if _fits(kind, row, asked)]
    if mode.json:
        return _print_json(kind, rows, known, server)
    if "tree" in asked.flags and not mode.parsable:
        rows = [{**row, "account": " " * int(row.get("depth", "0")) + row["account"]} for row in rows]
        fields = [one._replace(width=-20) if one.key == "account" else one for one in fields]
    for line in printed(fields, rows, header=mode.header, parsable=mode.parsable):
        print(line)
    return 0


def _print_json(kind: str, rows: Rows, known: of.Site, server: Server) -> int:
    answer = associationjson.answer(kind, known, rows)
    if answer is None:
        raise Lines(f" {kind}: there is no JSON of these here")
    print_json(settings(server), answer)
    return 0


def _fits(kind: str, row: of.Row, asked: Words) -> bool:
    """Names that stand alone and `name=` mean what the list is of."""
    named = [*asked.names, *listed(asked.last("name", "names"))]
    own = "name" if kind == "qos" else kind
    if named and row.get(own) not in named:
        return False
    for key, aliases in CONDITIONS.items():
        wanted = listed(asked.last(*aliases))
        if wanted and row.get(key) is not None and row.get(key) not in wanted:
            return False
    return True


def _other(kind: str, server: Server) -> int:
    if kind == "runawayjobs":
        print(f"Runaway Jobs: No runaway jobs found on cluster {site(server).cluster}")
        return 0
    if kind == "configuration":
        facts = server.get("/v1/slurm")
        print(f"ClusterName            = {facts['cluster']}\nSLURM_VERSION          = {facts['version']}")
        return 0
    if kind in ("transaction", "stats"):
        raise Lines(f" {kind}: the log of the server tells who changed what; see `ly status`")
    raise Lines(f" {kind}: there are none here")
