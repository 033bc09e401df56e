"""sacct: what jobs and their steps did, while they run and long after."""

import os
import sys
import time
from collections.abc import Iterable

from launchyard.cli.slurm import clusters
from launchyard.cli.slurm.about import Settings, print_version, settings
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.history import rows_of, steps_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.people import gid_of, group_of, uid_of, user_name, users_named
from launchyard.cli.slurm.server import Server
from launchyard.model import lightjson
from launchyard.model.errors import LaunchyardError
from launchyard.model.hostlist import expand
from launchyard.model.light import NamedTuple
from launchyard.model.walltime import parse_walltime
from launchyard.slurm import accountjson, jsonframe
from launchyard.slurm.accountfields import BRIEF, COMPLETION, DEFAULT, FIELDS, LONG, Ways, names_of, value
from launchyard.slurm.accounting import Record, Span, counts, records, truncated
from launchyard.slurm.amounts import UNITS, Units, whole_cpus
from launchyard.slurm.columns import Field, Style, UnknownField, chosen, lines, listing
from launchyard.slurm.moments import BadMoment, parse_moment
from launchyard.slurm.selection import BadSelection, Selection
from launchyard.slurm.states import CODES
from launchyard.slurm.times import stamps
from launchyard.slurm.version import DEFAULT as VERSION
from launchyard.slurm.version import parts

OPTIONS = options(
    value="""accounts associations clusters constraints delimiter endtime file flags format gid group jobs
    name ncpus nnodes nodelist partition qos reason starttime state timelimit-max timelimit-min uid units user
    wckeys""",
    nothing="""allclusters allocations allusers array batch-script brief completion duplicates env-vars
    expand-patterns federation help helpformat local long noconvert noheader parsable parsable2 truncate usage
    use-local-uid verbose version""",
    maybe="json yaml whole-hetjob",
    letters="""A:accounts L:allclusters X:allocations a:allusers x:associations B:batch-script b:brief
    M:clusters c:completion C:constraints D:duplicates E:endtime f:file F:flags o:format g:gid h:help
    e:helpformat j:jobs l:long i:nnodes I:ncpus N:nodelist n:noheader p:parsable P:parsable2 r:partition q:qos
    R:reason S:starttime s:state K:timelimit-max k:timelimit-min T:truncate u:uid v:verbose V:version
    W:wckeys""",
)
USAGE = "Usage: sacct [-j job[.step],...] [-S time] [-E time] [-s state,...] [-o field[%width],...] [-aDXPn]"
HELP = f"""{USAGE}

Shows the jobs of today, or those that are named, with their steps.

Which jobs:
  -j, --jobs=ids            these jobs, tasks (12_3) and steps (12.batch, 12.0)
  -S, --starttime=time      that had not ended before (default: today at 00:00)
  -E, --endtime=time        that could start before (default: now)
  -s, --state=list          in one of these states in that time (default time: now)
  -a, --allusers            of all users; -u, --user=list of these
  -A, --accounts=list  -r, --partition=list  -q, --qos=list  --name=list  -N, --nodelist=list
  -k, --timelimit-min=time  -K, --timelimit-max=time  -i, --nnodes=min[-max]  -I, --ncpus=min[-max]
  -D, --duplicates          earlier runs of jobs that were requeued too
  -X, --allocations         jobs without their steps

How they are shown:
  -o, --format=list         fields, each with %width or %-width; -e lists them
  -b, --brief  -l, --long  -c, --completion
  -P, --parsable2  -p, --parsable  --delimiter=text  -n, --noheader  --json
  --units=K|M|G|T|P  --noconvert  -T, --truncate  --array"""


class Asked(NamedTuple):
    """What the command line amounts to."""

    given: Given
    fields: list[Field]
    style: Style
    span: Span
    selection: Selection | None


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        raise Refused(error.line) from None
    if given.count("version"):
        return print_version()
    if said := _said(given):
        print(said)
        return 0
    now = time.time()
    try:
        asked = _asked(given, now)
    except BadMoment as error:
        print(f"Invalid time specification (pos={error.position}): {error}", file=sys.stderr)
        return 1
    if given.count("yaml"):
        raise Refused("error: YAML is not written here; ask for --json")
    ways = _ways(asked, now)
    if given.count("json"):
        _print_json(asked, ways)
        return 0
    jobs_only = bool(given.count("allocations") or given.count("completion"))
    found = _with_steps(_jobs(asked, now), asked.selection, jobs_only)
    keys = [field.key for field in asked.fields]
    rows = ([value(key, record, ways) for key in keys] for record in found)
    sys.stdout.writelines(f"{line}\n" for line in lines(asked.fields, rows, asked.style))
    return 0


