"""A site with PAM for tests: a service of its own in /etc/pam.d, and users made for it. Root only."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.accounts import run

SERVICES = Path("/etc/pam.d")
RULES = """\
auth requisite pam_nologin.so file={nologin}
auth required pam_unix.so nodelay
account requisite pam_nologin.so file={nologin}
account required pam_unix.so
"""


@dataclass(frozen=True)
class PamSite:
    """`service` is its name, `nologin` the file that closes it."""

    service: str
    nologin: Path
    tag: str

    def user(self, name: str, password: str, *more: str) -> str:
        """A new account with this password; `more` are words of useradd. Its name here."""
        account = f"ly{name}{self.tag}"
        run("useradd", "--no-create-home", "--shell", "/bin/sh", *more, account)
        subprocess.run(["chpasswd"], input=f"{account}:{password}\n", text=True, check=True)
        return account


@contextmanager
def pam_site(directory: Path) -> Iterator[PamSite]:
    """It and its users are gone at the end."""
    tag = f"{os.getpid() % 10_000}{secrets.token_hex(2)}"
    site = PamSite(f"launchyard-test-{tag}", directory / "nologin", tag)
    file = SERVICES / site.service
    file.write_text(RULES.format(nologin=site.nologin))
    try:
        yield site
    finally:
        file.unlink()
        for line in Path("/etc/passwd").read_text().splitlines():
            name = line.partition(":")[0]
            if name.startswith("ly") and name.endswith(tag):
                run("userdel", "--force", name, check=False)
