"""Logging in by OpenID Connect: what an ID token must say, and the whole way by a real provider."""

import base64
import http.client
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, RSAKey
from oidc_provider_mock import User, run_server_in_thread

from launchyard.api.login.claims import check, user_of
from launchyard.api.login.oidc import _decoded
from launchyard.api.login.ways import Ways
from launchyard.model.errors import Unauthenticated
from launchyard.model.loginways import OidcSettings
from tests.api_bench import Answer, Bench, running

SETTINGS = OidcSettings(issuer="https://id.example", client_id="yard", title="Campus")
NOW = 1_800_000_000.0
GOOD: dict[str, Any] = {
    "iss": "https://id.example",
    "aud": "yard",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n",
    "sub": "1",
}


def test_a_token_that_is_for_us_is_taken() -> None:
    check(GOOD, SETTINGS, "n", NOW)
    check({**GOOD, "aud": ["other", "yard"], "azp": "yard"}, SETTINGS, "n", NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://id.example.evil"},
        {"iss": None},
        {"aud": "other"},
        {"aud": "yar"},
        {"aud": ["other"]},
        {"aud": ["yard", "other"]},
        {"azp": "other"},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"iat": NOW + 3600},
        {"iat": None},
        {"nonce": "m"},
        {"nonce": None},
        {"sub": ""},
        {"sub": None},
    ],
)
def test_a_token_that_is_not_for_us_is_refused(change: Mapping[str, Any]) -> None:
    """OpenID Connect Core 1.0, 3.1.3.7."""
    with pytest.raises(Unauthenticated):
        check({**GOOD, **change}, SETTINGS, "n", NOW)


BY_MAIL = replace(SETTINGS, claim="email", domain="example.org", users={"root@example.org": "ada"})


@pytest.mark.parametrize(
    ("settings", "claims", "user"),
    [
        (SETTINGS, {"preferred_username": "ada"}, "ada"),
        (replace(SETTINGS, users={"lovelace": "ada"}), {"preferred_username": "lovelace"}, "ada"),
        (BY_MAIL, {"email": "ada@example.org", "email_verified": True}, "ada"),
        (BY_MAIL, {"email": "ada@EXAMPLE.org", "email_verified": True}, "ada"),
        (BY_MAIL, {"email": "root@example.org"}, "ada"),
        (BY_MAIL, {"email": "ada@example.org"}, None),
        (BY_MAIL, {"email": "ada@example.org", "email_verified": "true"}, None),
        (BY_MAIL, {"email": "ada@example.org.evil", "email_verified": True}, None),
        (BY_MAIL, {"email": "@example.org", "email_verified": True}, None),
        (BY_MAIL, {"email": "ada", "email_verified": True}, None),
        (SETTINGS, {}, None),
        (SETTINGS, {"preferred_username": ["ada"]}, None),
        (SETTINGS, {"preferred_username": ""}, None),
    ],
)
def test_the_claim_says_who_it_is_here(
    settings: OidcSettings, claims: Mapping[str, Any], user: str | None
) -> None:
    if user is not None:
        assert user_of(claims, settings) == user
    else:
        with pytest.raises(Unauthenticated):
            user_of(claims, settings)


def test_only_the_providers_own_signature_counts() -> None:
    """No `none`, no secret made of the public key, no key of somebody else."""
    key, other = RSAKey.generate_key(2048, {"kid": "a"}), RSAKey.generate_key(2048, {"kid": "a"})
    keys = KeySet([RSAKey.import_key(key.as_dict(private=False))])
    assert _decoded(jwt.encode({"alg": "RS256", "kid": "a"}, GOOD, key), keys)["sub"] == "1"
    secret = OctKey.import_key(b"x" * 32)
    part = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
        for one in ({"alg": "none"}, GOOD)
    ]
    forged = [
        jwt.encode({"alg": "RS256", "kid": "a"}, GOOD, other),
        jwt.encode({"alg": "HS256", "kid": "a"}, GOOD, secret),
        f"{part[0]}.{part[1]}.",
        "",
        "a.b.c",
    ]
    for token in forged:
        with pytest.raises((JoseError, ValueError)):
            _decoded(token, keys)


# -- the whole way


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    people = [
        User(sub="lovelace", claims={"preferred_username": "ada"}),
        User(sub="superuser", claims={"preferred_username": "root"}),
        User(sub="stranger", claims={"preferred_username": "nobody-here"}),
    ]
    with run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@contextmanager
