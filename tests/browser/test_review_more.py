"""The rest of the review set: Home, sessions, what is opened over pages, and pages without anything.

As `test_review.py`, beside which it runs.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.network import network
from tests.browser.portal import Portal
from tests.browser.reviewing import REFUSED, Stop, review, seen
from tests.browser.still.server import standing
from tests.browser.stops import EMPTY, HOMES, LOGIN, SESSIONS, STALE

STOPS = (*HOMES, *SESSIONS)


@pytest.fixture(scope="module")
def still(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with standing(tmp_path_factory.mktemp("still"), browser) as portal:
        yield portal


@pytest.fixture(scope="module")
def visited(still: Portal) -> Iterator[Page]:
    """One page for all: each stop is one more address in it."""
    with still.logged_in(expected=REFUSED) as page:
        yield page


@pytest.fixture(scope="module")
def unused(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A server on which nobody has done anything yet."""
    with standing(tmp_path_factory.mktemp("unused"), browser, empty=True) as portal:
        yield portal


@pytest.mark.parametrize("stop", STOPS, ids=[stop.name for stop in STOPS])
def test_it_looks_as_accepted_and_is_open_to_everybody(
    visited: Page, still: Portal, stop: Stop, tmp_path: Path
) -> None:
    assert review(visited, still, stop, tmp_path) == []


def test_pages_without_anything_look_as_accepted(unused: Portal, tmp_path: Path) -> None:
    with unused.logged_in() as page:
        assert [fault for stop in EMPTY for fault in review(page, unused, stop, tmp_path)] == []


def test_the_login_page_looks_as_accepted(unused: Portal, tmp_path: Path) -> None:
    with unused.person(expected=REFUSED) as context:
        page = context.new_page()
        assert [fault for stop in LOGIN for fault in review(page, unused, stop, tmp_path)] == []


def test_a_page_without_its_server_says_since_when(still: Portal, tmp_path: Path) -> None:
    with network(still.url) as way, still.person() as context:
        page = context.new_page()
        page.goto(f"{way.url}/login#{still.link('/jobs').partition('#')[2]}")
        expect(page.get_by_role("table")).to_be_visible()
        way.close()
        assert [
            fault for variant in STALE.variants for fault in seen(page, still, STALE, tmp_path, variant)
        ] == []
