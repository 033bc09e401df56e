"""Answers that are held back on their way to a page."""

from collections.abc import Callable

from playwright.sync_api import APIResponse, Page, Request, Route

from tests.system.product import wait_for


class Late:
    """An answer that the server has given, and that a page has not got yet."""

    def __init__(
        self, page: Page, address: str, which: Callable[[Request], bool] = lambda request: True
    ) -> None:
        self._page = page
        self._which = which
        self._held: tuple[Route, APIResponse] | None = None
        page.route(address, self._take)

    def _take(self, route: Route) -> None:
        if self._held is None and self._which(route.request):
            self._held = (route, route.fetch())
        else:
            route.fallback()

    def given(self) -> APIResponse:
        """Waits until the server has given it."""
        return wait_for(self._look, 60, "an answer that is held back")[1]

    def _look(self) -> tuple[Route, APIResponse] | None:
        # Only while it is asked something it takes what came.
        self._page.evaluate("0")
        return self._held

    def come(self) -> None:
        assert self._held is not None
        route, answer = self._held
        route.fulfill(response=answer)
