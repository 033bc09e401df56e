"""Cells of a notebook in JupyterLab, run as a person runs them."""

import re
from contextlib import suppress

from playwright.sync_api import Locator, Page, expect

TRIES = 30
EACH_MS = 10_000
NUMBERED = re.compile(r"\[\d+\]:")


def run_cell(page: Page, cell: Locator) -> None:
    """To its end; again where JupyterLab forgot it, as it does with what is run while its kernel comes up."""
    prompt = cell.locator(".jp-InputPrompt")
    for _ in range(TRIES):
        if prompt.inner_text() == "[ ]:":
            cell.locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
        with suppress(AssertionError):
            expect(prompt).to_have_text(NUMBERED, timeout=EACH_MS)
            return
    raise AssertionError(f"the cell was not run: {prompt.inner_text()}")
