"""What is derived from the server's own secret: texts that only this server can have made."""

import hashlib
import hmac

SECRET_BYTES = 32


class Keys:
    """Each purpose has texts of its own. The secret is in no text and in no answer."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"a secret of {len(secret)} bytes is too short")
        self._secret = secret

    def csrf(self, login_id: str) -> str:
        """What a page of ours sends with each write, and no other page can know."""
        return self._mac("csrf", login_id)

    def session(self, login_id: str, session_id: int) -> str:
        """What a browser shows at a session's own name, good as long as the login is."""
        return self._mac("session", login_id, str(session_id))

    def _mac(self, purpose: str, *parts: str) -> str:
        said = "\0".join((purpose, *parts)).encode()
        return hmac.new(self._secret, said, hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Exactly the same, in a time that tells nothing."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    )
