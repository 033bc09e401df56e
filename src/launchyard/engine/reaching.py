"""Connections to what a user's job listens on, made by a process of that user and handed to the daemon.

The daemon itself could not connect to a socket of mode 0600, and it must not connect to a port that somebody
else has by now. A helper looks at both; what it hands over is looked at once more here.
"""

import os
import socket
import struct

from launchyard.engine.channel import HelperGone, Request, UserHelpers
from launchyard.launcher.messages import Message
from launchyard.model.errors import Unavailable
from launchyard.model.session import Target, TcpTarget, UnixTarget

CONNECT_S = 5
ANSWER_S = 10.0
TRIES = 2

_UCRED = struct.Struct("3i")


class Unreachable(Unavailable):
    """Nothing of the user's listens there now."""

    code = "unreachable"


async def reach(helpers: UserHelpers, uid: int, target: Target) -> socket.socket:
    """A connected socket, non-blocking. Raises `Unreachable`, or `Unavailable` where no helper can be had."""
    for _ in range(TRIES - 1):
        try:
            return await _reach(helpers, uid, target)
        except HelperGone:
            continue
    return await _reach(helpers, uid, target)


async def reach_elsewhere(helpers: UserHelpers, uid: int, target: Target) -> socket.socket:
    """As `reach`, on another node: what arrives is our end of a stream. The node's agent has looked at the
    other end, and lets it pass only if it leads nowhere else."""
    made = socket.socket(fileno=await _reached(helpers, uid, target))
    made.setblocking(False)
    return made


async def _reach(helpers: UserHelpers, uid: int, target: Target) -> socket.socket:
    return _checked(await _reached(helpers, uid, target), uid, target)


async def _reached(helpers: UserHelpers, uid: int, target: Target) -> int:
    channel = await helpers.of(uid)
    order: Message = {"t": "reach", "limit_s": CONNECT_S, **_place(target)}
    with Request(channel, order) as request:
        request.over = True
        message = await request.next_within(ANSWER_S)
    if message is None:
        raise Unreachable(f"{shown(target)} does not answer; the session may hang")
    if message["t"] == "gone":
        raise HelperGone("the process that acts for the user has ended; try again")
    if message["t"] != "reached":
        raise Unreachable(f"{shown(target)} cannot be reached: {message.get('why', 'no reason given')}")
    fd: int = message["fds"][0]
    return fd


def _place(target: Target) -> Message:
    return {"path": target.path} if isinstance(target, UnixTarget) else {"port": target.port}


def shown(target: Target) -> str:
    """As a sentence names it; where the state lies is nobody's business."""
    return "the session's socket" if isinstance(target, UnixTarget) else f"port {target.port}"


def _checked(fd: int, uid: int, target: Target) -> socket.socket:
    """What came may be anything: the user can make its own helper say what it likes, but not for others."""
    try:
        made = socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        raise Unreachable(f"{shown(target)} was reached by something that is no socket") from None
    try:
        if not _fits(made, uid, target):
            raise Unreachable(f"{shown(target)} was reached by another socket")
    except BaseException:
        made.close()
        raise
    made.setblocking(False)
    return made


def _fits(made: socket.socket, uid: int, target: Target) -> bool:
    if made.type != socket.SOCK_STREAM:
        return False
    if isinstance(target, TcpTarget):
        try:
            return made.family == socket.AF_INET and made.getpeername() == ("127.0.0.1", target.port)
        except OSError:
            return False
    peer = _UCRED.unpack(made.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return made.family == socket.AF_UNIX and peer[1] == uid
