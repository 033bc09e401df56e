"""Apps that come along, in a browser as a person has them: R in JupyterLab, XFCE, TensorBoard, marimo, Ray.

VS Code and JupyterLab's Python have files of their own, openbox and the shell are in `test_sessions.py`.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.cells import run_cell
from tests.browser.portal import CONFIG, Portal
from tests.system.kept import keep_packages
from tests.system.product import Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LOADED_MS = 120_000
DESKTOP = ("Xtigervnc", "xfce4-session", "xfwm4", "xterm")
KERNEL = Path("/usr/share/jupyter/kernels/ir/kernel.json")
AUTOSTART = "[Desktop Entry]\nType=Application\nName=Terminal\nExec=xterm -geometry 100x30+40+40\n"


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    product = Product(tmp_path_factory.mktemp("apps") / "state", CONFIG.replace("4GiB", "12GiB"))
    keep_packages(product.state)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


@contextmanager
def opened(portal: Portal, app: str, **asked: object) -> Iterator[tuple[Page, FrameLocator]]:
    """A session of the app, running, and its page with what it shows in its frame; ended afterwards.

    What an app prints on the console is its own affair.
    """
    product = portal.product
    made = product.call("POST", "/v1/sessions", {"app": app, "qos": "normal", **asked})

    def runs() -> bool:
        now = product.call("GET", f"/v1/sessions/{made['id']}")
        assert now["state"] not in ("failed", "ended"), (now["cause"], now["last_lines"])
        return bool(now["state"] == "running")

    wait_for(runs, 600, f"{app} runs", every_s=0.3)
    with portal.browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.set_default_timeout(LOADED_MS)
        page = context.new_page()
        page.goto(portal.link(f"/sessions/{made['id']}"))
        yield page, page.frame_locator("iframe")
    product.call("POST", f"/v1/sessions/{made['id']}/stop")
    product.until(made["id"])


@pytest.mark.skipif(not KERNEL.exists(), reason="needs R's kernel: scripts/install-apps")
def test_a_cell_of_r_is_run_in_jupyterlab(portal: Portal, tmp_path: Path) -> None:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "1",
        "source": "cat('R', R.version$major, sum(c(1, 2, 39)))",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "model.ipynb").write_text(json.dumps(notebook))
    with opened(portal, "jupyter", working_dir=str(tmp_path)) as (page, frame):
        frame.locator(".jp-DirListing-item", has_text="model.ipynb").dblclick()
        run_cell(page, frame.locator(".jp-Notebook .jp-CodeCell").first)
        expect(frame.locator(".jp-OutputArea").first).to_contain_text("R 4 42", timeout=LOADED_MS)


@pytest.mark.skipif(not all(map(shutil.which, DESKTOP)), reason="needs XFCE: scripts/install-apps")
def test_xfce_comes_up_and_takes_what_is_typed(portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "home/.config/autostart").mkdir(parents=True)
    (tmp_path / "home/.config/autostart/terminal.desktop").write_text(AUTOSTART)
    variables = {"HOME": str(tmp_path / "home")}
    with opened(portal, "desktop", values={"desktop": "xfce"}, environment=variables) as (page, _):
        screen = page.locator("canvas")
        screen.wait_for()
        typed = tmp_path / "typed"

        def there() -> bool:
            # The terminal comes up a while after the screen.
            screen.click(position={"x": 300, "y": 300}, delay=200)
            page.keyboard.type(f"pgrep -x xfwm4 > {typed}\n", delay=20)
            return typed.is_file() and bool(typed.read_text())

        wait_for(there, 120, "what was typed", every_s=2.0)


def test_tensorboard_draws_a_folder(portal: Portal, tmp_path: Path) -> None:
    with opened(portal, "tensorboard", values={"folder": str(tmp_path)}) as (_, frame):
        expect(frame.get_by_text("No dashboards are active")).to_be_visible(timeout=LOADED_MS)
        expect(frame.get_by_text(str(tmp_path))).to_be_visible()


def test_marimo_offers_to_make_a_notebook(portal: Portal, tmp_path: Path) -> None:
    with opened(portal, "marimo", working_dir=str(tmp_path)) as (_, frame):
        expect(frame.get_by_text("Create a new notebook").first).to_be_visible(timeout=LOADED_MS)


def test_the_dashboard_of_a_ray_cluster_shows_its_node(portal: Portal) -> None:
    with opened(portal, "ray", resources={"cpus": 2}) as (_, frame):
        frame.get_by_role("link", name="Cluster").click()
        expect(frame.get_by_text("ALIVE").first).to_be_visible(timeout=LOADED_MS)
