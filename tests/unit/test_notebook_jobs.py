"""What a session's notebook becomes as a batch job: environment, resources, directory; what is refused."""

import json
from typing import Any

import pytest

from launchyard.api.notebooks import details_json, found, job_body, lacked, list_json
from launchyard.model.errors import Conflict, Invalid
from launchyard.model.job import Job, JobKind
from launchyard.model.resources import Request
from launchyard.wire.convert import to_submission
from launchyard.wire.decode import decode
from launchyard.wire.notebooks import RunNotebook
from launchyard.wire.submit import SubmitJob

SESSION = Job(
    id=7,
    name="Jupyter",
    kind=JobKind.SESSION,
    user="ada",
    uid=1000,
    partition="all",
    submitted_at=0,
    qos="interactive",
    request=Request(cpus_milli=2000, memory_mib=4096),
    time_limit_s=7200,
    working_dir="/home/ada",
)
LAB = {"uv": ["jupyterlab>=4", "papermill"]}
SPEC = {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}


def package(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "asked": True,
        "own": True,
        "url": None,
        "editable": False,
        **more,
    }


def said(source: str = "lr = 0.1\nname = 'a'", tag: str = "parameters", **more: Any) -> dict[str, Any]:
    cells = [{"cell_type": "code", "source": source, "metadata": {"tags": [tag]}}]
    kernel = {"name": "python3", "title": "Python 3", "language": "python", "spec": SPEC, "own": True}
    return {
        "path": "/home/ada/work/train.ipynb",
        "modified_at": 1_800_000_000.0,
        "size": 10,
        "open": False,
        "kernel_state": None,
        "active_at": None,
        "page": None,
        "asked": True,
        "text": json.dumps({"cells": cells, "metadata": {}}),
        "kernel": {**kernel, "python": "/env/venv/bin/python"},
        "packages": [],
        "missing": [],
        "unread": None,
        **more,
    }


def body_of(more: dict[str, Any] | None = None, *, asked: Any = LAB, **facts: Any) -> dict[str, Any]:
    request = decode(RunNotebook, {"notebook": "work/train.ipynb", **(more or {})})
    variables = {"HOME": "/home/ada", "LAUNCHYARD_SESSION_SOCKET": "/x", "JUPYTER_TOKEN": "s"}
    made = job_body(SESSION, asked, variables, found(said(**facts)), request)
    to_submission(decode(SubmitJob, made))
    return made


def test_it_has_the_sessions_environment_directory_and_resources() -> None:
    made = body_of()
    assert made["runtime_env"] == LAB
    assert made["working_dir"] == "/home/ada/work"
    assert made["resources"] == {"cpus": 2, "memory_mib": 4096, "nodes": 1}
    assert (made["name"], made["time_limit_s"], made["partition"]) == ("train", 7200, "all")
    assert made["environment"] == {"HOME": "/home/ada"}
    assert "qos" not in made
    assert made["metadata"]["launchyard.notebook_output"] == "/home/ada/work/train-{job}.ipynb"


def test_what_is_asked_for_goes_before_what_the_session_has() -> None:
    made = body_of({"resources": {"cpus": 8}, "time_limit_s": 60, "name": "n", "output": "o.ipynb"})
    assert made["resources"] == {"cpus": 8, "memory_mib": 4096, "nodes": 1}
    assert (made["time_limit_s"], made["name"]) == (60, "n")
    assert made["metadata"]["launchyard.notebook_output"] == "/home/ada/work/o.ipynb"


def test_packages_of_the_kernel_beyond_the_environment_are_added() -> None:
    packages = [
        package("JupyterLab"),
        package("polars"),
        package("numpy", asked=False),
        package("mine", url="file:///home/ada/mine", editable=True),
        package("theirs", url="https://example.org/theirs.whl"),
        package("shared", own=False),
    ]
    lines = [one.line for one in lacked(LAB, found(said(packages=packages)))]
    assert lines == ["-e /home/ada/mine", "polars==1.0", "theirs @ https://example.org/theirs.whl"]
    assert body_of(packages=packages)["runtime_env"] == {"uv": [*LAB["uv"], *lines]}
    chosen = body_of({"packages": ["polars", "extra>=2"]}, packages=packages)
    assert chosen["runtime_env"]["uv"][2:] == ["polars==1.0", "extra>=2"]
    assert body_of({"packages": []}, packages=packages)["runtime_env"] == LAB


