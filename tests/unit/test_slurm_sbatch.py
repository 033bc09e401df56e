"""sbatch's three places, what they amount to, and what the server is sent; no server is asked."""

from typing import Any

import pytest

from launchyard.cli.slurm.arguments import WrongUse, parse, parse_parts
from launchyard.cli.slurm.batch.choices import OPTIONS, Choices, asked, of_script
from launchyard.cli.slurm.batch.script import read_script, wrapped
from launchyard.cli.slurm.batch.unlike import choices_of
from launchyard.cli.slurm.batch.variables import VARIABLES, by_variables, variables_of
from launchyard.cli.slurm.main import Refused
from launchyard.model.job import Attempt, Job, JobKind
from launchyard.model.resources import Allocation, NodeShare, Request
from launchyard.slurm.body import body_of
from launchyard.slurm.complaints import bad_option, refusal
from launchyard.slurm.environment import slurm_environment
from launchyard.slurm.options import SBATCH
from launchyard.slurm.submitted import launch_extras
from launchyard.slurm.waited import exit_code_of


def choices(*words: str, script: str = "", **environ: str) -> Choices:
    given = parse(words, OPTIONS, stop_at_first=True)
    (found,), ours = of_script(f"#!/bin/sh\n{script}\ntrue\n")
    return Choices(found, ours, by_variables(environ), given.options)


def body(*words: str, script: str = "", **environ: str) -> dict[str, Any]:
    """What is sent of it, but for what is only kept."""
    sent = body_of(asked(choices(*words, script=script, **environ)), lambda text: f"at {text}")
    sent.pop("metadata", None)
    return sent


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-n2", "-c", "3"], {"resources": {"cpus": 6, "tasks": 2}}),
        (["-N2-4", "--exclusive"], {"resources": {"nodes": 2, "nodes_max": 4, "exclusive": True}}),
        (["-N", "1,3-5:2"], {"resources": {"nodes": 1, "nodes_max": 5}}),
        (["-N1k"], {"resources": {"nodes": 1024}}),
        (["--mem=0"], {"resources": {"memory_mib": 0}}),
        (["--mem=2G", "-N2"], {"resources": {"memory_mib": 4096, "nodes": 2}}),
        (["-n4", "--mem-per-cpu=100"], {"resources": {"cpus": 4, "tasks": 4, "memory_mib": 400}}),
        (["-G2", "--gpus-per-task=1"], {"resources": {"gpus": 2, "tasks": 2, "cpus": 2}}),
        (["-G2", "--ntasks-per-gpu=2"], {"resources": {"gpus": 2, "tasks": 4, "cpus": 4}}),
        (["-G", "a100"], {"resources": {"gpus": 1, "gpu_type": "a100"}}),
        (["--gpus-per-socket=2"], {"resources": {"gpus": 2}}),
        (["--gres=gpu:a100:2"], {"resources": {"gpus": 2, "gpu_type": "a100"}}),
        (["--gres=none"], {}),
        (["-n2", "--tres-per-task=cpu=2,gres/gpu=1"], {"resources": {"cpus": 4, "tasks": 2, "gpus": 2}}),
        (["--mincpus=3"], {"resources": {"cpus": 3}}),
        (["-L", "a:2,b"], {"resources": {"licences": {"a": 2, "b": 1}}}),
        (["-t", "1-2"], {"time_limit_s": 26 * 3600}),
        (["-t", "0:30"], {"time_limit_s": 30}),
        (["--time-min=5", "-t10"], {"time_limit_s": 600, "time_min_s": 300}),
        (["-b", "tomorrow", "--deadline=noon"], {"begin_at": "at tomorrow", "deadline_at": "at noon"}),
        (["--signal=B:USR1@60"], {"warning": {"signal": 10, "before_s": 60, "target": "batch"}}),
        (["--signal=R:INT"], {"warning": {"signal": 2, "before_s": 60, "target": "steps"}}),
        (["--no-requeue", "--requeue"], {"requeue": True}),
        (["-H", "--nice", "-J", "x"], {"hold": True, "nice": 100, "name": "x"}),
        (["-d", "after:1+5,aftercorr:2,singleton"], {"after": "after:1+5,aftercorr:2,singleton"}),
        (["--kill-on-invalid-dep=yes"], {"keep_on_failed_dependency": False}),
        (["--open-mode=append"], {"append": True}),
        (["-k", "--contiguous", "--hint=nomultithread", "-m", "block:cyclic", "-S1", "--reboot"], {}),
    ],
)
def test_options_amount_to_what_the_server_understands(words: list[str], expected: dict[str, Any]) -> None:
    assert body(*words) == expected


