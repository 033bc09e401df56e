"""scancel: end jobs, or send them a signal; named one by one or found by what they are.

Jobs that are only named go to the server in one request. A filter, a signal or a step makes us look at the
jobs first, as the original does: then a name that fits no live job is an error, and without it is none.
"""

import os
import sys

from launchyard.cli.slurm import clusters
from launchyard.cli.slurm.about import settings
from launchyard.cli.slurm.acting import Outcome, act, errno_of
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.people import uid_of
from launchyard.cli.slurm.server import Server
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.hostlist import expand
from launchyard.model.light import NamedTuple
from launchyard.model.signals import parse_signal
from launchyard.slurm.errnos import ALREADY_DONE, DENIED, INVALID_JOB
from launchyard.slurm.jobnames import BATCH, Named, read, read_list

OPTIONS = options(
    value="account jobname nodelist partition qos reservation signal state user wckey admin-comment clusters",
    nothing="batch cron ctld full hurry interactive me quiet sibling verbose version help usage",
    letters="A:account b:batch c:cron f:full H:hurry i:interactive M:clusters n:jobname p:partition q:qos "
    "Q:quiet R:reservation s:signal t:state u:user v:verbose V:version w:nodelist",
)
FILTERS = ("account", "jobname", "nodelist", "partition", "qos", "reservation", "state", "user", "wckey")
VARIABLES = {"jobname": "SCANCEL_NAME", "nodelist": "", "reservation": ""}
"""Other options are `SCANCEL_` and their name."""
FLAGS = ("batch", "full", "interactive", "verbose")
COLUMNS = (
    "id task_array task_index array_pending name user uid account partition qos reservation state "
    "nodelist metadata part_of cluster"
)
STATES = {"PENDING": "PENDING", "PD": "PENDING", "RUNNING": "RUNNING", "R": "RUNNING"}
STATES |= {"SUSPENDED": "SUSPENDED", "S": "SUSPENDED"}
KILL = 9
HELP = """Usage: scancel [OPTIONS] [JOB[_TASK][.STEP]...]
  -A, --account=NAME     jobs charged to this account        -M, --clusters=NAMES  jobs on these clusters
                                                             -p, --partition=NAME  jobs in this partition
  -b, --batch            signal the batch shell alone        -q, --qos=NAME        jobs of this QOS
  -c, --cron             jobs of a crontab too, where the site wants that to be said
  -f, --full             signal batch shell and steps        -Q, --quiet           say nothing of errors
  -H, --hurry            accepted                            -R, --reservation=NAME
  -i, --interactive      ask before each job                 -s, --signal=NAME     send this signal
  -n, --jobname=NAME     jobs of this name                   -t, --state=STATE     PENDING, RUNNING, SUSPENDED
      --me               my own jobs                         -u, --user=NAME       jobs of this user
  -v, --verbose          say what is done                    -V, --version
  -w, --nodelist=NODES   jobs on any of these nodes              --wckey=KEY"""


class Row(NamedTuple):
    id: int
    task_array: int | None
    task_index: int | None
    array_pending: str | None
    name: str
    user: str
    uid: int
    account: str | None
    partition: str
    qos: str
    reservation: str | None
    state: str
    nodelist: str
    metadata: dict[str, str] | None
    part_of: list[int] | None
    cluster: str


def run(arguments: list[str]) -> int:
    """Wrong use is exit code 1 here."""
    try:
        given = parse(arguments, OPTIONS)
    except WrongUse as error:
        print(f'scancel: {error.line}\nTry "scancel --help" for more information', file=sys.stderr)
        return 1
    if given.count("help") or given.count("usage"):
        print(HELP)
        return 0
    _from_environment(given)
    server = Server()
    if given.count("version"):
        print(f"slurm {server.get('/v1/slurm')['version']}")
        return 0
    names = _names(given.rest)
    signal = _signal(given)
    filters = _filters(given) | _clusters(given, server)
    if not (names or filters):
        raise Refused("error: No job identification provided")
    looking = filters or given.count("interactive") or signal is not None
    if looking or any(one.step not in (None, "") for one in names):
        return _selected(server, given, names, filters, signal)
    return _named(server, given, names)


def _from_environment(given: Given) -> None:
    """What was given on the command line goes before it."""
    for name in (*FILTERS, *FLAGS):
        value = os.environ.get(VARIABLES.get(name, f"SCANCEL_{name.upper()}"))
        if value is None or given.count(name):
            continue
        if name not in FLAGS:
            given.options.append((name, value))
        elif value.lower() in ("", "1", "t", "true", "y", "yes"):
            given.options.append((name, None))


def _names(words: list[str]) -> list[Named]:
    names = []
    for word in words:
        found = read_list(word)
        if isinstance(found, str):
            raise Refused(f"error: Invalid job id {found}")
        names += found
    return names


