"""sbatch as people and programs call it: through its file in the drop-in directory, to the end of the job."""

import os
import re
import resource
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product

CONFIG = DEFAULT_CONFIG.replace('name = "node"', 'name = "n[1-3]"\ngpus = 2\nfeatures = ["lab"]')


class Result(NamedTuple):
    """The exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def id(self) -> str:
        return self.out.split()[-1]


class Sbatch:
    """sbatch in a directory of its own, where the jobs run."""

    def __init__(self, product: Product, directory: Path) -> None:
        self.product = product
        self.directory = directory

    def __call__(
        self, *words: str, script: str = "", umask: int = -1, environ: Mapping[str, str] | None = None
    ) -> Result:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH", "LAUNCHYARD"))}
        done = subprocess.run(
            [f"{self.product.state}/slurm/sbatch", *words],
            env={**kept, **(environ or {})},
            cwd=self.directory,
            input=script.encode(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            umask=umask,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def output(self, *words: str, command: str, **more: str) -> str:
        """What a command wrote as a job; it completed."""
        done = self("-W", "-o", "out", *words, "--wrap", command, environ=more)
        assert (done.code, done.err) == (0, "")
        return self.read("out")

    def variables(self, *words: str, **more: str) -> dict[str, str]:
        """Those of Slurm in a job."""
        lines = self.output(*words, command="env", **more).splitlines()
        names = ("SLURM", "GPU_", "HOSTNAME", "ENVIRONMENT")
        return dict(line.split("=", 1) for line in lines if line.startswith(names))

    def read(self, name: str) -> str:
        return (self.directory / name).read_text()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("sbatch") / "s", CONFIG)
    running.start()
    yield running
    running.destroy()


@pytest.fixture
def sbatch(product: Product, tmp_path: Path) -> Sbatch:
    return Sbatch(product, tmp_path)


def test_a_job_that_asks_for_nothing_finds_what_slurm_always_sets(sbatch: Sbatch) -> None:
    found = sbatch.variables()
    job = found.pop("SLURM_JOB_ID")
    assert found.pop("SLURM_JOBID") == job
    for name in ("SLURM_TASK_PID", "SLURM_JOB_START_TIME", "SLURM_JOB_END_TIME"):
        assert found.pop(name).isdigit()
    assert found == {
        "ENVIRONMENT": "BATCH",
        "HOSTNAME": "n1",
        "SLURMD_NODENAME": "n1",
        "SLURM_CLUSTER_NAME": "local",
        "SLURM_CPUS_ON_NODE": "1",
        "SLURM_GTIDS": "0",
        "SLURM_JOB_CPUS_PER_NODE": "1",
        "SLURM_JOB_GID": str(os.getgid()),
        "SLURM_JOB_NAME": "wrap",
        "SLURM_JOB_NODELIST": "n1",
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_JOB_PARTITION": "main",
        "SLURM_JOB_QOS": "normal",
        "SLURM_JOB_UID": str(os.getuid()),
        "SLURM_JOB_USER": found["SLURM_JOB_USER"],
        "SLURM_LOCALID": "0",
        "SLURM_MEM_PER_CPU": "1024",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "n1",
        "SLURM_NODE_ALIASES": "(null)",
        "SLURM_PRIO_PROCESS": "0",
        "SLURM_PROCID": "0",
        "SLURM_SUBMIT_DIR": str(sbatch.directory),
        "SLURM_SUBMIT_HOST": os.uname().nodename.partition(".")[0],
        "SLURM_TASKS_PER_NODE": "1",
        "SLURM_TOPOLOGY_ADDR": "n1",
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
        "SLURM_WORKING_CLUSTER": found["SLURM_WORKING_CLUSTER"],
    }


def test_a_job_finds_what_it_asked_for(sbatch: Sbatch) -> None:
    found = sbatch.variables(
        *("-N2", "--ntasks-per-node=2", "-c2", "--mem=200", "--gpus-per-node=1", "-A", "chem", "-t", "5")
    )
    expected = {
        "SLURM_CPUS_PER_TASK": "2",
        "SLURM_NTASKS": "4",
        "SLURM_NPROCS": "4",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_TASKS_PER_NODE": "2(x2)",
        "SLURM_JOB_CPUS_PER_NODE": "4(x2)",
        "SLURM_MEM_PER_NODE": "200",
        "SLURM_GPUS_PER_NODE": "1",
        "SLURM_GPUS_ON_NODE": "1",
        "SLURM_JOB_ACCOUNT": "chem",
        "GPU_DEVICE_ORDINAL": found["SLURM_JOB_GPUS"],
    }
    assert expected.items() <= found.items()
    assert "SLURM_MEM_PER_CPU" not in found
    assert int(found["SLURM_JOB_END_TIME"]) - int(found["SLURM_JOB_START_TIME"]) == 300


def test_export_chooses_what_goes_along(sbatch: Sbatch) -> None:
    command = 'echo "$COLOUR $SHAPE $SLURM_EXPORT_ENV"'
    both = {"COLOUR": "blue", "SHAPE": "round"}
    assert sbatch.output(command=command, **both) == "blue round \n"
    assert sbatch.output("--export=NONE", command=command, **both) == "  NONE\n"
    assert (
        sbatch.output("--export=COLOUR,SHAPE=odd", command=command, **both) == "blue odd COLOUR,SHAPE=odd\n"
    )
    (sbatch.directory / "variables").write_bytes(b"COLOUR=red\0SHAPE=flat\0")
    assert sbatch.output("--export-file=variables", command=command) == "red flat \n"


def test_a_job_submitted_from_a_job_inherits_nothing_of_it(sbatch: Sbatch) -> None:
    found = sbatch.variables(
        SLURM_NTASKS="8", SLURM_JOB_ID="1", SLURM_ARRAY_TASK_ID="3", SLURM_TIME_FORMAT="x"
    )
    assert not found.keys() & {"SLURM_NTASKS", "SLURM_ARRAY_TASK_ID"}
    assert found["SLURM_JOB_ID"] != "1"
    assert found["SLURM_TIME_FORMAT"] == "x"


def test_the_command_line_goes_before_variables_before_the_script(sbatch: Sbatch) -> None:
    (sbatch.directory / "job.sh").write_text(
        "#!/bin/sh\n#SBATCH -J script --comment=script\n#SBATCH -o %x.out -t 3\n"
        'echo "$0 $*" | sed "s/.*slurm_script/script/"\necho $SLURM_JOB_NAME\n#SBATCH -J late\n'
    )
    environ = {"SBATCH_JOB_NAME": "variable", "SBATCH_TIMELIMIT": "7"}
    done = sbatch("-W", "-J", "line", "job.sh", "-J", "argument", environ=environ)
    job = sbatch.product.call("GET", f"/v1/jobs/{done.id}")
    assert (job["name"], job["time_limit_s"]) == ("line", 7 * 60)
    assert job["metadata"]["slurm.comment"] == "script"
    assert job["metadata"]["slurm.command"] == f"{sbatch.directory}/job.sh -J argument"
    assert sbatch.read("line.out").endswith("-J argument\nline\n")


def test_a_script_may_come_on_standard_input(sbatch: Sbatch) -> None:
    done = sbatch("--parsable", "-W", script="#!/bin/sh\necho $SLURM_JOB_NAME\n")
    assert re.fullmatch(r"\d+\n", done.out)
    assert sbatch.read(f"slurm-{done.id}.out") == "sbatch\n"
    text = sbatch.product.call("GET", f"/v1/jobs/{done.id}/script")
    assert text == b"#!/bin/sh\necho $SLURM_JOB_NAME\n"


def test_names_of_files_are_patterns(sbatch: Sbatch) -> None:
    (sbatch.directory / "numbers").write_text("1 2 3\n")
    done = sbatch(
        "-W", "-i", "numbers", "-o", "o-%6j-%x-%N-%%-%q", "-e", "e-%j", "--wrap", "cat; echo no >&2"
    )
    assert sbatch.read(f"o-{int(done.id):06}-wrap-n1-%-%q") == "1 2 3\n"
    assert sbatch.read(f"e-{done.id}") == "no\n"


def test_an_array_has_a_file_a_task_and_waiting_gives_the_highest_code(sbatch: Sbatch) -> None:
    done = sbatch("-W", "-a", "1-5:2%2", "--wrap", "echo $SLURM_ARRAY_TASK_COUNT; exit $SLURM_ARRAY_TASK_ID")
    assert done.code == 5
    for index in (1, 3, 5):
        assert sbatch.read(f"slurm-{done.id}_{index}.out") == "3\n"


def test_waiting_gives_the_jobs_code_and_1_for_a_signal(sbatch: Sbatch) -> None:
    assert sbatch("-W", "--wrap", "exit 5").code == 5
    assert sbatch("-W", "--wrap", "kill -9 $$").code == 1


def test_a_job_whose_directory_is_gone_runs_elsewhere_and_says_so(sbatch: Sbatch) -> None:
    out = sbatch.output("-D", "/nope", "-o", f"{sbatch.directory}/out", command="pwd")
    why = "couldn't chdir to `/nope': No such file or directory"
    assert out == f"slurmstepd: error: {why}: going to /tmp instead\n/tmp\n"


def test_the_umask_goes_along(sbatch: Sbatch) -> None:
    done = sbatch("-W", "-o", "out", "--wrap", "umask", umask=0o027)
    assert (done.code, sbatch.read("out")) == (0, "0027\n")


def test_limits_of_the_shell_go_along_unless_told_not_to(sbatch: Sbatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (333, before[1]))
    try:
        assert sbatch.output(command="ulimit -n") == "333\n"
        assert sbatch.output("--propagate=NONE", command="ulimit -n") != "333\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_trial_says_when_and_where_and_queues_nothing(sbatch: Sbatch) -> None:
    done = sbatch("--test-only", "-n2", "--wrap", "true")
    at = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
    said = rf"sbatch: Job \d+ to start at {at} using 2 processors on nodes n1 in partition main\n"
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(said, done.err)


def test_quiet_and_parsable_say_less(sbatch: Sbatch) -> None:
    assert sbatch("-Q", "-H", "--wrap", "true").out == ""
    assert re.fullmatch(r"\d+;local\n", sbatch("--parsable", "-M", "local", "-H", "--wrap", "true").out)
    assert re.fullmatch(r"Submitted batch job \d+\n", sbatch("-H", "--wrap", "true").out)


def test_of_several_partitions_one_is_taken_and_all_must_be_there(sbatch: Sbatch) -> None:
    done = sbatch("-p", "main,main", "-H", "--wrap", "true")
    assert sbatch.product.call("GET", f"/v1/jobs/{done.id}")["partition"] == "main"
    assert sbatch("-p", "main,nope", "--wrap", "true").code == 1


FAILED = "sbatch: error: Batch job submission failed: "
NOT_AVAILABLE = "Requested node configuration is not available\n"
NO_PARTITION = "sbatch: error: invalid partition specified: nope\n"
NO_MEMORY = "sbatch: error: Memory specification can not be satisfied\n"
BAD_TIME = "Invalid time specification (pos=0): foo\n"
TIME_MIN = "Invalid time-min specification (exceeds job's time or other limits)\n"
BOTH_MEMORIES = "sbatch: fatal: --mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.\n"
HINT = 'Try "sbatch --help" for more information\n'


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--bogus"], 255, f"sbatch: unrecognized option '--bogus'\n{HINT}"),
        (["-t", "abc"], 255, "sbatch: error: Invalid --time specification\n"),
        (["-n", "abc"], 1, 'sbatch: error: Invalid numeric value "abc" for --ntasks.\n'),
        (["-N", "abc"], 255, 'sbatch: error: "abc" is not a valid node count\n'),
        (["--mem=1.5G"], 255, "sbatch: error: Invalid --mem specification\n"),
        (["--begin=foo"], 255, f"{BAD_TIME}sbatch: error: Invalid --begin specification\n"),
        (["--time-min=20", "-t", "10"], 1, f"{FAILED}{TIME_MIN}"),
        (["--gres=foo:1"], 1, "sbatch: error: Invalid generic resource (gres) specification\n"),
        (["-p", "nope"], 1, f"{NO_PARTITION}{FAILED}Invalid partition name specified\n"),
        (["--mem=99G"], 1, f"{NO_MEMORY}{FAILED}{NOT_AVAILABLE}"),
        (["--gres=gpu:9"], 1, f"{FAILED}{NOT_AVAILABLE}"),
        (["-n3", "-N1", "--ntasks-per-node=2"], 1, f"{FAILED}{NOT_AVAILABLE}"),
        (["-q", "nope"], 1, f"{FAILED}Invalid qos specification\n"),
        (["-C", "nofeature"], 1, f"{FAILED}Invalid feature specification\n"),
        (["-w", "nope"], 1, f"{FAILED}Invalid node name specified\n"),
        (["-x", "nope"], 1, f"{FAILED}Invalid node name specified\n"),
        (["-L", "foo:1"], 1, f"{FAILED}Invalid license specification\n"),
        (["--reservation=foo"], 1, f"{FAILED}Requested reservation is invalid\n"),
        (["--array=0-999999"], 1, f"{FAILED}Invalid job array specification\n"),
        (["--array=abc"], 1, f"{FAILED}Invalid job array specification\n"),
        (["-d", "afterok:abc"], 1, f"{FAILED}Job dependency problem\n"),
        (["--mem=1G", "--mem-per-cpu=1G"], 1, BOTH_MEMORIES),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_slurms_words(
    sbatch: Sbatch, words: list[str], code: int, said: str
) -> None:
    assert sbatch(*words, "--wrap", "true") == Result(code, "", said)


def test_scripts_that_are_none_are_refused(sbatch: Sbatch) -> None:
    texts = {
        "empty": "",
        "bare": "echo\n",
        "dos": "#!/bin/sh\r\ntrue\r\n",
        "word": "#!/bin/sh\n#SBATCH foo\n",
    }
    for name, text in texts.items():
        (sbatch.directory / name).write_text(text, newline="")
    assert sbatch("gone").err == "sbatch: error: Unable to open file gone\n"
    assert sbatch("empty").err == "sbatch: error: Batch script is empty!\n"
    assert sbatch("bare").err.startswith(
        "sbatch: error: This does not look like a batch script.  The first\n"
    )
    assert sbatch("dos").err.startswith("sbatch: error: Batch script contains DOS line breaks")
    assert sbatch("word") == Result(255, "", "sbatch: error: Invalid directive found in batch script: foo\n")
    assert sbatch("--wrap", "true", "x").err.endswith("arguments not permitted with --wrap option\n")


def test_a_dependency_that_can_never_be_met_is_waited_for(sbatch: Sbatch) -> None:
    failed = sbatch("-W", "--wrap", "exit 1")
    waiting = sbatch("-d", f"afterok:{failed.id}", "--wrap", "true")
    assert sbatch.product.call("GET", f"/v1/jobs/{waiting.id}")["state"] == "PENDING"
    assert sbatch("-d", f"afternotok:{failed.id}", "-W", "--wrap", "true").code == 0


def test_two_thousand_tasks_are_one_submission(sbatch: Sbatch) -> None:
    done = sbatch("-H", "-a", "0-1999", "--wrap", "true")
    job = sbatch.product.call("GET", f"/v1/jobs/{done.id}")
    assert job["array"]["size"] == 2000


def test_commands_at_once_get_an_id_each(sbatch: Sbatch) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(sbatch("-H", "--wrap", "true").id)) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(found)) == 4
