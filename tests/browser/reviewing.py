"""One stop of the review: a page and what is opened on it, drawn in both themes and both widths."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.browser.pictures import ACCEPTING, difference
from tests.browser.portal import PATIENCE_MS, Portal, Theme, serious_faults

Variants = tuple[tuple[Theme, int], ...]

VARIANTS: Variants = (("light", 1440), ("dark", 1440), ("dark", 360), ("light", 360))
DIAGONAL = VARIANTS[::2]
"""Each theme and each width once: enough for what is like pages that are drawn in all four."""
ASKED = () if ACCEPTING else DIAGONAL
"""Those of which axe-core is asked, which takes longer than all the rest: each theme and each width once."""
REFUSAL = "the server's database does not answer; try again in a moment"
REFUSED = (
    "400 (Bad Request)",
    "404 (Not Found)",
    "409 (Conflict)",
    "422 (Unprocessable",
    "task queue exceeded",
)
"""What the browser prints of answers that pages deal with, and xterm.js of a machine that has much to do."""

Act = Callable[[Page], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """`there` is text that is on the page once it is drawn; `open` opens something on it, each time anew.

    `refuse` are addresses that are not answered meanwhile but refused with `status`; of the answers of those
    in `change` some fields are other ones. `hide` are selectors of what is never twice the same.
    """

    name: str
    path: str
    there: str
    open: Act | None = None
    refuse: Sequence[str] = ()
    status: int = 400
    change: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    hide: Sequence[str] = ()
    variants: Variants = DIAGONAL


def review(page: Page, portal: Portal, stop: Stop, beside: Path) -> list[str]:
    """What is wrong with it, in each of its variants."""
    for address in stop.refuse:
        page.route(address, partial(_refused, status=stop.status))
    for address, fields in stop.change.items():
        page.route(address, partial(_changed, fields=fields))
    try:
        page.goto(f"{portal.url}{stop.path}")
        found = [fault for variant in stop.variants for fault in seen(page, portal, stop, beside, variant)]
        said = [f"{stop.name}: it says {one}" for one in portal.said]
        portal.said.clear()
        return found + said
    finally:
        for address in (*stop.refuse, *stop.change):
            page.unroute(address)


def arrived(page: Page, stop: Stop) -> None:
    """What it shows is there."""
    expect(page.get_by_text(stop.there).locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("status", name="Loading")).to_have_count(0, timeout=PATIENCE_MS)
    page.evaluate("document.fonts.ready.then(() => scrollTo(0, 0))")


def seen(page: Page, portal: Portal, stop: Stop, beside: Path, variant: tuple[Theme, int]) -> list[str]:
    """What is wrong with the page that is there, in this theme and width."""
    theme, width = variant
    name = f"{stop.name}-{theme}-{width}"
    page.set_viewport_size({"width": width, "height": 900 if width > 640 else 740})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.mouse.move(0, 0)
    if stop.open is not None:
        stop.open(page)
    arrived(page, stop)
    found = [f"{name}: {fault}" for fault in (serious_faults(page) if variant in ASKED else ())]
    hidden = [page.locator(one) for one in stop.hide]
    other = difference(page, portal.browser, name, beside, hidden)
    found += [] if other is None else [f"{name}: {other}"]
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        found.append(f"{name}: it is {wide} pixels wide")
    if stop.open is not None:
        page.keyboard.press("Escape")
    return found


def _refused(route: Route, *, status: int) -> None:
    told = {"type": "about:blank", "title": "no", "status": status, "detail": REFUSAL, "code": "refused"}
    route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(told))


def _changed(route: Route, *, fields: Mapping[str, object]) -> None:
    route.fulfill(json={**route.fetch().json(), **fields})
