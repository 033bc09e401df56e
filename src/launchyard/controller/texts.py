"""Scripts and environments by digest: stored once, remembered while there is room."""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from launchyard.store.protocol import Store

REMEMBER_BYTES_MAX = 8 * 1024 * 1024


def environment_text(environment: Mapping[str, str]) -> bytes:
    return json.dumps(environment, ensure_ascii=False).encode("utf-8", "surrogateescape")


def environment_of(text: bytes) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(text.decode("utf-8", "surrogateescape"))
    return loaded


def runtime_env_text(runtime_env: Mapping[str, Any]) -> bytes:
    """Equal environments are equal texts, whatever the order of their keys."""
    return json.dumps(runtime_env, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogateescape")


def runtime_env_of(text: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text.decode("utf-8", "surrogateescape"))
    return loaded


def digest(uid: int, text: bytes) -> str:
    """Texts of different users never meet, though they be equal."""
    return hashlib.sha256(b"%d\0" % uid + text).hexdigest()


class Texts:
    """A bounded memory of stored texts in front of the store; everything in it is durable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self.leaving: frozenset[str] = frozenset()
        """What is being forgotten: whoever names it from now on brings it again."""

    def __contains__(self, one: str) -> bool:
        return one in self._held

    def hold(self, texts: Mapping[str, bytes]) -> None:
        """Remember what has just become durable."""
        for one, text in texts.items():
            if one in self.leaving:
                continue
            if one in self._held:
                self._held.move_to_end(one)
                continue
            self._held[one] = text
            self._bytes += len(text)
        while self._bytes > REMEMBER_BYTES_MAX:
            _, text = self._held.popitem(last=False)
            self._bytes -= len(text)

    def at_hand(self, digests: Iterable[str]) -> dict[str, bytes] | None:
        """All of them, or None when the store has to be asked."""
        found = {}
        for one in digests:
            if one not in self._held:
                return None
            found[one] = self._held[one]
        return found

    async def fetch(self, digests: Iterable[str]) -> dict[str, bytes]:
        """All of them that are known, from the store where needed."""
        wanted = set(digests)
        found = {one: self._held[one] for one in wanted if one in self._held}
        missing = wanted - set(found)
        if missing:
            loaded = await asyncio.to_thread(self._store.texts, missing)
            self.hold(loaded)
            found.update(loaded)
        return found
