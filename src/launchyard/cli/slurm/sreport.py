"""sreport: how much of the cluster was used, by whom and for which account."""

import sys
import time
from collections.abc import Callable, Mapping

from launchyard.cli.slurm.about import print_version, settings
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.history import rows_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.people import full_name
from launchyard.cli.slurm.server import Server
from launchyard.model.light import NamedTuple
from launchyard.slurm import reports
from launchyard.slurm.columns import Style, UnknownField, chosen, lines
from launchyard.slurm.moments import BadMoment, parse_moment
from launchyard.slurm.reports import RESOURCES, UNITS, Account, Asked, Rows, uses_of
from launchyard.slurm.times import stamps

OPTIONS = options(
    value="cluster time tres",
    nothing="all_clusters federation help local noheader parsable parsable2 quiet usage verbose version",
    letters="""a:all_clusters h:help M:cluster n:noheader p:parsable P:parsable2 Q:quiet t:time T:tres
    v:verbose V:version""",
)
USAGE = (
    "Usage: sreport [-npP] [-t unit] [-T tres,...] REPORT_TYPE REPORT [start=time] [end=time] [name=value]"
)
HELP = f"""{USAGE}

  cluster Utilization                  how much of the cluster was allocated
  cluster AccountUtilizationByUser     what accounts used, and their users
  cluster UserUtilizationByAccount     what users used, by account
  user TopUsage                        who used the most
  job SizesByAccount                   what jobs of which size used

start, end: the span of time (default: yesterday). accounts=, users=: these alone. format=name[%width],...
  -t, --time=unit    Seconds, Minutes (default), Hours, Percent, SecPer, MinPer, HourPer
  -T, --tres=list    cpu (default), mem, node, billing, gres/gpu, all
  -P, --parsable2  -p, --parsable  -n, --noheader"""


class Wrong(Exception):
    """Lines that are printed without the command's name, as the real command has them; exit code 1."""


class Report(NamedTuple):
    """`title` as it is printed; `with_length`: the length of the span follows."""

    title: str
    make: Callable[[Asked], Rows]
    with_length: bool = True


CLUSTER = {
    "accountutilizationbyuser": Report("Cluster/Account/User Utilization", reports.accounts_by_user),
    "userutilizationbyaccount": Report("Cluster/User/Account Utilization", reports.users_by_account),
    "utilization": Report("Cluster Utilization", reports.utilization, with_length=False),
}
KNOWN: Mapping[str, Mapping[str, Report]] = {
    "cluster": CLUSTER,
    "user": {"topusage": Report("Top {top} Users", reports.top_users)},
    "job": {"sizesbyaccount": Report("Job Sizes", reports.sizes_by_account)},
    "reservation": {},
}
VALID = {
    "cluster": (
        '"AccountUtilizationByUser", "UserUtilizationByAccount", "UserUtilizationByWckey", "Utilization", '
        'and "WCKeyUtilizationByUser"'
    ),
    "user": '"TopUsage"',
    "job": '"SizesByAccount, SizesByAccountAndWcKey, and SizesByWckey"',
    "reservation": '"Utilization"',
}
ELSEWHERE = ("userutilizationbywckey", "wckeyutilizationbyuser", "sizesbywckey", "sizesbyaccountandwckey")
"""Reports by workload key and of reservations: nothing is counted by them here."""
LINE = "-" * 80
NAMES = (
    *("accounts", "clusters", "end", "format", "group", "grouping", "printjobcount", "start", "topcount"),
    *("tree", "users", "nodes", "flatview", "acctasparent", "all_clusters", "wckeys"),
)
"""What `name=value` may name; some of it has no effect here."""
COLUMNS = "id user uid account begun_at ended_at array_size nodes got_cpus_milli got_memory_mib got_gpus"


def run(arguments: list[str]) -> int:
    try:
        given = parse(arguments, OPTIONS)
        return _said(given) or _reported(given)
    except WrongUse as error:
        raise Refused(error.line) from None
    except Wrong as error:
        print(*error.args, sep="\n", file=sys.stderr)
        return 1
    except BadMoment as error:
        print(f"Invalid time specification (pos={error.position}): {error}", file=sys.stderr)
        return 1
    except UnknownField as error:
        raise Refused(f'error: Invalid field requested: "{error}"') from None


def _reported(given: Given) -> int:
    if given.count("help") or given.count("usage") or given.count("version"):
        return 0
    if not given.rest:
        raise Refused("error: no report is named; write for example: sreport cluster Utilization")
    report, words = _report(given.rest)
    now = time.time()
    values = _values(words)
    since, until = _span(values, now)
    asked = _asked(given, values, since, min(until, now), now)
    fields, rows = report.make(asked)
    if "format" in values:
        by_key = {field.key: place for place, field in enumerate(fields)}
        picked = chosen(values["format"], {field.name.replace(" ", "").lower(): field for field in fields})
        rows = [[row[by_key[field.key]] for field in picked] for row in rows]
        fields = picked
    parsable = given.count("parsable") or given.count("parsable2")
    style = Style("|" if parsable else None, bool(given.count("parsable")), not given.count("noheader"))
    if style.header:
        print(*_title(report, asked, since, until, now), sep="\n")
    sys.stdout.writelines(f"{line}\n" for line in lines(fields, rows, style))
    return 0


