"""Carries a WebSocket's messages both ways, or those of a client as the bytes of a plain connection.

Each side is read as fast as the other takes it. Pings that keep quiet connections open are sent by the server
to the browser; the app's own are answered here.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from starlette.types import Receive, Scope, Send

from launchyard.model.errors import Unavailable
from launchyard.proxy.dialer import Dialer
from launchyard.proxy.headers import Unfit
from launchyard.proxy.http import AppGone, Interrupted, Visitor, target_of
from launchyard.proxy.way import Way

READ_BYTES = 64 * 1024
MESSAGE_MAX_BYTES = 64 * 1024 * 1024
NORMAL, GOING_AWAY, NO_STATUS, ABNORMAL, INTERNAL_ERROR = 1000, 1001, 1005, 1006, 1011
REASON_MAX_BYTES = 120
BY_HAND = (b"\x04", b"\x05", b"\x06")
"""What a person does at a VNC screen: keys, pointer, clipboard. The page asks for new pictures by itself."""

Used = Callable[[], None]
"""Called for each message of the client."""


async def carry(
    dialer: Dialer,
    way: Way,
    visitor: Visitor,
    scope: Scope,
    receive: Receive,
    send: Send,
    cut: asyncio.Event,
    used: Used,
) -> None:
    """Until one side ends, or `cut` is set. Raises, before it has accepted, as `Exchange.carry` does."""
    await receive()
    try:
        app = await _dial(dialer, way, visitor, scope)
    except aiohttp.WSServerHandshakeError as error:
        raise AppGone(f"the app in the session refused the connection (status {error.status})") from None
    except aiohttp.ClientConnectorError as error:
        raise Unavailable(f"the session cannot be reached now: {error.strerror}") from None
    except (aiohttp.ClientError, Unfit, OSError, TimeoutError) as error:
        raise AppGone(f"the app in the session gave no proper answer ({type(error).__name__})") from None
    async with app:
        await _accept(send, app.protocol)
        incoming = _to_app(receive, app, used)
        outgoing = _from_app(app, send)
        code, reason = await both(incoming, outgoing, cut)
        # The browser first: an app that hangs may take its time to say farewell.
        await _close(send, code, reason)
        await app.close(code=_sendable(code))


async def carry_bytes(
    way: Way, scope: Scope, receive: Receive, send: Send, cut: asyncio.Event, used: Used
) -> None:
    """The same to an app that does not speak HTTP: its bytes are binary messages."""
    await receive()
    sock = await way.connect()
    reader, writer = await _streams(sock)
    try:
        protocol = "binary" if "binary" in scope["subprotocols"] else None
        await _accept(send, protocol)
        code, reason = await both(to_bytes(receive, writer, used), _from_bytes(reader, send), cut)
    finally:
        writer.close()
    await _close(send, code, reason)


async def _dial(dialer: Dialer, way: Way, visitor: Visitor, scope: Scope) -> aiohttp.ClientWebSocketResponse:
    headers = visitor.to_app(scope, way, handshake=True)
    return await dialer.client.ws_connect(
        dialer.address(way, *target_of(scope)),
        protocols=scope["subprotocols"],
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
        autoclose=False,
        max_msg_size=MESSAGE_MAX_BYTES,
        compress=0,
    )


async def _accept(send: Send, subprotocol: str | None) -> None:
    try:
        await send({"type": "websocket.accept", "subprotocol": subprotocol})
    except OSError:
        raise Interrupted from None


async def _streams(sock: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        if sock.family == socket.AF_UNIX:
            return await asyncio.open_unix_connection(sock=sock)
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


async def both(incoming: Any, outgoing: Any, cut: asyncio.Event) -> tuple[int, str]:
    """The code and reason of the side that ends first. A client that goes may end both at once."""
    tasks = [asyncio.ensure_future(one) for one in (incoming, outgoing)]
    cutting = asyncio.ensure_future(cut.wait())
    try:
        await asyncio.wait({*tasks, cutting}, return_when=asyncio.FIRST_COMPLETED)
        ended = next((task for task in tasks if task.done()), None)
        if ended is None:
            return GOING_AWAY, "the server stops, or the login has ended"
        error = ended.exception()
        if error is not None:
            return INTERNAL_ERROR, "the connection to the app broke"
        found: tuple[int, str] = ended.result()
        return found
    finally:
        for task in (*tasks, cutting):
            task.cancel()
        await asyncio.gather(*tasks, cutting, return_exceptions=True)


async def _to_app(receive: Receive, app: aiohttp.ClientWebSocketResponse, used: Used) -> tuple[int, str]:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return message.get("code") or NO_STATUS, message.get("reason") or ""
        used()
        data = message.get("bytes")
        if data is not None:
            await app.send_bytes(data)
        else:
            await app.send_str(message.get("text") or "")


async def _from_app(app: aiohttp.ClientWebSocketResponse, send: Send) -> tuple[int, str]:
    while True:
        message = await app.receive()
        if message.type is WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
        elif message.type is WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type is WSMsgType.CLOSE:
            return message.data or NO_STATUS, message.extra or ""
        else:
            return GOING_AWAY, "the app has ended"


async def to_bytes(receive: Receive, writer: asyncio.StreamWriter, used: Used) -> tuple[int, str]:
    """What the page sends, until it goes: code and reason of that."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return message.get("code") or NO_STATUS, ""
        data = message.get("bytes") or (message.get("text") or "").encode()
        if data.startswith(BY_HAND):
            used()
        writer.write(data)
        await writer.drain()


async def _from_bytes(reader: asyncio.StreamReader, send: Send) -> tuple[int, str]:
    while data := await reader.read(READ_BYTES):
        await send({"type": "websocket.send", "bytes": data})
    return GOING_AWAY, "the app has ended"


async def _close(send: Send, code: int, reason: str) -> None:
    """A client that has gone already needs no farewell."""
    short = reason.encode()[:REASON_MAX_BYTES].decode(errors="ignore")
    with contextlib.suppress(Exception):
        await send({"type": "websocket.close", "code": _sendable(code), "reason": short})


def _sendable(code: int) -> int:
    """Some codes say what was not said; they are never sent."""
    if code == NO_STATUS:
        return NORMAL
    return GOING_AWAY if code in (ABNORMAL, 1015) or not 1000 <= code < 5000 else code
