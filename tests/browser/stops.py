"""The stops of the review: every page, empty, at work and refused, and what is opened on it.

Which text says that it is drawn, and what has to be pressed, stands with each.
"""

from playwright.sync_api import Page

from tests.browser.reviewing import VARIANTS, Stop
from tests.browser.still import present as jobs
from tests.browser.still import sittings
from tests.browser.still.history import ARRAY

HOME = "/files/home/ada"
NO = "The server's database does not answer"


def press(name: str, *, within: str = "main") -> "Press":
    return Press(name, within)


class Press:
    """Clicks the first button of this name."""

    def __init__(self, name: str, within: str) -> None:
        self._name, self._within = name, within

    def __call__(self, page: Page) -> None:
        page.locator(self._within).get_by_role("button", name=self._name).first.click()


def menu_item(menu: str, item: str) -> "MenuItem":
    return MenuItem(menu, item)


class MenuItem:
    """Opens a menu of the page and takes one of its items."""

    def __init__(self, menu: str, item: str) -> None:
        self._menu, self._item = menu, item

    def __call__(self, page: Page) -> None:
        page.get_by_role("button", name=self._menu).first.click()
        page.get_by_role("menuitem", name=self._item).click()


def choose_two(page: Page) -> None:
    for number in (2, 4):
        page.get_by_role("table").get_by_role("checkbox").nth(number).check()


def notify_of_two(page: Page) -> None:
    """What is told of a job, and where; all of the form is in sight."""
    page.locator("details").evaluate("one => { one.open = true }")
    for moment in ("ends", "fails"):
        page.get_by_role("checkbox", name=moment, exact=True).check()
    page.get_by_role("textbox", name="Where", exact=True).fill("team, https://chat.example.org/hooks/ly")
    width = (page.viewport_size or {"width": 0})["width"]
    page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})


