"""`scontrol show job [ID]`: jobs in full, an array's record and then its tasks."""

import sys

from launchyard.cli.slurm.jobdump import write_json
from launchyard.cli.slurm.jobtable import NO_SUCH_JOB, asked
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.surroundings import stamp_of, surroundings
from launchyard.slurm import jobjson, jobrecord
from launchyard.slurm.indexes import NotAnId, Wanted, read_ids
from launchyard.slurm.jobchoice import Choice, hide_split


def show(words: list[str], flags: Flags) -> int:
    server = Server()
    wanted = _ids(",".join(words))
    columns = jobjson.NEEDS if flags.json else jobrecord.NEEDS
    ids = ",".join(str(one.id) for one in wanted)
    around = surroundings()
    around = around._replace(stamp=stamp_of(around.now, "Unknown"), array_text_max=0)
    if flags.details:
        around = around._replace(gpu_types=dict(server.table("nodes", "name gpu_type")))
    facts = asked(server, columns, around, ids=ids or None, recent=1, clusters=flags.cluster)
    hide_split(facts)
    known = set(facts["id"])
    Choice(wanted).choose(facts)
    facts.only(sorted(range(facts.count), key=lambda row: facts["id"][row]))
    if wanted and not facts.count:
        raise _missing(wanted[0], known)
    if flags.json:
        write_json(facts, server)
        return 0
    if not facts.count:
        print("No jobs in the system")
    for record in jobrecord.records(facts, oneliner=flags.oneliner, details=flags.details):
        sys.stdout.write(record)
    return 0


def _ids(text: str) -> list[Wanted]:
    try:
        return read_ids(text, by_part=True)
    except NotAnId:
        print("scontrol_print_job error: Invalid job id specified", file=sys.stderr)
        raise Refused from None


def _missing(asked: Wanted, known: set[int]) -> Refused:
    """Slurm says it in the name of its library, or of the task or part that a job does not have."""
    if asked.spans:
        first, last, _ = asked.spans[0]
        print(f"Job {asked.id}_{first if first == last else f'[{first}-{last}]'} not found")
    elif asked.part is not None and asked.id in known:
        print(f"Job {asked.id}+{asked.part} not found")
    else:
        print(NO_SUCH_JOB, file=sys.stderr)
    return Refused()
