"""What carries notices out of this machine, by HTTP, SMTP or a program. Loaded with the first of them."""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.policy import SMTP

import aiohttp

from launchyard.model.errors import LaunchyardError
from launchyard.notify.secrets import read_secret
from launchyard.notify.settings import MailSettings
from launchyard.notify.way import Failed, Rejected, origin_of

PATIENCE_S = 10.0
MAIL_PATIENCE_S = 30.0
AGAIN = frozenset({408, 425, 429})


class Sending:
    """Made and used on the loop. What it does raises `Failed` or `Rejected`, with a sentence."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="smtp")
        self._client = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
        )

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._client.close()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
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

    async def mail(self, mail: MailSettings, text: bytes, sender: str, address: Callable[[str], str]) -> None:
        """A whole message; `address` makes one of what `To` says."""
        if mail.smtp:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, _by_smtp, mail, text, sender, address)
        else:
            await _by_program(mail.command, text)


def _by_smtp(mail: MailSettings, text: bytes, sender: str, address: Callable[[str], str]) -> None:
    message = message_from_bytes(text, policy=SMTP)
    to = address(str(message["To"]))
    del message["To"]
    message["To"] = to
    if message["From"] is None:
        message["From"] = sender
    host, _, port = mail.smtp.rpartition(":")
    try:
        with _connection(mail, host.strip("[]"), int(port)) as server:
            if mail.user:
                server.login(mail.user, read_secret(mail.password_file) if mail.password_file else "")
            server.send_message(message, from_addr=sender, to_addrs=[to])
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
