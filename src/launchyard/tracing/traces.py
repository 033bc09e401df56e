"""Traces of the jobs of a running server: what happens to them, sent to a collector."""

from collections.abc import Callable

from launchyard.controller.controller import Controller
from launchyard.store.protocol import Store
from launchyard.tracing.lives import Lives
from launchyard.tracing.otlp import Otlp


class Traces:
    """Made before the controller, so that what is missing is told at once; begun once it is there."""

    def __init__(self, endpoint: str) -> None:
        self._otlp = Otlp(endpoint)
        self._lives: Lives | None = None

    def begin(self, controller: Controller, store: Store, clock: Callable[[], float]) -> None:
        self._lives = Lives(controller, store, self._otlp.send, clock)

    async def close(self) -> None:
        """The last ones go too, unless the collector keeps them waiting."""
        if self._lives is not None:
            await self._lives.close()
        await self._otlp.close()
