"""Who is told of something together with many is woken in turn, and loses nothing."""

import asyncio

from launchyard.engine.inbox import AT_ONCE, AT_ONCE_BYTES, Inbox, Turns
from launchyard.launcher.messages import Message


def numbered(number: int) -> Message:
    return {"t": "part", "number": number}


def test_everybody_else_has_a_turn_between_a_few_of_many() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        turns, took = Turns(loop), list[int]()
        most, before = 0, 0

        async def reader(inbox: Inbox) -> None:
            took.append((await inbox.take())["number"])

        inboxes = [Inbox(turns) for _ in range(20 * AT_ONCE)]
        reading = [asyncio.ensure_future(reader(inbox)) for inbox in inboxes]
        await asyncio.sleep(0)
        for number, inbox in enumerate(inboxes):
            inbox.put(numbered(number))
        while len(took) < len(inboxes):
            await asyncio.sleep(0)
            most, before = max(most, len(took) - before), len(took)
        await asyncio.gather(*reading)
        assert took == list(range(len(inboxes)))
        assert most <= 2 * AT_ONCE

    asyncio.run(work())


def test_what_came_before_the_turn_is_taken_in_order() -> None:
    async def work() -> None:
        inbox = Inbox(Turns(asyncio.get_running_loop()))
        taking = asyncio.ensure_future(inbox.take())
        await asyncio.sleep(0)
        for number in range(3):
            inbox.put(numbered(number))
        assert await taking == numbered(0)
        assert inbox.take_at_once(lambda message: message["number"] == 2) is None
        assert inbox.take_at_once(lambda message: True) == numbered(1)
        assert await inbox.take() == numbered(2)
        assert len(inbox) == 0

    asyncio.run(work())


def test_fewer_are_woken_at_once_when_they_have_much_to_take() -> None:
    async def work() -> None:
        turns, woken = Turns(asyncio.get_running_loop()), list[int]()

        def wake() -> int:
            woken.append(1)
            return AT_ONCE_BYTES // 2

        for _ in range(5):
            turns.ask(wake)
        for count in (2, 4, 5):
            await asyncio.sleep(0)
            assert len(woken) == count

    asyncio.run(work())


def test_who_has_much_to_take_does_not_go_on_and_on() -> None:
    async def work() -> None:
        turns, took = Turns(asyncio.get_running_loop()), list[str]()

        async def reader(name: str, inbox: Inbox) -> None:
            while (await inbox.take())["number"]:
                took.append(name)

        inboxes = {name: Inbox(turns) for name in ("one", "other")}
        reading = [asyncio.ensure_future(reader(*item)) for item in inboxes.items()]
        await asyncio.sleep(0)
        for inbox in inboxes.values():
            for number in (1, 2, 3, 0):
                inbox.put(numbered(number))
        await asyncio.gather(*reading)
        assert took == ["one", "other"] * 3

    asyncio.run(work())


def test_who_gave_up_waiting_gets_it_the_next_time() -> None:
    async def work() -> None:
        inbox = Inbox(Turns(asyncio.get_running_loop()))
        taking = asyncio.ensure_future(inbox.take())
        await asyncio.sleep(0)
        inbox.put(numbered(1))
        taking.cancel()
        await asyncio.wait([taking])
        assert await inbox.take() == numbered(1)
        later = asyncio.ensure_future(inbox.take())
        await asyncio.sleep(0)
        inbox.put(numbered(2))
        assert await later == numbered(2)

    asyncio.run(work())
