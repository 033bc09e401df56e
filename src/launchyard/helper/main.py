"""A process of ours that acts as one user for the daemon: what the user may not read, it cannot.

It speaks frames over the socket it was started with (file descriptor 3). Each request has an id; answers
carry it. It ends when the daemon lets go of it, or after a minute without work; a terminal that it holds
keeps it alive, since a job hangs on that.
"""

import base64
import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Sequence

from launchyard.helper.apps import apps, pythons, which
from launchyard.helper.commands import command
from launchyard.helper.files import Files
from launchyard.helper.logins import login
from launchyard.helper.logs import Follows, read_range
from launchyard.helper.notebooks import notebooks, one_notebook
from launchyard.helper.reaching import reach, send
from launchyard.helper.searching import marks, search
from launchyard.helper.setups import SetUps
from launchyard.helper.steps import step
from launchyard.helper.terminals import Terminals
from launchyard.helper.ways import way
from launchyard.launcher.messages import BrokenStream, Decoder, Message, encode, receive

IDLE_S = 60.0
SOCKET_FD = 3


def main() -> None:
    """Serve until there is nothing to do any more."""
    with contextlib.suppress(OSError, BrokenStream):
        Helper(socket.socket(fileno=SOCKET_FD)).serve()
    os._exit(0)


class Helper:
    """Requests in, answers out. Whatever may block on a file runs in a thread of its own."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._working: set[str] = set()
        self._follows = Follows(self._part, self._answer)
        self._terminals = Terminals(self._answer)
        self._setups = SetUps(self._answer)
        self._files = Files(self._answer)
        self._fds: list[int] = []
        """Descriptors that came, in the order of the messages that count them."""
        self._orders: dict[str, Callable[[Message], None]] = {
            "read": lambda order: self._in_thread(self._read, order),
            "search": lambda order: self._in_thread(lambda one: self._answer(search(one)), order),
            "marks": lambda order: self._in_thread(lambda one: self._answer(marks(one)), order),
            "command": lambda order: self._in_thread(lambda one: self._answer(command(one)), order),
            "login": lambda order: self._in_thread(lambda one: self._answer(login(one)), order),
            "reach": lambda order: self._in_thread(self._reach, order),
            "way": lambda order: self._in_thread(self._way, order),
            "step": lambda order: self._in_thread(lambda one: self._answer(step(one)), order),
            "notebooks": lambda order: self._in_thread(lambda one: self._answer(notebooks(one)), order),
            "notebook": lambda order: self._in_thread(lambda one: self._answer(one_notebook(one)), order),
            "apps": lambda order: self._in_thread(lambda one: self._answer(apps(one)), order),
            "which": lambda order: self._in_thread(lambda one: self._answer(which(one)), order),
            "pythons": lambda order: self._in_thread(lambda one: self._answer(pythons(one)), order),
            "follow": self._follow,
            "more": self._follows.more,
            "finish": self._follows.finish,
            "cancel": self._follows.cancel,
            "setup": self._set_up,
            "end_setup": self._setups.cancel,
            "file": lambda order: self._in_thread(self._files.do, order),
            "send": self._send,
            "end_send": lambda order: None,
            "spawn": lambda order: self._in_thread(self._terminals.spawn, order),
            "terminal": self._terminals.open,
            "attach": self._terminals.attach,
            "input": self._terminals.input,
            "took": self._terminals.took,
            "resize": self._terminals.resize,
            "detach": self._terminals.detach,
            "close": self._terminals.close,
            "hang_up": self._terminals.hang_up,
        }

    def serve(self) -> None:
        """Until the daemon is gone, and then until the last job has let go of its terminal."""
        decoder = Decoder()
        while True:
            ready, _, _ = select.select([self._connection], [], [], IDLE_S)
            if not ready:
                if self._idle():
                    return
                continue
            data, fds = receive(self._connection)
            self._fds += fds
            if not data:
                break
            for order in decoder.feed(data):
                self._obey(self._order, order)
        self._follows.stop()
        self._setups.stop()
        self._terminals.wait()

    def _idle(self) -> bool:
        return not (
            self._working or self._follows.open_count or self._terminals.open_count or self._setups.open_count
        )

    def _order(self, order: Message) -> None:
        obey = self._orders.get(order["t"])
        if obey is None:
            raise ValueError(f"this helper does not know the order {order['t']}")
        obey(order)

    def _obey(self, work: Callable[[Message], None], order: Message) -> None:
        """One order that fails is answered, and is no reason to end what others hang on."""
        try:
            work(order)
        except OSError as error:
            self._fail(order, error.errno or 0, error.strerror or str(error))
        except (ValueError, RuntimeError) as error:
            # A path with a NUL in it; no thread left to start.
            self._fail(order, 0, str(error))

    def _fail(self, order: Message, errno: int, why: str) -> None:
        self._answer({"t": "error", "id": order["id"], "errno": errno, "why": why})

    def _in_thread(self, work: Callable[[Message], None], order: Message) -> None:
        def run() -> None:
            self._obey(work, order)
            self._working.discard(order["id"])

        self._working.add(order["id"])
        threading.Thread(target=run, daemon=True).start()

    def _follow(self, order: Message) -> None:
        self._follows.begin(order)
        self._in_thread(self._follows.open, order)

    def _send(self, order: Message) -> None:
        fd = self._fds.pop(0)
        self._in_thread(lambda one: self._files.send(one, fd), order)

    def _set_up(self, order: Message) -> None:
        fds, self._fds = self._fds[: order["fds"]], self._fds[order["fds"] :]
        self._setups.begin(order, fds)

    def _read(self, order: Message) -> None:
        data, offset, size = read_range(order["path"], order["offset"], order["limit"])
        self._part([order["id"]], data, offset, size)

    def _reach(self, order: Message) -> None:
        with reach(order, order["limit_s"]) as reached, self._sending:
            send(self._connection, order["id"], reached)

    def _way(self, order: Message) -> None:
        with way() as made, self._sending:
            send(self._connection, order["id"], made)

    def _part(self, ids: Sequence[str], data: bytes, offset: int, size: int) -> None:
        text = base64.b64encode(data).decode("ascii")
        whose = {"id": ids[0]} if len(ids) == 1 else {"ids": list(ids)}
        self._answer({"t": "part", **whose, "data": text, "offset": offset, "size": size})

    def _answer(self, message: Message) -> None:
        with self._sending, contextlib.suppress(OSError):
            self._connection.sendall(encode(message))
