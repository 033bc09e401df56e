"""Credentials of remote callers, held in memory so that a revocation holds at once.

Only hashes are kept, here and in the store; the secret is told once, when it is made.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

from launchyard.model.submission import Caller
from launchyard.model.token import Token

PREFIX = "ly_"
"""Lets people and secret scanners see what a string is."""


class TokenTable:
    """Tokens by id and by digest. `put` a revoked one and whoever uses it is cut off."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._by_id: dict[str, Token] = {}
        self._by_digest: dict[str, Token] = {}
        self._cut: dict[str, set[Callable[[], None]]] = {}
        for token in tokens:
            self.put(token)

    def put(self, token: Token) -> None:
        """Take in a token as it is now."""
        self._by_id[token.id] = token
        if token.revoked_at is None:
            self._by_digest[token.digest] = token
            return
        self._by_digest.pop(token.digest, None)
        for cut in tuple(self._cut.pop(token.id, ())):
            cut()

    def find(self, secret: str) -> Token | None:
        """The valid token with this secret."""
        presented = digest(secret)
        token = self._by_digest.get(presented)
        # The look-up is by a hash of what the caller sent, so its time tells nothing of a secret; the whole
        # is compared once more, exactly and in constant time.
        return token if token is not None and hmac.compare_digest(token.digest, presented) else None

    def get(self, token_id: str) -> Token | None:
        return self._by_id.get(token_id)

    def of(self, caller: Caller) -> list[Token]:
        """The caller's own tokens that are valid; an admin's answer is everybody's."""
        return [token for token in self._by_digest.values() if caller.admin or token.uid == caller.uid]

    def on_revocation(self, token_id: str | None, cut: Callable[[], None]) -> Callable[[], None]:
        """`cut` is called when the token is revoked; the answer ends that. None is no token: never."""
        if token_id is None:
            return lambda: None
        waiting = self._cut.setdefault(token_id, set())
        waiting.add(cut)

        def forget() -> None:
            waiting.discard(cut)
            if not waiting and self._cut.get(token_id) is waiting:
                del self._cut[token_id]

        return forget


def new_token(caller: Caller, name: str, now: float) -> tuple[Token, str]:
    """A token for the caller, and its secret of 256 random bits."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(6),
        user=caller.user,
        uid=caller.uid,
        name=name,
        digest=digest(secret),
        created_at=now,
    )
    return token, secret


def revoked(token: Token, now: float) -> Token:
    """The same token, useless from now on."""
    return token if token.revoked_at is not None else replace(token, revoked_at=now)


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
