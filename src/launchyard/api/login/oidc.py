"""OpenID Connect: the authorization code flow with PKCE, state and nonce, for one provider.

A login that was begun is held in memory for ten minutes, is good once, and belongs to the browser that began
it. The provider's answers are bounded in size and time, and are followed nowhere else. Loaded when needed.
"""

import base64
import hashlib
import json
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from launchyard.api.login import claims as claims_of
from launchyard.api.login.keys import same
from launchyard.model.errors import LaunchyardError, Unauthenticated, Unavailable
from launchyard.model.loginways import OidcSettings

_log = logging.getLogger(__name__)

GOOD_S = 600.0
BEGUN_MAX = 10_000
FRESH_S = 3_600.0
ANSWER_MAX_BYTES = 1 << 20
ANSWER_MAX_S = 10.0
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signatures by the provider's own key; never `none`, never one that our secret could make."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A login that is under way; `browser` is in a cookie of the browser that began it."""

    nonce: str
    verifier: str
    redirect_uri: str
    next: str
    browser: str
    begun_at: float


@dataclass(frozen=True, slots=True)
class Provider:
    """What it says of itself."""

    told: Mapping[str, Any]
    keys: KeySet
    read_at: float


class Oidc:
    """Logins by one provider."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._begun: OrderedDict[str, Begun] = OrderedDict()
        self._provider: Provider | None = None

    async def begin(self, redirect_uri: str, next_page: str) -> tuple[str, str]:
        """Where the browser goes, and what it keeps in a cookie. Raises `Unavailable`."""
        provider = await self._known()
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        begun = Begun(
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(64),
            redirect_uri=redirect_uri,
            next=next_page,
            browser=browser,
            begun_at=self._clock(),
        )
        self._tidy()
        self._begun[state] = begun
        challenge = hashlib.sha256(begun.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        place = self._endpoint(provider, "authorization_endpoint")
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}", browser

    async def finish(self, given: Mapping[str, str], browser: str) -> tuple[str, str]:
        """The user's name here, and the page to go to. Raises `Unauthenticated` or `Unavailable`."""
        begun = self._begun.pop(given.get("state", ""), None)
        if begun is None or self._clock() >= begun.begun_at + GOOD_S:
            raise _refused("this login was begun too long ago, or is used already")
        if not browser or not same(browser, begun.browser):
            raise _refused("this login was begun in another browser")
        if given.get("iss", self._settings.issuer).removesuffix("/") != self._settings.issuer:
            raise _refused("the answer is of another provider")
        if "error" in given or not given.get("code"):
            raise _refused(f"{self._settings.title} did not let you in")
        provider = await self._known()
        tokens = await self._exchanged(provider, begun, given["code"])
        said = await self._verified(provider, str(tokens.get("id_token", "")), begun)
        if self._settings.claim not in said:
            said = await self._with_userinfo(provider, said, str(tokens.get("access_token", "")))
        return claims_of.user_of(said, self._settings), begun.next

    async def _exchanged(self, provider: Provider, begun: Begun, code: str) -> Mapping[str, Any]:
        """The tokens for the code, which is good once."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_uri,
            "code_verifier": begun.verifier,
            "client_id": self._settings.client_id,
        }
        secret, headers = self._secret(), {}
        methods = provider.told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret and "client_secret_basic" in methods:
            # Each part is encoded like a form's value: RFC 6749, 2.3.1.
            basic = aiohttp.encode_basic_auth(quote_plus(self._settings.client_id), quote_plus(secret))
            headers["Authorization"] = basic
        elif secret:
            form["client_secret"] = secret
        return await _ask("POST", self._endpoint(provider, "token_endpoint"), data=form, headers=headers)

    async def _verified(self, provider: Provider, id_token: str, begun: Begun) -> Mapping[str, Any]:
        """What the ID token says, once its signature and what it must say were checked."""
        try:
            token = _decoded(id_token, provider.keys)
        except (JoseError, ValueError):
            # Keys change; they are read again, once.
            self._provider = None
            try:
                token = _decoded(id_token, (await self._known()).keys)
            except (JoseError, ValueError):
                raise _refused("the ID token's signature is wrong") from None
        claims_of.check(token, self._settings, begun.nonce, self._clock())
        return token

    async def _with_userinfo(
        self, provider: Provider, said: Mapping[str, Any], access_token: str
    ) -> Mapping[str, Any]:
        """What the provider tells of the same person beside the ID token."""
        if "userinfo_endpoint" not in provider.told or not access_token:
            return said
        headers = {"Authorization": f"Bearer {access_token}"}
        more = await _ask("GET", self._endpoint(provider, "userinfo_endpoint"), headers=headers)
        if more.get("sub") != said["sub"]:
            raise _refused("the provider told of somebody else")
        return {**more, **said}

    async def _known(self) -> Provider:
        """The provider, asked at most once an hour."""
        known = self._provider
        if known is not None and self._clock() < known.read_at + FRESH_S:
            return known
        told = await _ask("GET", f"{self._settings.issuer}/.well-known/openid-configuration")
        if str(told.get("issuer", "")).removesuffix("/") != self._settings.issuer:
            raise Unavailable(
                f"{self._settings.title} says that it is another issuer; tell the administrators"
            )
        fresh = Provider(told, KeySet([]), self._clock())
        keys = await _ask("GET", self._endpoint(fresh, "jwks_uri"))
        try:
            found = KeySet.import_key_set({"keys": list(keys["keys"])})
        except (JoseError, ValueError, KeyError, TypeError):
            raise Unavailable(f"{self._settings.title} has no keys that are understood") from None
        self._provider = Provider(told, found, self._clock())
        return self._provider

    def _endpoint(self, provider: Provider, name: str) -> str:
        place = str(provider.told.get(name, ""))
        parts = urlsplit(place)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise Unavailable(f"{self._settings.title} names no {name} with https; tell the administrators")
        return place

    def _secret(self) -> str:
        file = self._settings.client_secret_file
        if file is None:
            return ""
        try:
            return Path(file).read_text().strip()
        except OSError:
            raise Unavailable("the secret of this server for its provider cannot be read") from None

    def _tidy(self) -> None:
        oldest = self._clock() - GOOD_S
        while self._begun and (
            len(self._begun) >= BEGUN_MAX or next(iter(self._begun.values())).begun_at <= oldest
        ):
            self._begun.popitem(last=False)


def _decoded(id_token: str, keys: KeySet) -> dict[str, Any]:
    return dict(jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims)


async def _ask(method: str, url: str, **more: Any) -> Mapping[str, Any]:
    """A JSON object. Raises `Unavailable`; of a refused code `Unauthenticated`."""
    limit = aiohttp.ClientTimeout(total=ANSWER_MAX_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, trust_env=True) as session,
            session.request(method, url, allow_redirects=False, **more) as answered,
        ):
            data = await _bounded(answered)
            if answered.status != 200:
                _log.warning("%s answered %s: %s", url.partition("?")[0], answered.status, data[:200])
                raise _refused("the provider does not take the code") if method == "POST" else _gone()
            told = json.loads(data)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        raise _gone() from None
    if not isinstance(told, dict):
        raise _gone()
    return told


async def _bounded(answered: aiohttp.ClientResponse) -> bytes:
    """The body. Raises `ValueError` for one that is too large."""
    parts = bytearray()
    async for part in answered.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > ANSWER_MAX_BYTES:
            raise ValueError("too large")
    return bytes(parts)


def _gone() -> LaunchyardError:
    return Unavailable("the provider of logins does not answer as it should; log in by a link: ly open")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"{why}; log in again", code="oidc")
