"""Strict reading of bodies: each surprise is one sentence with its path."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import pytest

from launchyard.model.errors import Invalid
from launchyard.wire.decode import decode, did_you_mean
from launchyard.wire.orders import MarkNode
from launchyard.wire.submit import Resources, SubmitJob, WarningSignal


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Lid:
    size: int


@dataclass(frozen=True, kw_only=True)
class Box:
    size: int
    colour: Colour = Colour.RED
    shape: Literal["round", "square"] = "round"
    ratio: float = 1.0
    inner: list[Lid] = field(default_factory=list)


def _nested(depth: int) -> object:
    return [_nested(depth - 1)] if depth else 1


def test_a_whole_body_becomes_the_dataclass_it_describes() -> None:
    data = {
        "command": ["python", "train.py"],
        "resources": {"cpus": 2, "gpus": 1},
        "warning": {"signal": 10, "before_s": 5},
        "environment": {"A": "1"},
        "runtime_env": {"pip": ["requests"], "env_vars": {"B": "2"}, "config": {"timeout": 1.5}},
        "hold": True,
    }
    assert decode(SubmitJob, data) == SubmitJob(
        command=["python", "train.py"],
        resources=Resources(cpus=2.0, gpus=1),
        warning=WarningSignal(signal=10, before_s=5),
        environment={"A": "1"},
        runtime_env={"pip": ["requests"], "env_vars": {"B": "2"}, "config": {"timeout": 1.5}},
        hold=True,
    )


def test_null_is_taken_where_the_field_may_be_unknown() -> None:
    assert decode(SubmitJob, {"command": "x", "name": None}).name is None


def test_enums_literals_and_nested_lists_are_read() -> None:
    box = decode(Box, {"size": 1, "colour": "blue", "shape": "square", "ratio": 2, "inner": [{"size": 3}]})
    assert box == Box(size=1, colour=Colour.BLUE, shape="square", ratio=2.0, inner=[Lid(size=3)])
    assert isinstance(box.ratio, float)


@pytest.mark.parametrize(
    ("cls", "data", "sentence"),
    [
        (SubmitJob, {"tiem_limit_s": 60}, "unknown key 'tiem_limit_s'; did you mean 'time_limit_s'?"),
        (SubmitJob, {"resources": {"cpu": 1}}, "unknown key 'resources.cpu'; did you mean 'resources.cpus'?"),
        (SubmitJob, {"qwxz": 1}, "unknown key 'qwxz'"),
        (SubmitJob, {"esc\x1b[31m": 1}, "unknown key 'esc?[31m'"),
        (SubmitJob, {"command": 3}, "command must be a text or a list, not 3"),
        (SubmitJob, {"command": ["a", None]}, "command[1] must be a text, not null"),
        (SubmitJob, {"nice": "1"}, 'nice must be a whole number, not "1"'),
        (SubmitJob, {"nice": True}, "nice must be a whole number, not true"),
        (SubmitJob, {"nice": 1.5}, "nice must be a whole number, not 1.5"),
        (SubmitJob, {"nice": 2**63}, f"nice is out of range: {2**63}"),
        (SubmitJob, {"nice": 10**5000}, "nice is out of range: a very large number"),
        (SubmitJob, {"kind": 3}, "kind must be driver, not 3"),
        (SubmitJob, {"hold": 1}, "hold must be true or false, not 1"),
        (SubmitJob, {"resources": None}, "resources must be an object, not null"),
        (SubmitJob, {"environment": {"A": 1}}, 'environment["A"] must be a text, not 1'),
        (SubmitJob, {"environment": {"A\0": "1"}}, 'environment["A?"] holds a NUL character'),
        (SubmitJob, {"runtime_env": {"pip": ["a", "b\0"]}}, 'runtime_env["pip"][1] holds a NUL character'),
        (SubmitJob, {"runtime_env": {"a": _nested(40)}}, "nested more than 32 levels deep"),
        (SubmitJob, {"command": "a\0b"}, "command holds a NUL character"),
        (SubmitJob, [], "the body must be an object, not a list"),
        (SubmitJob, "x" * 500, "the body must be an object, not "),
        (MarkNode, {}, "state is missing"),
        (MarkNode, {"state": "off"}, 'state must be one of drain, down, up, not "off"'),
        (Box, {"size": 1, "colour": "green"}, 'colour must be one of red, blue, not "green"'),
        (Box, {"size": 1, "inner": [{"size": 2}, {"sise": 1}]}, "did you mean 'inner[1].size'?"),
    ],
)
def test_each_surprise_is_one_sentence_with_its_path(cls: type, data: object, sentence: str) -> None:
    with pytest.raises(Invalid) as raised:
        decode(cls, data)
    assert sentence in str(raised.value)
    assert len(str(raised.value)) < 200
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("key", ["uid", "user", "is_admin", "admin", "gid", "root", "id", "state"])
def test_a_field_that_would_give_rights_is_just_an_unknown_key(key: str) -> None:
    """Threat 11: privilege fields in a request (CVE-2024-41942, CVE-2025-43904)."""
    with pytest.raises(Invalid, match=f"unknown key '{key}'"):
        decode(SubmitJob, {"command": "id", key: 0})


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    assert did_you_mean("zzz", ["time_limit_s"]) == ""
    assert did_you_mean("limits", ["limit"]) == "; did you mean 'limit'?"
