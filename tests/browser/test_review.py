"""The review set: pages of jobs and files, as they were accepted by eye, and open to everybody.

Time stands still on the server and in the browser, so each is the same picture at every run. The rest of the
set is in `test_review_more.py`, which runs beside this one.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pictures import ACCEPTED
from tests.browser.portal import Portal
from tests.browser.reviewing import REFUSED, Stop, review
from tests.browser.still.server import standing
from tests.browser.stops import EMPTY, FILES, HOMES, JOBS, LOGIN, SESSIONS, STALE

STOPS = (*JOBS, *FILES)
PICTURES_MAX_BYTES = 8_000_000


@pytest.fixture(scope="module")
def still(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with standing(tmp_path_factory.mktemp("still"), browser) as portal:
        yield portal


@pytest.fixture(scope="module")
def visited(still: Portal) -> Iterator[Page]:
    """One page for all: each stop is one more address in it."""
    with still.logged_in(expected=REFUSED) as page:
        yield page


@pytest.mark.parametrize("stop", STOPS, ids=[stop.name for stop in STOPS])
def test_it_looks_as_accepted_and_is_open_to_everybody(
    visited: Page, still: Portal, stop: Stop, tmp_path: Path
) -> None:
    assert review(visited, still, stop, tmp_path) == []


def test_pictures_are_those_of_the_set_and_few_bytes() -> None:
    stops = (*JOBS, *FILES, *HOMES, *SESSIONS, *EMPTY, *LOGIN, STALE)
    names = {f"{stop.name}-{theme}-{width}.png" for stop in stops for theme, width in stop.variants}
    there = {path.name: path.stat().st_size for path in ACCEPTED.iterdir()}
    assert set(there) == names
    assert sum(there.values()) <= PICTURES_MAX_BYTES
