"""What nothing refers to once jobs are forgotten: their scripts and environments, and keys of submissions.

All jobs are looked through for the texts that they name, some hundred at a time, off the loop. These are
noted as bits of a hash: a text may be kept that nobody needs, until another look hashes otherwise, but none
goes that somebody needs. What comes in meanwhile is noted beside it; between the decision and its change
nothing is awaited, and changes are made durable in their order.
"""

import asyncio
from collections.abc import Iterable

from launchyard.controller.loop import Loop
from launchyard.controller.texts import Texts
from launchyard.store.protocol import Store

AT_ONCE = 500
PAUSE_S = 0.02
"""Between two looks: the database and the processor are there for others too."""
KEYS_S = 24 * 3600.0
"""A key is kept so long, though none of its jobs is known any more."""
_BITS = 1 << 23


class Named:
    """The texts that are named, as bits. `turn` is another one for each look."""

    def __init__(self, turn: int) -> None:
        self._bits = bytearray(_BITS // 8)
        self._from = 6 * (turn % 8)

    def add(self, digests: Iterable[str]) -> None:
        for digest in digests:
            byte, bit = divmod(self._place(digest), 8)
            self._bits[byte] |= 1 << bit

    def __contains__(self, digest: str) -> bool:
        byte, bit = divmod(self._place(digest), 8)
        return bool(self._bits[byte] >> bit & 1)

    def _place(self, digest: str) -> int:
        return hash((self._from, digest)) % _BITS


class Leftovers:
    """`sweep` looks for all of them."""

    def __init__(self, loop: Loop, store: Store, texts: Texts, pause_s: float = PAUSE_S) -> None:
        self._loop = loop
        self._store = store
        self._texts = texts
        self._pause_s = pause_s
        self._turn = 0

    async def sweep(self) -> tuple[int, int]:
        """How many texts and keys went."""
        return await self._sweep_texts(), await self._sweep_keys()

    async def _sweep_texts(self) -> int:
        gone, self._turn = 0, self._turn + 1
        self._loop.added = set()
        try:
            # What was added before is durable then, and will be seen.
            await self._loop.committed()
            named = await self._named()
            after = ""
            while digests := await asyncio.to_thread(self._store.digests, after=after, limit=AT_ONCE):
                after = digests[-1]
                gone += await self._forget([digest for digest in digests if digest not in named])
                await asyncio.sleep(self._pause_s)
        finally:
            self._loop.added = None
        return gone

    async def _named(self) -> Named:
        named, last = Named(self._turn), 0
        while True:
            digests, last = await asyncio.to_thread(self._store.digests_of_jobs, after_id=last, limit=AT_ONCE)
            if not last:
                return named
            named.add(digests)
            await asyncio.sleep(self._pause_s)

    async def _forget(self, digests: list[str]) -> int:
        """Those that no job names, nobody brought meanwhile, and nobody has at hand for a new one."""
        self._loop.refuse_when_degraded()
        added = self._loop.added or set()
        gone = [one for one in digests if one not in added and one not in self._texts]
        if not gone:
            return 0
        self._texts.leaving = frozenset(gone)
        try:
            self._loop.draft.forgotten_texts += gone
            self._loop.flush()
            await self._loop.committed()
        finally:
            self._texts.leaving = frozenset()
        return len(gone)

    async def _sweep_keys(self) -> int:
        gone, after, before = 0, ("", ""), self._loop.now() - KEYS_S
        while keys := await asyncio.to_thread(self._store.idempotencies, after=after, limit=AT_ONCE):
            after = (keys[-1].user, keys[-1].key)
            old = [key for key in keys if key.at < before]
            ids = {job_id for key in old for job_id in key.job_ids}
            known = await asyncio.to_thread(self._store.end_states, ids) if ids else {}
            left = [(key.user, key.key) for key in old if known.keys().isdisjoint(key.job_ids)]
            if left:
                self._loop.refuse_when_degraded()
                self._loop.draft.forgotten_keys += left
                await self._loop.committed()
                gone += len(left)
            await asyncio.sleep(self._pause_s)
        return gone
