"""The ways to people: mail by SMTP or a program, webhooks. Each is tried once here; `outbox` tries again.

Where a webhook may lead is the site's to say: a webhook of its configuration, or an address below an origin
that it allows. Redirects are not followed, and nothing that an address answers is told to anybody.
"""

import asyncio
import contextlib
import shutil
import smtplib
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from launchyard.model import notify
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, NotFound
from launchyard.model.number import shown
from launchyard.notify.secrets import read_secret
from launchyard.notify.settings import MailSettings, NotifySettings, Webhook
from launchyard.notify.words import Notice, as_chat, as_json, as_mail, signature

PATIENCE_S = 10.0
MAIL_PATIENCE_S = 30.0
AGAIN = frozenset({408, 425, 429})
PORTS = {"http": 80, "https": 443}


class Failed(Exception):
    """It did not work this time, and may another time."""


class Rejected(Exception):
    """It will never work."""


class Ways:
    """Use it on the loop only; `settings` may be replaced while it works."""

    def __init__(self, settings: NotifySettings, cluster: str) -> None:
        self.settings = settings
        self._cluster = cluster
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="smtp")
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            await self._client.close()

    # -- what may be asked for

    def check(self, metadata: Mapping[str, str]) -> None:
        """Raises what is wrong with the places that a job names: said at its submission, not at its end."""
        if not notify.moments_of(metadata):
            return
        for place in notify.places_of(metadata):
            if notify.is_url(place):
                self._allowed(place)
            elif not notify.is_address(place) and place != notify.MAIL:
                self._webhook(place)
            elif not self.sends_mail:
                raise Invalid(f"this server sends no mail; {self._others()}")

    @property
    def sends_mail(self) -> bool:
        mail = self.settings.mail
        return bool(mail.smtp) or bool(mail.command and shutil.which(mail.command[0]))

    def _others(self) -> str:
        names = ", ".join(one.name for one in self.settings.webhooks)
        return f"name a webhook with --notify-to: {names}" if names else "nothing else is configured either"

    def _webhook(self, name: str) -> Webhook:
        for one in self.settings.webhooks:
            if one.name == name:
                return one
        raise NotFound(f"there is no webhook {shown(name)}; {self._others()}")

    def _allowed(self, url: str) -> str:
        """Its origin. Raises `Forbidden`."""
        origin = origin_of(url)
        if origin not in [origin_of(one) for one in self.settings.origins]:
            there = ", ".join(self.settings.origins) or "none is"
            raise Forbidden(f"this server may not be sent to {origin} to notify; allowed: {there}")
        return origin

    # -- sending

    async def deliver(self, place: str, notice: Notice) -> None:
        """One notice to one place. Raises `Failed` or `Rejected`, with a sentence that has no secret."""
        try:
            if notify.is_url(place):
                self._allowed(place)
                await self._post(place, as_json(notice), notice, self._secret(self.settings.secret_file))
            elif notify.is_address(place) or place == notify.MAIL:
                to = notice.user if place == notify.MAIL else place
                await self.send_mail(as_mail(notice, self._sender(), self._address(to), self._cluster))
            else:
                await self._post_to(self._webhook(place), notice)
        except LaunchyardError as error:
            raise Rejected(str(error)) from None

    async def _post_to(self, webhook: Webhook, notice: Notice) -> None:
        url = webhook.url or (read_secret(webhook.url_file) if webhook.url_file is not None else "")
        if webhook.kind == "slack":
            await self._post(url, as_chat(notice), notice, None)
        else:
            await self._post(url, as_json(notice), notice, self._secret(webhook.secret_file))

    @staticmethod
    def _secret(path: Path | None) -> str | None:
        return None if path is None else read_secret(path)

    async def _post(self, url: str, body: bytes, notice: Notice, secret: str | None) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "Launchyard"}
        if secret is not None:
            now = int(time.time())
            headers |= {"X-Launchyard-Timestamp": str(now), "X-Launchyard-Event": notice.event}
            headers["X-Launchyard-Signature"] = signature(secret, now, body)
        if self._client is None:
            self._client = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
            )
        where = origin_of(url)
        try:
            async with self._client.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except TimeoutError:
            raise Failed(f"{where} did not answer within {PATIENCE_S:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Failed(f"{where} cannot be reached ({type(error).__name__})") from None
        if status >= 500 or status in AGAIN:
            raise Failed(f"{where} answered {status}")
        if not 200 <= status < 300:
            raise Rejected(f"{where} answered {status}")

    async def send_mail(self, text: bytes) -> None:
        """A whole message. Raises `Failed` or `Rejected`."""
        mail = self.settings.mail
        if mail.smtp:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._by_smtp, mail, text)
        elif self.sends_mail:
            await _by_program(mail.command, text)
        else:
            raise Rejected("this server sends no mail")

    def _by_smtp(self, mail: MailSettings, text: bytes) -> None:
        message = message_from_bytes(text, policy=SMTP)
        to = self._address(str(message["To"]))
        del message["To"]
        message["To"] = to
        if message["From"] is None:
            message["From"] = self._sender()
        host, _, port = mail.smtp.rpartition(":")
        try:
            with _connection(mail, host.strip("[]"), int(port)) as server:
                if mail.user:
                    server.login(mail.user, self._secret(mail.password_file) or "")
                server.send_message(message, from_addr=self._sender(), to_addrs=[to])
        except LaunchyardError as error:
            raise Failed(str(error)) from None
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise (Rejected if code >= 500 else Failed)(f"{mail.smtp} refused the address ({code})") from None
        except smtplib.SMTPResponseException as error:
            kind = Rejected if error.smtp_code >= 550 else Failed
            raise kind(f"{mail.smtp} answered {error.smtp_code}") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Failed(f"{mail.smtp} did not take it ({type(error).__name__})") from None

    def _sender(self) -> str:
        mail = self.settings.mail
        return mail.sender or f"launchyard@{mail.domain or 'localhost'}"

    def _address(self, to: str) -> str:
        """A user's name alone is a mailbox of the site, or of this machine."""
        domain = self.settings.mail.domain
        return f"{to}@{domain}" if domain and "@" not in to else to


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


def _connection(mail: MailSettings, host: str, port: int) -> smtplib.SMTP:
    if mail.security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=MAIL_PATIENCE_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=MAIL_PATIENCE_S)
    if mail.security == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server


async def _by_program(command: tuple[str, ...], text: bytes) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
        )
    except OSError as error:
        raise Failed(f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        await asyncio.wait_for(process.communicate(text), MAIL_PATIENCE_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise Failed(f"{command[0]} took longer than {MAIL_PATIENCE_S:g} s") from None
    if process.returncode:
        raise Failed(f"{command[0]} ended with exit code {process.returncode}")
