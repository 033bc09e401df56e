"""Sweeps through the real daemon, as a person types them."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.model.array import parse_indexes
from tests.system.ly import ly
from tests.system.product import Product
from tests.tidy.source import ROOT

COMMAND = ("sh", "-c", 'echo "loss $1 $2 $LAUNCHYARD_PARAM_LR"; test "$1$2" != 0.013', "t", "{lr}", "{seed}")
SWEEP = ("sweep", "-p", "lr=0.1,0.01", "-p", "seed=1..3", "-c", "0.5", "--mem", "64M", "-t", "1h")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One daemon for all; the page comes first, so that its ids are those of a new server."""
    one = Product(tmp_path_factory.mktemp("yard") / "state")
    one.start()
    yield one
    one.destroy()


def test_the_page_on_sweeps_works_as_written(
    product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/guides/sweeps.md").read_text()
    (tmp_path / "train.py").write_text("import sys; print('score', *sys.argv[1:])")
    said = {}
    for line in (line[5:] for line in page.splitlines() if line.startswith("$ ly ")):
        if line.startswith("rerun"):
            continue  # nothing failed here
        done = ly(product.state, *shlex.split(line), cwd=tmp_path)
        assert done.code == 0, done
        said[line] = done.out
        product.until(1)
    shown = [line for line in said["show 1"].splitlines() if line.startswith("1_")]
    assert len(shown) == 6
    assert all("score --lr 0." in line for line in shown)

    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("LAUNCHYARD_STATE", str(product.state))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(program, names)
    assert capsys.readouterr().out == "".join(f"8_{index} COMPLETED\n" for index in range(6))


def test_a_sweep_is_one_array_of_which_show_lists_parameters_states_and_results(
    product: Product, tmp_path: Path
) -> None:
    done = ly(product.state, *SWEEP, "--wait", "--quiet", "--", *COMMAND, cwd=tmp_path)
    assert (done.code, done.err) == (1, "")
    job_id = done.out.strip()
    job = product.job(job_id)
    assert (job["array"]["size"], job["name"], job["group"]) == (6, "sweep-lr-seed", "sweep-lr-seed")

    shown = ly(product.state, "show", job_id).out.splitlines()
    head = shown.index(next(line for line in shown if line.startswith("TASK")))
    assert shown[head].split() == ["TASK", "lr", "seed", "STATE", "TIME", "RESULT"]
    rows = [line.split() for line in shown[head + 1 :]]
    assert [row[:3] for row in rows] == [
        [f"{job_id}_{index}", lr, seed]
        for index, (lr, seed) in enumerate((lr, seed) for lr in ("0.1", "0.01") for seed in "123")
    ]
    assert rows[0][4] == "completed"
    assert rows[0][6:] == ["loss", "0.1", "1", "0.1"]
    assert rows[5][4] == "failed"
    assert " ".join(rows[5][6:]) == "exit code 1: loss 0.01 3 0.01"

    (told,) = json.loads(ly(product.state, "show", job_id, "--json").out)
    assert told["sweep"][5] == {
        "index": 5,
        "parameters": {"lr": "0.01", "seed": "3"},
        "state": "FAILED",
        "exit_code": 1,
        "result": "exit code 1: loss 0.01 3 0.01",
    }


def test_a_dry_run_says_what_it_would_be(product: Product) -> None:
    before = len(product.all_jobs())
    done = ly(product.state, *SWEEP, "--dry-run", "--", "python", "t.py", "{lr}", "--seed={seed}")
    lines = done.out.splitlines()
    assert lines[:5] == [
        "6 tasks, each 0.5 CPUs, 64 MiB, 1 h: at most 3 core-hours.",
        "  python t.py 0.1 --seed=1",
        "  python t.py 0.1 --seed=2",
        "  python t.py 0.1 --seed=3",
        "  and 3 more",
    ]
    assert lines[5].startswith("Starts now; 6 at once when nothing else runs, all done by ")
    told = json.loads(ly(product.state, *SWEEP, "--dry-run", "--json", "--", "true").out)
    assert (told["tasks"], told["core_hours_max"], told["commands"]) == (6, 3, ["true"] * 3)
    assert told["ended_by"].endswith("Z")
    assert len(product.all_jobs()) == before


def test_more_combinations_than_an_array_may_have_are_refused_in_a_sentence(product: Product) -> None:
    done = ly(product.state, "sweep", "-p", "a=1..1000", "-p", "b=1..1000", "--", "true")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "ly: the sweep has 1000000 combinations, and an array here at most 100001 tasks "
        "([slurm] max_array_size); leave out values\n"
    )


