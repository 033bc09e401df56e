"""VS Code in the portal: a file of a folder is opened, edited and saved."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.portal import CONFIG
from tests.system.product import Product, wait_for
from tests.system.test_session_apps import ROOT, running, stand

pytestmark = pytest.mark.timeout(400)
LOADED_MS = 180_000
INSTALL = ROOT / "scripts" / "install-code-server"


@pytest.fixture
def program() -> Path:
    """Of `scripts/install-code-server`, which takes minutes: too long for a test that takes seconds; .ci/run
    calls it before."""
    found = subprocess.run([INSTALL, "--print"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not Path(found, "code-server").exists():
        pytest.skip("needs code-server: scripts/install-code-server")
    return Path(found, "code-server")


@pytest.fixture
def product(tmp_path: Path, program: Path) -> Iterator[Product]:
    made = Product(tmp_path / "state", f'{CONFIG}\n[sessions]\napps = ["{tmp_path}/apps"]\n')
    stand(made, "code", "code-server", str(program))
    made.start()
    yield made
    made.destroy()


def test_a_file_is_edited_and_saved(
    product: Product, program: Path, browser: Browser, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("print('old')\n")
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin"}
    found = running(product, "code", values={"folder": str(project)}, environment=environment)
    link = product.call("POST", "/v1/login-links", {"next": f"/sessions/{found['id']}"})["url"]

    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.set_default_timeout(LOADED_MS)
        page = context.new_page()
        page.goto(link)
        editor = page.frame_locator("iframe")
        editor.get_by_role("treeitem", name="train.py").dblclick(timeout=LOADED_MS)
        editor.locator(".editor-group-container .monaco-editor .view-line").first.click(timeout=LOADED_MS)
        page.keyboard.press("Control+Home")
        page.keyboard.type("print('new')\n", delay=20)
        page.keyboard.press("Control+s")
        # It may save by itself what is half typed.
        typed = "print('new')\nprint('old')\n"
        wait_for(lambda: (project / "train.py").read_text() == typed, 120, "the file is saved")

    product.call("POST", f"/v1/sessions/{found['id']}/stop")
    product.until(found["id"])
