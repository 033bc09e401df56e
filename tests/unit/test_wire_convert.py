"""Bodies into submissions: what is parsed, and what is refused before anything is decided."""

from typing import Any

import pytest

from launchyard.model.array import Indexes
from launchyard.model.dependency import Clause, Dependency, DependencyKind
from launchyard.model.errors import Invalid
from launchyard.model.job import JobKind, Warning
from launchyard.model.submission import Submission, Update
from launchyard.model.wishes import Wishes
from launchyard.wire.convert import to_submission, to_update
from launchyard.wire.decode import decode
from launchyard.wire.submit import SubmitJob, UpdateJob

SCRIPT = "#!/bin/sh\necho hi\n"


def submission(**body: Any) -> Submission:
    return to_submission(decode(SubmitJob, body))


def refusal(**body: Any) -> str:
    with pytest.raises(Invalid) as raised:
        submission(**body)
    return str(raised.value)


def test_a_text_runs_in_a_shell_and_a_list_as_it_is() -> None:
    assert submission(command="echo $HOME").command == ("/bin/sh", "-c", "echo $HOME")
    assert submission(command=["echo", "$HOME"]).command == ("echo", "$HOME")


def test_a_script_keeps_its_arguments() -> None:
    made = submission(script=SCRIPT, arguments=["a", "b c"])
    assert (made.script, made.arguments, made.command) == (SCRIPT, ("a", "b c"), ())


def test_texts_become_what_they_mean() -> None:
    made = submission(
        command="x",
        resources={"cpus": 0.5, "memory_mib": 100, "gpus": 2, "nodes": 3},
        array="1-5:2%2",
        after="afterok:12",
        begin_at="2026-12-01T10:00:00Z",
        warning={"signal": "SIGUSR2", "before_s": 90},
        time_limit_s=60,
    )
    assert (made.cpus_milli, made.memory_mib, made.gpus, made.nodes) == (500, 100, 2, 3)
    assert (made.indexes, made.throttle) == (Indexes(((1, 5, 2),)), 2)
    assert made.dependency == Dependency(clauses=(Clause(kind=DependencyKind.AFTEROK, job_id=12),))
    assert made.begin_at == 1_796_119_200.0
    assert made.warning == Warning(signal=12, before_s=90)


def test_what_is_wished_of_nodes_is_typed() -> None:
    resources = {
        "gpus": 0.5,
        "gpu_type": "a100",
        "nodes": 1,
        "nodes_max": 2,
        "tasks": 2,
        "tasks_per_node": 1,
        "exclusive": True,
        "constraint": "ib&!old",
        "nodelist": "n[1-2]",
        "exclude": ["n3", "m[1-2]"],
        "licences": {"matlab": 2, "ansys": 1},
        "reservation": "course",
    }
    made = submission(command="x", resources=resources, time_min_s=60)
    assert (made.gpus, made.nodes, made.time_min_s) == (1, 1, 60)
    assert made.wishes == Wishes(
        gpu_milli=500,
        gpu_type="a100",
        nodes_max=2,
        tasks=2,
        tasks_per_node=1,
        exclusive=True,
        constraint="ib&!old",
        nodelist=("n1", "n2"),
        exclude=("n3", "m1", "m2"),
        licences=(("ansys", 1), ("matlab", 2)),
        reservation="course",
    )


def test_an_update_takes_wishes_away_by_empty_ones() -> None:
    body = decode(UpdateJob, {"nodelist": "", "licences": {}, "constraint": ""})
    assert to_update(body).wishes == Wishes(nodelist=(), licences=(), constraint="")


def test_exported_shell_functions_are_valid_variables() -> None:
    variables = {"BASH_FUNC_module%%": "() { :; }", "A": ""}
    assert submission(command="x", environment=variables).environment == variables


