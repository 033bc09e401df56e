"""Six faults planted in sessions: six sentences, each the same on its card, by command line and by the API.

A missing program, an app that never answers, too little memory, a value that is not possible, a home
directory that is full, a node that goes down.
"""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.portal import CONFIG, Portal
from tests.system.ly import ly
from tests.system.product import Json, Product, Refused, wait_for
from tests.system.sessionapps import make

pytestmark = pytest.mark.root

OTHER_NODE = """
[[nodes]]
name = "other"
cpus = 4
memory = "4GiB"
"""
NOWHERE = {"PATH": "/nowhere"}
ABSENT = "not installed here: no program-that-nobody-has was found on this machine. Build it yourself."
TOO_MUCH = "9 is too much; 8 is the most here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A session in which a fault was planted, and the sentence that is due."""

    session: Json
    sentence: str


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("faults")
    make(folder / "apps")
    made = Product(folder / "state", f'{CONFIG}{OTHER_NODE}\n[sessions]\napps = ["{folder}/apps"]\n')
    made.start()
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def portal(product: Product, browser: Browser) -> Portal:
    return Portal(product, browser)


@pytest.fixture(scope="module")
def failed(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Failed]:
    """All that come to a card, side by side; by the fault."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", home], check=True)
    try:
        on_node = {"resources": {"nodelist": "node"}}
        made = {
            "missing": start(product, "needy", environment=NOWHERE, **on_node),
            "silent": start(product, "silent"),
            "memory": start(product, "hungry"),
            "home": start(product, "web", environment={"HOME": str(home)}),
            "node": start(product, "web", resources={"nodelist": "other"}),
        }
        until(product, made["node"], "running")
        product.call("POST", "/v1/nodes/other", {"state": "down", "reason": "pulled"})
        found = {fault: until(product, number, "failed") for fault, number in made.items()}
    finally:
        subprocess.run(["umount", home], check=True)
    sentences = {
        "missing": "The needy needs tail, which is not installed on node: Build it yourself.",
        "silent": "The silent did not answer within 2 s of its start; nothing listens at its socket",
        "memory": "The hungry needed more than the 64 MiB of memory asked for before it answered; "
        "start it again with 128 MiB",
        "home": f"the home directory {home} is full, so The web cannot start; "
        "delete what is not needed there, then start it again",
        "node": "node other was taken down under The web (pulled); start it again",
    }
    return {fault: Failed(session=found[fault], sentence=sentences[fault]) for fault in found}


def start(product: Product, app: str, **fields: object) -> int:
    return int(product.call("POST", "/v1/sessions", {"app": app, **fields})["id"])


def until(product: Product, number: int, state: str) -> Json:
    def there() -> Json | None:
        found: Json = product.call("GET", f"/v1/sessions/{number}")
        return found if found["state"] == state else None

    return wait_for(there, 60, f"session {number} is {state}")


def test_the_api_and_the_command_line_say_why(product: Product, failed: Mapping[str, Failed]) -> None:
    listed = ly(product.state, "session", "list").out.splitlines()
    for fault, one in failed.items():
        assert one.session["cause"] == one.sentence, fault
        (row,) = [line for line in listed if line.startswith(f"{one.session['id']} ")]
        assert row.endswith(one.sentence), fault
    shown = ly(product.state, "session", "show", str(failed["silent"].session["id"]))
    assert f"failed: {failed['silent'].sentence}\n  launchyard: " in shown.err


def test_what_is_wrong_from_the_start_is_said_before_anything_is_queued(product: Product) -> None:
    for app, values, sentence, code in (
        ("absent", {}, f"The absent cannot be started: {ABSENT}", "app-unavailable"),
        ("web", {"count": 9}, f"Count: {TOO_MUCH}", "form:count"),
    ):
        with pytest.raises(Refused) as refused:
            start(product, app, values=values)
        pairs = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
        shown = ly(product.state, "session", "start", app, *pairs)

        assert refused.value.problem["detail"] == sentence
        assert refused.value.problem["code"] == code
        assert (shown.code, shown.err) == (2, f"ly: {sentence}\n")


def test_the_page_says_the_same(portal: Portal, failed: Mapping[str, Failed]) -> None:
    with portal.logged_in("/sessions") as page:
        for one in failed.values():
            card = page.locator(f"article[data-session='{one.session['id']}']")
            expect(card.get_by_text(as_sentence(one.sentence), exact=True)).to_be_visible()
            expect(card.get_by_role("button", name="Fix and relaunch")).to_be_visible()
        page.goto(f"{portal.url}/new/session")
        expect(page.get_by_text(as_sentence(ABSENT), exact=True)).to_be_visible()
        page.get_by_role("link", name="The web").click()
        page.get_by_role("textbox", name="Count").fill("9")
        expect(page.get_by_text(as_sentence(TOO_MUCH), exact=True)).to_be_visible()


def as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
