"""What pages show goes by the rights of whoever looks: of users of this machine with a role each."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.portal import Portal
from tests.system.accounts import account
from tests.system.product import PATIENCE_S, Product, wait_for
from tests.system.test_two_users import ADA, LI, asked, submitted

pytestmark = pytest.mark.root
CONFIG = f"""
listen = "127.0.0.1:0"
[[nodes]]
name = "node"
cpus = 4
memory = "4GiB"
[[accounts]]
name = "physics"
everyone = true
coordinators = ["{LI}"]
[[roles]]
name = "operator"
users = ["lytest3"]
"""


@pytest.fixture(scope="module")
def portal(browser: Browser) -> Iterator[Portal]:
    for user in (ADA, LI, "lytest3"):
        account(user)
    with tempfile.TemporaryDirectory(prefix="ly-rights-") as made:
        Path(made).chmod(0o755)
        product = Product(Path(made) / "state", CONFIG)
        try:
            product.start()
            submitted(product, ADA, "sleep 600", name="of ada", account="physics")
            yield Portal(product, browser)
        finally:
            product.destroy()


@contextmanager
def page_of(portal: Portal, user: str, path: str) -> Iterator[Page]:
    status, made = asked(portal.product, user, "POST", "/v1/login-links", {"next": path})
    assert status == 201, made
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/login#{str(made['url']).partition('#')[2]}")
        page.wait_for_url(f"{portal.url}{path}")
        page.get_by_role("main").wait_for()
        yield page


def tabs(page: Page) -> list[str]:
    return page.get_by_role("navigation", name="Administration").get_by_role("link").all_inner_texts()


def test_an_operator_looks_after_nodes_and_jobs_alone(portal: Portal) -> None:
    with page_of(portal, "lytest3", "/admin") as page:
        expect(page.get_by_role("button", name="Drain")).to_be_visible()
        assert tabs(page) == ["Nodes"]
        page.get_by_role("button", name="lytest3").click()
        expect(page.get_by_role("menuitem", name="Administration")).to_be_visible()
    with page_of(portal, "lytest3", "/admin/config") as page:
        expect(page.get_by_text("Nothing here is for you to change.")).to_be_visible()
    with page_of(portal, "lytest3", "/jobs") as page:
        expect(page.get_by_role("button", name="Everybody's", pressed=True)).to_be_visible()
        expect(page.get_by_role("table").get_by_text("of ada")).to_be_visible()


def test_a_coordinator_sees_the_jobs_of_the_account_and_cancels_one(portal: Portal) -> None:
    job = submitted(portal.product, ADA, "sleep 600", name="too much", account="physics")
    with page_of(portal, LI, "/jobs") as page:
        row = page.get_by_role("row").filter(has_text="too much")
        expect(row).to_be_visible()
        row.get_by_role("checkbox").check()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()

        def cancelled() -> bool:
            return bool(asked(portal.product, ADA, "GET", f"/v1/jobs/{job}")[1]["state"] == "CANCELLED")

        wait_for(cancelled, PATIENCE_S, "it is cancelled", 0.1)


def test_a_user_has_neither(portal: Portal) -> None:
    with page_of(portal, ADA, "/jobs") as page:
        expect(page.get_by_role("table").get_by_text("of ada")).to_be_visible()
        expect(page.get_by_role("button", name="Everybody's")).to_have_count(0)
        page.get_by_role("button", name=ADA).click()
        expect(page.get_by_role("menuitem", name="Settings")).to_be_visible()
        expect(page.get_by_role("menuitem", name="Administration")).to_have_count(0)
    with page_of(portal, ADA, "/admin") as page:
        expect(page.get_by_text("Nothing here is for you to change.")).to_be_visible()
