"""Sessions in the portal: started from a form, opened, typed into, ended; what fails says why on its card."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.portal import PATIENCE_MS, Portal, Theme, serious_faults
from tests.system.product import wait_for

CANVAS = ("willReadFrequently",)
"""What the browser advises noVNC."""


def started(portal: Portal, app: str, **asked: object) -> int:
    """The id of a session that has been asked for."""
    body = {"app": app, "time_limit_s": 600, **asked}
    made = portal.product.call("POST", "/v1/sessions", body)
    return int(made["id"])


def until(portal: Portal, session: int, *states: str) -> None:
    def there() -> bool:
        return portal.product.call("GET", f"/v1/sessions/{session}")["state"] in states

    wait_for(there, 60, f"session {session} is {states}")


@pytest.fixture(autouse=True)
def ended(portal: Portal) -> Iterator[None]:
    """What a test has started makes room for the next one."""
    yield
    live = portal.product.call("GET", "/v1/sessions?live=1")["sessions"]
    for one in live:
        portal.product.call("POST", f"/v1/sessions/{one['id']}/stop", {})
    for one in live:
        until(portal, one["id"], "ended", "failed")


def test_a_shell_is_started_from_its_form_and_typed_into(portal: Portal, tmp_path: Path) -> None:
    with portal.logged_in("/new/session") as page:
        page.get_by_role("link", name="Shell").click()
        expect(page.get_by_text("Starts now")).to_be_visible()
        page.get_by_label("CPUs").fill("2")
        page.get_by_text("Details").click()
        page.get_by_label("Name").fill("my shell")
        page.get_by_role("button", name="Start", exact=True).click()
        page.wait_for_url(f"{portal.url}/sessions")
        one = page.get_by_role("article", name="my shell")
        expect(one.get_by_text("running")).to_be_visible()
        expect(one.get_by_text("2 CPUs")).to_be_visible()
        one.get_by_role("link", name="Open").click()
        page.locator(".xterm-helper-textarea").wait_for(state="attached")
        page.locator(".xterm").click()
        page.keyboard.type(f"echo $LAUNCHYARD_CPUS > {tmp_path}/typed\n")
        wait_for(
            lambda: (tmp_path / "typed").is_file() and (tmp_path / "typed").read_text(), 60, "typed text"
        )
        assert (tmp_path / "typed").read_text() == "2\n"
        page.get_by_role("button", name="Extend").click()
        expect(page.get_by_text("my shell runs until")).to_be_visible()
        page.get_by_role("link", name="Back").click()
        page.wait_for_url(f"{portal.url}/sessions")


def test_what_is_typed_arrives_in_the_desktop(portal: Portal, tmp_path: Path) -> None:
    if not (shutil.which("Xtigervnc") and shutil.which("openbox") and shutil.which("xterm")):
        pytest.skip("needs a VNC server, a window manager and xterm")
    session = started(portal, "desktop", values={"desktop": "openbox"})
    until(portal, session, "running")
    with portal.logged_in(f"/sessions/{session}", expected=CANVAS) as page:
        screen = page.locator("canvas")
        screen.wait_for()
        typed = tmp_path / "typed"

        def there() -> bool:
            # The terminal on the desktop comes up a moment after the screen.
            screen.click(position={"x": 300, "y": 300}, delay=200)
            page.keyboard.type(f"touch {typed}\n", delay=20)
            return typed.exists()

        wait_for(there, 60, "what was typed", every_s=1.0)


def test_a_session_that_fails_says_why_on_its_card_and_is_fixed_from_there(
    portal: Portal, tmp_path: Path
) -> None:
    if not (shutil.which("Xtigervnc") and shutil.which("openbox")):
        pytest.skip("needs a VNC server and a window manager")
    for name in ("Xtigervnc", "openbox"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    alone = {"PATH": str(tmp_path)}
    session = started(portal, "desktop", values={"desktop": "xfce"}, name="no desktop", environment=alone)
    until(portal, session, "failed")
    with portal.logged_in("/sessions") as page:
        one = page.get_by_role("article", name="no desktop")
        expect(one.get_by_text("There is no xfce4-session on this machine").first).to_be_visible()
        one.get_by_role("button", name="Fix and relaunch").click()
        expect(page.get_by_label("Desktop", exact=True)).to_have_value("xfce")
        page.get_by_label("Desktop", exact=True).select_option("openbox")
        page.get_by_role("button", name="Start", exact=True).click()
        page.wait_for_url(f"{portal.url}/sessions")
        expect(page.get_by_role("article", name="no desktop").get_by_text("running")).to_be_visible()


def test_a_value_that_is_not_possible_is_told_at_its_field_by_the_server(portal: Portal) -> None:
    with portal.logged_in("/new/session/jupyter", expected=("400 (Bad Request)", "422 ")) as page:
        page.get_by_text("Details").click()
        page.get_by_label("Directory").fill("somewhere")
        expect(page.get_by_text("Begin with / or ~/.")).to_be_visible()
        page.get_by_label("Directory").fill("")
        page.get_by_label("CPUs").fill("400")
        expect(page.get_by_text("It cannot start so")).to_be_visible()


def test_a_card_is_kept_as_settings_cancelled_stays_and_is_deleted(portal: Portal) -> None:
    session = started(portal, "shell", name="short lived")
    until(portal, session, "running")
    with portal.logged_in("/sessions") as page:
        one = page.get_by_role("article", name="short lived")
        one.get_by_role("button", name="More for short lived").click()
        one.get_by_role("menuitem", name="Save settings").click()
        page.get_by_role("dialog").get_by_label("Name").fill("my usual")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved as my usual")).to_be_visible()
        one.get_by_role("button", name="More for short lived").click()
        one.get_by_role("menuitem", name="Cancel").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
        expect(one.get_by_role("button", name="Relaunch")).to_be_visible()
        one.get_by_role("button", name="More for short lived").click()
        one.get_by_role("menuitem", name="Delete").click()
        expect(one).to_have_count(0)
        page.goto(f"{portal.url}/new/session/shell")
        expect(page.get_by_role("button", name="my usual")).to_be_visible()


@pytest.mark.slow
def test_who_looks_at_the_page_is_told_that_the_time_of_a_session_is_nearly_over(portal: Portal) -> None:
    with portal.logged_in("/sessions") as page:
        started(portal, "shell", name="short of time", time_limit_s=20)
        expect(page.get_by_role("article", name="short of time").get_by_text("running")).to_be_visible()
        told = page.get_by_role("status").get_by_text("short of time is stopped about")
        expect(told).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Notifications: 1 new").click()
        expect(page.get_by_role("menuitem", name="short of time is stopped about")).to_be_visible()
        assert serious_faults(page) == []


def test_a_job_that_failed_is_debugged_where_it_ran(portal: Portal, tmp_path: Path) -> None:
    job = portal.product.submit(["false"], name="broken", working_dir=str(tmp_path))
    portal.product.until(job, "FAILED")
    with portal.logged_in(f"/new/session?from={job}") as page:
        page.get_by_role("button", name="Shell").click()
        page.locator(".xterm-helper-textarea").wait_for(state="attached")
        page.locator(".xterm").click()
        page.keyboard.type("touch here\n")
        wait_for((tmp_path / "here").exists, 60, "a file in the job's directory")


def test_a_notebook_without_a_session_leads_to_one(portal: Portal) -> None:
    with portal.logged_in("/sessions?notebook=/data/train.ipynb") as page:
        dialog = page.get_by_role("dialog", name="Run train.ipynb as batch")
        dialog.get_by_role("link", name="Start JupyterLab").click()
        expect(page.get_by_role("heading", name="JupyterLab")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_the_pages_of_sessions_are_open_to_everybody(portal: Portal, theme: Theme, width: int) -> None:
    session = started(portal, "shell", name="a" * 80)
    until(portal, session, "running")
    for path in ("/sessions", "/new/session", "/new/session/jupyter"):
        with portal.logged_in(path, width=width, theme=theme) as page:
            page.get_by_role("main").locator("article, .apps, form, li a").first.wait_for()
            assert serious_faults(page) == [], path
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
