"""Sweeps: how values are read, what each task runs, and that no value becomes a piece of shell."""

import random
import subprocess

import pytest

from launchyard.model.array import parse_indexes
from launchyard.model.errors import Invalid
from launchyard.model.sweep import Span, Sweep, every, kept_sweep, parse_parameter, parse_sweep, sweep_of
from launchyard.sdk.sweep import sample, sweep_body

HOSTILE = ["$(touch x)", "`id`", "a b", "'", "*", "-n", "", "\n", "$HOME", "{seed}", "ünï", "a;b", "\\", "#"]


def said(sweep: Sweep, words: list[str], index: int) -> list[str]:
    """What task `index` is called with when its script is run by a shell."""
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=sweep.script(["printf", "%s\\0", *words]),
        env={"LAUNCHYARD_ARRAY_INDEX": str(index), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ("0.1,0.01", ["0.1", "0.01"]),
        ("1..4", ["1", "2", "3", "4"]),
        ("4..1", ["4", "3", "2", "1"]),
        ("1..10..4", ["1", "5", "9"]),
        ("-1..1", ["-1", "0", "1"]),
        ("0..1..0.5", ["0.0", "0.5", "1.0"]),
        ("0.1..0.3..0.1", ["0.1", "0.2", "0.3"]),
        ("08..11", ["08", "09", "10", "11"]),
        ("1..2,9", ["1", "2", "9"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"1..3"', ["1..3"]),
        ("a..b", ["a..b"]),
        ("../data", ["../data"]),
        ("a,,b", ["a", "", "b"]),
    ],
)
def test_values_are_lists_and_ranges(spec: str, values: list[str]) -> None:
    assert list(parse_parameter(f"x={spec}").values) == values


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lr", 'the parameter "lr" is not understood; write for example -p lr=0.1,0.01 or -p seed=1..10'),
        ("2x=1", 'the parameter "2x=1" is not understood'),
        ("x=", "the parameter x has no value"),
        ("x=1..5..-1", "the range 1..5..-1 of the parameter x never arrives"),
        ("x=1..5..0", "never arrives"),
        ("x='a", "have a quote without its end"),
        ("x=0..1..0.0000001", "has 10000001 values"),
    ],
)
def test_what_is_no_parameter_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence.replace(".", "[.]")):
        parse_sweep([text])


def test_a_parameter_named_twice_is_refused() -> None:
    with pytest.raises(Invalid, match="the parameter LR is named twice"):
        parse_sweep(["lr=1", "LR=2"])


def test_a_long_range_is_counted_and_never_listed() -> None:
    (parameter,) = parse_sweep(["seed=1..4000000"]).parameters
    assert isinstance(parameter.values, Span)
    assert (len(parameter.values), parameter.values[3_999_999]) == (4_000_000, "4000000")
    with pytest.raises(Invalid, match="the sweep has 8000000 combinations"):
        parse_sweep(["seed=1..4000000", "lr=1,2"])


def test_many_values_are_to_be_in_a_file() -> None:
    with pytest.raises(Invalid, match="put them into a file and sweep over its lines"):
        parse_sweep(["x=" + ",".join(f"value-{number}" for number in range(500))])


def test_the_last_parameter_turns_fastest() -> None:
    sweep = parse_sweep(["lr=0.1,0.01", "seed=1..3"])
    words = ["t.py", "--lr={lr}", "{seed}"]
    assert [sweep.command(words, index) for index in range(sweep.count)] == [
        ["t.py", f"--lr={lr}", seed] for lr in ("0.1", "0.01") for seed in ("1", "2", "3")
    ]


def test_the_script_runs_what_the_sweep_says() -> None:
    sweep = parse_sweep(["a=x,y", "n=10..4..-3", "f=0..1..0.5", "b=1..2,p"])
    words = ["{a}-{n}", "{f}", "{b}{b}", "plain $HOME"]
    for index in (0, 1, 7, 23, sweep.count - 1):
        assert said(sweep, words, index) == sweep.command(words, index)


def test_no_value_becomes_a_piece_of_shell() -> None:
    sweep = sweep_of({"value": HOSTILE})
    for index, value in enumerate(HOSTILE):
        assert said(sweep, ["<{value}>"], index) == [f"<{value}>"]


def test_braces_of_the_command_are_left_alone() -> None:
    sweep = parse_sweep(["lr=1"])
    words = ["{print $1}", "${lr}", "{{lr}}", '{"a": {"b": 2}}', "{}", "{other}"]
    assert sweep.command(words, 0) == ["{print $1}", "${lr}", "{lr}", '{"a": {"b": 2}}', "{}", "{other}"]
    assert said(sweep, words, 0) == sweep.command(words, 0)


def test_a_field_that_is_nearly_a_parameter_is_a_mistake() -> None:
    with pytest.raises(
        Invalid, match=r"the command has \{sed\}, which is no parameter; did you mean \{seed\}"
    ):
        parse_sweep(["seed=1..3"]).script(["t.py", "{sed}"])


def test_a_job_keeps_its_sweep() -> None:
    sweep = parse_sweep(["lr=0.1,0.01", 'name="a,b"'])
    body = sweep_body(["t.py"], sweep, {"cpus": 2})
    assert (body["array"], body["name"], body["group"]) == ("0-1", "sweep-lr-name", "sweep-lr-name")
    kept = kept_sweep(body["metadata"])
    assert kept is not None
    assert [kept.combination(index) for index in range(2)] == [
        {"lr": "0.1", "name": "a,b"},
        {"lr": "0.01", "name": "a,b"},
    ]


@pytest.mark.parametrize("kept", ["", "{", "3", "[3]", '["lr"]', '{"lr": 1}'])
def test_metadata_that_is_no_sweep_is_none(kept: str) -> None:
    assert kept_sweep({"launchyard.sweep": kept}) is None


def test_a_sample_is_some_of_the_combinations() -> None:
    sweep = parse_sweep(["a=1..10", "b=1..10"])
    indexes, _ = parse_indexes(sample(sweep, 7, random.Random(3)))
    assert len(set(indexes)) == 7
    assert max(indexes) < 100
    assert every(sweep) == "0-99"
    with pytest.raises(Invalid, match="--sample 101: the sweep has 100 combinations"):
        sample(sweep, 101, random.Random(3))
