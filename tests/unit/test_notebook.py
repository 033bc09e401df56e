"""Notebooks as they are read, and the script that runs one: what papermill is really called with."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.errors import Invalid
from launchyard.model.notebook import Notebook, read, values_of
from launchyard.model.notebookjob import NotebookRun, output_of, script_of
from launchyard.model.requirements import name_of, names_of
from launchyard.model.sweep import parse_sweep

HOSTILE = "$(touch x) `id` ' \" \\ \n END {job}"


def cell(source: str, *tags: str, outputs: list[Any] | None = None) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": outputs or []}


def text_of(*cells: dict[str, Any], language: str = "python", kernel: str = "python3") -> str:
    spec = {"name": kernel, "display_name": kernel.title(), "language": language}
    return json.dumps(
        {"cells": list(cells), "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    )


def notebook(source: str, language: str = "python") -> Notebook:
    return read(text_of(cell(source, "parameters"), language=language), "x.ipynb")


def run_of(one: Notebook, path: str = "/data/it's.ipynb", **more: Any) -> NotebookRun:
    kernel = {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    return NotebookRun(path=path, saved_at="now", session_id=7, notebook=one, kernel=kernel, **more)


def called(run: NotebookRun, tmp_path: Path, **variables: str) -> tuple[list[str], Path]:
    """The words that papermill gets when the script is run, and the job's own directory."""
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = programs / "python"
    fake.write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "TMPDIR": str(tmp_path), **variables}
    done = subprocess.run(
        ["/bin/sh", "-s"], input=script_of(run), env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split("\0")[:-1], tmp_path / "notebook"


def test_the_assignments_of_the_cell_with_the_tag_are_parameters() -> None:
    read_as = notebook(
        "# the model\nlr = 0.1  # learning rate\nepochs: int = 3\nname = 'ä b'\nfast = True\n"
        "sizes = [1, 2]\nmore = {'a': None}\nhome = os.environ['HOME']\n%matplotlib inline\na, b = 1, 2\n"
    )
    assert [(one.name, one.kind, one.value, one.help) for one in read_as.parameters] == [
        ("lr", "number", 0.1, "learning rate"),
        ("epochs", "whole", 3, ""),
        ("name", "text", "ä b", ""),
        ("fast", "truth", True, ""),
        ("sizes", "list", [1, 2], ""),
        ("more", "table", {"a": None}, ""),
        ("home", "other", None, ""),
    ]
    assert read_as.parameters[-1].source == "os.environ['HOME']"


def test_the_parameters_of_r_are_read_too() -> None:
    read_as = notebook('n <- 10 # rows\nname = "x"\nfast <- TRUE\nm <- matrix(0)\n', "R")
    assert [(one.name, one.kind, one.value) for one in read_as.parameters] == [
        ("n", "whole", 10),
        ("name", "text", "x"),
        ("fast", "truth", True),
        ("m", "other", None),
    ]


def test_a_cell_that_is_no_python_says_so_and_stops_nobody() -> None:
    read_as = notebook("lr = = 3")
    assert (read_as.marked, read_as.unread, read_as.parameters) == (True, True, ())


def test_imports_and_errors_are_counted_and_outputs_left_out() -> None:
    failed = [{"output_type": "error", "ename": "X", "traceback": []}]
    read_as = read(
        text_of(
            cell("import numpy as np, os.path\nfrom sklearn.svm import SVC\nfrom . import x"),
            cell("%%bash\nimport nothing"),
            cell("!pip install y\nimport pandas", outputs=failed),
        ),
        "x.ipynb",
        imports=True,
    )
    assert (read_as.imports, read_as.errors, read_as.code_cells, read_as.marked) == (
        ("numpy", "os", "pandas", "sklearn"),
        1,
        3,
        False,
    )
    assert all(one["outputs"] == [] for one in read_as.content["cells"])


@pytest.mark.parametrize("text", ["", "[]", '{"worksheets": []}', '{"cells": [1]}', "[" * 100_000])
def test_what_is_no_notebook_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(Invalid, match="is no notebook"):
        read(text, "x.ipynb")


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"lr": "1e-3"}, 0.001),
        ({"lr": 5}, 5),
        ({"fast": "false"}, False),
        ({"name": "0.5"}, "0.5"),
        ({"sizes": "[3, 4]"}, [3, 4]),
        ({"home": "/x"}, "/x"),
    ],
)
def test_a_value_is_read_as_what_the_notebook_has_under_that_name(given: dict[str, Any], value: Any) -> None:
    read_as = notebook("lr = 0.1\nfast = True\nname = 'a'\nsizes = []\nhome = f()\n")
    assert list(values_of(read_as.parameters, given).values()) == [value]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lr": "fast"}, 'lr is a number in the notebook, and "fast" is not'),
        ({"lr": True}, 'lr is a number in the notebook, and "true" is not'),
        ({"lt": 1}, 'the notebook has no parameter "lt"; it has lr'),
    ],
)
def test_a_value_that_does_not_fit_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        values_of(notebook("lr = 0.1").parameters, given)
    assert str(refused.value) == sentence


