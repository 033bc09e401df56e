"""Terminals in a browser: in a folder and in a job, through a reload, a cut connection, another window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.network import network
from tests.browser.portal import CONFIG, Portal
from tests.system.product import Product

LATE = """
window.WebSocket = class extends WebSocket {
    get readyState() { return window.go ? super.readyState : 0; }
    set onopen(opened) {
        const wait = (event) => (window.go ? opened(event) : setTimeout(() => wait(event), 50));
        super.onopen = wait;
    }
};
"""


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("home")
    config = CONFIG.replace("[[nodes]]", f'[files]\nroots = ["{home}"]\n[[nodes]]', 1)
    product = Product(tmp_path_factory.mktemp("terminal") / "state", config)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


def opened(page: Page, url: str, query: str) -> None:
    page.goto(f"{url}/terminal?{query}")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    page.locator(".xterm-helper-textarea").focus()


def type_line(page: Page, line: str, words: str) -> None:
    page.keyboard.type(f"{line}\n")
    expect(page.locator(".xterm-rows")).to_contain_text(words)


@pytest.mark.slow
def test_shell_in_a_folder_goes_on_while_the_browser_is_away(portal: Portal, page: Page) -> None:
    opened(page, portal.url, "path=~")
    type_line(page, "mark=kept; echo first-$((40+2))", "first-42")
    address = page.url
    page.reload()
    expect(page.locator(".xterm-rows")).to_contain_text("first-42")
    assert page.url == address
    page.locator(".xterm-helper-textarea").focus()
    type_line(page, "echo $mark-$((1+1))", "kept-2")
    page.keyboard.type("exit 3\n")
    expect(page.get_by_text("The shell has ended with 3.")).to_be_visible()


def test_what_is_typed_before_there_is_a_connection_arrives(portal: Portal, page: Page) -> None:
    page.add_init_script(LATE)
    page.goto(f"{portal.url}/terminal?path=~")
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.type("echo ahead-$((40+2))\n")
    expect(page.get_by_text("connected", exact=True)).to_be_hidden()
    page.evaluate("window.go = true")
    expect(page.locator(".xterm-rows")).to_contain_text("ahead-42")


def test_connection_that_breaks_comes_back_with_what_was_printed_meanwhile(
    portal: Portal, page: Page, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done; echo meanwhile-$((40+2))"
    with network(portal.url) as between:
        page.goto(portal.link().replace(portal.url, between.url))
        page.wait_for_url(f"{between.url}/")
        opened(page, between.url, "path=~")
        type_line(page, f"echo begun-$((2+2)); {script}", "begun-4")
        carried = between.carried
        between.cut()
        go.touch()
        expect(page.locator(".xterm-rows")).to_contain_text("meanwhile-42")
        expect(page.get_by_text("connected", exact=True)).to_be_visible()
        assert between.carried > carried
        type_line(page, "echo again-$((3+3))", "again-6")


@pytest.mark.slow
def test_shell_in_a_job_is_in_the_job_and_names_its_node(portal: Portal, page: Page) -> None:
    job = portal.product.submit("sleep 600", name="holds", resources={"cpus": 0.5})
    portal.product.until(job, "RUNNING")
    opened(page, portal.url, f"job={job}")
    expect(page.get_by_role("heading")).to_have_text(f"job {job} holds on node")
    type_line(page, "echo in-$LAUNCHYARD_JOB_ID-$((1+1))", f"in-{job}-2")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    page.wait_for_url(f"{portal.url}/jobs/{job}")
    left = portal.product.call("GET", "/v1/terminals")["terminals"]
    assert [one for one in left if one["job"] == job] == []


@pytest.mark.slow
def test_another_window_takes_the_terminal_over_and_gives_it_back(portal: Portal, page: Page) -> None:
    opened(page, portal.url, "path=~")
    other = page.context.new_page()
    other.goto(page.url)
    expect(page.get_by_text("This terminal is open in another window now.")).to_be_visible()
    expect(other.get_by_text("connected", exact=True)).to_be_visible()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("connected", exact=True)).to_be_visible()


@pytest.mark.slow
def test_files_lead_back_to_a_terminal_that_is_open(portal: Portal, page: Page) -> None:
    opened(page, portal.url, "path=~")
    type_line(page, "echo mark-$((40+2))", "mark-42")
    id = page.url.partition("id=")[2]
    page.goto(f"{portal.url}/files")
    page.get_by_role("button", name="Terminal").click()
    page.get_by_role("menuitem", name="open on").last.click()
    expect(page.locator(".xterm-rows")).to_contain_text("mark-42")
    assert page.url.endswith(f"id={id}")
