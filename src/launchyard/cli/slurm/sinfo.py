"""sinfo: the nodes and partitions, put together where they look alike."""

import os
import pwd
import sys
import time
from collections.abc import Sequence

from launchyard.cli.slurm import clusters, clustertable
from launchyard.cli.slurm.about import UNTOLD, Settings, print_version, settings
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import stamp_of
from launchyard.model.light import Any
from launchyard.slurm import formats, nodefields, nodes
from launchyard.slurm.formats import Layout
from launchyard.slurm.nodefields import Around, Group
from launchyard.slurm.nodes import Row, folded
from launchyard.slurm.times import full_clock
from launchyard.slurm.version import parts

OPTIONS = options(
    value="clusters format Format iterate nodes partition sort states",
    maybe="json yaml",
    nothing="all dead exact federation help hide list-reasons local long noconvert Node noheader reservation "
    "responding summarize usage verbose version future",
    letters="a:all d:dead e:exact F:future h:noheader i:iterate l:long M:clusters n:nodes N:Node o:format "
    "O:Format p:partition r:responding R:list-reasons s:summarize S:sort t:states T:reservation v:verbose "
    "V:version",
)
VARIABLES = {
    **{"SINFO_ALL": "all", "SINFO_PARTITION": "partition", "SINFO_SORT": "sort"},
    "SLURM_CLUSTERS": "clusters",
}
"""Variables that stand for an option that is not given."""

SHORT = "%{p}P %.5a %.10l %.6D %.6t %N"
SUMMARY = "%{p}P %.5a %.10l %.16F %N"
LONG_BEFORE_23 = "%{p}P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N"
LONG = "%{p}P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %.11i %N"
NODE = "%{n}N %.6D %.{p}P %6t"
NODE_LONG = "%{n}N %.6D %.{p}P %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E"
REASONS = "%20E %9u %19H %N"
REASONS_LONG = "%20E %12U %19H %6t %N"

HELP = """Usage: sinfo [OPTIONS]
  -a, --all                hidden partitions too (none is hidden here)
  -d, --dead               only nodes that do not answer
  -e, --exact              nodes on one line only where all that is shown is the same
  -F, --future             nodes that are to come too (there are none)
  -h, --noheader           no line of headings
  -i, --iterate=SECONDS    again and again
      --json               everything, for programs
  -l, --long               more columns
  -M, --clusters=NAMES     of which clusters
  -n, --nodes=NODES        these nodes: n[1-3],n7
  -N, --Node               one line a node and partition
  -o, --format=FORMAT      columns by letter: "%9P %.5a %N"
  -O, --Format=FORMAT      columns by name: "NodeList:20,StateLong:.12"
  -p, --partition=NAMES    these partitions
  -r, --responding         only nodes that answer
  -R, --list-reasons       why nodes are not available
  -s, --summarize          one line a partition
  -S, --sort=KEYS          by which letters, as in "P,-t"
  -t, --states=STATES      nodes in these states: idle,alloc or drain&idle
  -T, --reservation        reservations instead of nodes
  -V, --version            the version"""
HINT = ('Try "sinfo --help" for more information',)
USAGE = "Usage: sinfo [-adehlNrRsTV] [-i seconds] [-n nodes] [-o format] [-p partition] [-S keys] [-t states]"


def run(arguments: list[str]) -> int:
    try:
        given = _with_variables(parse(arguments, OPTIONS))
    except WrongUse as error:
        # Unlike sbatch this command ends with 1.
        print(f"sinfo: {error.line}", *(HINT if error.hint else ()), sep="\n", file=sys.stderr)
        return 1
    if given.count("version"):
        return print_version()
    if given.count("help") or given.count("usage"):
        print(HELP if given.count("help") else USAGE)
        return 0
    if given.last("yaml") is not None:
        raise Refused("error: YAML is not written here; ask for --json")
    pause_s = _pause(given.last("iterate"))
    while True:
        if (pause_s or _is_long(given)) and not given.count("noheader") and given.last("json") is None:
            print(time.strftime("%a %b %d %H:%M:%S %Y"))
        _show(given)
        if not pause_s:
            return 0
        print(flush=True)
        time.sleep(pause_s)


