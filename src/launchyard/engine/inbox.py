"""Messages for one who takes them, who is woken in turn where many are told of the same thing."""

import asyncio
from collections import deque
from collections.abc import Callable

from launchyard.launcher.messages import Message

AT_ONCE = 25
"""How many are woken before the loop sees to everything else again,"""
AT_ONCE_BYTES = 256 * 1024
"""or fewer: until they have so much to take."""


class Turns:
    """Wakes those who have something to take, a few at a time, in the order in which they got it.

    What comes for them meanwhile they take together, so the more there is to do the less it costs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], int]] = deque()

    def ask(self, wake: Callable[[], int]) -> None:
        """`wake` answers how many bytes there are to take."""
        if not self._waiting:
            self._loop.call_soon(self._serve)
        self._waiting.append(wake)

    def _serve(self) -> None:
        count = size = 0
        while self._waiting and count < AT_ONCE and size < AT_ONCE_BYTES:
            size += self._waiting.popleft()()
            count += 1
        if self._waiting:
            self._loop.call_soon(self._serve)


class Inbox:
    """One caller takes; without `turns` it is woken at once."""

    def __init__(self, turns: Turns | None = None) -> None:
        self._turns = turns
        self._messages: deque[Message] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._asked = False

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        self._messages.append(message)
        if self._waiter is None or self._waiter.done() or self._asked:
            return
        if self._turns is None:
            self._wake()
        else:
            self._asked = True
            self._turns.ask(self._wake)

    async def take(self) -> Message:
        """In turn, also where there is something already: who has much to take does not go on and on."""
        if self._messages and self._turns is not None and not self._asked:
            self._asked = True
            self._turns.ask(self._wake)
        while not self._messages or self._asked:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._messages.popleft()

    def take_at_once(self, fits: Callable[[Message], bool]) -> Message | None:
        """The next one if it is there, and if it fits."""
        return self._messages.popleft() if self._messages and fits(self._messages[0]) else None

    def _wake(self) -> int:
        self._asked = False
        if self._waiter is None or self._waiter.done():
            return 0
        self._waiter.set_result(None)
        return sum(len(message.get("data", ())) for message in self._messages)
