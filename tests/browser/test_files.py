"""Files in a browser: names and contents that attack, texts edited, uploads that are cut, a full disk."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.late import Late
from tests.browser.portal import CONFIG, Portal, serious_faults
from tests.system.power import memory_disk
from tests.system.product import Product

NAMES = (
    '<img src=x onerror="window.ran=1">.txt',
    "javascript:alert(1)",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "a%2fb",
)
ACTIVE = {
    "page.html": "<script>window.ran = 1</script>",
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran = 1"></svg>',
    "book.ipynb": '{"cells": [{"cell_type": "code", "source": "1", "outputs": '
    '[{"data": {"text/html": "<img src=x onerror=window.ran=1>", "text/plain": "<b>plain</b>"}}]}]}',
}
FILE_BYTES = 50 << 20
LOSES_LAST = """
const really = window.fetch;
window.lost = 0;
window.fetch = async (address, options) => {
    const answer = await really(address, options);
    if (lost || options?.method !== "PUT" || !(await answer.clone().json()).complete) return answer;
    window.lost++;
    throw new TypeError("the connection was lost");
};
"""
SENDS = """async (address) => {
    const me = await (await fetch("/v1/me")).json();
    const headers = {"x-launchyard-csrf": me.csrf, "content-type": "application/octet-stream"};
    return (await fetch(address, {method: "PUT", headers, body: new Uint8Array(2 ** 20)})).status;
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def portal(browser: Browser, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    config = CONFIG.replace("[[nodes]]", f'[files]\nroots = ["{home}"]\n[[nodes]]', 1)
    product = Product(tmp_path_factory.mktemp("files") / "state", config)
    try:
        product.start()
        yield Portal(product, browser)
    finally:
        product.destroy()


@pytest.fixture
def folder(home: Path, request: pytest.FixtureRequest) -> Path:
    """One of its own for each test."""
    made = home / str(request.node.name).partition("[")[0]
    made.mkdir(exist_ok=True)
    return made


def shown(page: Page, portal: Portal, folder: Path) -> None:
    page.goto(f"{portal.url}/files{folder}")
    expect(page.get_by_role("button", name="Upload")).to_be_visible()


@pytest.mark.slow
def test_names_are_shown_as_they_are_and_run_nothing(portal: Portal, page: Page, folder: Path) -> None:
    """Threat 23."""
    for name in NAMES:
        (folder / name).write_text("hello")
    shown(page, portal, folder)
    for name in NAMES:
        page.get_by_role("button", name=name, exact=True).click()
        panel = page.get_by_role("complementary", name="Preview")
        expect(panel.get_by_role("heading")).to_have_text(name)
        expect(panel.get_by_text("hello")).to_be_visible()
        page.keyboard.press("Escape")
    assert page.evaluate("window.ran") is None


@pytest.mark.slow
def test_active_content_is_text_to_read_and_never_runs(portal: Portal, page: Page, folder: Path) -> None:
    """Threat 24."""
    for name, text in ACTIVE.items():
        (folder / name).write_text(text)
    shown(page, portal, folder)
    for name, text in ACTIVE.items():
        page.get_by_role("button", name=name, exact=True).click()
        panel = page.get_by_role("complementary", name="Preview")
        expect(panel).to_contain_text("<b>plain</b>" if name.endswith("ipynb") else text)
        address = panel.get_by_role("link", name="Download").get_attribute("href") or ""
        reply = page.request.get(f"{portal.url}{address}&view=1")
        assert reply.headers["content-disposition"].startswith("attachment")
        assert reply.headers["content-security-policy"].startswith("sandbox")
        page.keyboard.press("Escape")
    assert page.evaluate("window.ran") is None


@pytest.mark.slow
def test_text_is_edited_and_what_others_wrote_is_not_overwritten(portal: Portal, folder: Path) -> None:
    path = folder / "train.py"
    path.write_text("print(1)\n")
    with portal.logged_in(expected=("409",)) as page:
        shown(page, portal, folder)
        page.get_by_role("button", name="train.py", exact=True).click()
        page.get_by_role("button", name="Edit").click()
        expect(page.locator(".cm-content")).to_contain_text("print(1)")
        page.keyboard.press("Control+End")
        page.keyboard.type("print(2)")
        page.keyboard.press("Control+s")
        expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        assert path.read_text() == "print(1)\nprint(2)"
        path.write_text("theirs")
        page.keyboard.type(" # mine")
        page.keyboard.press("Control+s")
        expect(page.get_by_role("dialog", name="train.py was changed by somebody else")).to_be_visible()
        assert path.read_text() == "theirs"
        page.get_by_role("button", name="Keep mine").click()
        expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        assert path.read_text() == "print(1)\nprint(2) # mine"


@pytest.mark.slow
def test_script_is_submitted_from_where_it_lies(portal: Portal, page: Page, folder: Path) -> None:
    (folder / "train.sh").write_text("#!/bin/sh\npwd\n")
    shown(page, portal, folder)
    page.get_by_role("button", name="train.sh", exact=True).click()
    page.get_by_role("link", name="Submit this").click()
    expect(page.get_by_role("textbox", name="Script")).to_have_value("#!/bin/sh\npwd\n")
    page.get_by_role("button", name="Submit", exact=True).click()
    page.wait_for_url("**/jobs/*")
    job = portal.product.until(page.url.rpartition("/")[2])
    assert (job["name"], job["working_dir"]) == ("train", str(folder))
    assert portal.product.log(job["id"]) == f"{folder}\n".encode()


def test_three_files_of_50_mib_are_uploaded_with_an_interruption(
    portal: Portal, page: Page, folder: Path, tmp_path: Path
) -> None:
    sources = [tmp_path / f"part-{number}.bin" for number in range(3)]
    for path in sources:
        path.write_bytes(os.urandom(FILE_BYTES))
    shown(page, portal, folder)
    page.locator("input[type=file]").set_input_files(sources)
    tray = page.get_by_role("region", name="Uploading 3 files")
    expect(tray.get_by_text("MiB of 50 MiB").first).to_be_visible()
    page.context.set_offline(True)
    expect(tray.get_by_text("connection lost; goes on by itself").first).to_be_visible()
    page.context.set_offline(False)
    done = page.get_by_role("region", name="Uploads").get_by_text("done", exact=True)
    expect(done).to_have_count(3, timeout=90_000)
    assert [digest(folder / path.name) for path in sources] == [digest(path) for path in sources]
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in sources]
    expect(page.get_by_role("button", name="part-2.bin", exact=True)).to_be_visible()


def test_an_upload_goes_on_where_the_server_is_by_now(portal: Portal, folder: Path, tmp_path: Path) -> None:
    """How much is there is another number by now, as what was sent before a cut was still being taken in."""
    source = tmp_path / "zeros.bin"
    source.write_bytes(bytes(2 * 2**20))
    with portal.logged_in(expected=("409",)) as page:
        shown(page, portal, folder)
        late = Late(page, "**/v1/files/uploads?*")
        page.locator("input[type=file]").set_input_files(source)
        asked = late.given().url
        assert page.evaluate(SENDS, f"{asked}&offset=0&size={2 * 2**20}&conflict=fail") == 200
        late.come()
        uploads = page.get_by_role("region", name="Uploads")
        expect(uploads.get_by_text("done", exact=True)).to_be_visible()
    assert digest(folder / source.name) == digest(source)


@pytest.mark.parametrize("size", [0, 5 * 2**20])
def test_a_file_whose_last_answer_was_lost_is_in_its_place(
    portal: Portal, page: Page, folder: Path, tmp_path: Path, size: int
) -> None:
    source = tmp_path / f"lost-{size}.bin"
    source.write_bytes(os.urandom(size))
    page.add_init_script(LOSES_LAST)
    shown(page, portal, folder)
    page.locator("input[type=file]").set_input_files(source)
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("done", exact=True)).to_be_visible()
    assert page.evaluate("window.lost") == 1, "its last answer was lost"
    assert [path.name for path in folder.glob("*")].count(source.name) == 1
    assert [path.name for path in folder.glob(".*")] == []
    assert digest(folder / source.name) == digest(source)


