"""`[mail]`, `[[webhooks]]` and `[notify]`: who is told of jobs by what."""

from pathlib import Path
from urllib.parse import urlsplit

from launchyard.config import words
from launchyard.config.table import Table
from launchyard.model.errors import Invalid
from launchyard.model.number import is_digits, shown
from launchyard.notify.settings import MailSettings, NotifySettings, Webhook

SECURITY = ("starttls", "tls", "none")
KINDS = ("signed", "slack")


def notify_of(table: Table) -> NotifySettings:
    """Raises `Invalid` with the line."""
    notify = table.table("notify")
    origins = notify.words("origins")
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            notify.refuse(
                "origins", f"{shown(origin)} is no origin; write for example https://hooks.example.org"
            )
    webhooks: list[Webhook] = []
    for one in table.tables("webhooks"):
        webhooks.append(_webhook(one))
        if len({known.name for known in webhooks}) < len(webhooks):
            one.refuse("name", f"two webhooks have the name {webhooks[-1].name}; give each its own")
    return NotifySettings(
        mail=_mail(table.table("mail")),
        webhooks=tuple(webhooks),
        origins=origins,
        secret_file=notify.read("secret_file", file, None),
    )


def _mail(table: Table) -> MailSettings:
    default = MailSettings()
    made = MailSettings(
        command=table.read("command", words.command, default.command),
        smtp=table.read("smtp", _server, ""),
        security=_one_of(table, "security", SECURITY, default.security),
        user=table.get("user", str, ""),
        password_file=table.read("password_file", file, None),
        sender=table.read("sender", _address, ""),
        domain=table.read("domain", words.word, ""),
    )
    if made.user and made.password_file is None:
        table.refuse("user", "a user needs a password; write it into a file and name that: password_file")
    host = made.smtp.rpartition(":")[0]
    if made.user and made.security == "none" and not (host == "localhost" or host.startswith("127.")):
        table.refuse("security", f'the password would go to {host} in the clear; write security = "starttls"')
    return made


def _webhook(table: Table) -> Webhook:
    table.need("name")
    made = Webhook(
        name=table.read("name", words.word, ""),
        kind=_one_of(table, "kind", KINDS, "signed"),
        url=table.read("url", _url, ""),
        url_file=table.read("url_file", file, None),
        secret_file=table.read("secret_file", file, None),
    )
    if made.name == "mail":
        table.refuse("name", "mail is the place that is mail; give the webhook another name")
    if bool(made.url) == (made.url_file is not None):
        table.refuse("name", "a webhook needs either url or url_file (a file with the url, mode 600)")
    if made.kind == "signed" and made.secret_file is None:
        table.refuse(
            "name", "a signed webhook needs secret_file: the secret that its receiver knows, mode 600"
        )
    return made


def _one_of(table: Table, key: str, known: tuple[str, ...], default: str) -> str:
    value = table.get(key, str, default)
    if value not in known:
        table.refuse(key, f"{key} = {shown(value)} is not one of {', '.join(known)}")
    return value


def file(text: str) -> Path | None:
    return Path(words.absolute(text))


def _server(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and (not host or not is_digits(port) or not 0 < int(port) <= 65_535):
        raise Invalid(
            f"{shown(text)} is no mail server; write a host and a port, such as mail.example.org:587"
        )
    return text


def _address(text: str) -> str:
    if text and (text.count("@") != 1 or not text.isascii() or not text.isprintable() or " " in text):
        raise Invalid(f"{shown(text)} is no mail address; write for example launchyard@example.org")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        raise Invalid(f"{shown(text)} is no address; write for example https://hooks.example.org/path")
    return text
