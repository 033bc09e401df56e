"""What holds for the pages of the frame as a whole. That each is open to everybody, the review set asks."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import Portal
from tests.tidy.source import ROOT

pytestmark = pytest.mark.slow

PAGES = ("/", "/settings", "/settings/tokens", "/settings/browsers", "/about", "/no/such/page")
FIRST_LOAD_MAX_BYTES = 200 * 1024
LOADED = "performance.getEntriesByType('resource').map(one => [one.name, one.encodedBodySize])"
INJECTED = """() => {
    document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = 1'>");
    document.body.insertAdjacentHTML("beforeend", "<style>body { color: rgb(1, 2, 3) }</style>");
    const script = document.createElement("script");
    script.text = "window.ran = 1";
    document.body.append(script);
}"""


@pytest.fixture(scope="module")
def seeded(portal: Portal) -> Portal:
    """Jobs in several states, one of them with a long name."""
    product = portal.product
    for job in (product.submit("exit 3", name="x" * 80), product.submit("true", name="done")):
        product.until(job)
    product.submit("sleep 600", name="runs", resources={"cpus": 3}, time_limit_s=3600)
    product.submit("sleep 600", name="waits", resources={"cpus": 4})
    product.submit("sleep 600", name="array", array="1-20", resources={"cpus": 0.25, "memory_mib": 64})
    return portal


def test_home_fits_a_common_screen(seeded: Portal) -> None:
    with seeded.logged_in() as page:
        expect(page.get_by_role("region", name="Cluster")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollHeight") <= 900


def test_the_first_load_is_small(seeded: Portal) -> None:
    """Scripts and styles up to the first page, as they come over the wire."""
    with seeded.logged_in() as page:
        page.goto(f"{seeded.url}/jobs")
        expect(page.get_by_role("table")).to_be_visible()
        loaded = {name: size for name, size in page.evaluate(LOADED) if name.endswith((".js", ".css"))}
        assert 0 < sum(loaded.values()) <= FIRST_LOAD_MAX_BYTES, loaded


def test_the_policy_lets_nothing_else_run(seeded: Portal) -> None:
    with seeded.logged_in(expected=("Content Security Policy", "violates", "404")) as page:
        page.evaluate("document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='window.ran = 1'>`)")
        page.evaluate(
            "{const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)}"
        )
        page.evaluate(INJECTED)
        assert page.evaluate("window.ran") is None
        assert page.evaluate("getComputedStyle(document.body).color") != "rgb(1, 2, 3)"
        reply = page.request.get(f"{seeded.url}/")
        policy = reply.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_nothing_is_loaded_from_another_host(seeded: Portal) -> None:
    with seeded.logged_in() as page:
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url))
        for path in PAGES:
            _go(page, seeded, path)
        assert [url for url in asked if not url.startswith((seeded.url, "data:", "blob:"))] == []


def test_sources_of_the_portal_can_be_read_at_one_sitting() -> None:
    sources = [
        path
        for path in (ROOT / "web" / "src").rglob("*")
        if path.suffix in (".ts", ".tsx", ".css") and path.name != "types.ts"
    ]
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def _go(page: Page, portal: Portal, path: str) -> None:
    page.goto(f"{portal.url}{path}")
    expect(page.get_by_role("main")).to_be_visible()
    page.wait_for_load_state("load")
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
