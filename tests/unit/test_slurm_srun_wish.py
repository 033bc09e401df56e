"""What srun asks of the server, from its command line and the variables of the job."""

from typing import Any

import pytest

from launchyard.cli.slurm.arguments import WrongUse, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.steps.options import SRUN, Choices
from launchyard.cli.slurm.steps.wish import step_body

JOB = {"SLURM_JOB_NODELIST": "n[1-4]", "SLURM_JOB_NUM_NODES": "4", "SLURM_NTASKS": "8"}


def choices(*words: str, **environ: str) -> Choices:
    return Choices(parse([*words, "prog", "-n9"], SRUN, stop_at_first=True), {**JOB, **environ})


def asked(*words: str, **environ: str) -> dict[str, Any]:
    body, _ = step_body(choices(*words, **environ), ["/bin/prog", "-n9"], "/tmp/s")
    return body


def test_the_options_of_the_program_are_its_own() -> None:
    assert choices("-n2").given.rest == ["prog", "-n9"]


def test_without_options_the_step_has_the_tasks_of_the_job() -> None:
    body = asked()
    assert body["tasks"] == 8
    assert "nodes" not in body
    assert body["name"] == "prog"


def test_of_fewer_nodes_the_server_counts_the_tasks() -> None:
    body = asked("-N2")
    assert "tasks" not in body
    assert body["nodes"] == 2


def test_fewer_tasks_than_nodes_are_warned_of() -> None:
    body, warnings = step_body(choices("-N4", "-n2"), ["p"], "/tmp/s")
    assert body["nodes"] == 2
    assert warnings == ["Warning: can't run 2 processes on 4 nodes, setting nnodes to 2"]


def test_fewer_tasks_than_nodes_of_the_job_are_warned_of_too() -> None:
    body, warnings = step_body(choices("-n1"), ["p"], "/tmp/s")
    assert body["nodes"] == 1
    assert warnings == ["Warning: can't run 1 processes on 4 nodes, setting nnodes to 1"]
    assert step_body(choices("-n1", "-N1"), ["p"], "/tmp/s")[1] == []


def test_cpus_of_a_task_come_from_sruns_own_variable_alone() -> None:
    assert "cpus_per_task" not in asked(SLURM_CPUS_PER_TASK="4")
    assert asked(SRUN_CPUS_PER_TASK="4")["cpus_per_task"] == 4
    assert asked("-c2", SRUN_CPUS_PER_TASK="4")["cpus_per_task"] == 2


def test_overcommitted_tasks_share_what_is_there() -> None:
    body = asked("-O", "-c2")
    assert (body["cpus_per_task"], body["whole_nodes"]) == (0, True)


def test_a_step_has_its_nodes_whole() -> None:
    body = asked("-n1")
    assert body["whole_nodes"]
    assert "cpus_per_task" not in body
    assert asked("-n1", SLURM_CPUS_PER_TASK="2")["whole_nodes"]


@pytest.mark.parametrize(
    ("words", "environ", "cpus"),
    [
        (["--exact"], {}, 1),
        (["--exclusive"], {}, 1),
        (["-c2"], {}, 2),
        ([], {"SRUN_CPUS_PER_TASK": "3"}, 3),
        ([], {"SLURM_EXACT": "1"}, 1),
        (["--exact", "-O"], {}, 1),
    ],
)
def test_an_exact_step_has_what_it_asks_for(words: list[str], environ: dict[str, str], cpus: int) -> None:
    body = asked(*words, **environ)
    assert "whole_nodes" not in body
    assert body["cpus_per_task"] == cpus


def test_an_exact_step_has_the_memory_of_its_cpus() -> None:
    assert asked("--exact", SLURM_MEM_PER_CPU="500")["memory_per_cpu_mib"] == 0
    assert asked("--mem-per-cpu=1G", SLURM_MEM_PER_CPU="500")["memory_per_cpu_mib"] == 1024
    assert "memory_per_cpu_mib" not in asked(SLURM_MEM_PER_CPU="500")
    assert "memory_per_cpu_mib" not in asked("--exact")
    named = asked("--exact", "--mem=50", SLURM_MEM_PER_CPU="500")
    assert (named["memory_mib"], "memory_per_cpu_mib" in named) == (50, False)


@pytest.mark.parametrize(
    ("words", "nodes"),
    [
        (["-w", "n[2-3]"], ["n2", "n3"]),
        (["-x", "n1,n4"], ["n2", "n3"]),
        (["-r", "2"], ["n3", "n4"]),
        (["-r1", "-N2"], ["n2", "n3"]),
    ],
)
def test_nodes_are_named(words: list[str], nodes: list[str]) -> None:
    assert asked(*words)["nodelist"] == nodes


def test_more_nodes_than_are_left_are_refused() -> None:
    with pytest.raises(Refused, match="not available"):
        asked("-r3", "-N2")


@pytest.mark.parametrize(
    ("words", "gpus"),
    [
        (["--gpus=2"], 2),
        (["--gpus-per-task=a100:1", "-n3"], 3),
        (["--gpus-per-node=2", "-N2"], 4),
        (["--gres=gpu:2", "-N1"], 2),
        (["--gres=none"], 0),
    ],
)
def test_gpus_are_counted_for_the_whole_step(words: list[str], gpus: int) -> None:
    assert asked(*words)["gpus"] == gpus


@pytest.mark.parametrize(("text", "memory_mib"), [("100", 100), ("2G", 2048), ("512K", 1)])
def test_memory_is_a_nodes(text: str, memory_mib: int) -> None:
    assert asked(f"--mem={text}")["memory_mib"] == memory_mib


def test_no_memory_is_what_the_job_has() -> None:
    assert "memory_mib" not in asked("--mem=0")


@pytest.mark.parametrize("word", ["-nx", "-n0", "-N0", "-Nx", "--mem=x", "-n-1", "-c1000000000"])
def test_what_is_no_number_is_wrong_use(word: str) -> None:
    with pytest.raises((WrongUse, Refused)):
        asked(word)


def test_more_nodes_than_the_job_has_are_refused() -> None:
    with pytest.raises(Refused, match="Only allocated 4 nodes asked for 5"):
        asked("-N5")


def test_flags_may_come_from_variables() -> None:
    assert asked(SLURM_OVERLAP="1")["overlap"] is True
    assert asked(SLURM_OVERLAP="0")["overlap"] is False
    assert choices(SLURM_LABELIO="1").flag("label")
    assert choices("-l").flag("label")
