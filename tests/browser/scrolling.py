"""A long table scrolled from top to end while jobs move, and what that asked of the page."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from playwright.sync_api import Page

from tests.system.product import Product

MOVES_PER_S = 20
SCROLL = """async (seconds) => {
    const tasks = []
    const watch = new PerformanceObserver((list) => tasks.push(...list.getEntries()))
    watch.observe({entryTypes: ["longtask"]})
    const end = document.documentElement.scrollHeight - innerHeight
    const start = performance.now()
    let rows = 0
    let frames = 0
    await new Promise((done) => {
        const step = () => {
            const part = Math.min(1, (performance.now() - start) / (1000 * seconds))
            scrollTo(0, end * part)
            frames++
            rows = Math.max(rows, document.querySelectorAll("tbody tr").length)
            part < 1 ? requestAnimationFrame(step) : done()
        }
        step()
    })
    await new Promise((done) => setTimeout(done, 100))
    watch.disconnect()
    return {rows, frames, tasks: tasks.map((task) => task.duration)}
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrolled:
    """The most rows that were in the document, frames drawn, and tasks of more than 50 ms, in ms."""

    rows: int
    frames: int
    long_tasks_ms: tuple[float, ...]


def scroll(page: Page, seconds: float) -> Scrolled:
    """From top to end at an even pace."""
    told = page.evaluate(SCROLL, seconds)
    return Scrolled(rows=told["rows"], frames=told["frames"], long_tasks_ms=tuple(told["tasks"]))


@contextmanager
def moving(product: Product, first: int = 1) -> Iterator["Future[int]"]:
    """Jobs are cancelled, oldest first, as long as this lasts."""
    stop = Event()

    def go_on() -> int:
        job = first
        while not stop.wait(1 / MOVES_PER_S):
            product.call("POST", "/v1/acts", {"act": "cancel", "jobs": [str(job)]})
            job += 1
        return job - first

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(go_on)
        try:
            yield future
        finally:
            stop.set()
