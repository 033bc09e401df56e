"""A folder of 100,000 names in a browser, and a large file over HTTP; their user's process reads both."""

import json
import statistics
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.row import Row
from tests.browser.portal import Portal, launch
from tests.system.product import Product, UnixConnection

NAMES = 100_000
VISITS = 5
FILE_MIB = 512
FOLDER_S = 2.0
CONFIG = 'listen = "127.0.0.1:0"\nallow_root_jobs = true\ndaemon_user = "root"\n[files]\nroots = ["{home}"]\n'


def make(directory: Path) -> Product:
    """A daemon that shows a folder beside its state, with very many names in it."""
    many = directory / "home" / "many"
    many.mkdir(parents=True)
    for number in range(NAMES):
        (many / f"result-{number:06}.json").touch()
    return Product(directory / "files", CONFIG.format(home=many.parent))


def rows(product: Product) -> list[Row]:
    """From a click to the first row; and bytes a second of a download."""
    home = product.state.parent / "home"
    return [_folder_row(product, home / "many"), _download_row(product, home / "large.bin")]


def _folder_row(product: Product, folder: Path) -> Row:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        portal = Portal(product, browser)
        with portal.logged_in("/files") as page:
            seconds = statistics.median(_visit(portal, page, folder) for _ in range(VISITS))
        browser.close()
    return Row(
        work=f"portal: a folder of {NAMES:,} names, from the click to its first row, median of {VISITS}",
        value=seconds,
        unit="s",
        against=f"{FOLDER_S:g} s",
        ratio=seconds / FOLDER_S,
        gate=1,
        lower_is_better=True,
    )


def _visit(portal: Portal, page: Page, folder: Path) -> float:
    """In from a page that was loaded just now: nothing of the folder is kept."""
    page.goto(f"{portal.url}/files")
    link = page.get_by_role("link", name=folder.name, exact=True)
    link.wait_for()
    begun = time.perf_counter()
    link.click()
    page.get_by_text("result-000000.json").wait_for()
    return time.perf_counter() - begun


def _download_row(product: Product, path: Path) -> Row:
    """Beside reading the same file here."""
    with path.open("wb") as file:
        for _ in range(FILE_MIB):
            file.write(bytes(1 << 20))
    bare_s = _timed_read(path)
    connection = UnixConnection(product.state / "run" / "api.sock")
    begun = time.perf_counter()
    connection.request("GET", f"/v1/files/content?path={path}")
    response, received = connection.getresponse(), 0
    while data := response.read(1 << 20):
        received += len(data)
    took = time.perf_counter() - begun
    connection.close()
    assert received == FILE_MIB << 20, json.dumps(dict(response.headers))
    return Row(
        work=f"a file of {FILE_MIB} MiB over HTTP, read by a process of its user",
        value=FILE_MIB / took,
        unit="MiB/s",
        against="a read here",
        ratio=bare_s / took,
    )


def _timed_read(path: Path) -> float:
    begun = time.perf_counter()
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
    return time.perf_counter() - begun