def _with_variables(given: Given) -> Given:
    """What the environment says goes before, so that the command line has the last word."""
    said = [
        (option, os.environ[variable])
        for variable, option in VARIABLES.items()
        if variable in os.environ and not given.count(option)
    ]
    return Given([*said, *given.options], given.rest)


def _pause(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0):
        raise Refused(f"error: Error: invalid entry for --iterate={text}")
    return int(text)


def _is_long(given: Given) -> bool:
    return bool(given.count("long"))


def _show(given: Given) -> None:
    server = Server()
    # Most of the time nothing that is shown depends on it, and a request is saved.
    site = settings(server) if any(map(given.count, ("clusters", "json", "long"))) else UNTOLD
    words = clusters.words_of(given)
    for number, one in enumerate(clusters.named(words, site) if words else ()):
        clusters.print_title(one, given, first=not number)
        _show_one(given, server, site, one.name)
    if not words:
        _show_one(given, server, site, None)


def _show_one(given: Given, server: Server, site: Settings, cluster: str | None) -> None:
    """One cluster, or all together."""
    if given.last("json") is not None:
        rows = _nodes(given, clustertable.every(server, "nodes", cluster))
        partitions = _partitions(given, clustertable.every(server, "partitions", cluster))
        clustertable.print_groups_json(list(rows.values()), partitions, site)
    elif given.count("reservation"):
        _print_reservations(given, server)
    else:
        _print_groups(given, server, str(site["version"]), cluster)


def _print_groups(given: Given, server: Server, version: str, cluster: str | None) -> None:
    names = _layout(given, version, (), say=False).names
    if "version" in names:
        version = str(settings(server)["version"])
    wanted = nodefields.partition_columns(names, "default", *_sort_columns(given, of_nodes=False))
    partitions = _partitions(given, clustertable.rows(server, "partitions", wanted, cluster))
    layout = _layout(given, version, partitions)
    columns = nodefields.node_columns(names, "state", *_sort_columns(given))
    shown = _nodes(given, clustertable.rows(server, "nodes", [*columns, "reason"], cluster))
    around = Around(stamp_of(time.time(), "Unknown"), _uid, version)
    apart = bool(given.count("Node"))
    found = nodefields.groups(
        names,
        partitions,
        shown,
        apart=apart,
        exact=bool(given.count("exact")),
        empty=not apart and "partition" in names,
    )
    found = nodefields.in_order(found, given.last("sort") or ("N" if apart else "#P,-t"), around)
    _print(layout, found, around, headed=not given.count("noheader"))


def _print(layout: Layout, found: Sequence[Group], around: Around, headed: bool) -> None:
    texts = {name: [nodefields.FIELDS[name].text(group, around) for group in found] for name in layout.names}
    head = [formats.header(layout, nodefields.HEADERS)] if headed else []
    lines = formats.lines(layout, texts, len(found))
    sys.stdout.write("".join(f"{line}\n" for line in (*head, *lines)))


# -- what is shown


def _words(given: Given, name: str) -> list[str]:
    return [word.strip() for word in (given.last(name) or "").split(",") if word.strip()]


def _sort_columns(given: Given, of_nodes: bool = True) -> list[str]:
    fields = [
        nodefields.FIELDS[nodefields.LETTERS[letter]]
        for letter in (word.strip().lstrip("+-#")[:1] for word in (given.last("sort") or "").split(","))
        if letter in nodefields.LETTERS
    ]
    return [field.nodes if of_nodes else field.partition for field in fields]


