"""Ten thousand jobs in the table: the first at once, to the end while others move, the selection kept."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import PATIENCE_MS, Portal
from tests.browser.scrolling import moving, scroll

pytestmark = pytest.mark.slow

COUNT = 10_000


@pytest.fixture(scope="module")
def full(portal: Portal) -> Portal:
    """Most of them wait, held, so that the node has nothing to do."""
    for first in range(0, COUNT, 1000):
        jobs = [{"command": ["true"], "name": f"job-{first + n}", "hold": True} for n in range(1000)]
        portal.product.call("POST", "/v1/jobs", jobs)
    return portal


def first_row(page: Page) -> None:
    page.locator("tbody tr a").first.click(trial=True)


def test_ten_thousand_jobs_are_scrolled_while_others_move(full: Portal) -> None:
    with full.logged_in("/jobs") as page, moving(full.product) as moves:
        first_row(page)
        table = page.get_by_role("table", name="Jobs, newest first")
        expect(table).to_have_attribute("aria-rowcount", str(COUNT + 1), timeout=PATIENCE_MS)
        for number in (2, 4):
            table.get_by_role("checkbox").nth(number).check()
        assert scroll(page, 5).rows < 120, "only the rows in sight are in the document"
        expect(table.get_by_role("link", name="job-0", exact=True)).to_be_visible()
        expect(table.get_by_role("row", name="cancelled").first).to_be_visible()
        expect(page.get_by_role("toolbar")).to_contain_text("2 selected")
        page.keyboard.press("Home")
        page.evaluate("scrollTo(0, 0)")
        expect(table.get_by_role("checkbox", checked=True)).to_have_count(2)
        assert not moves.done()


def test_a_filter_finds_one_of_ten_thousand_at_once(full: Portal) -> None:
    with full.logged_in("/jobs") as page:
        first_row(page)
        page.get_by_role("searchbox", name="Filter by name or number").fill("job-9876")
        expect(page.get_by_role("link", name="job-9876", exact=True)).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_role("table", name="Jobs, newest first").get_by_role("row")).to_have_count(2)
