"""Answers that come in another order than they were asked for, and what happens while one is on its way."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.late import Late
from tests.browser.portal import Portal
from tests.browser.test_live import LISTENING
from tests.system.product import wait_for

pytestmark = pytest.mark.usefixtures("nothing_left")

LINES = 20_000
"""More than a page reads of a log at once, and less than twice that."""
LONG = f"seq 1 {LINES} | sed 's/^1234$/the NEEDLE/; s/$/ of many lines/'"
ALONE = "delete window.SharedWorker;"
"""A page that hears for itself: what is read for all tabs is read by it, where a test can hold it back."""
HEARD = """
const read = ReadableStreamDefaultReader.prototype.read;
window.heard = "";
ReadableStreamDefaultReader.prototype.read = async function () {
    const part = await read.call(this);
    if (part.value instanceof Uint8Array) heard += new TextDecoder().decode(part.value.slice(-1000));
    return part;
};
"""
TOLD = """([job, state]) => told.flat().some(
    (one) => one.kind === "jobs" && one.jobs.some((it) => it.id === job && it.state === state))"""
SHOWN = """(row) => {
    window.shown = [];
    const look = () => shown.at(-1) !== row.textContent && shown.push(row.textContent);
    new MutationObserver(look).observe(row, {subtree: true, childList: true, characterData: true});
    look();
}"""


@pytest.fixture
def tab(page: Page) -> Page:
    """One whose messages are kept."""
    opened = page.context.new_page()
    opened.add_init_script(LISTENING)
    return opened


@pytest.fixture
def alone(page: Page) -> Page:
    opened = page.context.new_page()
    opened.add_init_script(ALONE)
    return opened


def going(portal: Portal, page: Page, go: Path, path: str, then: str = "sleep 600") -> Any:
    """The log of a job that printed very much, and prints a last line once `go` is there."""
    job = portal.product.submit(
        f"{LONG}; while [ ! -e {go} ]; do sleep 0.05; done; echo the last line; {then}"
    )
    portal.product.until(job, "RUNNING")
    wait_for(lambda: portal.product.log(job).endswith(f"{LINES} of many lines\n".encode()), 60, "its lines")
    page.goto(f"{portal.url}/jobs/{job}{path}")
    log = page.get_by_role("log", name="Log")
    expect(log.get_by_text(f"{LINES} of many lines")).to_be_visible()
    return log


def session_of(portal: Portal, session: int) -> Any:
    return portal.product.call("GET", f"/v1/sessions/{session}")


def row_of(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=name, exact=True))


def lists(limit: int) -> Callable[[Request], bool]:
    return lambda request: re.search(rf"[?&]limit={limit}(&|$)", request.url) is not None


def is_part(request: Request) -> bool:
    """A part of a log, which is neither its end nor what comes."""
    return "limit=" in request.url and "offset=-" not in request.url


def grown(page: Page, log: Any, act: Callable[[], None]) -> None:
    """Do what makes the log longer here, and wait until it is."""
    before = log.evaluate("one => one.scrollHeight")
    act()
    page.wait_for_function("([one, before]) => one.scrollHeight > before", arg=[log.element_handle(), before])


def test_lines_that_come_while_earlier_ones_are_read_stay(portal: Portal, page: Page, tmp_path: Path) -> None:
    late = Late(page, "**/logs?*", is_part)
    log = going(portal, page, tmp_path / "go", "")
    log.evaluate("one => { one.scrollTop = 0 }")
    late.given()
    (tmp_path / "go").touch()
    expect(page.get_by_role("button", name="new line")).to_be_visible()
    grown(page, log, late.come)
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(log.get_by_text("the last line")).to_be_visible()
    expect(log.locator("[data-index]", has_text="the last line")).to_contain_text(str(LINES + 1))


def test_lines_that_go_by_while_the_end_is_read_are_heard_anew(
    portal: Portal, page: Page, tmp_path: Path
) -> None:
    page.add_init_script(HEARD)
    log = going(portal, page, tmp_path / "go", "")
    page.get_by_role("searchbox", name="Search in the whole log").fill("needle")
    page.keyboard.press("Enter")
    expect(log.get_by_text("the NEEDLE of many lines")).to_be_visible()
    late = Late(page, "**/logs?*", is_part)
    log.evaluate("one => { one.scrollTop = one.scrollHeight }")
    late.given()
    (tmp_path / "go").touch()
    page.wait_for_function("() => heard.includes('the last line')")
    grown(page, log, late.come)
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(log.get_by_text("the last line")).to_be_visible()


def test_the_log_of_a_job_that_ends_stays_where_somebody_reads(
    portal: Portal, page: Page, tmp_path: Path
) -> None:
    log = going(portal, page, tmp_path / "go", "", "true")
    page.get_by_role("searchbox", name="Search in the whole log").fill("needle")
    page.keyboard.press("Enter")
    needle = log.get_by_text("the NEEDLE of many lines")
    expect(needle).to_be_in_viewport()
    place = log.evaluate("one => one.scrollTop")
    ends(page, tmp_path / "go")
    expect(needle).to_be_in_viewport()
    assert log.evaluate("one => one.scrollTop") == place
    press_to_end(log)
    expect(log.locator("[data-index]", has_text="the last line")).to_contain_text(str(LINES + 1))


def test_lines_that_came_until_the_end_are_below_where_somebody_reads(
    portal: Portal, page: Page, tmp_path: Path
) -> None:
    log = going(portal, page, tmp_path / "go", "", "true")
    # Far from both ends of what is there: nothing is read as one scrolls.
    log.evaluate("one => { one.scrollTop = one.scrollHeight - 4000 }")
    fresh = page.get_by_role("button", name="new line")
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    place = log.evaluate("one => one.scrollTop")
    ends(page, tmp_path / "go")
    assert log.evaluate("one => one.scrollTop") == place
    fresh.click()
    expect(log.get_by_text("the last line")).to_be_in_viewport()


def ends(page: Page, go: Path) -> None:
    """The job goes on to its end, and the page has heard it all: it asks for the errors of the whole then."""
    with page.expect_response(lambda answer: "/logs/marks" in answer.url):
        go.touch()
    expect(page.get_by_role("main").get_by_text("completed").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Follow"))).to_have_count(0)


def press_to_end(log: Any) -> None:
    """Scrolls on, as far as there is more, until the last line is there."""

    def is_there() -> bool:
        log.evaluate("one => { one.scrollTop = one.scrollHeight }")
        return bool(log.get_by_text("the last line").count())

    wait_for(is_there, 60, "the last line")


def test_a_job_that_ended_before_its_submission_was_answered_is_shown_so(portal: Portal, tab: Page) -> None:
    late = Late(tab, "**/v1/jobs", lambda request: "dry_run" not in (request.post_data or "dry_run"))
    tab.goto(f"{portal.url}/new/batch")
    tab.get_by_role("textbox", name="Script").fill("#!/bin/sh\ntrue\n")
    tab.keyboard.press("Control+Enter")
    job = late.given().json()["id"]
    tab.wait_for_function(TOLD, arg=[job, "COMPLETED"])
    tab.locator("body").evaluate(SHOWN)
    late.come()
    tab.wait_for_url(re.compile(rf"/jobs/{job}$"))
    expect(tab.get_by_role("main").get_by_text("completed").first).to_be_visible()
    assert [text for text in tab.evaluate("shown") if "pending" in text] == []


def test_a_job_that_came_and_went_while_lists_were_read_does_not_run_there(portal: Portal, tab: Page) -> None:
    late = [Late(tab, "**/v1/jobs?*", of) for of in (lists(200), lists(40), lists(20))]
    tab.goto(f"{portal.url}/")
    for one in late:
        one.given()
    tab.wait_for_function("() => told.flat().some((one) => one.kind === 'open')")
    job = portal.product.submit("sleep 600", name="comes and goes")
    tab.wait_for_function(TOLD, arg=[job, "RUNNING"])
    portal.product.call("POST", f"/v1/jobs/{job}/cancel")
    tab.wait_for_function(TOLD, arg=[job, "CANCELLED"])
    tab.locator("body").evaluate(SHOWN)
    for one in late:
        one.come()
    begins = portal.product.submit("sleep 600", name="begins after")
    running = tab.get_by_role("region", name="Running")
    expect(running.get_by_text("begins after")).to_be_visible()
    expect(running.get_by_text("comes and goes")).to_have_count(0)
    portal.product.call("POST", f"/v1/jobs/{begins}/cancel")


def test_a_job_that_began_before_its_change_was_answered_is_shown_so(portal: Portal, tab: Page) -> None:
    holder = portal.product.submit("sleep 600", resources={"cpus": 4})
    portal.product.until(holder, "RUNNING")
    job = portal.product.submit("sleep 600", resources={"cpus": 4}, name="before")
    tab.goto(f"{portal.url}/jobs/{job}")
    hold = tab.get_by_role("button", name="Hold", exact=True)
    expect(hold).to_be_visible()
    late = Late(tab, f"**/v1/jobs/{job}/update")
    tab.get_by_role("button", name="Edit").click()
    tab.get_by_role("dialog").get_by_role("textbox", name="Name").fill("after")
    tab.get_by_role("button", name="Save").click()
    late.given()
    portal.product.call("POST", f"/v1/jobs/{holder}/cancel")
    tab.wait_for_function(TOLD, arg=[job, "RUNNING"])
    late.come()
    expect(tab.get_by_role("dialog")).to_be_hidden()
    expect(tab.get_by_role("heading", name="after")).to_be_visible()
    expect(hold).to_be_hidden()


def test_tasks_that_ended_while_they_were_read_for_the_first_time_are_read_again(
    portal: Portal, tab: Page, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    array = portal.product.submit(f"while [ ! -e {go} ]; do sleep 0.05; done", array="0-2")
    for task in range(3):
        portal.product.until(f"{array}_{task}", "RUNNING")
    late = Late(tab, f"**/v1/jobs/{array}/tasks")
    tab.goto(f"{portal.url}/jobs/{array}")
    late.given()
    go.touch()
    tab.wait_for_function(TOLD, arg=[array, "COMPLETED"])
    # What it does then, it does within a second.
    began = tab.evaluate("performance.now()")
    tab.wait_for_function("began => performance.now() > began + 1500", arg=began)
    late.come()
    expect(tab.get_by_role("link", name=re.compile(f"{array}_.: completed"))).to_have_count(3)


def test_a_task_that_moved_while_its_number_was_found_out_is_read_again(portal: Portal, tab: Page) -> None:
    array = portal.product.submit("sleep 600", array="0-1", hold=True)
    tab.goto(f"{portal.url}/jobs/{array}_1")
    expect(tab.get_by_role("main").get_by_text("pending").first).to_be_visible()
    late = Late(tab, f"**/v1/jobs/{array}_1")
    portal.product.call("POST", f"/v1/jobs/{array}/release")
    portal.product.until(f"{array}_1", "RUNNING")
    number = portal.product.job(f"{array}_1")["id"]
    tab.wait_for_function(TOLD, arg=[number, "RUNNING"])
    late.given()
    portal.product.call("POST", f"/v1/jobs/{array}_1/suspend")
    tab.wait_for_function(TOLD, arg=[number, "SUSPENDED"])
    with tab.expect_request(f"**/v1/jobs/{array}_1"):
        late.come()
    expect(tab.get_by_role("main").get_by_text("suspended").first).to_be_visible()


def test_of_two_readings_for_all_tabs_the_one_that_was_asked_for_later_counts(
    portal: Portal, alone: Page
) -> None:
    alone.goto(f"{portal.url}/admin")
    row = row_of(alone, "node")
    expect(row).to_contain_text("0 / 4")
    late = Late(alone, "**/v1/nodes")
    for jobs in range(3):
        portal.product.submit("sleep 600", resources={"cpus": 1})
        if jobs == 0:
            late.given()
            row.evaluate(SHOWN)
        if jobs == 1:
            expect(row).to_contain_text("2 / 4")
            late.come()
    expect(row).to_contain_text("3 / 4")
    shown = [int(text) for text in re.findall(r"(\d) / 4", " ".join(alone.evaluate("shown")))]
    assert shown == sorted(shown)


def test_a_node_that_was_drained_here_is_not_shown_as_it_was_before(portal: Portal, alone: Page) -> None:
    alone.goto(f"{portal.url}/admin")
    row = row_of(alone, "node")
    expect(row).to_contain_text("0 / 4")
    late = Late(alone, "**/v1/nodes")
    portal.product.submit("true", hold=True)
    late.given()
    try:
        row.get_by_role("button", name="Drain").click()
        alone.keyboard.press("Enter")
        expect(row.get_by_text("draining")).to_be_visible()
        row.evaluate(SHOWN)
        with alone.expect_response("**/v1/nodes"):
            late.come()
        with alone.expect_response("**/v1/nodes"):
            portal.product.submit("true", hold=True)
        # What it says now was asked for later still.
        portal.product.submit("sleep 600")
        portal.product.call("POST", "/v1/nodes/node", {"state": "up"})
        expect(row).to_contain_text("1 / 4")
        shown = ["draining" in text for text in alone.evaluate("shown")]
        assert shown == sorted(shown, reverse=True)
    finally:
        portal.product.call("POST", "/v1/nodes/node", {"state": "up"})


def test_a_session_that_was_extended_here_is_not_shown_as_it_was_before(portal: Portal, alone: Page) -> None:
    body = {"app": "shell", "name": "longer", "time_limit_s": 600}
    session = portal.product.call("POST", "/v1/sessions", body)["id"]
    wait_for(lambda: session_of(portal, session)["state"] == "running", 60, "a session that runs")
    alone.goto(f"{portal.url}/sessions")
    card = alone.get_by_role("article", name="longer")
    expect(card.get_by_text("of 10 min")).to_be_visible()
    late = Late(alone, "**/v1/sessions")
    portal.product.call("POST", f"/v1/sessions/{session}/save", {"name": "kept"})
    late.given()
    card.get_by_role("button", name="More").click()
    alone.get_by_role("menuitem", name="Extend").click()
    expect(card.get_by_text("of 1 h 10 min")).to_be_visible()
    card.evaluate(SHOWN)
    late.come()
    portal.product.call("POST", f"/v1/sessions/{session}/stop", {})
    expect(card.get_by_text("ended", exact=True).first).to_be_visible()
    assert [text for text in alone.evaluate("shown") if "of 10 min" in text] == []


def test_a_job_that_was_held_here_is_not_shown_as_it_was_before(portal: Portal, alone: Page) -> None:
    portal.product.until(portal.product.submit("sleep 600", resources={"cpus": 4}), "RUNNING")
    job = portal.product.submit("true", name="waits", resources={"cpus": 4})
    alone.goto(f"{portal.url}/jobs")
    row = row_of(alone, "waits")
    expect(row).to_be_visible()
    # So old a page reads the reasons of those that wait along with what moved.
    alone.wait_for_function("() => performance.now() > 6000")
    reads = re.compile(rf"/v1/tables/list\?ids=(.*%2C)?{job}(%2C.*)?&")
    late = Late(alone, "**/v1/tables/list?ids=*", lambda request: bool(reads.search(request.url)))
    portal.product.submit("true", name="another", hold=True)
    late.given()
    row.get_by_role("checkbox").check()
    alone.get_by_role("button", name="Hold", exact=True).click()
    expect(row.get_by_text("held")).to_be_visible()
    expect(alone.get_by_text(f"Job {job} held")).to_be_visible()
    row.evaluate(SHOWN)
    read: list[str] = []
    alone.on("response", lambda response: read.append(response.url) if reads.search(response.url) else None)
    late.come()
    wait_for(lambda: alone.evaluate("0") == 0 and len(read) >= 2, 60, "the row read anew")
    assert [text for text in alone.evaluate("shown") if "held" not in text] == []
    expect(row.get_by_text("held")).to_be_visible()
