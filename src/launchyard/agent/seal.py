"""Who may give orders to an agent, and whether what it says is its own: a shared key, fresh in each session.

Both ends prove that they have the key by nonces of either side; every message then carries a mark of the
session, its direction, its number and all of its bytes. What was recorded cannot be sent again: a number
counts once, and another session has another key.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

KEY_BYTES = 32
MARK_BYTES = 32
_NUMBER = struct.Struct(">Q")

TO_NODE = b"to-node"
ASK = b"ask"
FROM_NODE = b"from-node"


class Forged(ValueError):
    """A message that was not made by the other end of this session, or not as the next one."""


def session_key(key: bytes, daemon_nonce: bytes, agent_nonce: bytes) -> bytes:
    return _mark(key, b"session", daemon_nonce + agent_nonce)


def proof(key: bytes, daemon_nonce: bytes, agent_nonce: bytes) -> bytes:
    """What the agent answers to show that it has the key."""
    return _mark(key, b"proof", daemon_nonce + agent_nonce)


def is_proof(key: bytes, daemon_nonce: bytes, agent_nonce: bytes, given: bytes) -> bool:
    return hmac.compare_digest(proof(key, daemon_nonce, agent_nonce), given)


class Sealer:
    """Marks messages of one direction, in order."""

    def __init__(self, session: bytes, direction: bytes) -> None:
        self._session = session
        self._direction = direction
        self._number = 0

    def seal(self, data: bytes) -> bytes:
        self._number += 1
        return _numbered(self._session, self._direction, self._number, data) + data


class Opener:
    """Takes messages of one direction, each once and in order."""

    def __init__(self, session: bytes, direction: bytes) -> None:
        self._session = session
        self._direction = direction
        self._number = 0

    def open(self, sealed: bytes) -> bytes:
        """Raises `Forged`."""
        mark, data = sealed[:MARK_BYTES], sealed[MARK_BYTES:]
        expected = _numbered(self._session, self._direction, self._number + 1, data)
        if not hmac.compare_digest(mark, expected):
            raise Forged("a message does not have the mark of this session")
        self._number += 1
        return data


def _numbered(session: bytes, direction: bytes, number: int, data: bytes) -> bytes:
    return _mark(session, direction, _NUMBER.pack(number) + data)


def _mark(key: bytes, what: bytes, data: bytes) -> bytes:
    return hmac.new(key, what + b"\0" + data, hashlib.sha256).digest()