def test_a_file_of_somebody_else_is_asked_about_though_it_is_as_long(
    portal: Portal, page: Page, folder: Path, tmp_path: Path
) -> None:
    """The piece did not arrive, and somebody took the name meanwhile."""
    source = tmp_path / "taken.txt"
    source.write_text("mine")
    shown(page, portal, folder)

    def lose(route: Route) -> None:
        if route.request.method == "PUT" and not (folder / source.name).exists():
            (folder / source.name).write_text("hers")
            route.abort()
        else:
            route.fallback()

    page.route("**/v1/files/uploads?*", lose)
    page.locator("input[type=file]").set_input_files(source)
    asked = page.get_by_role("listitem").filter(has_text="already")
    asked.get_by_role("button", name="Replace").click()
    expect(page.get_by_role("region", name="Uploads").get_by_text("done", exact=True)).to_be_visible()
    assert (folder / source.name).read_text() == "mine"


@pytest.mark.slow
def test_taken_name_is_asked_about(portal: Portal, page: Page, folder: Path, tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in sources:
        path.write_text("new")
        (folder / path.name).write_text("old")
    shown(page, portal, folder)
    page.locator("input[type=file]").set_input_files(sources)
    for answer in ("Keep both", "Replace", "Skip"):
        page.get_by_role("listitem").filter(has_text="already").first.get_by_role(
            "button", name=answer
        ).click()
    expect(page.get_by_role("region", name="Uploads")).to_be_visible()
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert texts == {"a.txt": "old", "a (1).txt": "new", "b.txt": "new", "c.txt": "old"}


@pytest.mark.slow
@pytest.mark.root
def test_full_disk_is_said_and_deleting_still_works(portal: Portal, home: Path, tmp_path: Path) -> None:
    """Login, listing and deleting need no room."""
    (tmp_path / "large.bin").write_bytes(bytes(3 << 20))
    with memory_disk(home / "small", 2) as small:
        (small / "filler").write_bytes(bytes(1_900_000))
        with portal.logged_in(expected=("507",)) as page:
            shown(page, portal, small)
            page.locator("input[type=file]").set_input_files(tmp_path / "large.bin")
            expect(page.get_by_role("alert")).to_contain_text("is full, so it was not written")
            page.get_by_role("checkbox", name="Select filler").check()
            page.get_by_role("button", name="Delete", exact=True).click()
            page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
            expect(page.get_by_text("Nothing here yet")).to_be_visible()


@pytest.mark.slow
def test_folder_is_made_renamed_moved_back_and_deleted(portal: Portal, page: Page, folder: Path) -> None:
    shown(page, portal, folder)
    page.get_by_role("button", name="New file").click()
    page.get_by_role("menuitem", name="New folder").click()
    page.get_by_label("Name of the folder").fill("results")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="results")).to_be_visible()
    page.get_by_role("checkbox", name="Select results").check()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("figures")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="figures")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="results")).to_be_visible()
    page.get_by_role("link", name="results").click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


@pytest.mark.slow
def test_very_many_names_are_listed_and_few_are_drawn(portal: Portal, page: Page, folder: Path) -> None:
    for number in range(20_000):
        (folder / f"f{number:05}").touch()
    shown(page, portal, folder)
    expect(page.get_by_role("table")).to_have_attribute("aria-rowcount", "20001")
    assert page.get_by_role("row").count() < 200
    page.get_by_label("Filter by name").fill("f1999")
    expect(page.get_by_text("10 of 20,000 items")).to_be_visible()
    page.keyboard.press("Escape")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_page_has_no_serious_fault_of_access(portal: Portal, folder: Path, theme: str, width: int) -> None:
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "script.sh").write_text("#!/bin/sh\necho hello\n")
    (folder / ("x" * 80)).write_text("long")
    with portal.logged_in(theme="dark" if theme == "dark" else "light", width=width) as page:
        shown(page, portal, folder)
        expect(page.get_by_role("link", name="sub")).to_be_visible()
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="script.sh", exact=True).click()
        expect(page.get_by_text("echo hello")).to_be_visible()
        assert serious_faults(page) == []
        page.get_by_role("button", name="Edit").click()
        expect(page.locator(".cm-content")).to_be_visible()
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
