"""The cluster's page, the tab of usage, and what administrators look after."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.portal import CONFIG, PATIENCE_MS, Portal, Theme, serious_faults
from tests.system.product import Product

pytestmark = pytest.mark.slow

NODES = """
[[nodes]]
name = "n[1-3]"
cpus = 4
memory = "4GiB"
[[nodes]]
name = "g1"
cpus = 8
memory = "8GiB"
gpus = "fake:2"
[[partitions]]
name = "main"
nodes = "n[1-3]"
[[partitions]]
name = "gpu"
nodes = "g1"
"""
PAGES = (
    *("/cluster", "/cluster?by=gpu&node=g1", "/cluster/usage"),
    *("/admin", "/admin/partitions", "/admin/audit", "/admin/config"),
)


@pytest.fixture(scope="module")
def portal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    config = CONFIG.partition("[[nodes]]")[0] + NODES
    product = Product(tmp_path_factory.mktemp("cluster") / "state", config)
    try:
        product.start()
        product.until(product.submit("true", name="ended"))
        runs = product.submit("sleep 600", name="holds", resources={"cpus": 3}, time_limit_s=7200)
        product.until(runs, "RUNNING")
        holds = product.submit("sleep 600", resources={"gpus": 2}, partition="gpu", time_limit_s=7200)
        product.until(holds, "RUNNING")
        yield Portal(product, browser)
    finally:
        product.destroy()


def go(page: Page, portal: Portal, path: str) -> None:
    page.goto(f"{portal.url}{path}")
    expect(page.get_by_role("navigation").get_by_role("link", name="Nodes", exact=True)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)


def test_cells_say_what_is_taken_and_whose_it_is(portal: Portal, page: Page) -> None:
    go(page, portal, "/cluster")
    grid = page.get_by_role("list", name="Nodes, filled by what is allocated")
    expect(grid.get_by_role("button")).to_have_count(4)
    expect(grid.get_by_role("button", name="n1 3 of 4 CPUs 3 CPUs yours")).to_be_visible()
    page.get_by_role("radiogroup").get_by_text("GPU").click()
    grid.get_by_role("button", name="g1 2 of 2 GPUs 2 GPUs yours").click()
    expect(page.get_by_role("complementary", name="g1").get_by_role("link")).to_be_visible()


def test_when_a_gpu_will_be_free_is_what_the_scheduler_says(portal: Portal, page: Page) -> None:
    go(page, portal, "/cluster")
    answers = page.get_by_role("complementary").locator("dl")
    expect(answers.locator("div").filter(has_text="1 CPU").first).to_contain_text("now")
    expect(answers.locator("div").filter(has_text="1 GPU (gpu)")).to_contain_text("about")


def test_grid_follows_what_starts_without_being_read_again(portal: Portal, page: Page) -> None:
    go(page, portal, "/cluster")
    job = portal.product.submit("sleep 600", resources={"cpus": 4})
    grid = page.get_by_role("list", name="Nodes, filled by what is allocated")
    expect(grid.get_by_role("button", name="4 of 4 CPUs 4 CPUs yours")).to_have_count(1, timeout=PATIENCE_MS)
    portal.product.call("POST", f"/v1/jobs/{job}/cancel")
    portal.product.until(job)
    expect(grid.get_by_role("button", name="4 of 4 CPUs")).to_have_count(0, timeout=PATIENCE_MS)


def test_node_is_drained_and_taken_back(portal: Portal, page: Page) -> None:
    go(page, portal, "/admin")
    row = page.get_by_role("row").filter(has_text="n3")
    row.get_by_role("button", name="Drain").click()
    page.get_by_label("Reason").fill("new fans")
    page.keyboard.press("Enter")
    expect(row.get_by_text("draining")).to_be_visible()
    expect(row.get_by_text("new fans")).to_be_visible()
    row.get_by_role("button", name="Take back").click()
    expect(row.get_by_text("up", exact=True)).to_be_visible()


def test_partition_is_closed_and_opened_again(portal: Portal, page: Page) -> None:
    go(page, portal, "/admin/partitions")
    page.get_by_label("State of gpu").select_option("drain")
    expect(page.get_by_text("Partition gpu: nothing new is taken")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("State of gpu")).to_have_value("up")


def test_what_is_wrong_with_the_configuration_is_shown_with_its_line(portal: Portal) -> None:
    config: Path = portal.product.config
    right = config.read_text()
    with portal.logged_in(expected=("400",)) as page:
        try:
            config.write_text(right + "\nlisten_too = 1\n")
            go(page, portal, "/admin/config")
            expect(page.get_by_role("alert")).to_contain_text("listen_too")
        finally:
            config.write_text(right)
        page.get_by_label("Rules of the queue").fill("[scheduler]\ndepht = 2\n")
        page.get_by_role("button", name="Put in force").click()
        expect(page.get_by_role("alert").filter(has_text="depht")).to_be_visible()


def test_rules_that_somebody_types_stay_when_somebody_else_changes_them(portal: Portal, page: Page) -> None:
    def other_makes(name: str) -> None:
        change = {"kind": "qos", "name": name, "values": {"priority": "7"}}
        portal.product.call("POST", "/v1/admin/policy", change)

    def has(name: str) -> bool:
        return name in portal.product.call("GET", "/v1/admin/policy")["text"]

    go(page, portal, "/admin/config")
    field, notice = page.get_by_label("Rules of the queue"), page.get_by_role("alert")
    mine = field.input_value() + '\n[[qos]]\nname = "mine"\n'
    field.fill(mine)
    other_makes("nightly")
    page.get_by_role("button", name="Read the file again").click()
    expect(notice).to_contain_text("Somebody else has changed the rules meanwhile")
    expect(field).to_have_value(mine)
    notice.get_by_role("button", name="Show the rules in force").click()
    expect(notice.get_by_label("Rules in force now")).to_have_value(re.compile("nightly"))
    assert serious_faults(page) == []
    notice.get_by_role("button", name="Leave mine").click()
    expect(notice).to_have_count(0)
    expect(field).to_have_value(re.compile("nightly"))
    page.get_by_role("button", name="Undo").click()
    expect(field).to_have_value(mine)
    notice.get_by_role("button", name="Show the rules in force").click()
    other_makes("weekly")
    page.get_by_role("button", name="Put in force").click()
    expect(notice.get_by_label("Rules in force now")).to_have_value(re.compile("weekly"))
    assert has("weekly")
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("The rules are in force")).to_be_visible()
    assert [has(name) for name in ("mine", "nightly", "weekly")] == [True, False, False]
    portal.product.call("POST", "/v1/admin/reload?forget=1")


def test_what_was_changed_of_the_rules_is_listed_and_taken_back(portal: Portal) -> None:
    change = {"kind": "qos", "name": "nightly", "values": {"priority": "7"}}
    with portal.logged_in() as page:
        portal.product.call("POST", "/v1/admin/policy", change)
        go(page, portal, "/admin/config")
        listed = page.get_by_text("qos nightly")
        expect(listed).to_be_visible()
        page.get_by_role("button", name="Read the file again").click()
        expect(page.get_by_text("The file was read again")).to_be_visible()
        expect(listed).to_be_visible()
        page.get_by_role("button", name="Take back the changes").click()
        page.get_by_role("dialog").get_by_role("button", name="Take back the changes").click()
        expect(listed).to_have_count(0)


def test_refusals_are_listed(portal: Portal, page: Page) -> None:
    page.request.get(f"{portal.url}/v1/jobs/no-such-job-991")
    page.request.get(f"{portal.url}/v1/jobs/999991")
    go(page, portal, "/admin/audit")
    expect(page.get_by_role("row").filter(has_text="/v1/jobs/999991")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_pages_have_no_serious_fault_of_access(portal: Portal, theme: Theme, width: int) -> None:
    with portal.logged_in(theme=theme, width=width) as page:
        for path in PAGES:
            go(page, portal, path)
            assert serious_faults(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is too wide"
