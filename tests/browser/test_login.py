"""Logging in and out as a person does it, and what a login that is over leaves on the page."""

import re

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.late import Late
from tests.browser.portal import Portal
from tests.system.product import wait_for


def test_a_one_time_link_lands_logged_in_where_it_leads(portal: Portal) -> None:
    with portal.person() as context:
        page = context.new_page()
        page.goto(portal.link("/settings/tokens"))
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        assert page.url == f"{portal.url}/settings/tokens"


def test_a_link_logs_in_once_and_says_so_the_second_time(portal: Portal) -> None:
    link = portal.link()
    with portal.person() as first:
        _arrive(first, link, portal)
    with portal.person() as second:
        page = second.new_page()
        page.goto(link)
        expect(page.get_by_role("alert")).to_contain_text("was used already")
        assert "#" not in page.url, "a code stays in no history"


def test_a_made_up_link_logs_nobody_in(portal: Portal) -> None:
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/login#no-such-code")
        expect(page.get_by_role("alert")).to_contain_text("is not known here")
        page.goto(f"{portal.url}/")
        page.wait_for_url("**/login")


def test_who_is_not_logged_in_comes_back_to_the_page_after_the_login(portal: Portal) -> None:
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/about")
        page.wait_for_url("**/login?next=%2Fabout")
        page.get_by_label("Link or code").fill(portal.link())
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="About")).to_be_visible()
        assert page.url == f"{portal.url}/about"


def test_the_way_back_never_leads_to_another_site(portal: Portal) -> None:
    with portal.person() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/login?next=//attacker.example/")
        page.get_by_label("Link or code").fill(portal.link())
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("navigation", name="Launchyard")).to_be_visible()
        assert page.url == f"{portal.url}/"


def test_logging_out_ends_the_login_on_the_server(portal: Portal) -> None:
    with portal.person() as context:
        page = _arrive(context, portal.link(), portal)
        cookies = context.cookies()
        page.get_by_role("button", name="root", exact=True).click()
        page.get_by_role("menuitem", name="Log out").click()
        expect(page.get_by_text("You are logged out.")).to_be_visible()
        context.add_cookies([{**one, "url": portal.url, "path": None, "domain": None} for one in cookies])
        page.goto(f"{portal.url}/")
        page.wait_for_url("**/login")


def test_a_login_that_is_revoked_keeps_the_page_and_goes_on_after_the_next(portal: Portal) -> None:
    with portal.logged_in("/settings/tokens") as page:
        page.get_by_label("What is it for").fill("half typed")
        _revoke_browsers(portal)
        dialog = page.get_by_role("dialog", name="Your login expired")
        dialog.get_by_label("Link or code").fill(portal.link())
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_label("What is it for")).to_have_value("half typed")
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_text("Copy it now; it is not shown again.")).to_be_visible()


def test_what_an_old_login_was_refused_does_not_end_the_next_one(portal: Portal) -> None:
    held: list[Route] = []
    with portal.logged_in("/settings/tokens") as page:
        page.route("**/v1/tokens", lambda route: held.append(route) if is_post(route) else route.fallback())
        page.get_by_label("What is it for").fill("asked before")
        with page.expect_request("**/v1/tokens"):
            page.get_by_role("button", name="Make a token").click()
        _revoke_browsers(portal)
        dialog = page.get_by_role("dialog", name="Your login expired")
        dialog.get_by_label("Link or code").fill(portal.link())
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_be_hidden()
        refusal = {"status": 401, "code": "login", "detail": "the login that asked is over"}
        held[0].fulfill(status=401, json=refusal)
        expect(page.get_by_text("The login that asked is over.")).to_be_visible()
        expect(dialog).to_be_hidden()


def test_a_login_in_another_tab_is_noticed(portal: Portal) -> None:
    with portal.person() as context:
        page = _arrive(context, portal.link(), portal)
        _revoke_browsers(portal)
        dialog = page.get_by_role("dialog", name="Your login expired")
        expect(dialog).to_be_visible()
        _arrive(context, portal.link(), portal)
        expect(dialog).to_be_hidden()


def test_a_token_is_shown_once_and_useless_once_revoked(portal: Portal) -> None:
    with portal.logged_in("/settings/tokens") as page:
        page.get_by_label("What is it for").fill("ci")
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_role("status").get_by_text(re.compile("^ly_|^[A-Za-z0-9_-]{20,}"))).to_be_visible()
        page.get_by_role("button", name="Revoke ci").click()
        page.get_by_role("dialog", name="Revoke ci?").get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("button", name="Revoke ci")).to_be_hidden()
        expect(page.get_by_text("ci is revoked")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
        expect(page.get_by_role("button", name="Revoke ci")).to_be_hidden()


def _arrive(context: BrowserContext, link: str, portal: Portal) -> Page:
    page = context.new_page()
    page.goto(link)
    expect(page.get_by_role("navigation", name="Launchyard")).to_be_visible()
    return page


def test_a_token_that_was_made_while_the_list_was_read_is_on_it(portal: Portal) -> None:
    portal.product.call("POST", "/v1/tokens", {"name": "made elsewhere"})
    with portal.logged_in() as page:
        late = Late(page, "**/v1/tokens")
        page.goto(f"{portal.url}/settings/tokens")
        late.given()
        page.get_by_label("What is it for").fill("made meanwhile")
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_text("Copy it now; it is not shown again.")).to_be_visible()
        late.come()
        expect(page.get_by_role("table").get_by_text("made elsewhere")).to_be_visible()
        expect(page.get_by_role("table").get_by_text("made meanwhile")).to_be_visible()


def is_post(route: Route) -> bool:
    return route.request.method == "POST"


def _revoke_browsers(portal: Portal) -> None:
    """End every login of a browser, as `ly token revoke` does it."""
    tokens = portal.product.call("GET", "/v1/tokens")["tokens"]
    logins = [one["id"] for one in tokens if one["kind"] == "browser" and one["revoked_at"] is None]
    for login in logins:
        portal.product.call("DELETE", f"/v1/tokens/{login}")
    wait_for(lambda: _valid_logins(portal) == 0, 60, "no login of a browser")


def _valid_logins(portal: Portal) -> int:
    tokens = portal.product.call("GET", "/v1/tokens")["tokens"]
    return sum(1 for one in tokens if one["kind"] == "browser" and one["revoked_at"] is None)
