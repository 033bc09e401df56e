"""Running steps from the server, by the ids that people write: `12`, `12.0`, `5_3.batch`."""

import sys

from launchyard.cli.slurm.arguments import Given
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import surroundings
from launchyard.model.light import NamedTuple
from launchyard.slurm import formats, stepfields
from launchyard.slurm.indexes import NotAnId, Wanted, read_ids
from launchyard.slurm.stepfields import JOB_COLUMNS, STEP_COLUMNS, Step


class WantedStep(NamedTuple):
    """Steps of a job, or the one of this name."""

    job: Wanted
    step: str


def read_steps(text: str) -> list[WantedStep]:
    """Raises `NotAnId`."""
    wanted = []
    for part in text.split(","):
        if part:
            job, _, step = part.partition(".")
            wanted += [WantedStep(one, step) for one in read_ids(job)]
    return wanted


def running(server: Server, wanted: list[WantedStep], users: str | None = None) -> list[Step]:
    """The running steps of these jobs; of all when none is named."""
    ids = ",".join(str(one.job.id) for one in wanted) or None
    steps = server.table("steps", STEP_COLUMNS, jobs=ids, state="RUNNING", user=users)
    jobs = server.table("jobs", f"{JOB_COLUMNS} part_of", ids=ids, users=users)
    # The script of a job of parts is in the first.
    first = [row for *row, part_of in jobs if part_of is None or not part_of[1]]
    found = stepfields.steps_of(steps, first)
    return [step for step in found if not wanted or any(_is_meant(step, one) for one in wanted)]


def _is_meant(step: Step, wanted: WantedStep) -> bool:
    if wanted.step and wanted.step != str(step["step"]):
        return False
    if step["job_id"] == wanted.job.id and not wanted.job.spans:
        return True
    return step["task_array"] == wanted.job.id and wanted.job.has(step["task_index"])


def print_table(given: Given, server: Server, users: list[str]) -> None:
    """What `squeue -s` prints."""
    text = ",".join(value or "" for name, value in given.options if name in ("steps", "jobs"))
    try:
        wanted = read_steps(text)
    except NotAnId as error:
        raise Refused(f"error: Invalid job_step id: {error.args[0]}") from None
    steps = running(server, wanted, ",".join(users) or None)
    by_name = given.last("Format")
    if by_name is not None:
        layout = formats.by_names(by_name, stepfields.NAMES)
    else:
        layout = formats.by_letters(given.last("format") or stepfields.DEFAULT, stepfields.LETTERS)
    for unknown in layout.unknown:
        print(f"squeue: error: Invalid job step format specification: {unknown}", file=sys.stderr)
    texts = stepfields.columns(steps, layout.names, surroundings())
    if not given.count("noheader"):
        print(formats.header(layout, stepfields.HEADERS))
    for line in formats.lines(layout, texts, len(steps)):
        print(line)
