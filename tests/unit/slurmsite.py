"""A Slurm of the tests' own, behind the same few calls as the real commands, and helpers that read files.

It does what a test says: takes jobs, runs and ends them, is away, takes a job without answering, forgets.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launchyard.engine.channel import Part, UserHelpers
from launchyard.engine.slurm.commands import Commands, Ran
from launchyard.engine.slurm.told import APART, SQUEUE_FIELDS
from launchyard.model.errors import NotFound

CONFIG = """\
Configuration data as of 2026-11-22T02:00:00
AccountingStorageType   = {storage}
ClusterName             = lab
KillWait                = 30 sec
MinJobAge               = {min_job_age} sec
SLURM_VERSION           = 22.05.8

Slurmctld(primary) at host is UP
"""
NODES = (
    "NodeName=n1 Arch=x86_64 CPUTot=4 AvailableFeatures=lab ActiveFeatures=lab Gres=gpu:fake:2"
    " RealMemory=4000 State=IDLE ThreadsPerCore=1 Partitions=debug\n"
    "NodeName=n2 CPUTot=4 Gres=(null) RealMemory=4000 State=IDLE+DRAIN ThreadsPerCore=2"
    " Reason=new disk [root@2026-11-22T01:00:00]\n"
    "NodeName=n3 CPUTot=4 Gres=(null) RealMemory=4000 State=DOWN* ThreadsPerCore=1\n"
)
PARTITIONS = (
    "PartitionName=debug AllowGroups=ALL AllowAccounts=ALL AllowQos=high Default=YES DefaultTime=01:00:00"
    " MaxNodes=UNLIMITED MaxTime=1-00:00:00 MinNodes=0 Nodes=n[1-3] PriorityTier=1 State=UP\n"
)
USERS = (
    "Current Association Manager state\nUser Records\n"
    "UserName=ada(1001) DefAccount=physics DefWckey= AdminLevel=None\n"
    "UserName=li(1002) DefAccount=(null) DefWckey= AdminLevel=None\n"
)


@dataclass
class Theirs:
    """A job as the tests' Slurm has it."""

    number: int
    uid: int
    comment: str
    state: str = "PENDING"
    reason: str = "Priority"
    nodes: str = ""
    exit_code: str = "0:0"
    start: str = "N/A"
    output: str = "/dev/null"
    node_count: str = "1"
    gres: str = "N/A"
    tres: str = "cpu=2,mem=200M,node=1,billing=2"

    @property
    def row(self) -> str:
        facts = {"State": self.state, "Reason": self.reason, "UserID": str(self.uid), "NodeList": self.nodes}
        facts |= {"StartTime": self.start, "SubmitTime": "2026-11-22T02:00:00", "EndTime": "N/A"}
        facts |= {"NumCPUs": "2", "NumNodes": self.node_count, "Partition": "debug", "Account": "physics"}
        facts |= {"QOS": "normal", "MinMemory": "100M", "tres-per-node": self.gres, "TimeLimit": "1:00:00"}
        facts |= {"ArrayTaskID": "N/A", "tres-alloc": self.tres}
        values = [facts.get(name, str(self.number)) for name in SQUEUE_FIELDS]
        return APART.join([*values, "/home/ada", "a name", self.comment])


@dataclass
class FakeSlurm(Commands):
    """`said`: all commands that acted, with their words; `scripts` what sbatch was given."""

    jobs: dict[int, Theirs] = field(default_factory=dict)
    said: list[tuple[int, Sequence[str]]] = field(default_factory=list)
    scripts: list[bytes] = field(default_factory=list)
    away: bool = False
    answers: bool = True
    """sbatch says what became of it."""
    keeps: bool = True
    """What sbatch took is there afterwards."""
    refusal: str = ""
    min_job_age: int = 300
    storage: str = "accounting_storage/none"
    looks: int = 0
    asked: list[int] = field(default_factory=list)
    """Each job that was asked for by itself."""

    def has(self, name: str) -> bool:
        return True

    async def look(self, name: str, *arguments: str, limit_s: float = 30) -> Ran:
        if self.away:
            return Ran(code=1, error=f"{name}: error: Unable to contact slurm controller (connect failure)")
        if name == "squeue":
            self.looks += 1
            return Ran(code=0, out="\n".join(job.row for job in self.jobs.values()) + "\n")
        if name == "scontrol" and "job" in arguments:
            self.asked.append(int(arguments[-1]))
            job = self.jobs.get(int(arguments[-1]))
            facts = f"ExitCode={job.exit_code} StdOut={job.output} Power=" if job else ""
            return Ran(code=0 if job else 1, out=f"JobId={arguments[-1]} {facts}" if job else "")
        texts = {"config": CONFIG.format(storage=self.storage, min_job_age=self.min_job_age)}
        texts |= {"node": NODES, "partition": PARTITIONS, "flags=users": USERS}
        return Ran(code=0, out=texts.get(arguments[-1], ""))

    async def act(
        self,
        uid: int,
        name: str,
        *arguments: str,
        given: bytes = b"",
        makes: str = "",
        removes: Sequence[str] = (),
        directory: str = "/",
        limit_s: float = 60,
    ) -> Ran:
        self.said.append((uid, [name, *arguments]))
        if self.away:
            return Ran(code=1, error=f"{name}: error: Unable to contact slurm controller (connect failure)")
        if name == "sbatch":
            return self._take(uid, arguments, given)
        if name == "scancel" and not any(word.startswith("--signal") for word in arguments):
            self.jobs[int(arguments[-1])].state = "CANCELLED"
        return Ran(code=0)

    def _take(self, uid: int, arguments: Sequence[str], given: bytes) -> Ran:
        if self.refusal:
            return Ran(code=1, error=f"sbatch: error: {self.refusal}")
        number = 101 + len(self.jobs)
        comment = next(word for word in arguments if word.startswith("--comment="))
        if self.keeps:
            self.jobs[number] = Theirs(number=number, uid=uid, comment=comment.partition("=")[2])
        self.scripts.append(given)
        return Ran(code=0, out=f"{number}\n") if self.answers else Ran(code=None, error="no answer")

    def run(self, number: int, nodes: str = "n1") -> None:
        job = self.jobs[number]
        job.state, job.nodes, job.start = "RUNNING", nodes, "2026-11-22T02:00:05"

    def called(self, name: str) -> list[Sequence[str]]:
        return [words[1:] for _, words in self.said if words[0] == name]


class FakeHelpers(UserHelpers):
    """Reads the files of one directory, whatever directory is named."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def read(self, uid: int, path: str, offset: int, limit: int) -> Part:
        file = self.directory / Path(path).name
        if not file.exists():
            raise NotFound(f"there is no file {path} any more")
        data = file.read_bytes()
        return Part(data=data, offset=0, size=len(data))

    def keep(self, name: str, **facts: object) -> None:
        """A record of a runner."""
        (self.directory / name).write_text(json.dumps({"at": 1_795_312_810.5, "node": "n1", **facts}))

    def close(self) -> None:
        """Nothing is open."""