def test_papermill_comes_along_whatever_the_session_was_made_of() -> None:
    assert body_of(asked={})["runtime_env"] == {"uv": ["papermill"]}
    assert body_of(asked={"pip": {"packages": ["a"]}})["runtime_env"] == {
        "pip": {"packages": ["a", "papermill"]}
    }
    assert body_of(asked={"conda": "base"})["runtime_env"] == {"conda": "base"}


def test_a_kernel_of_the_users_own_python_is_used_where_it_is() -> None:
    kernel = {**said()["kernel"], "own": False, "python": "/home/ada/.venv/bin/python"}
    made = body_of(kernel=kernel, packages=[package("polars")])
    assert '"/home/ada/.venv/bin/python"' in made["script"]
    assert made["runtime_env"] == LAB


def test_a_sweep_is_one_array_with_its_values_in_its_record() -> None:
    made = body_of({"sweep": {"lr": "0.1,0.01", "name": "a,b"}, "throttle": 2})
    assert (made["array"], made["group"]) == ("0-3%2", "train")
    assert made["metadata"]["launchyard.sweep"] == '["lr=0.1,0.01", "name=a,b"]'
    assert "python -m papermill" in made["script"]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"open": True}, "unknown"),
        ({"open": True, "ran_since": True, "active_at": 1_800_000_060.0}, "likely"),
        ({"open": True, "page": {"at": 1_800_000_060.0, "unsaved": True}}, "yes"),
        ({"open": True, "page": {"at": 1_800_000_060.0, "unsaved": False}}, "no"),
        ({}, "no"),
    ],
)
def test_whether_something_is_not_saved_is_said_as_far_as_it_is_known(facts: Any, state: str) -> None:
    told = details_json(SESSION, "/home/ada", LAB, found(said(**facts)))
    assert told["unsaved"]["state"] == state
    assert (told["name"], told["output"]) == ("work/train.ipynb", "/home/ada/work/train-{job}.ipynb")
    if state in ("yes", "likely"):
        with pytest.raises(Conflict, match=r"train\.ipynb: .* Save it in Jupyter") as refused:
            body_of(**facts)
        assert refused.value.code == "unsaved"
        assert body_of({"as_saved": True}, **facts)["name"] == "train"
    else:
        assert body_of(**facts)["name"] == "train"


@pytest.mark.parametrize(
    ("more", "facts", "sentence"),
    [
        ({"parameters": {"lr": 1}}, {"tag": "x"}, "no cell with the tag parameters"),
        ({"parameters": {"lt": 1}}, {}, 'no parameter "lt"; it has lr, name'),
        ({"sweep": {"lr": "0.1,fast"}}, {}, 'lr is a number in the notebook, and "fast" is not'),
        ({"sweep": {"lr": "1,2"}, "parameters": {"lr": 1}}, {}, "lr has one value and is swept over too"),
        ({"throttle": 2}, {}, "throttle is of a sweep"),
        ({"output": "x.html"}, {}, "its name ends in .ipynb"),
        ({"output": "train.ipynb"}, {}, "output is the notebook itself"),
        ({}, {"text": '{"cells": [], "metadata": {}}'}, "It has no cells with code"),
        ({}, {"kernel": {**said()["kernel"], "spec": None, "known": ["ir"]}}, "is not there; there are: ir"),
        ({}, {"invalid": "x is no notebook"}, "x is no notebook"),
    ],
)
def test_what_would_not_run_as_it_is_meant_is_refused_before(more: Any, facts: Any, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence.replace("(", r"\(")):
        body_of(more, **facts)


def test_what_may_go_wrong_is_told_before() -> None:
    told = details_json(SESSION, "/home/ada", LAB, found(said(missing=["plotly"], unread=None)))
    assert told["warnings"] == ["Its kernel has no module plotly, which the notebook imports."]
    assert told["problems"] == []
    assert told["parameters"][0] == {
        "name": "lr",
        "kind": "number",
        "source": "0.1",
        "value": 0.1,
        "help": "",
    }


def test_a_list_says_what_could_not_be_looked_at() -> None:
    one = {name: value for name, value in said().items() if name != "text"} | {"made": False}
    told = list_json("/home/ada", {"notebooks": [one], "whole": False, "silent": "the session does not run"})
    assert told["note"] == (
        "Not all directories were looked through; name a notebook by its path. "
        "Jupyter was not asked which notebooks are open: the session does not run."
    )
    assert told["notebooks"][0]["name"] == "work/train.ipynb"
