"""Credentials of remote callers, held in memory so that a revocation holds at once.

Only hashes are kept, here and in the store; the secret is told once, when it is made.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from launchyard.model.role import Scope
from launchyard.model.submission import Caller
from launchyard.model.token import BROWSER, Token
from launchyard.policy.rights import Right, may

PREFIX = "ly_"
"""Lets people and secret scanners see what a string is."""
LOGIN_S = 30 * 86_400.0
RENEW_S = 3_600.0
RENEWED_GOOD_S = 60.0
"""So long the secret before is good too: other requests of the same browser are on their way with it."""


class TokenTable:
    """Tokens by id and by digest. `put` a revoked one and whoever uses it is cut off."""

    def __init__(self, tokens: Iterable[Token] = (), clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._by_id: dict[str, Token] = {}
        self._by_digest: dict[str, Token] = {}
        self._before: dict[str, str] = {}
        """The digest that a renewed login had before, by its id."""
        self._cut: dict[str, set[Callable[[], None]]] = {}
        self._used_at: dict[str, float] = {}
        """When each was used last, as far as that is not kept yet."""
        for token in tokens:
            self.put(token)

    def put(self, token: Token) -> None:
        """Take in a token as it is now."""
        known = self._by_id.get(token.id)
        self._by_id[token.id] = token
        self._by_digest.pop(self._before.pop(token.id, ""), None)
        if known is not None and known.digest != token.digest:
            self._by_digest[known.digest] = token
            self._before[token.id] = known.digest
        if token.revoked_at is None:
            self._by_digest[token.digest] = token
            return
        for one in (token.digest, self._before.pop(token.id, "")):
            self._by_digest.pop(one, None)
        for cut in tuple(self._cut.pop(token.id, ())):
            cut()

    def find(self, secret: str) -> Token | None:
        """The valid token with this secret."""
        presented = digest(secret)
        token = self._by_digest.get(presented)
        if token is None or not self._is_good(token):
            return None
        # The look-up is by a hash of what the caller sent, so its time tells nothing of a secret; the whole
        # is compared once more, exactly and in constant time.
        if hmac.compare_digest(token.digest, presented):
            return token
        before = self._before.get(token.id, "")
        lately = self._clock() - (token.renewed_at or 0.0) < RENEWED_GOOD_S
        return token if lately and hmac.compare_digest(before, presented) else None

    def get(self, token_id: str) -> Token | None:
        return self._by_id.get(token_id)

    def good(self, token_id: str) -> Token | None:
        """The same, if it is valid."""
        token = self._by_id.get(token_id)
        return token if token is not None and self._is_good(token) else None

    def of(self, caller: Caller) -> list[Token]:
        """The caller's own tokens that are valid; an administrator's answer is everybody's."""
        others = may(caller, Right.TOKENS_ALL)
        mine = [token for token in self._by_id.values() if others or token.uid == caller.uid]
        return [self._as_used(token) for token in mine if self._is_good(token)]

    def used(self, token: Token) -> None:
        """It was shown just now."""
        self._used_at[token.id] = self._clock()

    def used_lately(self) -> list[Token]:
        """Those that were used since this was asked last, with when: to be kept, all by one commit."""
        used, self._used_at = self._used_at, {}
        tokens = [replace(token, used_at=at) for key, at in used.items() if (token := self.good(key))]
        for token in tokens:
            self._by_id[token.id] = self._by_digest[token.digest] = token
        return tokens

    def end_expired(self) -> None:
        """What is open by a token that has expired meanwhile is cut."""
        for token_id in list(self._cut):
            self.good(token_id)

    def _as_used(self, token: Token) -> Token:
        return replace(token, used_at=self._used_at.get(token.id, token.used_at))

    def below(self, token_id: str) -> list[Token]:
        """The logins that were made by it, and by those."""
        found = [token for token in self._by_id.values() if token.parent == token_id and self._is_good(token)]
        return [*found, *(further for token in found for further in self.below(token.id))]

    def _is_good(self, token: Token) -> bool:
        if token.revoked_at is not None:
            return False
        if token.expires_at is None or self._clock() < token.expires_at:
            return True
        self.put(revoked(token, token.expires_at))
        return False

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


def new_token(
    caller: Caller,
    name: str,
    now: float,
    *,
    scope: Scope = Scope.ALL,
    account: str | None = None,
    expires_at: float | None = None,
) -> tuple[Token, str]:
    """A token for the caller, and its secret of 256 random bits."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(6),
        user=caller.user,
        uid=caller.uid,
        name=name,
        digest=digest(secret),
        created_at=now,
        scope=scope,
        account=account,
        expires_at=expires_at,
    )
    return token, secret


def new_login(caller: Caller, name: str, now: float, parent: str | None) -> tuple[Token, str]:
    """The login of a browser, and the secret for its cookie."""
    token, secret = new_token(caller, name, now)
    return replace(token, kind=BROWSER, parent=parent, renewed_at=now, expires_at=now + LOGIN_S), secret


def renewed(token: Token, now: float) -> tuple[Token, str]:
    """The same login with another secret."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return replace(token, digest=digest(secret), renewed_at=now), secret


def revoked(token: Token, now: float) -> Token:
    """The same token, useless from now on."""
    return token if token.revoked_at is not None else replace(token, revoked_at=now)


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
