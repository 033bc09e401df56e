"""Logging in on the portal's page without a link: by a password that real PAM checks, as root."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.portal import CONFIG, Portal
from tests.system.pamsite import PamSite, pam_site
from tests.system.product import Product

pytestmark = pytest.mark.root

PASSWORD = "Correct-Horse-7"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PamSite]:
    with pam_site(tmp_path_factory.mktemp("pam")) as made:
        yield made


@pytest.fixture(scope="module")
def portal(browser: Browser, site: PamSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    config = f'{CONFIG}\n[login]\npam = "{site.service}"\n'
    product = Product(tmp_path_factory.mktemp("portal") / "state", config)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


@pytest.fixture(scope="module")
def ada(site: PamSite) -> str:
    return site.user("ada", PASSWORD)


def test_a_password_logs_in_and_leads_where_one_wanted_to_go(portal: Portal, ada: str) -> None:
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/settings/tokens")
        page.wait_for_url("**/login?next=%2Fsettings%2Ftokens")
        page.get_by_label("User name").fill(ada)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert page.url == f"{portal.url}/settings/tokens"
        expect(page.get_by_role("button", name=ada, exact=True)).to_be_visible()


def test_a_wrong_password_is_said_and_the_name_stays(portal: Portal, ada: str) -> None:
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/login")
        page.get_by_label("User name").fill(ada)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").first.click()
        expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
        expect(page.get_by_label("User name")).to_have_value(ada)
        expect(page.get_by_label("Password")).to_have_value("")


@pytest.mark.parametrize("what", ["root", "expired", "nologin"])
def test_who_may_not_log_in_is_refused(portal: Portal, site: PamSite, ada: str, what: str) -> None:
    user = {"root": "root", "nologin": ada}.get(what) or site.user(
        "gone", PASSWORD, "--expiredate", "2020-01-01"
    )
    if what == "nologin":
        site.nologin.write_text("maintenance")
    try:
        with portal.person(expected=("403 (Forbidden)",)) as context:
            page = context.new_page()
            page.goto(f"{portal.url}/login")
            page.get_by_label("User name").fill(user)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").first.click()
            expect(page.get_by_role("alert")).to_be_visible()
            page.goto(f"{portal.url}/")
            page.wait_for_url("**/login")
    finally:
        site.nologin.unlink(missing_ok=True)


def test_the_password_is_nowhere_afterwards(portal: Portal, ada: str) -> None:
    """Threat 15."""
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/login")
        page.get_by_label("User name").fill(ada)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").first.click()
        expect(page.get_by_role("navigation", name="Launchyard")).to_be_visible()
    state = portal.product.state
    kept = [file for file in (state / "daemon").rglob("*") if file.is_file()]
    assert any(file.name == "audit.log" and ada in file.read_text() for file in kept)
    assert not [file for file in kept if PASSWORD.encode() in file.read_bytes()]