def test_an_emoji_with_joiners_is_a_fine_name() -> None:
    assert submission(command="x", name="Müller 👩‍🔬").name == "Müller 👩‍🔬"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "there is nothing to run"),
        ({"command": "x", "script": SCRIPT}, "command and script are both given"),
        ({"command": []}, "command is empty"),
        ({"command": [" "]}, "command is empty"),
        ({"command": "  "}, "command is empty"),
        ({"command": "x", "arguments": ["a"]}, "arguments go with a script"),
        ({"script": "echo hi\n"}, "the script has no #! line, so nothing says what runs it"),
        ({"script": "#!\necho"}, "has no #! line"),
        ({"script": "#!/bin/sh\r\necho hi\r\n"}, "Run dos2unix on it"),
        ({"script": "#!/bin/sh\n" + "x" * 2**22}, "at most 4194304 are possible"),
        ({"command": ["x", "y" * 131_072]}, "command has a part of 131072 bytes"),
        ({"command": ["x"] + ["y" * 100_000] * 6}, "at most 524288 are possible"),
        ({"command": "x", "name": "n" * 257}, "name is 257 characters long; at most 256"),
        ({"command": "x", "name": " "}, "name is empty"),
        ({"command": "x", "metadata": {"a": "b" * 65_536}}, "metadata is 65537 bytes long"),
        ({"command": "x", "environment": {"A=B": "1"}}, 'environment has the name "A=B"'),
        ({"command": "x", "environment": {"": "1"}}, "names are not empty"),
        ({"command": "x", "environment": {"A": "b" * 131_072}}, 'environment\'s "A" is 131074 bytes long'),
        (
            {"command": "x", "environment": {f"A{n}": "b" * 100_000 for n in range(11)}},
            "at most 1048576 are possible",
        ),
        ({"command": "x", "working_dir": "proj"}, 'working_dir "proj" is not absolute'),
        ({"command": "x", "working_dir": "/" + "x" * 4096}, "a path has at most 4095"),
        ({"command": "x", "stdout": ""}, "stdout is empty"),
        ({"command": "x", "submission_id": "a/b"}, 'submission_id "a/b" must be 1 to 128 letters'),
        ({"command": "x", "submission_id": "é"}, "submission_id"),
        ({"command": "x", "time_limit_s": 0}, "time_limit_s is 0"),
        ({"command": "x", "time_limit_s": 10**12}, "(100 years)"),
        ({"command": "x", "resources": {"cpus": -1}}, "resources.cpus is -1"),
        ({"command": "x", "retries": {"count": 101}}, "retries.count is 101"),
        ({"command": "x", "retries": {"count": 1}, "terminal": True}, "is not tried again"),
        ({"command": "x", "terminal": True, "window": {"rows": 0}}, "window.rows is 0"),
        ({"command": "x", "retries": {"count": 1, "backoff_s": 3601}}, "retries.backoff_s is 3601"),
        ({"command": "x", "retries": {"count": 1, "on": ["cancelled"]}}, '"cancelled" is no end'),
        ({"command": "x", "deadline_at": "soon"}, '"soon" is not RFC 3339'),
        ({"command": "x", "resources": {"memory_mib": -1}}, "resources.memory_mib is -1"),
        ({"command": "x", "resources": {"gpus": 1.5}}, "or for a part of one like 0.5"),
        ({"command": "x", "resources": {"gpus": 0.0001}}, "resources.gpus is 0.0001"),
        ({"command": "x", "resources": {"nodes": 3, "nodes_max": 2}}, "less than resources.nodes, 3"),
        ({"command": "x", "resources": {"tasks": 0}}, "resources.tasks is 0"),
        ({"command": "x", "resources": {"nodelist": "n["}}, "a bracket that is not closed"),
        ({"command": "x", "resources": {"exclude": "n[1-2000]"}}, "resources.exclude names 2000 nodes"),
        ({"command": "x", "resources": {"licences": {"a b": 1}}}, "is no name"),
        ({"command": "x", "resources": {"licences": {"a": 0}}}, "0 of licence a are none"),
        ({"command": "x", "resources": {"constraint": "a\nb"}}, "holds control characters"),
        ({"command": "x", "time_min_s": 0}, "time_min_s is 0"),
        ({"command": "x", "resources": {"gpus": -1}}, "resources.gpus is -1"),
        ({"command": "x", "resources": {"nodes": 0}}, "resources.nodes is 0"),
        ({"command": "x", "nice": 2**40}, "nice is 1099511627776"),
        ({"command": "x", "warning": {"signal": "USR9"}}, "there is no signal"),
        ({"command": "x", "warning": {"before_s": -1}}, "warning.before_s is -1"),
        ({"command": "x", "begin_at": "tomorrow"}, "is not RFC 3339"),
        ({"command": "x", "after": "12"}, "afterok:12"),
        ({"command": "x", "array": "5-1"}, "runs backwards"),
    ],
)
def test_what_nobody_could_run_is_refused_with_the_value(body: dict[str, Any], sentence: str) -> None:
    told = refusal(**body)
    assert sentence in told
    assert "\n" not in told
    assert len(told) < 250


@pytest.mark.parametrize("key", ["name", "account", "partition", "qos", "cluster", "group"])
@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\nb", "a\x9bb", "a\u202eb", "\x07"])
def test_names_that_would_write_to_a_terminal_are_refused(key: str, text: str) -> None:
    """Threat 25: control characters and direction overrides in metadata."""
    told = refusal(command="x", **{key: text})
    assert "holds control characters" in told
    assert told.isprintable()


def test_an_array_of_a_billion_is_refused_at_once() -> None:
    """Threat 41: an array of 10^9."""
    assert "too large" in refusal(command="x", array="0-999999999")


def test_half_of_a_surrogate_pair_is_refused() -> None:
    assert "not valid Unicode" in refusal(command=["x", "\ud800"])


def test_an_update_says_what_changes() -> None:
    body = decode(UpdateJob, {"cpus": 2, "time_limit_s": 60, "array_throttle": 5})
    assert to_update(body) == Update(cpus_milli=2000, time_limit_s=60, throttle=5)


def test_an_update_of_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="changes nothing"):
        to_update(UpdateJob())


def test_input_kind_and_whom_a_warning_is_for_are_read() -> None:
    body: dict[str, Any] = {
        "command": ["a"],
        "kind": "driver",
        "stdin": "in-%j",
        "warning": {"target": "steps"},
    }

    made = submission(**body)

    assert (made.kind, made.stdin) == (JobKind.DRIVER, "in-%j")
    assert made.warning is not None
    assert (made.warning.signal, made.warning.before_s, made.warning.target) == (10, 60, "steps")


@pytest.mark.parametrize(
    "body",
    [
        {"script": "#!/bin/sh\n", "kind": "driver"},
        {"command": ["a"], "kind": "batch"},
        {"command": ["a"], "warning": {"target": "nobody"}},
        {"command": ["a"], "stdin": ""},
    ],
)
def test_input_and_kind_that_make_no_sense_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        submission(**body)
