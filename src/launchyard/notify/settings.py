"""Who may be told by what, as the site says."""

from dataclasses import dataclass
from pathlib import Path

SENDMAIL = ("/usr/sbin/sendmail", "-t")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """`smtp` (host and port) goes before `command`. `security`: starttls, tls or none."""

    command: tuple[str, ...] = SENDMAIL
    """Gets each mail on its standard input; empty: none is sent."""
    smtp: str = ""
    security: str = "starttls"
    user: str = ""
    password_file: Path | None = None
    sender: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`kind`: "signed" or "slack". One of `url` and `url_file` is set."""

    name: str
    kind: str = "signed"
    url: str = ""
    url_file: Path | None = None
    secret_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """`origins`: below these, users may name URLs of their own; signed by the secret in `secret_file`."""

    mail: MailSettings = MailSettings()
    webhooks: tuple[Webhook, ...] = ()
    origins: tuple[str, ...] = ()
    secret_file: Path | None = None
