"""What Slurm's commands are asked and what they say, both ways, without any of them."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from launchyard.engine.protocol import Launch
from launchyard.engine.slurm.asking import STUB, limit_of, sbatch_of, script_of, update_of
from launchyard.engine.slurm.told import (
    APART,
    SQUEUE_FIELDS,
    Row,
    accounted,
    default_accounts,
    launch_in,
    marked,
    nodes_of,
    partitions_of,
    records,
    rows_of,
    seconds_in,
    settings_of,
    squeue_words,
)
from launchyard.engine.slurm.words import allocation_of, end_of, reason_of
from launchyard.model.errors import Invalid
from launchyard.model.job import Job, JobKind
from launchyard.model.node import NodeState
from launchyard.model.resources import Request
from tests.unit.slurmsite import CONFIG, NODES, PARTITIONS, USERS, Theirs


def asked(metadata: dict[str, str] | None = None, **request: Any) -> Launch:
    job = Job(
        id=7,
        name="train",
        kind=JobKind.BATCH,
        user="ada",
        uid=1000,
        partition="gpu",
        submitted_at=0,
        account="physics",
        request=Request(**request),
        metadata=metadata or {},
    )
    return Launch(
        launch_id="ab12",
        job_id=7,
        uid=1000,
        node="",
        argv=("a b", "$(reboot)"),
        environment={"PATH": "/bin", "SECRET": "s"},
        working_dir="/home/ada",
        spool_log="7.log",
        time_limit_s=90,
        job=job,
    )


def row(**facts: Any) -> Row:
    found = rows_of(Theirs(number=12, uid=1000, comment="launchyard:ab12").row)[0]
    return found._replace(**facts)


def test_row_of_squeue_is_read_with_its_mark() -> None:
    found = rows_of(
        Theirs(number=12, uid=7, comment="mine launchyard:ab12", nodes="n[1-2]").row + "\nnoise\n"
    )
    assert [(one.slurm_id, one.uid, one.launch, one.nodes) for one in found] == [
        (12, 7, "ab12", ("n1", "n2"))
    ]
    assert (found[0].memory_mib, found[0].time_limit_s, found[0].start_at) == (200, 3600, None)


def test_separator_in_a_comment_shifts_no_field() -> None:
    found = rows_of(Theirs(number=12, uid=7, comment=f"a{APART}b launchyard:ab12").row)
    assert (found[0].name, found[0].launch) == ("a name", "ab12")
    assert len(SQUEUE_FIELDS) == 19


@pytest.mark.parametrize(
    ("facts", "memory_mib", "gpus"),
    [
        ({"tres": "cpu=4,mem=4000M,node=1,billing=4,gres/gpu=2"}, 4000, 2),
        ({"tres": "cpu=4,mem=1.5G,node=2,gres/gpu=4,gres/gpu:a100=4", "node_count": "2"}, 1536, 2),
        # Its GPUs are not counted by the site.
        ({"tres": "cpu=2,mem=200M,node=2", "node_count": "2", "gres": "gres:gpu:fake:1"}, 200, 1),
        # Of an older one: as if what it tells were of each node.
        ({"tres": "", "node_count": "2", "gres": "gpu:1"}, 200, 1),
    ],
)
def test_amounts_are_what_slurm_gives_in_all(facts: dict[str, str], memory_mib: int, gpus: int) -> None:
    (found,) = rows_of(Theirs(number=12, uid=7, comment="", nodes="n1", **facts).row)
    assert (found.memory_mib, found.gpus) == (memory_mib, gpus)


def test_an_older_squeue_is_asked_by_letters() -> None:
    option, fields = squeue_words((22, 5))
    assert (option, fields[:15], fields[-8:]) == ("-O", f"JobID:{APART},State:{APART}", "Comment:")
    option, fields = squeue_words((20, 2))
    assert (option, fields[:5], fields[-8:]) == ("-o", f"%A{APART}%T", f"%Z{APART}%j{APART}%k")
    assert fields.count(APART) == squeue_words((22, 5))[1].count(APART)


def test_users_have_the_accounts_that_slurm_says() -> None:
    assert default_accounts(records(USERS)) == {"ada": "physics"}


@pytest.mark.parametrize(
    ("comment", "launch_id"),
    [
        ("", None),
        ("hello", None),
        ("launchyard:", None),
        ("launchyard:ab12 more", None),
        ("x launchyard:1f", "1f"),
    ],
)
def test_mark_is_the_last_word_of_a_comment(comment: str, launch_id: str | None) -> None:
    assert launch_in(comment) == launch_id


def test_mark_follows_the_users_own_comment() -> None:
    assert launch_in(marked("launchyard:ffff", "ab12")) == "ab12"
    assert marked("", "ab12") == "launchyard:ab12"


def test_nodes_and_partitions_are_read() -> None:
    nodes = nodes_of(records(NODES), "hpc")
    assert [(one.name, one.state, one.gpus, one.gpu_type, one.reason) for one in nodes] == [
        ("n1", NodeState.UP, 2, "fake", ""),
        ("n2", NodeState.DRAIN, 0, "", "new disk"),
        ("n3", NodeState.DOWN, 0, "", ""),
    ]
    (partition,) = partitions_of(records(PARTITIONS), "hpc")
    assert (partition.name, partition.default, partition.nodes) == ("debug", True, ("n1", "n2", "n3"))
    assert (partition.time_limit_default_s, partition.time_limit_max_s) == (3600, 86_400)
    assert (partition.qos, partition.accounts, partition.nodes_max) == (("high",), (), None)


def test_settings_are_read() -> None:
    found = settings_of(CONFIG.format(storage="accounting_storage/slurmdbd", min_job_age=300))
    assert seconds_in(found["MinJobAge"]) == 300


def test_accounting_is_read() -> None:
    values = (
        "12",
        "CANCELLED by 1000",
        "0:15",
        "2026-11-22T02:00:00",
        "Unknown",
        "n1",
        "1000",
        "Unknown",
        "x",
    )
    (one,) = accounted(APART.join(values) + "\n")
    assert (one.slurm_id, one.state, one.signal, one.end_at, one.launch) == (12, "CANCELLED", 15, None, None)


def test_submission_says_what_the_job_asks_for() -> None:
    found = sbatch_of(asked(cpus_milli=3000, memory_mib=1001, gpus=2, nodes=2, gpu_type="a100"))
    for word in (
        *("--export=NIL", "--no-requeue", "--comment=launchyard:ab12", "--job-name=train", "--nodes=2"),
        *("--ntasks=2", "--cpus-per-task=2", "--mem=501M", "--gpus-per-node=a100:1", "--partition=gpu"),
        *("--account=physics", "--time=00:02:00", "--output=/dev/null"),
    ):
        assert word in found


def test_options_of_slurms_own_commands_are_passed_unchanged() -> None:
    metadata = {
        "slurm.submit_host": "login",
        "slurm.command": "/home/ada/x.sh",
        "slurm.ntasks": "4",
        "slurm.switches": "1@10",
        "slurm.contiguous": "1",
        "slurm.comment": "mine",
        "slurm.mail-type": "END",
        "slurm.export": "ALL",
        "slurm.power": "x",
        "slurm.uid": "0",
    }
    found = sbatch_of(asked(metadata, cpus_milli=4000, constraint="lab"))
    assert {"--ntasks=4", "--switches=1@10", "--contiguous", "--constraint=lab"} <= set(found)
    assert "--comment=mine launchyard:ab12" in found
    assert not [
        word for word in found if word.startswith(("--mail", "--uid", "--cpus-per-task", "--command"))
    ]
    assert [word for word in found if word.startswith("--export")] == ["--export=NIL"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1fb", "a\0b", "a\x7f"])
def test_control_characters_are_refused(name: str) -> None:
    launch = asked()
    assert launch.job is not None
    with pytest.raises(Invalid, match="control character"):
        sbatch_of(replace(launch, job=replace(launch.job, name=name)))


@pytest.mark.parametrize("name", ["--uid=0", "-p other", "$(id)", "; reboot", "a b", "%j", "é"])
def test_whatever_a_name_is_it_is_the_value_of_its_option(name: str) -> None:
    """Threat 27: a value that is an option, or a command."""
    launch = asked()
    assert launch.job is not None
    found = sbatch_of(replace(launch, job=replace(launch.job, name=name)))
    assert f"--job-name={name}" in found
    assert all(word.startswith("--") for word in found)


def test_patterns_of_output_are_expanded_by_us_alone() -> None:
    assert "--output=/home/ada/100%%.out" in sbatch_of(replace(asked(), stdout="/home/ada/100%.out"))


def test_script_holds_the_order_and_no_directive_of_it() -> None:
    """Threat 27: a script whose directives ask for what its user may not have."""
    launch = replace(asked(), script=b"#!/bin/sh\n#SBATCH --uid=0\n")
    text = script_of(launch, 'ORDER = ""\n', "/home/ada/records").decode()
    assert text.startswith(STUB)
    assert "#SBATCH" not in text
    hidden = script_of(launch, 'ORDER = ""\n', "/home/ada/records", "/bin").decode()
    assert _order(hidden)["environment"]["PATH"] == ""
    order = _order(text)
    assert base64.b64decode(order["script"]) == launch.script
    assert (order["directory"], order["argv"]) == ("/home/ada/records", ["a b", "$(reboot)"])


def _order(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(text.partition('ORDER = "')[2].partition('"')[0]))
    return found


def test_update_says_only_what_is_different() -> None:
    before = asked().job
    assert before is not None
    assert update_of(before, before, "ab12") == []
    after = replace(before, name="x", time_limit_s=61, request=Request(nodes=2, memory_mib=100))
    assert update_of(before, after, "ab12") == [
        "Name=x",
        "TimeLimit=00:02:00",
        "NumNodes=2",
        "MinMemoryNode=50",
    ]


def test_limit_is_whole_minutes_and_never_less() -> None:
    assert [limit_of(one) for one in (1, 60, 61, None)] == ["00:01:00", "00:01:00", "00:02:00", "UNLIMITED"]


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("Resources", "resources", "until what it asks for is free"),
        ("JobHeldUser", "held", "ly release"),
        ("AssocGrpCpuLimit", "limit", "(AssocGrpCpuLimit)"),
        ("SomethingNew", "engine", "(SomethingNew)"),
        ("ReqNodeNotAvail, UnavailableNodes:n[1-2]", "node-down", "down, drained or reserved"),
    ],
)
def test_reason_in_our_words(word: str, code: str, said: str) -> None:
    reason = reason_of(row(reason=word), 0)
    assert reason.code == code
    assert said in reason.sentence


def test_estimate_is_slurms_own() -> None:
    reason = reason_of(row(start_at=500.0), 100)
    assert reason.estimate is not None
    assert reason.estimate.start == 500
    assert reason_of(row(start_at=50.0), 100).estimate is None


def test_allocation_is_spread_over_its_nodes() -> None:
    shares = allocation_of(("n1", "n2"), 3, 101, 1).shares
    assert [(one.node, one.cpus_milli, one.memory_mib, one.gpu_ids) for one in shares] == [
        ("n1", 2000, 51, (0,)),
        ("n2", 1000, 50, (0,)),
    ]


RECORD = {"at": 9.0, "exit_code": 4}


@pytest.mark.parametrize("state", ["TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY"])
def test_what_had_ended_long_before_slurm_noticed_ended_as_it_wrote_down(state: str) -> None:
    assert end_of(state, 600.0, RECORD, None).exit_code == 4
    assert not end_of(state, 600.0, RECORD, None).lost


@pytest.mark.parametrize(
    ("state", "record", "told", "expected"),
    [
        ("COMPLETED", None, None, {"exit_code": 0}),
        ("FAILED", RECORD, None, {"exit_code": 4}),
        ("FAILED", None, (7, 0), {"exit_code": 7}),
        ("FAILED", None, (0, 9), {"signal": 9}),
        ("FAILED", None, None, {"lost": True}),
        ("TIMEOUT", None, None, {"timed_out": True}),
        ("OUT_OF_MEMORY", RECORD, None, {"out_of_memory": True}),
        ("NODE_FAIL", None, None, {"lost": True, "node_lost": True}),
        ("CANCELLED", None, None, {"cancelled": True}),
        ("COMPLETED", {"at": 9.0, "error": "no such directory"}, None, {"error": "no such directory"}),
    ],
)
def test_end_is_never_made_up(
    state: str, record: dict[str, Any] | None, told: tuple[int, int] | None, expected: dict[str, Any]
) -> None:
    exited = end_of(state, 9.0, record, told)
    facts = ("exit_code", "signal", "lost", "timed_out", "out_of_memory", "node_lost", "cancelled")
    found = {
        name: value for name in facts if (value := getattr(exited, name)) is not None and value is not False
    }
    assert found == {name: value for name, value in expected.items() if name != "error"}
    if "error" in expected:
        assert exited.error == expected["error"]
