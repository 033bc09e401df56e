"""Logging in on the portal's page without a link: by a password that real PAM checks, as root."""

from collections.abc import Iterator

import pytest
from oidc_provider_mock import User, run_server_in_thread
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


# -- OpenID Connect


@pytest.fixture(scope="module")
def issuer(ada: str) -> Iterator[str]:
    people = [
        User(sub="lovelace", claims={"preferred_username": ada}),
        User(sub="superuser", claims={"preferred_username": "root"}),
    ]
    with run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def campus(browser: Browser, issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    directory = tmp_path_factory.mktemp("campus")
    secret = directory / "client-secret"
    secret.write_text("hush-client\n")
    login = f"""
[login.oidc]
issuer = "{issuer}"
client_id = "launchyard"
client_secret_file = "{secret}"
title = "Campus login"
"""
    product = Product(directory / "state", CONFIG + login)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


def test_another_server_says_who_somebody_is(campus: Portal, ada: str) -> None:
    with campus.person(expected=("404 (NOT FOUND)",)) as context:
        page = context.new_page()
        page.goto(f"{campus.url}/settings/tokens")
        page.get_by_role("link", name="Log in by Campus login").click()
        page.get_by_role("button", name="lovelace").click()
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert page.url == f"{campus.url}/settings/tokens"
        expect(page.get_by_role("button", name=ada, exact=True)).to_be_visible()
        page.get_by_role("button", name=ada, exact=True).click()
        page.get_by_role("menuitem", name="Log out").click()
        expect(page.get_by_text("You are logged out.")).to_be_visible()


@pytest.mark.parametrize(
    ("button", "sentence"), [("superuser", "have no account on this machine"), ("Deny", "was not taken")]
)
def test_who_is_nobody_here_is_told_so(campus: Portal, button: str, sentence: str) -> None:
    with campus.person(expected=("404 (NOT FOUND)",)) as context:
        page = context.new_page()
        page.goto(f"{campus.url}/login")
        page.get_by_role("link", name="Log in by Campus login").click()
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("alert")).to_contain_text(sentence)
        page.goto(f"{campus.url}/")
        page.wait_for_url("**/login")