def _partitions(given: Given, known: list[Row]) -> list[Row]:
    asked = _words(given, "partition")
    return [row for row in known if not asked or row["name"] in asked]


def _nodes(given: Given, known: list[Row]) -> dict[str, Row]:
    """By name, those that were asked for."""
    named = given.last("nodes")
    only = None if named is None else set(nodes.unfolded(named))
    try:
        asked = nodes.wanted(given.last("states") or ("down,drain" if given.count("list-reasons") else ""))
    except nodes.UnknownState as error:
        raise Refused(
            f'error: Bad state string: "{formats.printable(error.args[0])}"',
            f"error: valid states: {','.join(nodes.ASKED).lower()}",
        ) from None
    return {
        row["name"]: row
        for row in known
        if (only is None or row["name"] in only)
        and nodes.is_wanted(nodes.state_of(row), asked)
        and not given.count("dead")
        and (row["reason"] or not given.count("list-reasons"))
    }


def _uid(user: str) -> int | None:
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, UnicodeEncodeError):
        return None


# -- how


def _layout(given: Given, version: str, partitions: Sequence[Row], say: bool = True) -> Layout:
    by_letter, by_name = given.last("format"), given.last("Format")
    if by_letter is None and by_name is None and not _has_a_shape(given):
        by_letter = os.environ.get("SINFO_FORMAT")
    if by_name is not None:
        layout = formats.by_names(by_name, nodefields.NAMES)
        if by_name.strip().lower() == "all":
            layout = formats.by_letters("%all", nodefields.LETTERS)
        complaint = "error: Invalid job format specification: {}"
    else:
        text = by_letter if by_letter is not None else _default(given, version, partitions)
        layout = formats.by_letters(text, nodefields.LETTERS)
        complaint = "Invalid node format specification: {}"
    for unknown in layout.unknown if say else ():
        name = "sinfo: " if by_name is not None else ""
        print(
            name + complaint.format(formats.printable(unknown[:1] if not name else unknown)), file=sys.stderr
        )
    return layout


def _has_a_shape(given: Given) -> bool:
    return any(map(given.count, ("long", "summarize", "Node", "list-reasons")))


def _default(given: Given, version: str, partitions: Sequence[Row]) -> str:
    """The format of the command without one; names have the room that the longest of them needs."""
    titles = [len(row["name"]) + bool(row["default"]) for row in partitions]
    names = [len(name) for row in partitions for name in row["nodes"]] if given.count("Node") else []
    if given.count("list-reasons"):
        text = REASONS_LONG if _is_long(given) else REASONS
    elif given.count("Node"):
        text = NODE_LONG if _is_long(given) else NODE
    elif given.count("summarize"):
        text = SUMMARY
    elif _is_long(given):
        text = LONG if parts(version) >= (23, 2, 0) else LONG_BEFORE_23
    else:
        text = SHORT
    return text.replace("{p}", str(max([9, *titles]))).replace("{n}", str(max([9, *names])))


# -- reservations


def _print_reservations(given: Given, server: Server) -> None:
    found = clustertable.rows(server, "reservations", ["name start end nodes"])
    if not found:
        print("No reservations in the system")
        return
    now = time.time()
    stamp = stamp_of(now)
    width = max(9, *(len(row["name"]) for row in found))
    line = f"%-{width}s  %8s  %19s  %19s  %11s  %s"
    if not given.count("noheader"):
        print(line % ("RESV_NAME", "STATE", "START_TIME", "END_TIME", "DURATION", "NODELIST"))
    for row in found:
        print(line % (row["name"], _activity(row, now), *_span(row, stamp), folded(row["nodes"])))


def _activity(row: Row, now: float) -> str:
    return "ACTIVE" if row["start"] <= now < row["end"] else "INACTIVE"


def _span(row: Row, stamp: Any) -> tuple[str, str, str]:
    return stamp(row["start"]), stamp(row["end"]), full_clock(row["end"] - row["start"])