def test_what_failed_of_a_group_is_run_again_alone(product: Product, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    command = ("sh", "-c", 'test "$1" != 2 || test -e "$2"', "t", "{x}", str(gate))
    sweep = ("sweep", "-p", "x=1..4", "--group", "g", "--env", "A=1", "-c", "0.5", "--mem", "64M", "-t", "1h")
    done = ly(product.state, *sweep, "--wait", "--quiet", "--", *command, cwd=tmp_path)
    first = done.out.strip()
    assert done.code == 1
    other = ly(product.state, "submit", "--group", "g", "--mem", "64M", "--quiet", "--", "true").out.strip()
    waited = ly(product.state, "wait", "--group", "g", "--quiet")
    assert (waited.code, waited.out.split()) == (1, [first, other])

    gate.touch()
    again = ly(product.state, "rerun", "--group", "g", "--failed", "--quiet").out.split()
    assert len(again) == 1
    waited = ly(product.state, "wait", "--group", "g", "--quiet")
    assert (waited.code, waited.out.split()) == (0, [other, *again])
    job = product.job(again[0])
    assert (job["array"]["size"], job["group"], job["time_limit_s"]) == (1, "g", 3600)
    assert (job["resources"]["cpus"], job["metadata"]["launchyard.rerun_of"]) == (0.5, first)
    assert product.call("GET", f"/v1/jobs/{again[0]}/runtime-env") == {"env_vars": {"A": "1"}}
    shown = ly(product.state, "show", again[0]).out.splitlines()[-1].split()
    assert shown[:2] == [f"{again[0]}_1", "2"]
    assert ly(product.state, "rerun", "--group", "g", "--failed").out == "Nothing in the group g failed.\n"
    refused = ly(product.state, "rerun", again[0], "--failed")
    assert (refused.code, refused.err) == (1, f"ly: no task of job {again[0]} has failed\n")


def test_a_group_is_cancelled_as_a_whole(product: Product) -> None:
    held = ("--hold", "--quiet", "--", "true")
    mine = [ly(product.state, "submit", "--group", "mine", *held).out.strip() for _ in range(2)]
    other = ly(product.state, "submit", "--group", "other", *held).out.strip()
    mine.append(ly(product.state, "submit", "--group", "mine", "--array", "1-3", *held).out.strip())
    assert ly(product.state, "cancel", "--group", "mine", "--quiet").out.split() == mine
    assert product.job(other)["state"] == "PENDING"
    assert ly(product.state, "cancel", "--group", "mine").out == "No job of the group mine waits or runs.\n"
    missing = ly(product.state, "wait", "--group", "none")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith('ly: no job of yours is in the group "none"')


def test_an_array_is_run_again_with_all_its_indexes(product: Product) -> None:
    held = ("--hold", "--quiet")
    first = ly(product.state, "submit", "--array", "1-9:2,20", *held, "--", "true").out.strip()
    ly(product.state, "cancel", f"{first}_3")
    again = ly(product.state, "rerun", first, *held).out.strip()
    indexes, _ = parse_indexes(product.job(again)["array"]["pending"])
    assert list(indexes) == [1, 3, 5, 7, 9, 20]
    one = ly(product.state, "rerun", f"{first}_3", *held).out.strip()
    assert product.job(one)["array"]["pending"] == "3"
