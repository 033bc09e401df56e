"""Looking through output files by the helper of their user."""

import asyncio
from typing import Any

from launchyard.engine.channel import ANSWER_S, Request, UserHelpers, error_of
from launchyard.launcher.messages import Message
from launchyard.model.errors import Unavailable

LIMIT_S = 5.0
"""So long one look may take; what is not looked at by then is told."""


async def search(
    helpers: UserHelpers, uid: int, path: str, text: str, *, offset: int, line: int, limit: int
) -> dict[str, Any]:
    """`helper.searching.search`: `matches`, `next`, `line`, `size`."""
    asked = {"t": "search", "path": path, "text": text, "offset": offset, "line": line, "limit": limit}
    return await _found(helpers, uid, path, {**asked, "limit_s": LIMIT_S})


async def marks(helpers: UserHelpers, uid: int, path: str) -> dict[str, Any]:
    """`helper.searching.marks`: `lines`, `places`, `errors`, `error_count`, `size`, `complete`."""
    return await _found(helpers, uid, path, {"t": "marks", "path": path, "limit_s": LIMIT_S})


async def _found(helpers: UserHelpers, uid: int, path: str, order: Message) -> dict[str, Any]:
    with Request(await helpers.of(uid), order) as request:
        request.over = True
        try:
            message = await asyncio.wait_for(request.next(), LIMIT_S + ANSWER_S)
        except TimeoutError:
            raise Unavailable(f"{path} does not answer; its file system may be gone") from None
    if message["t"] != "found":
        raise error_of(message, path)
    return {name: value for name, value in message.items() if name not in ("t", "id")}