def _signal(given: Given) -> int | None:
    """None: the job is to end."""
    text = given.last("signal")
    if text is None:
        return None
    try:
        number = parse_signal(text)
    except Invalid:
        print(f"Unknown job signal: {text}", file=sys.stderr)
        raise SystemExit(1) from None
    return None if number == KILL and not (given.count("batch") or given.count("full")) else number


def _filters(given: Given) -> dict[str, str]:
    filters = {name: value for name in FILTERS if (value := given.last(name)) is not None}
    if given.count("me"):
        filters["user"] = str(os.getuid())
    if "state" in filters:
        state = STATES.get(filters["state"].upper())
        if state is None:
            print(f"Invalid job state specified: {filters['state']}", file=sys.stderr)
            print("Valid job states are PENDING, RUNNING, and SUSPENDED", file=sys.stderr)
            raise SystemExit(1)
        filters["state"] = state
    if "user" in filters:
        name = filters["user"]
        uid = int(name) if name.isdecimal() and len(name) < 10 else uid_of(name)
        if uid is None:
            raise Refused(f"error: Invalid user name: {name}")
        filters["user"] = str(uid)
    return filters


def _clusters(given: Given, server: Server) -> dict[str, str]:
    """A filter, where there are several clusters and some are named."""
    words = clusters.words_of(given)
    wanted = clusters.named(words, settings(server)) if words else []
    names = [one.name for one in wanted if one.name is not None]
    return {"clusters": ",".join(names)} if names else {}


# -- jobs that are only named


def _named(server: Server, given: Given, names: list[Named]) -> int:
    """What is not there, or has ended, is as it should be."""
    verbose = given.count("verbose")
    signal = "full " if given.count("full") else "script of " if given.count("batch") else ""
    for one in names if verbose else ():
        print(f"scancel: Terminating {signal}job {one.text}", file=sys.stderr)
    gone = (INVALID_JOB, ALREADY_DONE)
    code = 0
    for outcome in act(server, "cancel", names, cron=bool(given.count("cron"))):
        if outcome.errno is not None and (verbose or outcome.errno not in gone):
            _say(given, outcome)
        if outcome.errno is not None and outcome.errno not in gone:
            code = outcome.errno.code
    return code


def _say(given: Given, outcome: Outcome) -> None:
    if outcome.errno is not None and not given.count("quiet"):
        kind = "job step id" if outcome.named.step else "job id"
        sentence = outcome.errno.sentence
        print(f"scancel: error: Kill job error on {kind} {outcome.named.text}: {sentence}", file=sys.stderr)


# -- jobs that are looked at first


def _selected(
    server: Server, given: Given, names: list[Named], filters: dict[str, str], signal: int | None
) -> int:
    every = [Row(*row) for row in server.table("jobs", COLUMNS)]
    # With the first of its parts a job ends as a whole; steps are known by the ids of all.
    live = [row for row in every if row.part_of is None or not row.part_of[1]]
    with_parts = _by_name(every) if any(one.step for one in names) else {}
    known, records = _by_name(live), {str(row.id): row for row in live if row.array_pending is not None}
    code = 0
    wanted: list[tuple[Named, Row]] = []
    whole: list[Named] = []
    for one in names or [Named(_text(row), [_ref(row)]) for row in live]:
        rows = _meant(one, with_parts if one.step else known, records)
        if not rows and one.step is None and not filters:
            # It may be somebody else's, which is another error; the server says which.
            whole.append(one)
        elif not rows:
            _say(given, Outcome(one, INVALID_JOB))
            code = 1
        wanted += [(one, row) for row in rows if _fits(row, filters)]
    if not names and "user" not in filters:
        # Others' jobs that a filter happens to fit are left alone, unless they were meant.
        wanted = [(one, row) for one, row in wanted if os.getuid() in (0, row.uid)]
    if not (wanted or whole) and given.count("verbose"):
        shown = " ".join(f"{name}={value}" for name, value in filters.items())
        print(f"scancel: error: No active jobs match ALL job filters, including: {shown}", file=sys.stderr)
    if given.count("interactive"):
        wanted = [(one, row) for one, row in wanted if _asked(one, row)]
    plain = [(one, row) for one, row in wanted if not one.step or one.step == BATCH]
    if any(one.step == BATCH for one, _ in plain):
        given.options.append(("batch", None))
    whole += _targets(
        plain, live, signal, by_row=signal is not None or bool({"state", "nodelist"} & {*filters})
    )
    code = _whole(server, given, whole, signal) or code
    for one, row in wanted:
        if one.step and one.step != BATCH:
            code = _step(server, given, one, row, signal) or code
    return code


def _targets(
    wanted: list[tuple[Named, Row]], live: list[Row], signal: int | None, *, by_row: bool
) -> list[Named]:
    """As they were named, so that an array goes as one; or row by row where its tasks differ.

    Tasks that wait take no signal. Those of an array of which others are at work are named one by one.
    """
    if not by_row:
        return list({one.text: one for one, _ in wanted}.values())
    at_work = {row.task_array for row in live}
    found: dict[str, Named] = {}
    for one, row in wanted:
        refs = [_ref(row)]
        if row.array_pending is not None:
            if signal is not None:
                continue
            if row.id in at_work:
                tasks = read(f"{row.id}_[{row.array_pending}]")
                refs = tasks.refs if tasks is not None else []
            if one.refs != [str(row.id)] and one.text != _text(row):
                refs = [ref for ref in one.refs if _waits(ref, row)]
        found[_text(row)] = Named(_text(row), refs)
    return list(found.values())