def test_the_script_calls_papermill_with_a_copy_and_the_values(tmp_path: Path) -> None:
    """Threat 27: neither a name nor a value is ever read as a piece of shell."""
    one = notebook("lr = 0.1\nname = 'a'\nsizes = []\n")
    path = f"{tmp_path}/a $(touch y)'s.ipynb"
    values = {"lr": 1e-5, "name": HOSTILE, "sizes": [1e-5, "x"]}
    words, here = called(run_of(one, path, values=values), tmp_path, LAUNCHYARD_JOB_ID="41")
    output = f"{tmp_path}/a $(touch y)'s-41.ipynb"
    assert words[:6] == ["-m", "papermill", str(here / "input.ipynb"), output, "--cwd", str(tmp_path)]
    assert words[words.index("--kernel") + 1 :] == [
        *("launchyard", "-p", "lr", "1e-05", "-r", "name", HOSTILE),
        *("-y", '{"sizes": [1.0e-05, "x"]}'),
    ]
    assert json.loads((here / "input.ipynb").read_text())["cells"][0]["source"].startswith("lr = 0.1")
    assert json.loads((here / "kernels/launchyard/kernel.json").read_text())["argv"][0] == "python"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bin", "notebook"]


def test_each_task_of_a_sweep_has_its_own_values_and_its_own_output(tmp_path: Path) -> None:
    one = notebook("lr = 0.1\nname = 'a'\n")
    sweep = parse_sweep(["lr=0.1,0.01", "name=a,7"])
    run = run_of(one, f"{tmp_path}/n.ipynb", sweep=sweep)
    words, _ = called(run, tmp_path, LAUNCHYARD_ARRAY_JOB_ID="9", LAUNCHYARD_ARRAY_INDEX="3")
    assert words[3] == f"{tmp_path}/n-9/3.ipynb"
    assert words[-6:] == ["-p", "lr", "0.01", "-r", "name", "7"]
    assert (tmp_path / "n-9").is_dir()


def test_the_output_may_be_named() -> None:
    one = run_of(notebook("x = 1"), "/data/n.ipynb", output="out/a.ipynb")
    assert output_of(one) == "/data/out/a.ipynb"
    assert output_of(replace(one, output="/r", sweep=parse_sweep(["x=1,2"]))) == "/r/{task}.ipynb"


def test_a_very_large_notebook_is_read_when_the_job_starts() -> None:
    one = read(text_of(cell("x = 1\n" + "#" * (3 << 20))), "n.ipynb")
    script = script_of(run_of(one, "/data/n.ipynb"))
    assert len(script) < 10_000
    assert "papermill /data/n.ipynb" in script


def test_names_of_packages_are_compared_in_their_normal_form() -> None:
    assert name_of("Scikit_Learn[all]>=1") == name_of("scikit-learn") == "scikit-learn"
    assert names_of(["--pre", "", "a==1", "./x"]) == {"a"}