def _said(given: Given) -> str | None:
    """What is printed without asking for any job."""
    if given.rest:
        raise Refused("error: Unknown arguments:", *(f"error:  {word}" for word in given.rest))
    if given.count("help"):
        return HELP
    if given.count("usage"):
        return USAGE
    if given.count("helpformat"):
        return "\n".join(listing(names_of(_major())))
    return None


def _major() -> int:
    """Of the version that is reported; without a server, of the one that is reported by default."""
    try:
        version = str(settings(Server())["version"])
    except LaunchyardError:
        version = VERSION
    return parts(version)[0]


def _all(given: Given, *names: str) -> str:
    """The values of a list option given several times, as one list."""
    return ",".join(value for name, value in given.options if name in names and value)


def _asked(given: Given, now: float) -> Asked:
    try:
        text = _all(given, "jobs")
        selection = Selection(text) if text else None
        return Asked(
            given, _fields(given), _style(given), _span(given, now, selection is not None), selection
        )
    except BadSelection as error:
        raise Refused(f"fatal: {error}") from None
    except UnknownField as error:
        raise Refused(f'error: Invalid field requested: "{error}"') from None


def _fields(given: Given) -> list[Field]:
    presets = {"brief": BRIEF, "long": LONG, "completion": COMPLETION}
    preset = next((text for name, text in presets.items() if given.count(name)), None)
    return chosen(
        _all(given, "format") or preset or os.environ.get("SACCT_FORMAT") or DEFAULT,
        FIELDS,
    )


def _style(given: Given) -> Style:
    parsable = [name for name, _ in given.options if name in ("parsable", "parsable2")]
    delimiter = (given.last("delimiter") or "|") if parsable else None
    return Style(delimiter, parsable[-1:] == ["parsable"], not given.count("noheader"))


def _span(given: Given, now: float, named: bool) -> Span:
    """The default times of sacct(1): today; with states now; with jobs all times."""
    states = _states(_all(given, "state"))
    start, end = given.last("starttime"), given.last("endtime")
    since = 0.0 if named else _midnight(now)
    if states is not None and not named:
        since = now
    if start is not None:
        since = parse_moment(start, now)
    until = now
    if end is not None:
        until = parse_moment(end, now)
    elif states is not None and start is not None and not named:
        until = since + 1
    if since > until + 1:
        stamp = stamps("standard", now, time.localtime, time.strftime)
        raise Refused(f"error: Start time ({stamp(since)}) requested is after end time ({stamp(until)}).")
    return Span(since, until, states, named)


def _midnight(now: float) -> float:
    year, month, day, *_ = time.localtime(now)
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))


def _states(text: str) -> frozenset[str] | None:
    by_code = {code: word for word, code in CODES.items()}
    found = set()
    for word in filter(None, (part.strip() for part in text.split(","))):
        name = by_code.get(word.upper(), word.upper())
        if name not in CODES:
            raise Refused(f"fatal: unrecognized job state value '{word}'")
        found.add(name)
    return frozenset(found) or None


def _print_json(asked: Asked, ways: Ways) -> None:
    """Everything that is told of the jobs, as one object."""
    site = settings(Server())
    uid = os.geteuid()
    frame = jsonframe.meta(str(site["version"]), ways.cluster, sys.argv, user_name(uid), group_of(uid)[1])
    jobs = [accountjson.job(record, ways) for record in _jobs(asked, ways.now)]
    sys.stdout.write(f'{{"jobs":{lightjson.write(jobs)}{jsonframe.ending(frame)}\n')


def _jobs(asked: Asked, now: float) -> list[Record]:
    """The jobs to show, with their steps."""
    given, selection, span = asked.given, asked.selection, asked.span
    server = Server()
    names = _clusters(given, server)
    if names == []:
        return []
    rows = rows_of(
        server,
        ids=None if selection is None else list(selection.steps),
        since=span.since,
        until=span.until,
        users=_users(given, selection),
        accounts=_all(given, "accounts"),
        partitions=_all(given, "partition"),
        names=_all(given, "name"),
        clusters=",".join(names or ()),
    )
    by_field = any(field.key == "derivedexitcode" for field in asked.fields)
    without = given.count("allocations") and not by_field and not given.count("json")
    steps = {} if without else steps_of(server, rows)
    made = records(
        rows,
        now,
        past=bool(given.count("duplicates")),
        each_task=bool(given.count("array")),
        named=() if selection is None else selection.steps,
        steps=steps,
    )
    kind = _Kind(given)
    kept = [record for record in made if counts(record, span) and kind.has(record)]
    return [truncated(record, span) for record in kept] if given.count("truncate") else kept


