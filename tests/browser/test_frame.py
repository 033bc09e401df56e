"""What stands around every page: themes, keyboard, search, live data, a server that is away."""

from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Page, expect

from tests.browser.portal import Portal


def test_the_theme_is_the_system_s_until_one_is_chosen(portal: Portal) -> None:
    with portal.logged_in(theme="dark") as page:
        assert _ground(page) == "rgb(15, 18, 22)"
        page.get_by_role("button", name="root", exact=True).click()
        page.get_by_role("menuitemradio", name="Light").click()
        assert _ground(page) == "rgb(255, 255, 255)"
        page.reload()
        expect(page.get_by_role("main")).to_be_visible()
        assert _ground(page) == "rgb(255, 255, 255)", "it is remembered"


def test_the_keyboard_alone_goes_everywhere(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Go to the content")).to_be_focused()
    for name in ("Launchyard", "Home", "Jobs"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs")


def test_a_menu_is_used_by_arrows_letters_and_escape(page: Page) -> None:
    button = page.get_by_role("button", name="root", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Settings")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Tokens")).to_be_focused()
    page.keyboard.press("l")
    expect(page.get_by_role("menuitemradio", name="Light")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Log out")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(button).to_be_focused()


def test_search_finds_a_page_and_a_job_by_keys_alone(portal: Portal, page: Page) -> None:
    job = portal.product.submit("true", name="needle")
    portal.product.until(job)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("needle")
    expect(page.get_by_role("option", name="needle")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{job}")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").get_by_role("combobox")).to_be_focused()
    page.keyboard.type("abou")
    expect(page.get_by_role("option", name="About")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="About")).to_be_visible()


def test_a_dialog_gives_the_focus_back(page: Page) -> None:
    button = page.get_by_role("button", name="Search jobs and pages")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()


def test_an_address_without_a_page_offers_a_way_on(portal: Portal) -> None:
    with portal.logged_in("/no/such/page") as page:
        expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
        page.get_by_role("link", name="Go home").click()
        page.wait_for_url(f"{portal.url}/")


def test_home_follows_a_job_without_being_asked(portal: Portal, page: Page) -> None:
    running = page.get_by_role("region", name="Running")
    job = portal.product.submit("sleep 600", name="followed")
    expect(running.get_by_text("followed")).to_be_visible()
    portal.product.call("POST", f"/v1/jobs/{job}/cancel", {})
    expect(running.get_by_text("followed")).to_be_hidden()


def test_home_names_what_failed_and_forgets_it_until_undone(portal: Portal, page: Page) -> None:
    job = portal.product.submit("exit 3", name="broken")
    needs = page.get_by_role("region", name="Needs you")
    expect(needs.get_by_text("ended with exit code 3")).to_be_visible()
    needs.get_by_role("button", name=f"Dismiss {job}").click()
    expect(needs.get_by_text("broken")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(needs.get_by_text("broken")).to_be_visible()


def test_the_bell_counts_ends_until_they_are_seen(portal: Portal, page: Page) -> None:
    portal.product.until(portal.product.submit("true", name="told"))
    bell = page.get_by_role("button", name="Notifications: 1 new")
    expect(bell).to_be_visible()
    bell.click()
    expect(page.get_by_role("menuitem", name="told")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()


def test_a_server_that_is_away_is_told_and_back_again_without_a_reload(portal: Portal) -> None:
    with portal.logged_in("/settings/tokens") as page:
        make = page.get_by_role("button", name="Make a token")
        expect(make).to_be_enabled()
        port = portal.url.rpartition(":")[2]
        portal.product.kill()
        expect(page.get_by_text("Reconnecting; as of")).to_be_visible()
        expect(make).to_be_disabled()
        portal.product.config.write_text(portal.product.config.read_text().replace(":0", f":{port}"))
        with ThreadPoolExecutor(1) as beside:
            started = beside.submit(portal.product.start)
            # Looked for from the beginning: it is told as soon as the server answers, and goes after seconds.
            expect(page.get_by_text("The server was started again; jobs ran on.")).to_be_visible()
            started.result()
        expect(page.get_by_text("Reconnecting; as of")).to_be_hidden()
        expect(make).to_be_enabled()


def test_one_stream_serves_all_tabs(portal: Portal) -> None:
    """Browsers allow six connections to a server: a stream for each tab would stop the seventh."""
    with portal.logged_in() as first:
        pages = [first.context.new_page() for _ in range(8)]
        for page in pages:
            page.goto(f"{portal.url}/")
            expect(page.get_by_role("main")).to_be_visible()
        job = portal.product.submit("sleep 600", name="in every tab")
        for page in (first, *pages):
            expect(page.get_by_role("region", name="Running").get_by_text("in every tab")).to_be_visible()
        portal.product.call("POST", f"/v1/jobs/{job}/cancel", {})


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
