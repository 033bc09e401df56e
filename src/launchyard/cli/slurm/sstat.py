"""sstat: what the steps of running jobs use now."""

import sys
from collections.abc import Iterable

from launchyard.cli.slurm.about import print_version
from launchyard.cli.slurm.arguments import Given, WrongUse, options, parse
from launchyard.cli.slurm.history import STEP_COLUMNS, parts, steps_of
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.model.light import Any
from launchyard.slurm.amounts import Units
from launchyard.slurm.columns import Style, UnknownField, chosen, lines, listing
from launchyard.slurm.livefields import DEFAULT, FIELDS, PIDS, value
from launchyard.slurm.selection import BadSelection, Selection

OPTIONS = options(
    value="format jobs",
    nothing="allsteps help helpformat noconvert noheader parsable parsable2 pidformat usage verbose version",
    letters="""a:allsteps o:format h:help e:helpformat j:jobs n:noheader p:parsable P:parsable2 i:pidformat
    v:verbose V:version""",
)
USAGE = "Usage: sstat [-j] job[.step],... [-o field[%width],...] [-aeinpP]"
HELP = f"""{USAGE}

Shows what steps of running jobs use: of each job its first step, or the one that is named.

  -j, --jobs=ids       jobs, tasks (12_3) and steps (12.batch, 12.0)
  -a, --allsteps       all steps of a job
  -o, --format=list    fields, each with %width or %-width; -e lists them
  -i, --pidformat      where the steps run
  -P, --parsable2  -p, --parsable  -n, --noheader  --noconvert"""
COLUMNS = "id task_array task_index kind nodes attempt cpu_s memory_mib memory_peak_mib"


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
    preset = PIDS if given.count("pidformat") else DEFAULT
    try:
        fields = chosen(_all(given, "format") or preset, FIELDS)
        named = ",".join(filter(None, [_all(given, "jobs"), *given.rest]))
        selection = Selection(named, by_part=False)
    except UnknownField as error:
        raise Refused(f'error: Invalid field requested: "{error}"') from None
    except BadSelection as error:
        raise Refused(f"fatal: {error}") from None
    if not selection.steps:
        raise Refused("error: You didn't give me any jobs to stat.")
    parsable = given.count("parsable") or given.count("parsable2")
    style = Style("|" if parsable else None, bool(given.count("parsable")), not given.count("noheader"))
    units = Units(exact=bool(given.count("noconvert")))
    uses = _uses(Server(), selection, every=bool(given.count("allsteps")))
    rows = ([value(field.key, use, units) for field in fields] for use in uses)
    for line in lines(fields, rows, style):
        print(line, flush=True)
    return 0


def _said(given: Given) -> str | None:
    if given.count("help"):
        return HELP
    if given.count("usage"):
        return USAGE
    if given.count("helpformat"):
        return "\n".join(listing(field.name for field in FIELDS.values()))
    return None


def _all(given: Given, name: str) -> str:
    return ",".join(value for one, value in given.options if one == name and value)


def _uses(server: Server, selection: Selection, *, every: bool) -> Iterable[dict[str, Any]]:
    """What each step that is asked for uses, in the order asked; what does not run is said on stderr."""
    keys = COLUMNS.split()
    jobs: dict[str, dict[str, Any]] = {}
    for ids in parts(list(selection.steps)):
        for row in server.table("usage", COLUMNS, ids=ids):
            job = dict(zip(keys, row, strict=True))
            jobs[str(job["id"])] = job
            if job["task_array"] is not None:
                jobs[f"{job['task_array']}_{job['task_index']}"] = job
    steps = steps_of(
        server,
        [{**job, "begun_at": 0.0, "past": (), "submitted_at": 0.0} for job in jobs.values()],
        f"{STEP_COLUMNS} live_cpu_s live_memory_mib",
    )
    for name, wanted in selection.steps.items():
        job = jobs.get(name, {})
        if not job:
            print(f"sstat: error: couldn't get steps for job {name}", file=sys.stderr)
            continue
        found = {use["suffix"]: use for use in _steps(job, name, steps.get((job["id"], job["attempt"]), []))}
        yield from _chosen(name, found, wanted, every=every)


def _steps(job: dict[str, Any], name: str, steps: Iterable[Any]) -> Iterable[dict[str, Any]]:
    """The batch script with what the whole job uses, and each step with what it uses itself."""
    if job["kind"] != "driver":
        yield {**job, "jobid": f"{name}.batch", "suffix": ".batch", "nodes": job["nodes"][:1], "tasks": 1}
    for step in steps:
        if step["ended_at"] is None:
            suffix = f".{step['step']}"
            known = {"nodes": step["nodes"], "tasks": step["tasks"], "cpu_s": step["live_cpu_s"]}
            known |= {"memory_mib": step["live_memory_mib"], "memory_peak_mib": None}
            yield {**job, **known, "jobid": f"{name}{suffix}", "suffix": suffix}


def _chosen(
    name: str, found: dict[str, dict[str, Any]], wanted: set[str] | None, *, every: bool
) -> Iterable[dict[str, Any]]:
    if wanted is None:
        numbered = [use for suffix, use in found.items() if suffix != ".batch"]
        some = list(found.values()) if every else numbered[:1]
        if not some:
            print(f"sstat: error: No steps running for job {name}", file=sys.stderr)
        yield from some
        return
    for suffix in sorted(wanted):
        if suffix in found:
            yield found[suffix]
        else:
            print(f"sstat: error: StepId={name}{suffix} not found running.", file=sys.stderr)
