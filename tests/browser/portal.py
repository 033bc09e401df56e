"""The portal as a person has it: a real server, Debian's chromium, a login by one-time link.

What a page says on the console is kept: a violation of the security policy or an error there fails the test
that caused it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

from tests.system.product import Product
from tests.tidy.source import ROOT

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 60_000

OFF = (
    # The suggestions under its address bar are a page, which each new window loads: half a second of a core.
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,PreloadTopChromeWebUI,"
    # What Playwright switches off itself: of two such lists the browser reads the last one.
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,LensOverlay,"
    "HttpsFirstBalancedModeAutoEnable,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
    "AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,"
    "PreconnectToSearch"
)

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
grace_s = 2
[[nodes]]
name = "node"
cpus = 4
memory = "4GiB"
[[webhooks]]
name = "team"
kind = "slack"
url = "http://127.0.0.1:9/nobody"
"""

Theme = Literal["light", "dark"]
EXPECTED = ("401 (Unauthorized)", "net::ERR_")
"""What browsers print of answers that a page deals with itself."""


def build() -> None:
    """Quick where nothing in `web/` changed. A build that is current may have no packages beside it."""
    for words in ((), ("install",)):
        command = [sys.executable, str(ROOT / "web" / "build.py"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def launch(playwright: Playwright) -> Browser:
    """Without its sandbox, which root has not, and without pages of its own that nobody sees."""
    args = ["--no-sandbox", f"--disable-features={OFF}"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=args)


@dataclass(slots=True)
class Portal:
    """A server and a browser; `said` is what pages printed that they should not.

    `moment`: where time stands still there, the browser's stands at the same place; it is in UTC then.
    """

    product: Product
    browser: Browser
    said: list[str] = field(default_factory=list)
    moment: datetime | None = None

    @property
    def url(self) -> str:
        """Where the server is; without a slash at the end."""
        return str(self.product.facts["url"])

    def link(self, next_page: str = "/") -> str:
        """A one-time link, as `ly open` prints it."""
        made: dict[str, Any] = self.product.call("POST", "/v1/login-links", {"next": next_page})
        return f"{self.url}/login#{str(made['url']).partition('#')[2]}"

    @contextmanager
    def person(
        self, *, width: int = 1440, theme: Theme = "light", expected: Sequence[str] = ()
    ) -> Iterator[BrowserContext]:
        """A browser of somebody who is not logged in. At its end nothing unexpected was on the console."""
        height = 900 if width > 640 else 740
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
            timezone_id=None if self.moment is None else "UTC",
        )
        if self.moment is not None:
            context.clock.set_fixed_time(self.moment)
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", lambda message: self._heard(message, expected))
        context.on("weberror", lambda error: self.said.append(str(error.error)))
        self.said.clear()
        try:
            yield context
        finally:
            context.close()
        assert self.said == []

    @contextmanager
    def logged_in(
        self, path: str = "/", *, width: int = 1440, theme: Theme = "light", expected: Sequence[str] = ()
    ) -> Iterator[Page]:
        """A page at `path`, once the frame is there."""
        with self.person(width=width, theme=theme, expected=expected) as context:
            page = context.new_page()
            page.goto(self.link(path))
            page.wait_for_url(f"{self.url}{path}")
            page.get_by_role("main").wait_for()
            yield page

    def _heard(self, message: ConsoleMessage, expected: Sequence[str]) -> None:
        known = (*EXPECTED, *expected)
        if message.type in ("error", "warning") and not any(one in message.text for one in known):
            self.said.append(f"{message.type}: {message.text}")


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds serious or worse: rule, what it is, and the first element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {json.dumps(one['nodes'][0]['html'])[:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
