"""What each way to people has in common: how it fails, how long it may take, where an address leads."""

from urllib.parse import urlsplit

from launchyard.model.errors import Invalid

PORTS = {"http": 80, "https": 443}


class Failed(Exception):
    """It did not work this time, and may another time."""


class Rejected(Exception):
    """It will never work."""


def origin_of(url: str) -> str:
    """`https://hooks.example.org:443`, of an address or an origin. Raises `Invalid`."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or port is None:
        raise Invalid("an address to notify is like https://hooks.example.org/path, without a user name")
    return f"{parts.scheme}://{parts.hostname}:{port}"
