"""No answer names a job of which a crash could take the id back, to give it to another job.

Jobs come into being by their commit, but for tasks that split off an array and the like: those live at once.
An answer that may name one waits for the commit, which is on its way. It waits for nothing else.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from launchyard.api.guard import OPEN_PATHS
from launchyard.controller.controller import Controller


class Durable:
    """Wraps the routes, behind the gate."""

    def __init__(self, app: ASGIApp, controller: Controller) -> None:
        self._app = app
        self._controller = controller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        hid = self._controller.hides

        async def after_commit(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._controller.shown(hid=hid)
            await send(message)

        await self._app(scope, receive, after_commit)
