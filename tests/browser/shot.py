"""A picture of pages of a running server, as somebody sees them who is logged in.

    python -m tests.browser.shot --state DIR [--dark] [--width 360] [--out DIR] /jobs /jobs/17

Each page becomes `NAME-light-1440.png`; `--all` takes both themes and both widths.
"""

import argparse
import json
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.browser.portal import launch
from tests.system.product import Client


def main() -> int:
    options = _options()
    variants = (
        [(theme, width) for theme in ("light", "dark") for width in (1440, 360)]
        if options.all
        else [("dark" if options.dark else "light", options.width)]
    )
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for theme, width in variants:
            _pictures(browser, options, theme, width)
        browser.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shot")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--all", action="store_true")
    return parser.parse_args()


def _pictures(browser: Browser, options: argparse.Namespace, theme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 640 else 740},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.on("console", lambda message: print(f"{message.type}: {message.text}", file=sys.stderr))
    link = Client(options.state / "run" / "api.sock").call("POST", "/v1/login-links", {"next": "/about"})
    page.goto(link["url"])
    page.wait_for_url("**/about")
    facts = json.loads((options.state / "daemon" / "daemon.json").read_text())
    for path in options.paths:
        page.goto(f"{facts['url']}{path}")
        _settle(page)
        name = path.strip("/").replace("/", "-").replace("?", "-") or "home"
        file = options.out / f"{name}-{theme}-{width}.png"
        page.screenshot(path=file)
        print(file)
    context.close()


def _settle(page: Page) -> None:
    """What a page loads is there; a page that never settles is taken as it is."""
    try:
        expect(page.get_by_role("main")).to_be_visible(timeout=10_000)
        expect(page.get_by_role("status", name="Loading")).to_have_count(0, timeout=10_000)
        page.evaluate("new Promise(resolve => setTimeout(resolve, 400))")
    except (AssertionError, Error) as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