HOMES = (
    Stop(name="home-refused", path="/", there=NO, refuse=("**/v1/jobs?*",)),
    Stop(
        name="home-degraded",
        path="/",
        there="cannot make anything durable",
        change={"**/v1/status": {"degraded": "the disk of the server's database is full"}},
    ),
    Stop(
        name="login-expired", path="/cluster", there="Your login expired", refuse=("**/v1/nodes",), status=401
    ),
    Stop(name="palette", path="/", there="Go to", open=lambda page: page.keyboard.press("Control+k")),
    Stop(name="menu-new", path="/about", there="Batch", open=press("New", within="header")),
    Stop(name="menu-user", path="/about", there="Log out", open=press("ada", within="header")),
)
SESSIONS = (
    Stop(name="sessions", path="/sessions", there="Ended", variants=VARIANTS),
    Stop(name="sessions-refused", path="/sessions", there=NO, refuse=("**/v1/sessions",)),
    Stop(name="session-shell", path=f"/sessions/{sittings.SHELL}", there="train.py", variants=VARIANTS),
    Stop(name="session-starting", path=f"/sessions/{sittings.STARTING}", there="answering"),
    Stop(name="session-queued", path=f"/sessions/{sittings.QUEUED}", there="queued"),
    Stop(name="session-failed", path=f"/sessions/{sittings.FAILED}", there="did not answer"),
    Stop(name="session-node-gone", path=f"/sessions/{sittings.NODE_GONE}", there="stopped answering"),
    Stop(name="session-missing", path="/sessions/99999", there="99999"),
    Stop(name="apps", path="/new/session", there="JupyterLab"),
    Stop(name="apps-refused", path="/new/session", there=NO, refuse=("**/v1/apps",)),
    Stop(name="apps-debug", path=f"/new/session?from={jobs.FAILED}", there=f"Debug job {jobs.FAILED}"),
    Stop(name="new-session", path="/new/session/jupyter", there="Size", variants=VARIANTS),
    Stop(name="new-session-absent", path="/new/session/rstudio", there="not installed here"),
    Stop(
        name="session-batch",
        path="/sessions",
        there="Sweep",
        open=press("Run as batch"),
    ),
    Stop(
        name="session-save",
        path="/sessions",
        there="The form of",
        open=menu_item("More for JupyterLab", "Save settings"),
    ),
    Stop(
        name="session-share",
        path="/sessions",
        there="opens the session",
        open=menu_item("More for JupyterLab", "Share"),
    ),
    Stop(name="new-batch", path="/new/batch", there="When it would start", variants=VARIANTS),
    Stop(
        name="new-batch-again", path=f"/new/batch?from={jobs.MEMORY}&fix=1", there=f"Run {jobs.MEMORY} again"
    ),
    Stop(
        name="new-batch-notify",
        path="/new/batch",
        there="names of webhooks",
        open=notify_of_two,
    ),
    Stop(name="job-edit", path=f"/jobs/{jobs.GPU}", there="Save", open=press("Edit")),
    Stop(name="job-cancel", path=f"/jobs/{jobs.SWEEP}", there="Cancel 143 waiting", open=press("Cancel")),
    Stop(name="jobs-selected", path="/jobs", there="2 selected", open=choose_two),
    Stop(name="jobs-refused", path="/jobs", there=NO, refuse=("**/v1/tables/list*",)),
    Stop(
        name="job-refused",
        path=f"/jobs/{jobs.LONG}",
        there=NO,
        status=409,
        refuse=(f"**/v1/jobs/{jobs.LONG}",),
    ),
)
FILES = (
    Stop(name="files", path=HOME, there="results.csv", variants=VARIANTS),
    Stop(name="files-preview", path=f"{HOME}?file=train.sh", there="#SBATCH"),
    Stop(name="files-editor", path=f"{HOME}?edit=train.sh", there="Save"),
    Stop(name="files-empty", path=f"{HOME}/data", there="Nothing here yet"),
    Stop(name="files-none-fit", path=f"{HOME}?q=nothing-is-called-so", there="No name fits"),
    Stop(name="files-missing", path=f"{HOME}/gone", there="There is no /home/ada/gone"),
    Stop(name="files-selected", path=HOME, there="2 selected", open=choose_two),
    Stop(
        name="files-new-folder",
        path=HOME,
        there="Name of the folder",
        open=menu_item("New file", "New folder"),
    ),
    Stop(name="terminal", path=f"/terminal?job={jobs.RUNNING}", there="train.py", variants=VARIANTS),
    Stop(name="terminal-refused", path="/terminal?job=99999", there="99999"),
    Stop(name="cluster", path="/cluster", there="about 18:52", variants=VARIANTS),
    Stop(name="cluster-node", path="/cluster?by=gpu&node=g1", there="Your jobs here"),
    Stop(name="cluster-refused", path="/cluster", there=NO, refuse=("**/v1/nodes",)),
    Stop(name="usage", path="/cluster/usage", there="Most to gain", variants=VARIANTS),
    Stop(name="usage-refused", path="/cluster/usage", there=NO, refuse=("**/v1/usage*",)),
    Stop(name="settings", path="/settings", there="Appearance", variants=VARIANTS),
    Stop(name="tokens", path="/settings/tokens", there="laptop"),
    Stop(name="tokens-refused", path="/settings/tokens", there=NO, refuse=("**/v1/tokens",)),
    Stop(
        name="tokens-revoke",
        path="/settings/tokens",
        there="are refused at once",
        open=press("Revoke laptop"),
    ),
    Stop(
        name="browsers", path="/settings/browsers", there="this browser", hide=("td.mono", "td:first-child")
    ),
    Stop(name="admin-nodes", path="/admin", there="Take back", variants=VARIANTS),
    Stop(name="admin-drain", path="/admin", there="nothing starts", open=press("Drain")),
    Stop(name="admin-partitions", path="/admin/partitions", there="gpu"),
    Stop(name="admin-audit", path="/admin/audit", there="POST /login"),
    Stop(name="admin-config", path="/admin/config", there="The configuration file is right"),
    Stop(
        name="admin-config-wrong",
        path="/admin/config",
        there="would not do",
        change={"**/v1/admin/config": {"problem": "launchyard.toml, line 7: there is no setting listen_too"}},
    ),
    Stop(name="meaning", path="/errors/end:memory", there="What helps"),
    Stop(name="about", path="/about", there="Enforced"),
    Stop(name="about-refused", path="/about", there=NO, refuse=("**/v1/status",)),
)
EMPTY = (
    Stop(name="home-empty", path="/", there="No jobs yet", variants=VARIANTS),
    Stop(name="jobs-empty", path="/jobs", there="No jobs yet"),
    Stop(name="sessions-empty", path="/sessions", there="No sessions yet"),
    Stop(name="cluster-empty", path="/cluster", there="Nothing waits"),
    Stop(name="usage-empty", path="/cluster/usage", there="No job ended"),
    Stop(name="tokens-empty", path="/settings/tokens", there="No tokens"),
    Stop(name="admin-audit-empty", path="/admin/audit", there="Nothing was refused"),
)
LOGIN = (
    Stop(name="login", path="/login", there="Link or code", variants=VARIANTS),
    Stop(name="login-out", path="/login?out=1", there="You are logged out"),
    Stop(name="login-refused", path="/login?r=1#no-such-code", there="This link does not work"),
)
STALE = Stop(name="jobs-stale", path="/jobs", there="Reconnecting; as of 14:02:11")
"""Drawn by its own test: its server is gone."""
ENDS = {
    "completed": jobs.COMPLETED,
    "failed": jobs.FAILED,
    "cancelled": jobs.CANCELLED,
    "time-limit": jobs.TIMEOUT,
    "memory": jobs.MEMORY,
    "node-failed": jobs.NODE_FAIL,
    "preempted": jobs.PREEMPTED,
    "deadline": jobs.DEADLINE,
    "lost": jobs.LOST,
}
JOBS = (
    Stop(name="home", path="/", there="about 14:52", variants=VARIANTS),
    Stop(name="jobs", path="/jobs", there="sweep-lr", variants=VARIANTS),
    Stop(name="jobs-none-fit", path="/jobs?q=nothing-is-called-so", there="Clear filters"),
    Stop(name="jobs-panel", path=f"/jobs?open={jobs.LONG}", there="Asked"),
    *(
        Stop(name=f"job-{how}", path=f"/jobs/{one}", there=str(one), variants=VARIANTS)
        for how, one in ENDS.items()
    ),
    Stop(name="job-log-capped", path=f"/jobs/{jobs.CAPPED}", there="its cap"),
    Stop(name="job-log-gone", path=f"/jobs/{jobs.GONE}", there="there is no file"),
    Stop(name="job-engine-silent", path=f"/jobs/{jobs.EMBED}", there="The engine does not answer"),
    Stop(name="job-running", path=f"/jobs/{jobs.RUNNING}", there="epoch  60", variants=VARIANTS),
    Stop(
        name="job-resources",
        path=f"/jobs/{jobs.RUNNING}/resources",
        there="Input and output",
        variants=VARIANTS,
    ),
    Stop(name="job-script", path=f"/jobs/{jobs.RUNNING}/script", there="python train.py"),
    Stop(name="job-attempts", path=f"/jobs/{jobs.RETRIED}/attempts", there="exit code 7"),
    Stop(name="job-long-name", path=f"/jobs/{jobs.LONG}", there="epoch  60"),
    Stop(name="job-waiting", path=f"/jobs/{jobs.GPU}", there="Start", variants=VARIANTS),
    Stop(name="job-held", path=f"/jobs/{jobs.HELD}", there="held"),
    Stop(name="array-running", path=f"/jobs/{jobs.SWEEP}", there="sweep-lr", variants=VARIANTS),
    Stop(name="array-ended", path=f"/jobs/{ARRAY}", there="fold-all"),
    Stop(name="array-waiting", path=f"/jobs/{jobs.GRID}", there="grid-search"),
    Stop(name="task", path=f"/jobs/{jobs.SWEEP}_49", there="exit code 2"),
    Stop(name="group", path="/groups/ablation", there="ablation"),
    Stop(name="job-missing", path="/jobs/99999", there="No job 99999"),
    Stop(name="missing", path="/no/page", there="There is no page at"),
)