def _whole(server: Server, given: Given, names: list[Named], signal: int | None) -> int:
    if given.count("verbose"):
        for one in names:
            word = f"Signal {signal} to" if signal is not None else "Terminating"
            print(f"scancel: {word} job {one.text}", file=sys.stderr)
    if signal is None:
        outcomes = act(server, "cancel", names, cron=bool(given.count("cron")))
    else:
        target = "batch" if given.count("batch") else "all" if given.count("full") else "steps"
        outcomes = act(server, "signal", names, signal=signal, target=target)
    code = 0
    for outcome in outcomes:
        if outcome.errno is None or (signal is None and outcome.errno == ALREADY_DONE):
            continue
        if outcome.errno in (ALREADY_DONE, INVALID_JOB):
            _say(given, outcome._replace(errno=INVALID_JOB))
            code = code or 1
            continue
        _say(given, outcome)
        code = outcome.errno.code
    return code


def _step(server: Server, given: Given, one: Named, row: Row, signal: int | None) -> int:
    """`extern` and `interactive` are no steps of ours: nothing of theirs is there to be ended."""
    job = row.id if row.part_of is None else row.part_of[0]
    path = f"/v1/jobs/{job}/steps/{one.step}"
    if given.count("verbose"):
        word = "Terminating" if signal is None else f"Signal {signal} to"
        print(f"scancel: {word} step {one.text}", file=sys.stderr)
    try:
        if signal is None:
            server.post(f"{path}/cancel")
        else:
            server.post(f"{path}/signal", {"signal": signal})
    except LaunchyardError as error:
        errno = INVALID_JOB if error.status in (400, 404, 409) else errno_of(error.status, "")
        _say(given, Outcome(one, errno))
        return errno.code if errno == DENIED else 1
    return 0


def _ref(row: Row) -> str:
    return str(row.id) if row.task_array is None else f"{row.task_array}_{row.task_index}"


def _text(row: Row) -> str:
    return f"{row.id}_[{row.array_pending}]" if row.array_pending else _ref(row)


def _by_name(live: list[Row]) -> dict[str, list[Row]]:
    """Rows by all that they may be called: `12`, `5_3`, and `5` of a task of that array."""
    known: dict[str, list[Row]] = {}
    for row in live:
        for name in {str(row.id), _ref(row), str(row.task_array or row.id)}:
            known.setdefault(name, []).append(row)
    return known


def _meant(one: Named, known: dict[str, list[Row]], records: dict[str, Row]) -> list[Row]:
    """A job by its id or as a task; an array's record stands for its tasks that have not split off."""
    found = {row.id: row for ref in one.refs for row in known.get(ref, ())}
    for ref in one.refs:
        record = records.get(ref.partition("_")[0])
        if record is not None and _waits(ref, record):
            found[record.id] = record
    return [found[id] for id in sorted(found)]


def _waits(ref: str, row: Row) -> bool:
    job, under, index = ref.partition("_")
    return bool(under) and job == str(row.id) and _within(int(index), row.array_pending or "")


def _within(index: int, ranges: str) -> bool:
    """Whether `0-3,7,10-20:2` holds it."""
    for part in ranges.split(","):
        ends, _, step = part.partition(":")
        first, dash, last = ends.partition("-")
        if first and int(first) <= index <= int(last if dash else first):
            return (index - int(first)) % int(step or 1) == 0
    return False


def _fits(row: Row, filters: dict[str, str]) -> bool:
    """An array's record whose tasks wait is PENDING, whatever the tasks at work are."""
    state = "PENDING" if row.array_pending else row.state
    values = {
        "account": row.account,
        "jobname": row.name,
        "partition": row.partition,
        "qos": row.qos,
        "reservation": row.reservation,
        "state": state,
        "user": str(row.uid),
        "wckey": (row.metadata or {}).get("slurm.wckey"),
    }
    if row.cluster not in filters.get("clusters", row.cluster).split(","):
        return False
    return all(
        bool(set(expand(row.nodelist or "")) & set(expand(value)))
        if name == "nodelist"
        else values[name] == value
        for name, value in filters.items()
        if name != "clusters"
    )


def _asked(one: Named, row: Row) -> bool:
    """The end of the input is a no."""
    kind = f"step_id={one.text}" if one.step else f"job_id={one.text}"
    while True:
        print(f"Cancel {kind} name={row.name} partition={row.partition} [y/n]? ", end="", flush=True)
        answer = sys.stdin.readline()
        if not answer or answer[:1] in "nN":
            return False
        if answer[:1] in "yY":
            return True
