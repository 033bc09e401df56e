"""The review set: pages in both themes and widths, empty and with work, as they were accepted by eye."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pictures import assert_as_accepted
from tests.browser.portal import Portal, Theme

pytestmark = pytest.mark.slow

THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = (1440, 360)
EMPTY = (("/settings", "settings"), ("/settings/tokens", "tokens-empty"), ("/no/page", "missing"))
LONG_NAME = "train-a-model-on-everything-there-is-and-give-it-a-name-of-eighty-characters-or-so"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_the_login_page_looks_as_accepted(portal: Portal, theme: Theme, width: int, tmp_path: Path) -> None:
    with portal.person(theme=theme, width=width) as context:
        page = context.new_page()
        page.goto(f"{portal.url}/login")
        expect(page.get_by_label("Link or code")).to_be_visible()
        assert_as_accepted(page, portal.browser, f"login-{theme}-{width}", tmp_path)
        page.goto("about:blank")
        page.goto(f"{portal.url}/login#no-such-code")
        expect(page.get_by_role("alert")).to_be_visible()
        assert_as_accepted(page, portal.browser, f"login-refused-{theme}-{width}", tmp_path)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_pages_without_work_look_as_accepted(
    portal: Portal, theme: Theme, width: int, tmp_path: Path
) -> None:
    with portal.logged_in(theme=theme, width=width) as page:
        expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
        _looks(page, portal, f"home-empty-{theme}-{width}", tmp_path)
        for path, name in EMPTY:
            page.goto(f"{portal.url}{path}")
            _looks(page, portal, f"{name}-{theme}-{width}", tmp_path)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_home_with_work_looks_as_accepted(busy: Portal, theme: Theme, width: int, tmp_path: Path) -> None:
    with busy.logged_in(theme=theme, width=width) as page:
        expect(page.get_by_role("region", name="Waiting").get_by_text("about")).to_have_count(1)
        _looks(page, busy, f"home-{theme}-{width}", tmp_path)


@pytest.fixture(scope="module")
def busy(portal: Portal) -> Portal:
    """After the tests of pages without work: something failed, runs and waits."""
    product = portal.product
    ends: tuple[tuple[str, dict[str, object]], ...] = (
        ("exit 3", {"name": LONG_NAME}),
        ("head -c 200M /dev/zero | tail", {"name": "memory", "resources": {"cpus": 1, "memory_mib": 32}}),
        ("true", {"name": "done"}),
    )
    for command, fields in ends:
        product.until(product.submit(command, **fields))
    product.submit("sleep 3000", name="serve", resources={"cpus": 3, "memory_mib": 64}, time_limit_s=36000)
    product.submit("sleep 3000", name="next", resources={"cpus": 4, "memory_mib": 64}, time_limit_s=3600)
    return portal


def _looks(page: Page, portal: Portal, name: str, beside: Path) -> None:
    expect(page.get_by_role("main")).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    _settled(page.evaluate)
    assert_as_accepted(page, portal.browser, name, beside)


def _settled(evaluate: Callable[[str], object]) -> None:
    """Letters are there, and what a frame was drawn with."""
    evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
