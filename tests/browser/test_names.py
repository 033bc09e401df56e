"""Names that are script, given by one user of the machine and looked at by others in a real browser.

The server is root's, as a site has it. What a page says on the console, such as a script that its policy
kept from running, fails the test too.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.portal import Portal
from tests.browser.test_rights import page_of
from tests.system.accounts import account
from tests.system.person import for_all, served
from tests.system.product import wait_for
from tests.system.test_two_users import ADA, LI, asked, submitted

pytestmark = [pytest.mark.root, pytest.mark.slow]
OPERATOR, RUTH = "lytest3", "lytest5"
SCRIPT = "<img src=x onerror=window.ran=1><script>window.ran=1</script>"
ROLES = f"""
[[roles]]
name = "operator"
users = ["{OPERATOR}"]
[[roles]]
name = "administrator"
users = ["{RUTH}"]
"""


@pytest.fixture(scope="module")
def portal(browser: Browser) -> Iterator[Portal]:
    for user in (ADA, LI, OPERATOR, RUTH):
        account(user)
    with served(for_all(more="jobs_visible_to_all = true\n") + ROLES) as product:
        yield Portal(product, browser)


@pytest.fixture(scope="module")
def job(portal: Portal) -> int:
    """Ada's: its name, its group, its variables, its command, its output and a token of hers are script."""
    product = portal.product
    number = submitted(
        product,
        ADA,
        f"echo '{SCRIPT}'; exit 3",
        name=SCRIPT,
        group=SCRIPT,
        environment={"NAMED": SCRIPT},
        metadata={"note": SCRIPT},
    )
    assert asked(product, ADA, "POST", "/v1/tokens", {"name": SCRIPT})[0] == 201
    body = {"state": "drain", "reason": SCRIPT}

    def ended() -> bool:
        return bool(asked(product, ADA, "GET", f"/v1/jobs/{number}")[1]["state"] == "FAILED")

    wait_for(ended, 60, "the job ends")
    assert asked(product, OPERATOR, "POST", "/v1/nodes/node", body)[0] == 200
    return number


def ran_nothing(page: Page) -> None:
    """No picture and no script came of a name."""
    assert page.locator("img[src='x']").count() == 0
    assert page.evaluate("window.ran") is None


@pytest.mark.parametrize(
    ("user", "path"),
    [
        (LI, f"/jobs?user={ADA}"),
        (RUTH, f"/jobs?user={ADA}&open={{job}}"),
        (RUTH, "/jobs/{job}"),
        (RUTH, "/jobs/{job}/script"),
        (ADA, "/jobs/{job}"),
        (ADA, "/groups/{group}"),
        (ADA, "/settings/tokens"),
        (LI, "/cluster"),
        (RUTH, "/admin"),
    ],
)
def test_names_of_another_user_are_words_in_a_browser(portal: Portal, job: int, user: str, path: str) -> None:
    """Threat 23: what ada has named is read by li, by an administrator and by herself."""
    quoted = SCRIPT.replace("%", "%25").replace("<", "%3C").replace(">", "%3E").replace("/", "%2F")
    with page_of(portal, user, "/about") as page:
        page.goto(portal.url + path.format(job=job, group=quoted.replace(" ", "%20")))
        if path == "/cluster":
            page.get_by_role("button", name="node draining").click()
        expect(page.get_by_text(SCRIPT).locator("visible=true").first).to_be_visible()
        ran_nothing(page)
