"""`launchyard.map` and the page on the Python client, through the real daemon."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import launchyard
from launchyard.sdk.mapped import RemoteTraceback, TaskFailed
from tests.system.ly import ly
from tests.system.product import Product
from tests.tidy.source import ROOT

SMALL = {"cpus": 0.5, "memory": "128M"}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One daemon for all."""
    one = Product(tmp_path_factory.mktemp("yard") / "state")
    one.start()
    yield one
    one.destroy()


@pytest.fixture(autouse=True)
def surroundings(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This server, and directories of our own."""
    monkeypatch.setenv("LAUNCHYARD_STATE", str(product.state))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def careful(x: int) -> int:
    if x == 2:
        raise ValueError(f"not {x}")
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x


def test_results_come_in_order_and_exceptions_in_their_place(product: Product) -> None:
    results = launchyard.map(careful, range(5), resources=SMALL, return_exceptions=True)
    found = list(results)
    assert [found[0], found[1], found[4]] == [0, 1, 16]
    assert isinstance(found[2], ValueError)
    assert isinstance(found[2].__cause__, RemoteTraceback)
    assert "in careful" in str(found[2].__cause__)
    assert isinstance(found[3], TaskFailed)
    assert str(found[3]).endswith("_3 ended without a result: was ended by signal 9")
    job = product.until(results.job.id) if results.job else {}
    assert (job["name"], job["array"]["size"], job["array"]["counts"]) == (
        "map-careful",
        5,
        {"COMPLETED": 3, "FAILED": 2},
    )
    assert results.directory.is_dir()


def test_an_exception_is_raised_and_the_rest_may_still_be_had(product: Product) -> None:
    results = launchyard.map(careful, [1, 2, 4], resources=SMALL, chunk=2)
    assert next(results) == 1
    with pytest.raises(ValueError, match="not 2"):
        next(results)
    assert list(results) == [16]


def test_nothing_is_left_when_all_went_well(product: Product) -> None:
    results = launchyard.map(lambda x: [x] * 2, "ab", resources=SMALL)
    assert list(results) == [["a", "a"], ["b", "b"]]
    assert not results.directory.exists()


@pytest.mark.parametrize("number", range(4))
def test_the_page_on_the_client_works_as_written(product: Product, tmp_path: Path, number: int) -> None:
    program = re.findall(r"```python\n(.*?)```", (ROOT / "docs/guides/python.md").read_text(), re.DOTALL)[
        number
    ]
    (tmp_path / "main.py").write_text("import os; print('epochs', os.environ['EPOCHS'])")
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    expected = (
        "COMPLETED\nepochs 3\n",
        "0\n1\n4\n9\n16\n",
        "['COMPLETED', 'COMPLETED', 'COMPLETED']\n",
        "",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, expected[number], "")


def test_a_server_elsewhere_gets_all_as_a_package_and_gives_it_back_by_its_logs(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ly(product.state, "token", "create", "-q").out.strip()
    monkeypatch.delenv("LAUNCHYARD_STATE")
    monkeypatch.setenv("LAUNCHYARD_URL", product.facts["url"])
    monkeypatch.setenv("LAUNCHYARD_TOKEN", token)
    offset = 5

    def calls(x: int) -> int:
        print("at work on", x)
        return 10 // (x - offset)

    results = launchyard.map(calls, [1, 4, 5, 6], chunk=2, resources=SMALL, return_exceptions=True)
    found = list(results)

    assert [found[0], found[1], found[3]] == [-3, -10, 10]
    assert isinstance(found[2], ZeroDivisionError)
    assert "in calls" in str(found[2].__cause__)
    assert results.job is not None
    assert b"at work on 4" in product.log(f"{results.job.id}_0")
