"""The pages of jobs as a person uses them: composing, the log as it comes, why, the table, arrays, keys."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.portal import Portal, Theme, serious_faults

pytestmark = pytest.mark.usefixtures("nothing_left")

TICKS = "for i in 1 2 3; do echo tick $i; sleep 0.2; done; sleep 600"


def press_until(page: Page, key: str, reached: Callable[[], Locator], most: int = 60) -> None:
    """Press a key until the focus is there."""
    for _ in range(most):
        if reached().evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press(key)
    expect(reached()).to_be_focused()


def job_of(page: Page) -> int:
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    return int(page.url.rsplit("/", 1)[1])


def test_a_job_is_submitted_watched_and_cancelled_by_the_keyboard_alone(portal: Portal, page: Page) -> None:
    """Login (by its link), composer, log, cancel."""
    press_until(page, "Tab", lambda: page.get_by_role("button", name="New", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.type("b")
    expect(page.get_by_role("menuitem", name="Batch")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New batch job")).to_be_visible()
    press_until(page, "Tab", lambda: page.get_by_role("textbox", name="Script"))
    page.keyboard.press("Control+End")
    page.keyboard.type(TICKS)
    page.keyboard.press("Control+Enter")
    job = job_of(page)
    expect(page.get_by_role("log", name="Log").get_by_text("tick 3", exact=True)).to_be_visible()
    press_until(page, "Tab", lambda: page.get_by_role("button", name="Cancel", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(f"Cancel job {job}")
    press_until(page, "Tab", lambda: page.get_by_role("dialog").get_by_role("button", name="Cancel job"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("main").get_by_text("cancelled").first).to_be_visible()
    assert portal.product.until(job)["state"] == "CANCELLED"


def test_the_composer_says_when_it_would_start_and_what_is_wrong(portal: Portal) -> None:
    with portal.logged_in("/new/batch", expected=("422", "400")) as page:
        rail = page.get_by_role("complementary", name="When it would start")
        page.get_by_role("radio", name="Command").check(force=True)
        page.get_by_role("textbox", name="Command").fill("hostname")
        expect(rail).to_contain_text("Starts now")
        page.get_by_role("textbox", name="Memory").fill("4")
        expect(page.get_by_text("4 MiB? Write 4M or 4G.")).to_be_visible()
        page.get_by_role("textbox", name="Memory").fill("900G")
        expect(rail).to_contain_text("It cannot be submitted so")
        page.reload()
        expect(page.get_by_role("textbox", name="Memory")).to_have_value("900G")


def test_lines_of_a_script_count_where_the_form_is_empty(portal: Portal) -> None:
    with portal.logged_in("/new/batch", expected=("404", "400")) as page:
        script = "#!/bin/bash\n#SBATCH -J lines --mem=64M\n#SBATCH --time=00:10:00\nhostname\n"
        page.get_by_role("textbox", name="Script").fill(script)
        page.get_by_role("textbox", name="Time limit").fill("5m")
        page.get_by_text("More: array").click()
        told = page.get_by_role("group", name="Tell me when it")
        told.get_by_label("ends").check()
        told.get_by_label("nears its time limit").check()
        told.get_by_role("textbox", name="Where").fill("tema")
        rail = page.get_by_role("complementary", name="When it would start")
        expect(rail).to_contain_text("here is no webhook")
        told.get_by_role("textbox", name="Where").fill("team")
        expect(rail).to_contain_text("Starts now")
        page.get_by_role("button", name="Submit").click()
        made = portal.product.call("GET", f"/v1/jobs/{job_of(page)}")
        assert (made["name"], made["resources"]["memory_mib"], made["time_limit_s"]) == ("lines", 64, 300)
        assert made["metadata"] == {"launchyard.notify": "end,limit", "launchyard.notify-to": "team"}
        page.goto(f"{portal.url}/new/batch?from={made['id']}")
        expect(told.get_by_role("textbox", name="Where")).to_have_value("team")
        expect(told.get_by_label("ends")).to_be_checked()


def test_a_failed_job_says_why_and_is_run_again_with_what_helps(portal: Portal) -> None:
    job = portal.product.submit(
        "python3 -c 'x = bytearray(300 << 20)'", name="hungry", resources={"memory_mib": 100}
    )
    assert portal.product.until(job)["state"] == "OUT_OF_MEMORY"
    with portal.logged_in(f"/jobs/{job}") as page:
        expect(page.get_by_role("main")).to_contain_text("memory")
        expect(page.get_by_role("main")).to_contain_text("ly rerun")
        page.get_by_role("button", name="Fix and rerun").click()
        expect(page.get_by_role("heading", name=f"Run {job} again")).to_be_visible()
        expect(page.get_by_role("textbox", name="Memory")).not_to_have_value("100M")
        expect(page.get_by_role("textbox", name="Command")).to_have_value(re.compile("bytearray"))


def test_a_waiting_job_says_why_and_is_changed_held_and_let_go(portal: Portal) -> None:
    holder = portal.product.submit("sleep 600", resources={"cpus": 4}, time_limit_s=3600)
    portal.product.until(holder, "RUNNING")
    job = portal.product.submit("true", name="waits", resources={"cpus": 4}, time_limit_s=7200)
    with portal.logged_in(f"/jobs/{job}") as page:
        expect(page.get_by_role("heading", name="What is short")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text(f"job {holder}")
        page.get_by_role("link", name="What this means").click()
        expect(page.get_by_role("heading", name="Why a job waits: resources")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("ly why")
        page.go_back()
        page.get_by_role("button", name="Edit").click()
        page.get_by_role("dialog").get_by_role("textbox", name="Time limit").fill("30m")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.get_by_role("button", name="Hold", exact=True).click()
        expect(page.get_by_role("button", name="Release", exact=True)).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Hold", exact=True)).to_be_visible()
        told = portal.product.call("GET", f"/v1/jobs/{job}")
        assert (told["time_limit_s"], told["held"]) == (1800, False)
        portal.product.call("POST", f"/v1/jobs/{holder}/cancel")
        expect(page.get_by_role("main").get_by_text("completed").first).to_be_visible()


def test_the_log_is_searched_as_a_whole_and_its_errors_are_marked(portal: Portal) -> None:
    """The needle is far before what is shown at first."""
    text = "seq 1 30000 | sed 's/^1234$/the NEEDLE/; s/^20000$/ValueError: bad/; s/$/ of many lines/'"
    job = portal.product.submit(text, name="long")
    portal.product.until(job)
    with portal.logged_in(f"/jobs/{job}") as page:
        log = page.get_by_role("log", name="Log")
        expect(log.get_by_text("30000 of many lines")).to_be_visible()
        expect(log.locator("[data-index]", has_text="30000 of many")).to_contain_text("30000")
        page.get_by_role("searchbox", name="Search in the whole log").fill("needle")
        page.keyboard.press("Enter")
        expect(log.get_by_text("the NEEDLE of many lines")).to_be_visible()
        expect(log.locator("[data-chosen]")).to_contain_text("1234")
        expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()
        page.get_by_role("button", name="Go to line 20000").click(force=True)
        expect(log.get_by_text("ValueError: bad of many lines")).to_be_visible()


def test_the_table_shows_moves_folds_groups_and_keeps_a_selection(portal: Portal) -> None:
    held = [portal.product.submit("true", name=f"held-{one}", hold=True) for one in range(3)]
    for one in range(3):
        portal.product.submit("true", name=f"member-{one}", group="pack", hold=True)
    with portal.logged_in("/jobs?state=waiting") as page:
        table = page.get_by_role("table", name="Jobs, newest first")
        expect(table.get_by_role("link", name="Group pack")).to_be_visible()
        expect(table.get_by_role("link", name="member-1")).to_be_hidden()
        table.get_by_role("button", name="Unfold").first.click()
        expect(table.get_by_role("link", name="member-1")).to_be_visible()
        for name in ("held-0", "held-1"):
            table.get_by_role("checkbox", name=re.compile(rf"Select {name}\b")).check()
        expect(page.get_by_role("toolbar")).to_contain_text("2 selected")
        new = portal.product.submit("true", name="newcomer", hold=True)
        expect(table.get_by_role("link", name="newcomer")).to_be_visible()
        expect(page.get_by_role("toolbar")).to_contain_text("2 selected")
        page.get_by_role("toolbar").get_by_role("button", name="Cancel").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel 2 jobs").click()
        expect(table.get_by_role("link", name="held-1")).to_be_hidden()
        for job in held[:2]:
            assert portal.product.until(job)["state"] == "CANCELLED"
        page.get_by_role("searchbox", name="Filter by name or number").fill("newcomer")
        expect(table.get_by_role("row")).to_have_count(2)
        page.wait_for_url("**q=newcomer**")
        page.get_by_role("searchbox", name="Filter by name or number").press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.get_by_role("complementary", name=f"newcomer {new}")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("complementary", name=f"newcomer {new}")).to_be_hidden()


def test_an_array_is_a_grid_with_what_failed_first_and_is_run_again(portal: Portal) -> None:
    text = "test $((LAUNCHYARD_ARRAY_INDEX % 5)) -ne 0"
    job = portal.product.submit(text, name="grid", array="1-20", resources={"cpus": 0.5, "memory_mib": 32})
    portal.product.until(job)
    with portal.logged_in(f"/jobs/{job}") as page:
        grid = page.get_by_role("list", name="One square a task")
        expect(grid.get_by_role("link")).to_have_count(20)
        expect(grid.get_by_role("link").first).to_have_accessible_name(f"Task {job}_5: failed")
        expect(page.get_by_role("table", name="Did not complete").get_by_role("row")).to_have_count(5)
        page.get_by_role("button", name="Run failed tasks again").click()
        page.wait_for_url(re.compile(rf"/jobs/(?!{job}$)\d+$"))
        again = portal.product.call("GET", f"/v1/jobs/{job_of(page)}")
        assert again["array"]["size"] == 4
        page.go_back()
        grid.get_by_role("link").first.click()
        page.wait_for_url(f"**/jobs/{job}_5")
        expect(page.get_by_role("heading", name="grid")).to_be_visible()


def test_a_group_has_a_page_with_all_its_jobs(portal: Portal) -> None:
    jobs = [portal.product.submit(f"exit {one}", name=f"of-it-{one}", group="team") for one in range(3)]
    for job in jobs:
        portal.product.until(job)
    with portal.logged_in("/groups/team") as page:
        expect(page.get_by_role("heading", name="Group team")).to_be_visible()
        expect(page.get_by_role("list", name="One square a task").get_by_role("link")).to_have_count(3)
        expect(page.get_by_role("table", name="Jobs, newest first").get_by_role("row")).to_have_count(4)


def test_plots_show_what_a_running_job_uses(portal: Portal) -> None:
    text = "python3 -c 'while True: sum(range(10000))'"
    job = portal.product.submit(text, name="busy", resources={"cpus": 1}, time_limit_s=600)
    portal.product.until(job, "RUNNING")
    with portal.logged_in(f"/jobs/{job}/resources") as page:
        expect(page.get_by_role("img", name=re.compile("^CPU: .* asked 1"))).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("^Memory: peak"))).to_be_visible()
        portal.product.call("POST", f"/v1/jobs/{job}/cancel")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_pages_of_jobs_have_no_serious_fault_of_access(portal: Portal, theme: Theme, width: int) -> None:
    product = portal.product
    failed = product.submit("echo no; exit 3", name="x" * 80)
    array = product.submit("true", array="1-3", name="small")
    held = product.submit("true", name="stays", hold=True)
    for job in (failed, array):
        product.until(job)
    paths = ("/jobs", f"/jobs?open={held}", f"/jobs/{failed}", f"/jobs/{failed}/resources")
    with portal.logged_in(theme=theme, width=width) as page:
        for path in (*paths, f"/jobs/{failed}/script", f"/jobs/{array}", f"/jobs/{held}", "/new/batch"):
            page.goto(f"{portal.url}{path}")
            page.get_by_role("main").get_by_role("heading").first.wait_for()
            expect(page.get_by_role("main").get_by_role("status", name="Loading")).to_have_count(0)
            assert serious_faults(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is too wide"
