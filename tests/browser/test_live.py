"""What the pages hear and draw when jobs move: little, nothing while nobody looks, and all in the end."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIResponse, BrowserContext, Page, Route, expect

from tests.browser.portal import Portal
from tests.system.product import wait_for

JOBS = 20
LISTENING = """
const Before = window.SharedWorker;
window.told = [];
window.SharedWorker = class extends Before {
    constructor(address, options) {
        super(window.name === "lost" ? "/no/such/worker.js" : address, options);
        if (window.name === "silent")
            Object.defineProperty(this, "port", {value: new MessageChannel().port1});
        window.port = this.port;
        this.port.addEventListener("message", (event) => window.told.push(event.data));
    }
};
"""
CHANGES = """() => {
    window.changed = [];
    const rowOf = (node) => (node.parentElement?.closest("li") ?? node).textContent;
    const look = (all) => {
        for (const one of all) if (one.target.role !== "img") changed.push(rowOf(one.target));
    };
    new MutationObserver(look).observe(
        document.querySelector("[aria-label=Running] ul"),
        {subtree: true, childList: true, attributeFilter: ["class"]},
    );
}"""
FLASHES = """() => {
    window.flashed = [];
    new MutationObserver(() => {
        for (const row of document.querySelectorAll(".flash"))
            flashed.push([row.textContent, document.getAnimations().length]);
    }).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
HEARS = "told.flat().some((one) => one.kind === 'open')"
RUNS = """job => told.flat().some(
    (one) => one.kind === "jobs" && one.jobs.some((it) => it.id === job && it.state === "RUNNING"))"""
TURN = """(away) => {
    Object.defineProperty(document, "hidden", {get: () => away, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def home(context: BrowserContext, portal: Portal) -> Page:
    """One more tab, whose messages are kept."""
    page = context.new_page()
    page.add_init_script(LISTENING)
    page.goto(f"{portal.url}/")
    expect(page.get_by_role("region", name="Cluster").get_by_text("CPUs")).to_be_visible()
    return page


def running(page: Page, name: str) -> Any:
    return page.get_by_role("region", name="Running").get_by_text(name, exact=True)


def cancel(portal: Portal, *jobs: int) -> None:
    portal.product.call("POST", "/v1/acts", {"act": "cancel", "jobs": [str(job) for job in jobs]})


def events(page: Page, jobs: list[int]) -> list[int]:
    """How many events of these jobs were in each message."""
    told = page.evaluate(
        "told.map((all) => all.filter((one) => one.name === 'job').map((one) => one.data.job_id))"
    )
    found = [len([job for job in message if job in jobs]) for message in told]
    return [count for count in found if count > 0]


def test_what_happens_within_a_moment_is_one_message(portal: Portal, page: Page) -> None:
    tab = home(page.context, portal)
    waiting = tab.get_by_role("region", name="Waiting").get_by_text("many-0", exact=True)
    # Held: how soon each would start is the machine's affair.
    body = [{"command": "true", "name": f"many-{n}", "hold": True} for n in range(JOBS)]
    jobs = [int(made["id"]) for made in portal.product.call("POST", "/v1/jobs", body)]
    expect(waiting).to_be_visible()
    cancel(portal, *jobs)
    expect(waiting).to_be_hidden()
    tab.wait_for_function(RUNS.replace("RUNNING", "CANCELLED"), arg=jobs[-1])
    counts = events(tab, jobs)
    assert sum(counts) == 2 * JOBS, "each waited and ended"
    assert len(counts) <= sum(counts) / 3, counts


def test_an_answer_that_moves_overtook_on_its_way_has_them(portal: Portal, page: Page) -> None:
    ends = portal.product.submit("sleep 600", name="ends meanwhile")
    portal.product.until(ends, "RUNNING")
    late: list[tuple[Route, APIResponse]] = []
    tab = page.context.new_page()
    tab.add_init_script(LISTENING)
    tab.route("**/v1/jobs?*", lambda route: late.append((route, route.fetch())))
    tab.goto(f"{portal.url}/")
    wait_for(lambda: tab.evaluate(HEARS) and len(late) == 3, 60, "lists read, and an open stream")
    begins = portal.product.submit("sleep 600", name="begins meanwhile")
    tab.wait_for_function(RUNS, arg=begins)
    cancel(portal, ends)
    tab.wait_for_function(RUNS.replace("RUNNING", "CANCELLED"), arg=ends)
    for route, answer in late:
        route.fulfill(response=answer)
    expect(running(tab, "begins meanwhile")).to_be_visible()
    assert running(tab, "ends meanwhile").count() == 0
    cancel(portal, begins)


def test_a_job_that_fails_after_a_younger_one_is_told_too(portal: Portal, page: Page, tmp_path: Path) -> None:
    go = tmp_path / "go"
    portal.product.submit(f"while [ ! -e {go} ]; do sleep 0.05; done; exit 1", name="elder")
    portal.product.submit("exit 1", name="younger")
    needs = page.get_by_role("region", name="Needs you")
    expect(needs.get_by_text("younger")).to_be_visible()
    go.touch()
    expect(needs.get_by_text("elder")).to_be_visible()


def test_a_new_job_that_moved_twice_before_a_tab_was_told_is_one_row(portal: Portal, page: Page) -> None:
    tab = home(page.context, portal)
    job = portal.product.submit("sleep 600", name="once")
    expect(running(tab, "once")).to_be_visible()
    told = [{"kind": "jobs", "jobs": [{**portal.product.job(job), "id": job + 1, "name": "twice"}]}] * 2
    tab.evaluate("data => port.dispatchEvent(new MessageEvent('message', {data}))", told)
    expect(running(tab, "twice")).to_have_count(1)
    cancel(portal, job)


def test_a_move_changes_its_row_alone_and_stands_out_without_being_animated(
    portal: Portal, page: Page
) -> None:
    page.emulate_media(reduced_motion="no-preference")
    jobs = [
        portal.product.submit("sleep 600", name=name, resources={"cpus": 1}) for name in ("stays", "moves")
    ]
    for name in ("stays", "moves"):
        expect(running(page, name)).to_be_visible()
    for job in jobs:
        portal.product.until(job, "RUNNING")
    expect(page.get_by_role("region", name="Running").get_by_text("running", exact=True)).to_have_count(2)
    expect(page.locator(".flash")).to_have_count(0)
    page.evaluate(CHANGES)
    page.evaluate(FLASHES)
    portal.product.call("POST", f"/v1/jobs/{jobs[1]}/suspend", {})
    expect(page.get_by_role("region", name="Running").get_by_text("suspended")).to_be_visible()
    page.wait_for_function("() => flashed.length > 0")
    expect(page.locator(".flash")).to_have_count(0)
    assert [row for row in page.evaluate("changed") if "stays" in row] == []
    flashed = page.evaluate("flashed")
    assert [one for one in flashed if "moves" not in one[0] or one[1] != 0] == []
    cancel(portal, *jobs)


def test_the_row_of_a_job_that_moved_stands_out_in_the_table(portal: Portal, page: Page) -> None:
    job = portal.product.submit("sleep 600", name="moves in the table", resources={"cpus": 1})
    portal.product.until(job, "RUNNING")
    page.goto(f"{portal.url}/jobs")
    row = page.get_by_role("row").filter(has_text="moves in the table")
    expect(row.get_by_text("running")).to_be_visible()
    page.evaluate(FLASHES)
    portal.product.call("POST", f"/v1/jobs/{job}/suspend", {})
    expect(row.get_by_text("suspended")).to_be_visible()
    page.wait_for_function("() => flashed.some(([row]) => row.includes('moves in the table'))")
    expect(page.locator(".flash")).to_have_count(0)
    cancel(portal, job)


def test_a_tab_that_nobody_looks_at_draws_nothing_until_somebody_does(portal: Portal, page: Page) -> None:
    away = home(page.context, portal)
    away.evaluate(TURN, True)
    job = portal.product.submit("sleep 600", name="unseen")
    expect(running(page, "unseen")).to_be_visible()
    away.wait_for_function(
        "job => told.flat().some((one) => one.kind === 'jobs' && one.jobs.some((it) => it.id === job))",
        arg=job,
    )
    assert running(away, "unseen").count() == 0
    away.evaluate(TURN, False)
    expect(running(away, "unseen")).to_be_visible()
    cancel(portal, job)
    expect(running(away, "unseen")).to_be_hidden()


def test_a_node_that_somebody_else_closes_or_opens_is_seen_without_a_move_of_a_job(
    portal: Portal, page: Page
) -> None:
    page.goto(f"{portal.url}/cluster")
    cell = page.get_by_role("list", name="Nodes, filled by what is allocated").get_by_role("button")
    table = page.context.new_page()
    table.goto(f"{portal.url}/admin")
    row = table.get_by_role("row").filter(has=table.get_by_text("node", exact=True))
    expect(cell).to_contain_text("CPU")
    expect(row.get_by_text("up", exact=True)).to_be_visible()
    try:
        portal.product.call("POST", "/v1/nodes/node", {"state": "drain", "reason": "new fans"})
        expect(cell).to_contain_text("draining")
        expect(row.get_by_text("new fans")).to_be_visible()
    finally:
        portal.product.call("POST", "/v1/nodes/node", {"state": "up"})
    expect(cell).not_to_contain_text("draining")
    expect(row.get_by_text("up", exact=True)).to_be_visible()


@pytest.mark.parametrize("what", ["lost", "silent"])
def test_a_page_without_its_worker_says_so_and_hears_again(portal: Portal, what: str) -> None:
    """One whose script cannot be loaded, and one of which nothing is heard, not even that."""
    with portal.logged_in(expected=("worker", "MIME")) as page:
        page.add_init_script(LISTENING)
        page.evaluate("what => { window.name = what }", what)
        page.reload()
        expect(page.get_by_text("Reconnecting; as of")).to_be_visible()
        page.evaluate("window.name = ''")
        expect(page.get_by_text("Reconnecting; as of")).to_be_hidden()
        job = portal.product.submit("sleep 600", name="heard")
        expect(running(page, "heard")).to_be_visible()
        cancel(portal, job)