def test_the_line_goes_before_variables_before_the_script() -> None:
    script = "#SBATCH -J script -t 1\n#SBATCH -A script -q script"
    sent = body("-J", "line", script=script, SBATCH_JOB_NAME="variable", SBATCH_TIMELIMIT="2", SBATCH_QOS="")
    assert sent == {"name": "line", "time_limit_s": 120, "account": "script", "qos": "script"}


def test_our_own_lines_count_in_sbatch_too_and_the_command_line_goes_first() -> None:
    script = "#LY --mem 8G -c 2 --group sweep\n#SBATCH --mem=4G -c4"
    assert body(script=script) == {"group": "sweep", "resources": {"cpus": 2, "memory_mib": 8192}}
    assert body("-c3", "--mem=1G", script=script)["resources"] == {"cpus": 3, "memory_mib": 1024}


def test_every_variable_stands_for_an_option() -> None:
    assert set(VARIABLES.values()) <= set(SBATCH.names)
    assert by_variables({"SBATCH_WAIT": "", "SBATCH_ARRAY_INX": "1-3", "SBATCH_OTHER": "x"}) == [
        ("wait", None),
        ("array", "1-3"),
    ]


@pytest.mark.parametrize(
    ("words", "script", "said", "code"),
    [
        (["-t", "2h"], "", "error: Invalid --time specification", 255),
        ([], "#SBATCH -t 2h", "error: Invalid --time specification", 255),
        ([], "#SBATCH --bogus", "unrecognized option '--bogus'", 255),
        ([], "#SBATCH foo", "error: Invalid directive found in batch script: foo", 255),
        (["-c0"], "", 'error: Invalid numeric value "0" for --cpus-per-task.', 1),
        (["-N4-2"], "", "error: Maximum node count 2 is less than minimum node count 4", 255),
        (["--mail-type=FOO"], "", "error: Invalid --mail-type specification", 255),
        (["--signal=USR1@x"], "", "error: Invalid --signal specification", 255),
        (["--hint=foo"], "", 'error: unrecognized --hint argument "foo", see --hint=help', 1),
        (["--wait-all-nodes=3"], "", "error: Invalid --wait-all-nodes specification", 255),
        (["--propagate=foo"], "", "error: --propagate=foo is not valid.", 1),
    ],
)
def test_what_cannot_be_is_refused_in_slurms_words(
    words: list[str], script: str, said: str, code: int
) -> None:
    try:
        asked(choices(*words, script=script))
        raise AssertionError("it was taken")
    except WrongUse as wrong:
        line, found = wrong.line, 255
    except Refused as refused:
        line, found = refused.lines[0], refused.code
    assert line.startswith(said)
    assert found == code


def test_parts_of_a_job_are_divided_by_colons_and_by_hetjob_lines() -> None:
    parts, given = parse_parts(["-n1", ":", "-n2", "-J", "two", "x.sh", "a", ":"], OPTIONS)
    assert [part.options for part in parts] == [[("ntasks", "1")], [("ntasks", "2"), ("job-name", "two")]]
    assert given.rest == ["x.sh", "a", ":"]
    scripts, _ = of_script("#!/bin/sh\n#SBATCH -n1 -t5\n#SBATCH hetjob\n#SBATCH -n2 -p gpu\ntrue\n")
    assert scripts == [[("ntasks", "1"), ("time", "5")], [("ntasks", "2"), ("partition", "gpu")]]


def test_options_of_the_whole_job_may_stand_with_any_part_and_memory_is_carried_on() -> None:
    whole = Choices([], (), [], [])
    lines: list[list[tuple[str, str | None]]] = [
        [("mem", "100"), ("partition", "a")],
        [("ntasks", "2"), ("job-name", "x")],
        [("mem-per-cpu", "5")],
    ]
    first, second, third = choices_of([[]], whole, lines)
    assert (first.last("job-name"), second.last("job-name")) == ("x", None)
    assert (second.last("mem"), second.last("partition")) == ("100", None)
    assert (third.last("mem"), third.last("mem-per-cpu")) == (None, "5")