def _said(given: Given) -> int:
    if given.count("help") or given.count("usage"):
        print(HELP if given.count("help") else USAGE)
    elif given.count("version"):
        print_version()
    return 0


def _report(words: list[str]) -> tuple[Report, list[str]]:
    """By any beginning of its name."""
    kind = next((one for one in KNOWN if one.startswith(words[0].lower())), None)
    if kind is None:
        raise Wrong(f"invalid keyword: {words[0]}")
    name = words[1].lower() if len(words) > 1 else ""
    found = next((one for key, one in KNOWN[kind].items() if name and key.startswith(name)), None)
    if found is None:
        if kind == "reservation" or any(one.startswith(name) for one in ELSEWHERE if name):
            raise Refused(
                f"error: the report {kind} {words[1]} is not there: nothing is counted by that here"
            )
        said = words[1] if len(words) > 1 else ""
        raise Wrong(f"Not valid report {said}", f"Valid {kind} reports are, {VALID[kind]}")
    return found, words[2:]


def _values(words: list[str]) -> dict[str, str]:
    """`name=value` by any beginning of the name; a name alone is "1"."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        key = next((one for one in NAMES if name and one.startswith(name.lower())), None)
        if key is None:
            raise Wrong(f" Unknown condition: {word}", "Use keyword set to modify value")
        found[key] = value if equals else "1"
    return found


def _span(values: Mapping[str, str], now: float) -> tuple[float, float]:
    """Whole hours; yesterday when none is named. An hour that has begun is in it."""
    midnight = parse_moment("today", now)
    since = parse_moment(values["start"], now) if "start" in values else parse_moment("now-1day", midnight)
    until = parse_moment(values["end"], now) if "end" in values else midnight
    since, until = since - since % 3600, until + -until % 3600
    latest = now + -now % 3600
    until = min(until, latest)
    if since >= until:
        since = until - 3600
    return since, until


def _asked(given: Given, values: Mapping[str, str], since: float, until: float, now: float) -> Asked:
    server = Server()
    rows = rows_of(server, since=since, until=until, columns=COLUMNS)
    uses = uses_of(rows, since, until, now)
    chosen_users, chosen_accounts = _words(values, "users"), _words(values, "accounts")
    uses = [
        use
        for use in uses
        if (not chosen_users or use.user in chosen_users)
        and (not chosen_accounts or use.account in chosen_accounts)
    ]
    nodes = server.get("/v1/nodes")["nodes"]
    have = {
        "cpu": sum(node["cpus"] for node in nodes),
        "mem": sum(node["memory_mib"] for node in nodes),
        "gres/gpu": sum(node["gpus"] for node in nodes),
        "node": len(nodes),
    }
    have["billing"] = have["cpu"]
    shares = server.get("/v1/usage")["usage"]
    accounts = [
        Account(row["account"], row["depth"] + 1) for row in shares if row["user"] is None and row["account"]
    ]
    resources, by_resource = _resources(given)
    return Asked(
        cluster=str(settings(server)["cluster"]),
        uses=uses,
        accounts=accounts,
        total={name: count * max(0.0, until - max(since, _first(server))) for name, count in have.items()},
        resources=resources,
        by_resource=by_resource,
        unit=_unit(given),
        tree="tree" in values,
        top=_number(values.get("topcount", "10")),
        group="group" in values,
        grouping=tuple(_number(one) for one in values["grouping"].split(","))
        if "grouping" in values
        else reports.GROUPING,
        job_count="printjobcount" in values,
        flat="flatview" in values,
        some_users=bool(chosen_users),
        some_accounts=bool(chosen_accounts),
        names={use.uid: full_name(use.uid) for use in uses},
    )


def _first(server: Server) -> float:
    """Since when the cluster is known: since its first job, where the caller may see that."""
    rows = rows_of(server, ids=["1"], columns="id submitted_at")
    return float(rows[0]["submitted_at"]) if rows else 0.0


def _words(values: Mapping[str, str], name: str) -> set[str]:
    return set(filter(None, values.get(name, "").split(",")))


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise Wrong(f" Bad number: {text}")
    return int(text)


def _unit(given: Given) -> str:
    word = (given.last("time") or "minutes").lower()
    found = next((unit for unit in UNITS if unit.startswith(word)), None)
    if found is None:
        print(f"unknown time format {word}", file=sys.stderr)
    return found or "minutes"


def _resources(given: Given) -> tuple[list[str], bool]:
    words = [word for word in (given.last("tres") or "").lower().split(",") if word]
    if not words:
        return ["cpu"], False
    known = [word for word in RESOURCES if words == ["all"] or word in words]
    if not known:
        raise Wrong(f" No valid TRES given: {','.join(words)}")
    return known, True


def _title(report: Report, asked: Asked, since: float, until: float, now: float) -> list[str]:
    stamp = stamps("standard", now, time.localtime, time.strftime)
    span = f"{stamp(since)} - {stamp(until - 1)}"
    if report.with_length:
        span += f" ({int(until - since)} secs)"
    unit = UNITS[asked.unit][0]
    if report.make is reports.sizes_by_account:
        said = "Units are in number of jobs ran" if asked.job_count else f"Time reported in {unit}"
    elif asked.unit == "percent":
        said = f"Usage reported in {unit}"
    else:
        said = f"Usage reported in {'TRES' if asked.by_resource else 'CPU'} {unit}"
    return [LINE, f"{report.title.format(top=asked.top)} {span}", said, LINE]