def _clusters(given: Given, server: Server) -> list[str] | None:
    """Those to show, as the server calls them; None: all. Of others nothing is known, and nothing shown."""
    words = clusters.words_of(given)
    if not words or clusters.ALL in [word.lower() for word in words]:
        return None
    known = clusters.known_by(settings(server))
    found = [known[word] for word in words if word in known]
    return None if any(one.name is None for one in found) else [str(one.name) for one in found]


def _users(given: Given, selection: Selection | None) -> str:
    """Names and ids; the caller's own jobs when nobody and nothing is named, and the caller is not root."""
    names = _all(given, "uid", "user")
    if names and names != "-1":
        return users_named(names, lambda name: Refused(f"error: Invalid user id: {name}"))
    everybody = given.count("allusers") or selection is not None or given.count("nodelist")
    return "" if everybody or os.getuid() == 0 or names == "-1" else str(os.getuid())


def _with_steps(found: Iterable[Record], selection: Selection | None, jobs_only: bool) -> Iterable[Record]:
    for record in found:
        wanted = None if selection is None else selection.wanted(_known_as(record, selection))
        if wanted is None:
            yield record
        if jobs_only:
            continue
        for step in record["steps"]:
            if wanted is None or step["suffix"] in wanted:
                yield step


def _known_as(record: Record, selection: Selection) -> tuple[str, ...]:
    array = record["task_array"]
    by_array = () if array is None else (str(array), f"{array}_{record['task_index']}")
    owner = None if record["part_of"] is None else str(record["part_of"][0])
    of_job = () if owner is None or selection.is_part(owner) else (owner,)
    return (str(record["raw"]), *by_array, *of_job)


class _Kind:
    """Whether a record is of the kind that the options ask for."""

    def __init__(self, given: Given) -> None:
        self.qos = set(filter(None, _all(given, "qos").split(",")))
        self.nodes = set(expand(_all(given, "nodelist"))) if given.count("nodelist") else set()
        self.features = set(filter(None, _all(given, "constraints").split(",")))
        self.gids = {gid_of(word) for word in filter(None, _all(given, "gid", "group").split(","))}
        self.limits = _limits(given)
        self.node_count = _range(given.last("nnodes"))
        self.cpu_count = _range(given.last("ncpus"))

    def has(self, record: Record) -> bool:
        limit = record["time_limit_s"]
        return (
            (not self.qos or record["qos"] in self.qos)
            and (not self.nodes or not self.nodes.isdisjoint(record["nodes"]))
            and (not self.features or self.features <= set(record["constraint"].split("&")))
            and (not self.gids or group_of(record["uid"])[0] in self.gids)
            and (self.limits is None or (limit is not None and self.limits[0] <= limit <= self.limits[1]))
            and _within(self.node_count, len(record["nodes"]) or record["asked_nodes"])
            and _within(self.cpu_count, whole_cpus(record["cpus_milli"]))
        )


def _limits(given: Given) -> tuple[float, float] | None:
    least, most = given.last("timelimit-min"), given.last("timelimit-max")
    if least is None:
        return None
    try:
        low = parse_walltime(least)
        high = low if most is None else parse_walltime(most)
    except LaunchyardError as error:
        raise Refused(f"error: {error}") from None
    return low or 0, float("inf") if high is None else high


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    least, dash, most = text.partition("-")
    if not least.isdecimal() or (dash and not most.isdecimal()):
        raise Refused(f"error: Invalid number specified: {text}")
    return int(least), int(most or least)


def _within(span: tuple[int, int] | None, number: int) -> bool:
    return span is None or span[0] <= number <= span[1]


def _title(site: Settings) -> str:
    """The name of the only cluster; of several, each job is shown with that of its own."""
    return str(site["cluster"]) if len(site.get("clusters", ())) < 2 else ""


def _ways(asked: Asked, now: float) -> Ways:
    spec = (asked.given.last("units") or "").upper()
    if spec and spec not in UNITS:
        raise Refused(f"fatal: Invalid --units specification {spec}. Only {','.join(UNITS)} are valid.")
    needs_cluster = asked.given.count("json") or any(field.key == "cluster" for field in asked.fields)
    return Ways(
        units=Units(spec, bool(asked.given.count("noconvert"))),
        stamp=stamps(os.environ.get("SLURM_TIME_FORMAT"), now, time.localtime, time.strftime),
        uid=uid_of,
        group=group_of,
        cluster=_title(settings(Server())) if needs_cluster else "",
        now=now,
    )
