"""How people log in to the portal beside links: `[login]` and `[login.oidc]`."""

import re
from urllib.parse import urlsplit

from launchyard.config.keys import KEYS
from launchyard.config.table import Table
from launchyard.config.words import word
from launchyard.model.errors import Invalid
from launchyard.model.loginways import LoginSettings, OidcSettings
from launchyard.model.number import shown

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def logins_of(table: Table) -> LoginSettings:
    """Raises `Invalid`."""
    return LoginSettings(pam=table.read("pam", _service, "") or None, oidc=_oidc(table))


def _oidc(table: Table) -> OidcSettings | None:
    if "oidc" not in table:
        return None
    part = table.table("oidc", KEYS["oidc"])
    for key in ("issuer", "client_id"):
        if key not in part:
            table.refuse("oidc", f"[login.oidc] needs {key}; add it")
    default = OidcSettings(issuer="", client_id="")
    scopes = part.words("scopes") if "scopes" in part else default.scopes
    if "openid" not in scopes:
        part.refuse("scopes", 'scopes needs "openid", without which there is no ID token')
    return OidcSettings(
        issuer=part.read("issuer", _issuer, ""),
        client_id=part.get("client_id", str, ""),
        client_secret_file=part.read("client_secret_file", _absolute, "") or None,
        title=part.get("title", str, default.title),
        claim=part.read("claim", word, default.claim),
        domain=part.read("domain", word, "") or None,
        users=part.texts("users"),
        scopes=scopes,
    )


def _service(text: str) -> str:
    if not _SERVICE.fullmatch(text):
        raise Invalid(f"{shown(text)} is no name of a PAM service; it is a file in /etc/pam.d")
    return text


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or near) or parts.query or parts.fragment:
        raise Invalid("an issuer is an address that begins with https://, such as https://id.example.org")
    return text.removesuffix("/")


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise Invalid(f"{shown(text)} is not an absolute path; begin with /")
    return text
