"""What `launchyard.map` writes for its tasks, and what a task leaves."""

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import launchyard
from launchyard.model.errors import Invalid
from launchyard.sdk import mapped
from launchyard.sdk.mapped import _pickler, _python, _written
from launchyard.sdk.mapsent import MODULE, as_package, outcomes_in
from launchyard.sdk.maptask import BEGIN


def run(directory: Path, task: int, chunk: int = 1) -> tuple[int, str]:
    """One task as its job runs it: exit code and standard error."""
    done = subprocess.run(
        [sys.executable, str(directory / "task.py"), str(directory), str(chunk)],
        env={"LAUNCHYARD_ARRAY_INDEX": str(task), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def left(directory: Path, task: int) -> list[Any]:
    found: list[Any] = pickle.loads((directory / "out" / f"{task}.pkl").read_bytes())
    return found


def test_a_task_calls_the_function_with_its_inputs_alone(tmp_path: Path) -> None:
    step = 10
    directory = _written(lambda x: x + step, [1, 2, 3], tmp_path)
    assert run(directory, 1, chunk=2) == (0, "")
    assert [(kind, pickle.loads(value)) for kind, value in left(directory, 1)] == [("ok", 13)]
    assert run(directory, 0, chunk=2) == (0, "")
    assert [pickle.loads(value) for _, value in left(directory, 0)] == [11, 12]
    assert directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("function", "name", "brought"),
    [
        (lambda x: 1 // x, "ZeroDivisionError", True),
        (lambda x: sys.exit("no"), "SystemExit", True),
        (lambda x: (_ for _ in ()), "TypeError", True),
    ],
)
def test_what_goes_wrong_is_left_with_its_traceback(
    tmp_path: Path, function: Callable[[int], object], name: str, brought: bool
) -> None:
    directory = _written(function, [0], tmp_path)
    code, said = run(directory, 0)
    ((kind, kept, text, sentence),) = left(directory, 0)
    assert (code, kind, kept is not None) == (1, "error", brought)
    assert sentence.startswith(name)
    assert text == said
    assert "Traceback (most recent call last)" in text


def test_what_cannot_be_sent_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="input 1 cannot be sent: cannot pickle"):
        _written(str, [1, (one for one in "x")], tmp_path)
    with pytest.raises(Invalid, match="chunk is 0"):
        launchyard.map(str, [1], chunk=0)


def test_without_cloudpickle_only_what_a_module_has_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    assert _pickler(os.path.basename) is pickle.dumps
    with pytest.raises(Invalid, match=r"cloudpickle is needed: pip install 'launchyard\[map\]'"):
        _pickler(lambda x: x)


def test_an_environment_that_brings_its_own_python_gets_cloudpickle(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("numpy\n")
    for asked, lines in (
        ({"pip": ["six"]}, {"pip": ["six", "cloudpickle"]}),
        ({"uv": {"packages": ["six"]}}, {"uv": {"packages": ["six", "cloudpickle"]}}),
        ({"pip": str(path)}, {"pip": ["numpy", "cloudpickle"]}),
    ):
        assert _python({"runtime_env": asked}, None, "here") == ({"runtime_env": lines}, "python")
    assert _python({}, None, "here") == ({}, "here")
    assert _python({"runtime_env": {"env_vars": {"A": "1"}}}, None, "here")[1] == "here"


def test_no_input_is_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/api.sock").touch()
    monkeypatch.setenv("LAUNCHYARD_STATE", str(tmp_path))
    made = mapped.map(str, [], directory=tmp_path / "files")
    assert (list(made), made.job, list((tmp_path / "files").iterdir())) == ([], None, [])


def test_what_is_sent_elsewhere_runs_without_anything_of_this_machine(tmp_path: Path) -> None:
    step = 10
    with as_package(_written(lambda x: print("said") or x + step, [1, 2], tmp_path)) as made:
        there = shutil.copytree(made, tmp_path / "there" / MODULE)
    done = subprocess.run(
        ["/usr/bin/python3", "-m", MODULE, "2"],
        env={"LAUNCHYARD_ARRAY_INDEX": "0", "PATH": os.environ["PATH"], "PYTHONPATH": str(there.parent)},
        cwd="/",
        capture_output=True,
        check=True,
    )

    assert done.stdout.startswith(b"said\nsaid\n")
    found = outcomes_in(done.stdout)
    assert found is not None
    assert [pickle.loads(value) for _, value in found] == [11, 12]
    assert not made.exists()


@pytest.mark.parametrize("log", [b"", b"nothing of ours", f"\n{BEGIN}\nabc".encode()])
def test_a_log_without_a_result_has_none(log: bytes) -> None:
    assert outcomes_in(log) is None
