"""How the server is reached, watched and bent to the site: TLS, proxies, its log, metrics and hooks."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from launchyard.config import words
from launchyard.config.table import Table
from launchyard.model.errors import Invalid
from launchyard.model.number import shown

LOG_FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """Programs of the site, each None where there is none. `time_limit_s` is for each run."""

    submit_filter: Path | None = None
    prolog: Path | None = None
    epilog: Path | None = None
    time_limit_s: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """`certificate` and `key` are both set or neither. `proxies`: addresses and networks that are trusted."""

    certificate: Path | None = None
    key: Path | None = None
    proxies: tuple[str, ...] = ()
    public_url: str = ""
    log_format: str = "text"
    metrics_on_loopback: bool = False
    tracing: str = ""
    """The collector that traces go to; empty: none are made."""
    hooks: HookSettings = HookSettings()


def service_of(table: Table) -> ServiceSettings:
    """Raises `Invalid` with the line."""
    tls, proxy = table.table("tls"), table.table("proxy")
    proxies = proxy.words("trusted")
    for one in proxies:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            proxy.refuse("trusted", f"{shown(one)} is no address; write for example 10.0.0.2 or 10.0.0.0/24")
    log_format = table.get("log_format", str, LOG_FORMATS[0])
    if log_format not in LOG_FORMATS:
        table.refuse("log_format", f"log_format = {shown(log_format)} is not one of {', '.join(LOG_FORMATS)}")
    made = ServiceSettings(
        certificate=tls.read("certificate", _file, None),
        key=tls.read("key", _file, None),
        proxies=proxies,
        public_url=table.read("public_url", public_url, ""),
        log_format=log_format,
        metrics_on_loopback=table.table("metrics").get("loopback", bool, False),
        tracing=table.table("tracing").read("endpoint", collector, ""),
        hooks=_hooks(table.table("hooks")),
    )
    if (made.certificate is None) != (made.key is None):
        given = "certificate" if made.key is None else "key"
        tls.refuse(given, "TLS needs both certificate and key; name the other one too")
    return made


def _hooks(table: Table) -> HookSettings:
    return HookSettings(
        submit_filter=table.read("submit_filter", _file, None),
        prolog=table.read("prolog", _file, None),
        epilog=table.read("epilog", _file, None),
        time_limit_s=table.count("time_limit_s", 30, 1, 50),
    )


def refuse_open(listen: str, service: ServiceSettings) -> None:
    """Raises `Invalid` for an address that other machines reach without TLS and without a named proxy."""
    host, _, port = listen.rpartition(":")
    if words.is_loopback(host) or service.certificate is not None or service.proxies:
        return
    raise Invalid(
        f"{host} is reached from other machines, which needs TLS; write 127.0.0.1:{port}, or name "
        f"certificate and key in [tls], or a proxy with TLS in front in [proxy] trusted"
    )


def public_url(text: str) -> str:
    """`https://yard.example.org`, without a path."""
    parts = urlsplit(text)
    plain = text.isascii() and text.isprintable() and " " not in text and "@" not in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise Invalid(f"{shown(text)} is no address; write for example https://yard.example.org")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"{shown(text)} has a path; give the server a name of its own")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def collector(text: str) -> str:
    """`http://127.0.0.1:4318`, or with a path."""
    parts = urlsplit(text)
    plain = text.isascii() and text.isprintable() and " " not in text and "@" not in parts.netloc
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not plain
        or parts.query
        or parts.fragment
    ):
        raise Invalid(
            f"{shown(text)} is no collector of OpenTelemetry; write for example http://127.0.0.1:4318"
        )
    return text.rstrip("/").removesuffix("/v1/traces")


def _file(text: str) -> Path | None:
    return Path(words.absolute(text))