def serving(issuer: str) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as directory:
        secret = Path(directory) / "secret"
        secret.write_text("hush-client\n")
        told = OidcSettings(issuer=issuer, client_id="yard", client_secret_file=str(secret), title="Campus")
        with running(Path(directory), ways=Ways(oidc=told), clock=time.time) as server:
            yield server


@pytest.fixture(scope="module")
def bench(issuer: str) -> Iterator[Bench]:
    with serving(issuer) as server:
        yield server


def begin(bench: Bench, next_page: str = "/") -> tuple[str, str]:
    """The provider's address, and the cookie."""
    answered = bench.ask("GET", f"/v1/login/oidc?{urlencode({'next': next_page})}", user="")
    assert answered.status == 303, answered.body
    made = answered.headers["set-cookie"]
    assert "HttpOnly" in made
    assert "SameSite=Lax" in made
    return answered.headers["location"], made.partition(";")[0]


def let_in(place: str, sub: str) -> str:
    """What somebody who is known there does; the address that the browser is sent back to."""
    parts = urlsplit(place)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        body = urlencode({"sub": sub})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"{parts.path}?{parts.query}", body, headers)
        answered = connection.getresponse()
        assert answered.status == 302, answered.read()
        return str(answered.getheader("location"))
    finally:
        connection.close()


def come_back(bench: Bench, place: str, cookie: str) -> Answer:
    parts = urlsplit(place)
    from_provider = {"Sec-Fetch-Site": "cross-site", "Cookie": cookie}
    return bench.ask("GET", f"{parts.path}?{parts.query}", user="", headers=from_provider)


def refused_with(answered: Answer) -> str:
    assert answered.status == 303
    assert "launchyard-" not in answered.headers.get("set-cookie", "")
    return answered.headers["location"]


def test_somebody_whom_the_provider_knows_is_logged_in(bench: Bench) -> None:
    place, cookie = begin(bench, "/jobs?state=RUNNING&x='\"")
    asked = parse_qs(urlsplit(place).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answered = come_back(bench, let_in(place, "lovelace"), cookie)
    assert answered.status == 200, answered.headers
    assert b"/jobs?state=RUNNING&amp;x=&#x27;&quot;" in answered.body
    login = answered.headers["set-cookie"]
    assert "SameSite=Strict" in login or "Max-Age=0" in login


def test_a_login_is_of_one_browser_and_good_once(bench: Bench) -> None:
    """Threats 3 and 44: no login of somebody else's, none a second time."""
    place, cookie = begin(bench)
    _, other = begin(bench)
    back = let_in(place, "lovelace")
    assert refused_with(come_back(bench, back, other)) == "/login?refused=oidc"
    assert refused_with(come_back(bench, back, cookie)) == "/login?refused=oidc", "it is used up"
    place, cookie = begin(bench)
    back = let_in(place, "lovelace")
    assert refused_with(come_back(bench, back, "")) == "/login?refused=oidc"


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=made-up", "error=access_denied&state=made-up"])
def test_what_nobody_began_is_refused(bench: Bench, query: str) -> None:
    _, cookie = begin(bench)
    assert refused_with(come_back(bench, f"/v1/login/oidc/callback?{query}", cookie)) == "/login?refused=oidc"


@pytest.mark.parametrize("sub", ["superuser", "stranger"])
def test_root_and_who_has_no_account_here_are_refused(issuer: str, sub: str) -> None:
    with serving(issuer) as server:
        place, cookie = begin(server)
        assert refused_with(come_back(server, let_in(place, sub), cookie)) == "/login?refused=oidc-user"


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example/", "/\\evil.example", "x"])
def test_the_way_leads_to_no_other_site(bench: Bench, page: str) -> None:
    """Threat 44."""
    assert bench.ask("GET", f"/v1/login/oidc?{urlencode({'next': page})}", user="").status == 400


def test_a_provider_that_does_not_answer_is_said(tmp_path: Path) -> None:
    ways = Ways(oidc=OidcSettings(issuer="http://127.0.0.1:9", client_id="yard"))
    with running(tmp_path, ways=ways) as bench:
        assert bench.ask("GET", "/v1/login/oidc", user="").status == 503
    with running(tmp_path) as bench:
        assert bench.ask("GET", "/v1/login/oidc", user="").status == 404