def test_what_the_server_refuses_has_slurms_reason() -> None:
    failed = "error: Batch job submission failed:"
    assert refusal("no-qos", "there is no QOS") == [f"{failed} Invalid qos specification"]
    assert refusal("no-partition", "...", "nope")[0] == "error: invalid partition specified: nope"
    assert refusal("other", "the disk is full") == [f"{failed} the disk is full"]
    assert bad_option("nodes", "x").line == 'error: "x" is not a valid node count'


def test_a_wrapped_command_is_a_script() -> None:
    assert wrapped("true") == "#!/bin/sh\n# This script was created by sbatch --wrap.\n\ntrue\n"
    with pytest.raises(Refused, match="Unable to open file"):
        read_script("/nowhere/script")


def test_secrets_and_what_is_no_text_stay_behind() -> None:
    environ = {"LAUNCHYARD_TOKEN": "secret", "BYTES": "\udcff", "A": "1", "SLURM_JOB_ID": "7"}
    assert variables_of(None, None, None, environ) == {"A": "1"}
    assert variables_of("NONE", None, {"HOME": "/h"}, environ) == {"HOME": "/h"}


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([("COMPLETED", 0, None)], 0),
        ([("FAILED", 5, None), ("FAILED", 3, None)], 5),
        ([("FAILED", None, 9)], 1),
        ([("CANCELLED", None, None)], 1),
    ],
)
def test_waiting_gives_the_highest_code(ends: list[tuple[str, int | None, int | None]], code: int) -> None:
    jobs = [{"state": state, "exit_code": exit, "signal": signal} for state, exit, signal in ends]
    assert exit_code_of(jobs) == code


def variables(**asked: str) -> dict[str, str]:
    """Those of a job of sbatch that asked for this, on one node with 4 CPUs, 400 MiB and 2 GPUs."""
    share = NodeShare(node="n1", cpus_milli=4000, memory_mib=400, gpu_ids=(0, 1))
    attempt = Attempt(
        number=1, launch_id="l", epoch="e", allocation=Allocation(shares=(share,)), allocated_at=0
    )
    metadata = {"slurm.submit_host": "login", **{f"slurm.{k.replace('_', '-')}": v for k, v in asked.items()}}
    job = Job(
        id=1,
        name="j",
        kind=JobKind.BATCH,
        user="ada",
        uid=7,
        partition="main",
        submitted_at=0,
        request=Request(cpus_milli=4000, gpus=2),
        metadata=metadata,
        attempt=attempt,
        attempts=1,
    )
    return slurm_environment(job, gid=9)


@pytest.mark.parametrize(
    ("asked", "there", "absent"),
    [
        (
            {},
            {"SLURM_MEM_PER_CPU": "100", "SLURM_JOB_GID": "9"},
            "SLURM_NTASKS SLURM_CPUS_PER_TASK SLURM_GPUS",
        ),
        ({"ntasks": "1"}, {"SLURM_NTASKS": "1", "SLURM_NPROCS": "1"}, "SLURM_NTASKS_PER_NODE"),
        ({"cpus_per_task": "4"}, {"SLURM_CPUS_PER_TASK": "4"}, "SLURM_NTASKS SLURM_RESTART_COUNT"),
        ({"mem": "400"}, {"SLURM_MEM_PER_NODE": "400"}, "SLURM_MEM_PER_CPU SLURM_MEM_PER_GPU"),
        ({"mem": "0"}, {}, "SLURM_MEM_PER_CPU SLURM_MEM_PER_NODE"),
        ({"mem_per_gpu": "200"}, {"SLURM_MEM_PER_GPU": "200"}, "SLURM_MEM_PER_CPU SLURM_MEM_PER_NODE"),
        ({"export": "NONE"}, {"SLURM_EXPORT_ENV": "NONE", "SLURM_GET_USER_ENV": "1"}, ""),
        ({"gpus": "2"}, {"SLURM_GPUS": "2", "GPU_DEVICE_ORDINAL": "0,1"}, "SLURM_GPUS_PER_NODE"),
    ],
)
def test_a_script_finds_what_was_asked_and_no_more(
    asked: dict[str, str], there: dict[str, str], absent: str
) -> None:
    found = variables(**asked)
    assert there.items() <= found.items()
    assert not found.keys() & set(absent.split())


def test_the_umask_is_octal_or_none() -> None:
    extras = launch_extras({"slurm.submit_host": "login", "slurm.umask": "0027"})
    assert (extras["umask"], extras["pid_variable"]) == (0o027, "SLURM_TASK_PID")
    assert launch_extras({"slurm.submit_host": "login", "slurm.umask": "9x"})["umask"] is None
    assert launch_extras({}) == {}
