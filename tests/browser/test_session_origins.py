"""What a page of a session can do in a real browser: what it needs, and nothing of the portal's.

The app behind it is a stand-in; the browser, its rules about origins and cookies, and the server are real.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page

from tests.proxy_bench import Yard, yard_in

FRAME = """url => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.name = "session";
    frame.onload = done;
    frame.src = url;
    document.body.append(frame);
})"""
ASK = """([url, csrf, body]) => fetch(url, {
    method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", "X-Launchyard-CSRF": csrf},
}).then(answer => answer.json())"""
ECHO = """() => new Promise(done => {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = message => done(message.data);
    socket.onerror = () => done("refused");
})"""


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with tempfile.TemporaryDirectory() as directory, yard_in(Path(directory)) as made:
        made.open()
        yield made


@pytest.fixture(params=["127.0.0.1", "launchyard.localhost"])
def page(yard: Yard, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at the portal's origin, logged in."""
    with browser.new_context() as context:
        made = context.new_page()
        made.goto(f"http://{request.param}:{yard.bench.port}/v1/health")
        link = yard.bench.ask("POST", "/v1/login-links", {}, user="ada").json["url"]
        made.evaluate(ASK, ["/login", "", {"code": link.partition("#")[2]}])
        yield made


def me(page: Page) -> Any:
    return page.evaluate("() => fetch('/v1/me').then(answer => answer.json())")


def framed(page: Page) -> Frame:
    """Session 17 in a frame of the page, as the portal shows it."""
    opened = page.evaluate(ASK, ["/v1/sessions/17/open", me(page)["csrf"], {}])
    page.evaluate(FRAME, opened["url"])
    found = page.frame("session")
    assert found is not None
    # The way in leads on to the app.
    found.wait_for_url(lambda url: url.startswith("http") and ".launchyard/enter" not in url)
    return found


def test_a_framed_session_asks_writes_and_opens_websockets(page: Page) -> None:
    frame = framed(page)
    assert frame.evaluate("() => fetch('/x').then(answer => answer.status)") == 200
    assert frame.evaluate("() => fetch('/x', {method: 'POST'}).then(answer => answer.status)") == 200
    assert frame.evaluate(ECHO) == "hello"


def test_pages_of_a_session_do_nothing_in_the_portal(page: Page, yard: Yard) -> None:
    """Threats 3, 7 and 8: they neither read nor write there, and see none of our cookies."""
    frame = framed(page)
    portal = page.url.partition("/v1/")[0]
    before = list(yard.bench.controller.calls)
    read = "url => fetch(url, {credentials: 'include'}).then(answer => answer.status, () => 'blocked')"
    assert frame.evaluate(read, f"{portal}/v1/me") == "blocked"
    write = "url => fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}'})"
    frame.evaluate(f"{write}.then(() => 0)", f"{portal}/v1/jobs/17/cancel")
    assert yard.bench.controller.calls == before
    assert "launchyard" not in frame.evaluate("() => document.cookie")
    assert (
        frame.evaluate("() => { try { return parent.document.title } catch { return 'blocked' } }")
        == "blocked"
    )


def test_pages_of_a_session_cannot_set_the_portals_cookie(page: Page, yard: Yard) -> None:
    """Threat 7: nobody is logged out, or in as somebody else, by what an app sets for a common name."""
    frame = framed(page)
    toss = """([name, value]) => { for (const domain of ["launchyard.localhost", "localhost"])
        for (const prefix of ["", "__Host-", "__Secure-"])
            document.cookie = `${prefix}${name}=${value}; domain=${domain}; path=/; Secure`; }"""
    frame.evaluate(toss, [f"launchyard-{yard.bench.port}", "evil"])
    assert me(page)["user"] == "ada"


def test_logging_out_ends_what_a_session_has_open(page: Page, yard: Yard) -> None:
    """Threat 30. How soon is said where no browser has to tell of it (tests/system/test_session_proxy.py)."""
    frame = framed(page)
    ended = """() => new Promise(done => {
        const socket = new WebSocket(`ws://${location.host}/ws`);
        socket.onopen = () => { window.opened = true; };
        socket.onclose = () => { window.closed_socket = true; };
        done(0);
    })"""
    frame.evaluate(ended)
    frame.wait_for_function("() => window.opened")
    page.evaluate(ASK, ["/logout", me(page)["csrf"], {}])
    frame.wait_for_function("() => window.closed_socket")
    assert frame.evaluate("() => fetch('/x').then(answer => answer.status)") == 401
