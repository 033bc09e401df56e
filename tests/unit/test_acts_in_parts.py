"""One thing done to very many jobs: in parts, in whose pauses others have their turn."""

import asyncio
from typing import Any

from launchyard.api.routes.many import AT_ONCE, in_parts

MANY = [str(number) for number in range(10 * AT_ONCE + 7)]


class Doing:
    """Becomes durable in the next turn but one; counts how many are under way."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.under_way = self.most = 0

    async def one(self, text: str) -> dict[str, Any]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.done.append(text)
        await asyncio.sleep(0)
        self.under_way -= 1
        return {"job": text}


def test_no_more_than_a_part_is_under_way_and_others_have_their_turn() -> None:
    doing, seen = Doing(), set[int]()

    async def other() -> None:
        while len(doing.done) < len(MANY):
            seen.add(len(doing.done) // AT_ONCE)
            await asyncio.sleep(0)

    async def both() -> list[dict[str, Any]]:
        asked = asyncio.ensure_future(other())
        results = await in_parts(MANY, doing.one)
        await asked
        return results

    assert [one["job"] for one in asyncio.run(both())] == MANY
    assert doing.most == AT_ONCE
    assert len(seen) >= 10


def test_those_that_go_last_do_so_and_each_result_is_where_its_name_is() -> None:
    doing = Doing()
    late = {"0", "5", MANY[-1]}

    results = asyncio.run(in_parts([*MANY, "3", "5"], doing.one, lambda text: text in late))

    assert [one["job"] for one in results] == [*MANY, "3", "5"]
    assert doing.done[-4:] == ["0", "5", MANY[-1], "5"]
    assert len(doing.done) == len(MANY) + 2


def test_few_are_done_in_their_order_and_at_once() -> None:
    doing = Doing()
    few = MANY[:AT_ONCE]

    asyncio.run(in_parts(few, doing.one, lambda text: text == "0"))

    assert doing.done == few
    assert doing.most == AT_ONCE
