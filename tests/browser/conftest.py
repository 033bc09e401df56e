"""One browser for all tests, one server for a file of them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.portal import CHROMIUM, CONFIG, PATIENCE_MS, Portal, build, launch
from tests.system import beneath
from tests.system.product import Product


@pytest.fixture(scope="package", autouse=True)
def ground(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `--engine` asks for."""
    with beneath.engine(request.config.getoption("--engine"), nodes=1):
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    build()
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    product = Product(tmp_path_factory.mktemp("portal") / "state", CONFIG)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


@pytest.fixture
def nothing_left(portal: Portal) -> Iterator[None]:
    """For those whose each test has the whole node."""
    yield
    live = [str(job["id"]) for job in portal.product.all_jobs() if job["ended_at"] is None]
    portal.product.call("POST", "/v1/acts", {"act": "cancel", "jobs": live})
    for job in live:
        portal.product.until(job)


@pytest.fixture
def page(portal: Portal) -> Iterator[Page]:
    """Home, logged in, 1440 pixels wide, in the light theme."""
    with portal.logged_in() as opened:
        yield opened
