"""The ways to people: mail by SMTP or a program, webhooks. Each is tried once here; `outbox` tries again.

Where a webhook may lead is the site's to say: a webhook of its configuration, or an address below an origin
that it allows. Redirects are not followed, and nothing that an address answers is told to anybody.
"""

import asyncio
import shutil
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from launchyard.model import notify
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, NotFound
from launchyard.model.number import shown
from launchyard.notify.secrets import read_secret
from launchyard.notify.settings import NotifySettings, Webhook
from launchyard.notify.way import Rejected, origin_of
from launchyard.notify.words import Notice, as_chat, as_json, as_mail, signature

if TYPE_CHECKING:
    from launchyard.notify.sending import Sending


class Ways:
    """Use it on the loop only; `settings` may be replaced while it works."""

    def __init__(self, settings: NotifySettings, cluster: str) -> None:
        self.settings = settings
        self._cluster = cluster
        self._loaded: Sending | None = None

    async def close(self) -> None:
        if self._loaded is not None:
            await self._loaded.close()

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
        await (await self._sending()).post(url, body, headers)

    async def send_mail(self, text: bytes) -> None:
        """A whole message. Raises `Failed` or `Rejected`."""
        if not self.sends_mail:
            raise Rejected("this server sends no mail")
        sending = await self._sending()
        await sending.mail(self.settings.mail, text, self._sender(), self._address)

    async def _sending(self) -> "Sending":
        """What sends is a tenth of the server's memory: it comes with the first notice."""
        if self._loaded is None:
            module = await asyncio.to_thread(import_module, "launchyard.notify.sending")
            self._loaded = self._loaded or module.Sending()
        loaded: Sending = self._loaded
        return loaded

    def _sender(self) -> str:
        mail = self.settings.mail
        return mail.sender or f"launchyard@{mail.domain or 'localhost'}"

    def _address(self, to: str) -> str:
        """A user's name alone is a mailbox of the site, or of this machine."""
        domain = self.settings.mail.domain
        return f"{to}@{domain}" if domain and "@" not in to else to
