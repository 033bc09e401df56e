"""From a cell in JupyterLab to a batch job, all in a browser: the whole way that a person goes."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.cells import run_cell
from tests.browser.portal import CONFIG, Portal, serious_faults
from tests.system.kept import keep_packages
from tests.system.product import Product, wait_for

pytestmark = pytest.mark.timeout(900)

SOURCES = (
    "rate = 0.5  # how fast",
    "import os, tiny\nprint(os.environ['MINE'], open('data.csv').read().strip())",
)
PATIENCE_MS = 120_000
UNREACHED = ("Failed to fetch", "error sending request", "dns error")
"""What uv says where there is no network; packages are kept from one run to the next."""


def notebook(path: Path) -> None:
    """With a cell of parameters, a kernel that is not the default one, and a path beside it."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": str(n),
            "source": text,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for n, text in enumerate(SOURCES)
    ]
    cells[0]["metadata"] = {"tags": ["parameters"]}
    spec = {"name": "mine", "display_name": "Mine", "language": "python"}
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})
    )


def kernel(folder: Path) -> None:
    folder.mkdir(parents=True)
    argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Mine", "language": "python", "env": {"MINE": "my kernel"}}
    (folder / "kernel.json").write_text(json.dumps(spec))


def wheel(folder: Path) -> Path:
    """A package that nobody else has."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    product = Product(tmp_path_factory.mktemp("portal") / "state", CONFIG)
    keep_packages(product.state)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "work"
    folder.mkdir()
    notebook(folder / "train.ipynb")
    (folder / "data.csv").write_text("1,2\n")
    kernel(folder.parent / "share" / "kernels" / "mine")
    return folder


@pytest.fixture(scope="module")
def session(portal: Portal, place: Path) -> int:
    """A JupyterLab that runs, into which a package was installed."""
    asked = {"working_dir": str(place), "environment": {"JUPYTER_PATH": str(place.parent / "share")}}
    made = portal.product.call("POST", "/v1/sessions", {"app": "jupyter", **asked})
    number = int(made["id"])

    def answers() -> bool:
        found = portal.product.call("GET", f"/v1/sessions/{number}")
        if found["state"] == "failed" and any(word in found["cause"] for word in UNREACHED):
            pytest.skip(f"needs a source of packages: {found['cause']}")
        assert found["state"] != "failed", found["cause"]
        return bool(found["state"] == "running")

    wait_for(answers, 400, "JupyterLab", every_s=0.5)
    python = portal.product.environments / "0" / "jobs" / str(number) / "venv" / "bin" / "python"
    uv = Path(sys.executable).parent / "uv"
    install = [str(one) for one in (uv, "pip", "install", "-q", "--python", python, wheel(place.parent))]
    subprocess.run(install, check=True, capture_output=True)
    return number


@contextmanager
def person(portal: Portal) -> Iterator[Page]:
    """A page of somebody who is logged in; what JupyterLab prints on the console is its own affair."""
    context = portal.browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        page.goto(portal.link("/sessions"))
        page.wait_for_url(f"{portal.url}/sessions")
        yield page
    finally:
        context.close()


def opened(page: Page, portal: Portal, session: int) -> FrameLocator:
    """The app in its frame, at the site where frames may store things."""
    card = page.locator(f"article[data-session='{session}']")
    card.get_by_role("link", name="Open").click()
    page.wait_for_url(f"**://launchyard.localhost:*/sessions/{session}")
    frame = page.frame_locator("iframe")
    frame.locator(".jp-DirListing-item").first.wait_for(timeout=PATIENCE_MS)
    return frame


def test_a_cell_is_run_and_the_notebook_goes_on_as_a_sweep(portal: Portal, place: Path, session: int) -> None:
    with person(portal) as page:
        frame = opened(page, portal, session)
        frame.locator(".jp-DirListing-item", has_text="train.ipynb").dblclick()
        cells = frame.locator(".jp-Notebook .jp-CodeCell")
        expect(cells).to_have_count(2, timeout=PATIENCE_MS)
        cells.nth(1).locator(".cm-content").click()
        page.keyboard.press("Control+End")
        page.keyboard.type("\nprint('rate', rate)")
        for cell in (cells.nth(0), cells.nth(1)):
            run_cell(page, cell)
        expect(cells.nth(1).locator(".jp-OutputArea")).to_contain_text("my kernel 1,2", timeout=PATIENCE_MS)
        expect(cells.nth(1).locator(".jp-OutputArea")).to_contain_text("rate 0.5")

        page.get_by_role("button", name="Run as batch").click()
        dialog = page.get_by_role("dialog", name="Run as batch")
        expect(dialog.get_by_role("alert")).to_contain_text("not saved", timeout=PATIENCE_MS)
        expect(dialog.get_by_role("button", name="Run", exact=True)).to_be_disabled()
        dialog.get_by_role("button", name="Save it now").click()
        expect(dialog.get_by_role("alert")).to_have_count(0, timeout=PATIENCE_MS)
        expect(dialog.get_by_label("tiny 1.0")).to_be_checked()
        assert serious_faults(page) == []
        dialog.get_by_text("Sweep").click()
        dialog.get_by_label("rate").fill("0.1,0.2")
        dialog.get_by_role("button", name="Run 2 tasks").click()
        page.wait_for_url("**/jobs/*", timeout=PATIENCE_MS)
        job = int(page.url.rpartition("/")[2].partition("?")[0])
    done = portal.product.until(job, within_s=400)
    assert done["state"] == "COMPLETED", done
    for task, rate in enumerate(("0.1", "0.2")):
        made = json.loads((place / f"train-{job}" / f"{task}.ipynb").read_text())
        printed = "".join(
            text for cell in made["cells"] for out in cell.get("outputs", []) for text in out["text"]
        )
        assert printed == f"my kernel 1,2\nrate {rate}\n"


def test_after_the_session_the_notebook_still_runs_or_it_is_said_why_not(
    portal: Portal, place: Path, session: int
) -> None:
    portal.product.call("POST", f"/v1/sessions/{session}/stop", {})
    portal.product.until(session)
    with portal.logged_in("/sessions") as page:
        card = page.locator(f"article[data-session='{session}']")
        card.get_by_role("button", name="Run as batch").click()
        dialog = page.get_by_role("dialog", name="Run as batch")
        expect(dialog.get_by_role("alert")).to_contain_text('kernel "mine" is not there', timeout=PATIENCE_MS)
        expect(dialog.get_by_role("button", name="Run", exact=True)).to_be_disabled()
