"""The portal in a browser: how soon jobs can be clicked and states are seen, and how smooth a long table is.

A browser and the server share the machine, so these are upper bounds of what a person sees.
"""

from datetime import datetime
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from benchmarks.row import Row
from tests.browser.portal import Portal, launch
from tests.browser.scrolling import MOVES_PER_S, moving, scroll
from tests.system.product import Product, wait_for

VISITS = 10
TABS = 50
CHANGES = 20
JOB_S = 2
SESSIONS = 50
SCROLLS = 3
SCROLL_S = 5
FIRST_ROW_S, CHANGE_S, FIRST_LOAD_KB, TASK_MS = 1.0, 0.2, 200, 50
BATCH = 1000
LOADED = """performance.getEntriesByType('resource')
    .filter(one => /\\.(js|css)$/.test(one.name))
    .reduce((sum, one) => sum + one.encodedBodySize, 0)"""
UNTIL_ROWS = """(wanted) => new Promise((done) => {
    const look = () => {
        const table = document.querySelector("[aria-rowcount]");
        const rows = table?.querySelector("tbody a") ? Number(table.ariaRowCount) : 0;
        if (rows > wanted) done(); else requestAnimationFrame(look);
    };
    look();
})"""
WATCH = """() => {
    window.seen = {};
    const look = () => {
        for (const row of document.querySelectorAll('[aria-label=Running] li'))
            if (row.textContent.includes('running'))
                window.seen[row.querySelector('b').textContent] ??= Date.now();
    };
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def rows(product: Product, jobs: int) -> list[Row]:
    """Figures of one server and one browser."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        portal = Portal(product, browser)
        found = change_rows(portal)
        for first in range(0, jobs, BATCH):
            held = [{"command": "true", "name": f"job-{first + n}", "hold": True} for n in range(BATCH)]
            product.call("POST", "/v1/jobs", held)
        for number in range(SESSIONS):
            body = {"app": "shell", "name": f"session-{number}", "resources": {"cpus": 4}}
            product.call("POST", "/v1/sessions", body)
        found += [*first_row_rows(portal, jobs), scroll_row(portal, jobs)]
        browser.close()
    return found


def first_row_rows(portal: Portal, jobs: int) -> list[Row]:
    """Fresh browsers with nothing kept, but logged in."""
    visits = [_visit(portal) for _ in range(VISITS)]
    seconds, loaded = p95([one[0] for one in visits]), max(one[1] for one in visits) / 1024
    work = (
        f"portal, {jobs:,} jobs, {SESSIONS} sessions: from navigation until the first row can be clicked, "
        f"nothing kept, p95 of {VISITS} browsers"
    )
    return [
        Row(
            work=work,
            value=seconds,
            unit="s",
            against="1 s",
            ratio=seconds / FIRST_ROW_S,
            gate=1,
            lower_is_better=True,
        ),
        Row(
            work="portal: JavaScript and CSS of the first load, compressed",
            value=loaded,
            unit="KB",
            against="200 KB",
            ratio=loaded / FIRST_LOAD_KB,
            gate=1,
            lower_is_better=True,
        ),
    ]


def scroll_row(portal: Portal, jobs: int) -> Row:
    """From top to end while the oldest are cancelled; what browsers call a long task is one of over 50 ms."""
    longest = 0.0
    with portal.logged_in("/jobs") as page:
        table = page.get_by_role("table", name="Jobs, newest first")
        table.get_by_role("checkbox").nth(3).check()
        page.evaluate(UNTIL_ROWS, jobs)
        for turn in range(SCROLLS):
            with moving(portal.product, 1 + turn * 2 * MOVES_PER_S * SCROLL_S + CHANGES):
                longest = max(longest, *scroll(page, SCROLL_S).long_tasks_ms, 0.0)
            page.evaluate("scrollTo(0, 0)")
        kept = table.get_by_role("checkbox", checked=True)
        kept.wait_for()
    return Row(
        work=f"portal: the longest task while {jobs:,} jobs are scrolled to the end in {SCROLL_S} s, "
        f"{MOVES_PER_S} changes a second, of {SCROLLS} times (0: none over {TASK_MS} ms)",
        value=longest,
        unit="ms",
        against=f"{TASK_MS} ms",
        ratio=longest / TASK_MS,
        gate=1,
        lower_is_better=True,
    )


def change_rows(portal: Portal) -> list[Row]:
    """From the job's own timestamp until its row is in the document.

    Of the tab that was opened last, which is the one that somebody uses, and of the last of all: this browser
    takes all for visible, and they are told one after the other.
    """
    context = portal.browser.new_context(viewport={"width": 1440, "height": 900})
    pages = [_logged_in(context, portal)]
    for _ in range(TABS - 1):
        page = context.new_page()
        page.goto(f"{portal.url}/")
        pages.append(page)
    for page in pages:
        page.get_by_role("region", name="Cluster").wait_for()
        page.evaluate(WATCH)
    started = dict(_change(portal, pages[-1], f"watched-{number}") for number in range(CHANGES))
    pages[-1].wait_for_timeout(1000 * JOB_S)
    seen: list[dict[str, float]] = [page.evaluate("window.seen") for page in pages]
    context.close()
    used = [seen[-1][name] / 1000 - at for name, at in started.items()]
    # Which of them were not told before it ended, saw it then.
    last = [
        max(one.get(name, 1000 * (at + JOB_S)) for one in seen) / 1000 - at for name, at in started.items()
    ]
    return [
        _change_row(f"on the page in use, {TABS} tabs open", p95(used), gate=1),
        _change_row(f"on the last of {TABS} visible pages", p95(last), gate=None),
    ]


def _change_row(where: str, seconds: float, *, gate: float | None) -> Row:
    return Row(
        work=f"portal: from a job's start until it is {where}, p95 of {CHANGES}",
        value=seconds * 1000,
        unit="ms",
        against="200 ms",
        ratio=seconds / CHANGE_S,
        gate=gate,
        lower_is_better=True,
    )


def p95(values: list[float]) -> float:
    """Of few values, the highest but for one in twenty."""
    ordered = sorted(values)
    return ordered[max(0, int(len(ordered) * 0.95 + 0.5) - 1)]


def _visit(portal: Portal) -> tuple[float, float]:
    first = portal.browser.new_context()
    _logged_in(first, portal)
    state: Any = first.storage_state()
    first.close()
    context = portal.browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=state)
    page = context.new_page()
    page.goto(f"{portal.url}/jobs", wait_until="commit")
    # A locator that does not find its element looks again after up to half a second.
    page.evaluate(UNTIL_ROWS, 1)
    page.locator("tbody a").first.click(trial=True)
    seconds = float(page.evaluate("performance.now()")) / 1000
    loaded = float(page.evaluate(LOADED))
    context.close()
    return seconds, loaded


def _logged_in(context: BrowserContext, portal: Portal) -> Page:
    page = context.new_page()
    page.goto(portal.link("/"))
    page.wait_for_url(f"{portal.url}/")
    page.get_by_role("main").wait_for()
    return page


def _change(portal: Portal, watcher: Page, name: str) -> tuple[str, float]:
    """A job that was seen running there, and when it began."""
    resources = {"cpus": 0.1, "memory_mib": 16}
    job = portal.product.submit(f"sleep {JOB_S}", name=name, resources=resources)
    wait_for(lambda: watcher.evaluate("name => window.seen[name]", name), 30, f"{name} on the page")
    return name, datetime.fromisoformat(portal.product.job(job)["started_at"]).timestamp()
