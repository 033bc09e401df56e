"""What two clusters cannot have in common, as regular expressions in one table, and the rest compared."""

import re
from itertools import zip_longest

from tests.slurm.settings import FIRST_JOB_ID
from tests.slurm.sides import Said, Side, node_name

CLOCK = r"(?:\d+-)?(?:\d{1,2}:)?\d{1,2}:\d\d(?:\.\d+)?"
LIMITS = ("1:00:00", "01:00:00", "1:40:00", "01:40:00", "2:00:00", "02:00:00", "10:00", "00:10:00", "7:00")
LIMIT = "|".join(LIMITS)

NORMAL: tuple[tuple[str, str], ...] = (
    # Days and hours; a time limit is what was asked for, and stays.
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "<date>"),
    (r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "<today>"),
    (r"\b1[78]\d{8}\b", "<seconds>"),
    (rf"[ ]*(?<![\d:=-])(?!(?:{LIMIT})(?![\d:.]))\b{CLOCK}[ ]*(?![\d:])", " <clock> "),
    (rf"(?<==)(?<!ExitCode=)(?!(?:{LIMIT})(?![\d:.])){CLOCK}", "<clock>"),
    (r"\b(Duration|ElapsedRaw)=\S+", r"\1=<clock>"),
    # The machine.
    (rf"\b{re.escape(node_name())}\b", "<host>"),
    (r"\bn[1-4]\b", "<node>"),
    (r"AllocNode:Sid=\S+", "AllocNode:Sid=<place>"),
    (r"\bslurmstepd-\S+:", "slurmstepd:"),
    (r"\b(NodeAddr|NodeHostName|Port|SrunHost:Pid)=\S+", r"\1=<place>"),
    (r"\b(OS|CPULoad|FreeMem|Owner|BootTime)=.*?(?= \w+=|$)", r"\1=<machine>"),
    # The build, which tells what was asked for and what was given, and which pass looked at a job last.
    (r"\s+ReqTRES=\S+\s+AllocTRES=\S+", ""),
    (r"\bLastSchedEval=\S+( Scheduler=\S+)?", "LastSchedEval=<date>"),
    (r"\bslurm(-wlm)? \d+\.\d+\.\d+", "slurm <version>"),
    (r"\bSLURM_VERSION +=.*", "SLURM_VERSION = <version>"),
    # The real one says it only when it hears of the end before it is gone itself.
    (r"^salloc: Job allocation .* has been revoked\.$", ""),
    (r"(?<=\bSlurmUser)( +)= \S+", r"\1= <user>"),
    (r"\b(Priority)=[1-9]\d*", r"\1=<number>"),
)

NUMBERS = r"[ ]*(?<![\w<{])-?\d+(?:\.\d+)?(?:e[+-]\d+)?[KMGT]?(?![\w}])[ ]*"


def normal(text: str, side: Side) -> str:
    """The text with labels for job ids, and without what is each cluster's own."""
    placed = labelled(text, side).replace(str(side.work), "<work>")
    for pattern, replacement in NORMAL:
        placed = re.sub(pattern, replacement, placed, flags=re.MULTILINE)
    return placed


def labelled(text: str, side: Side) -> str:
    """The text with {label} for the job ids of the history, {id} for others."""
    pattern = rf"(?<!\d){FIRST_JOB_ID // 1000}\d{{3}}(?!\d)"
    return re.sub(pattern, lambda found: side.label(int(found[0])), text)


def shape(how: str, text: str) -> list[str]:
    """The lines to compare, as the case says: see tests/slurm/cases.txt."""
    lines = text.splitlines()
    if how == "#":
        return sorted(re.sub(NUMBERS, " # ", line) for line in lines)
    return sorted(lines) if how == "~" else [] if how == ":" else lines


def difference(how: str, theirs: Said, ours: Said) -> str:
    """What differs between two answers that are already normal; empty when nothing does."""
    found = []
    if theirs.code != ours.code:
        found.append(f"exit code {theirs.code}, ours {ours.code}")
    for name, a, b in (
        ("stdout", shape(how, theirs.out), shape(how, ours.out)),
        ("stderr", kinds(theirs.err), kinds(ours.err)),
    ):
        if a != b:
            only_a = [line for line in a if line not in b][:6]
            only_b = [line for line in b if line not in a][:6]
            if not only_a and not only_b:
                pairs = [pair for pair in zip_longest(a, b, fillvalue="") if pair[0] != pair[1]][:6]
                only_a, only_b = [one for one, _ in pairs], [two for _, two in pairs]
            found.append(
                "\n".join((name, *(f"  - {line}" for line in only_a), *(f"  + {line}" for line in only_b)))
            )
    return "\n".join(found)


KINDS: tuple[tuple[str, str], ...] = (
    (r"unrecognized option|invalid option --|requires an argument|doesn't allow an argument", "wrong use"),
    (r"Try \"\w+ --help\" for more information", "wrong use"),
    (r"Bad state string|valid states|Invalid job format", "wrong value"),
    (r"multi_prog config file|configuration file", "no program file"),
    (r"error: Batch job submission failed:", "refused"),
    (r"error: (Unable to allocate resources|Job submit/allocate failed):", "refused"),
    (r"Invalid (--\S+ specification|numeric value)|(Max|Min)imum node count", "wrong value"),
    (r"Access/permission denied|Invalid user id|Access denied", "denied"),
    (r"Invalid job id|Invalid node name|does not exist|not found", "unknown"),
    (r"Unexpected message received|steps (running )?for job", "unknown"),
)
"""What a line of stderr is about; a line that none of these finds is its own class."""


def kinds(text: str) -> list[str]:
    """The classes of what stderr says, each once; lines beside a refusal are part of it.

    In any order: srun and its tasks write at the same time.
    """
    found: list[str] = []
    for line in text.splitlines():
        kind = _kind(line)
        if line.strip() and kind not in found:
            found.append(kind)
    return ["refused"] if "refused" in found else sorted(found)


def _kind(line: str) -> str:
    for pattern, kind in KINDS:
        if re.search(pattern, line):
            return kind
    return line
