"""A user made for tests, whom a product that serves the users of its machine knows by a token (root only).

Such a product is as a site has it: started by root, served by the system user, each job its submitter's.
"""

import http.client
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.accounts import account, acting_as
from tests.system.product import Asking, Client, Product

ADA, LI = "lytest1", "lytest2"
NODE = """
[[nodes]]
name = "node"
cpus = {cpus}
memory = "{memory}"
"""
FOR_ALL = 'listen = "127.0.0.1:0"\ngrace_s = 2\n'


def for_all(cpus: int = 4, memory: str = "4GiB", more: str = "") -> str:
    """A configuration that leaves the daemon its system user and refuses jobs of root."""
    return FOR_ALL + more + NODE.format(cpus=cpus, memory=memory)


class ByToken(Client):
    """One connection over TCP with a token."""

    def __init__(self, address: tuple[str, int], token: str, timeout: float = 60) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=timeout)
        self._token = token

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return super().call(method, path, body, {"Authorization": f"Bearer {self._token}", **(headers or {})})


class Person(Asking):
    """Asks over TCP, so that several threads may."""

    def __init__(self, product: Product, name: str) -> None:
        self.entry = account(name)
        self._product = product
        self.renew()

    def renew(self) -> None:
        """Another token: the last one may have been revoked."""
        with acting_as(self.entry):
            made: str = self._product.call("POST", "/v1/tokens", {"name": "tests"})["token"]
        self.token = made

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        host, _, port = str(self._product.facts["url"]).removeprefix("http://").rpartition(":")
        return host, int(port)

    def client(self, timeout: float = 60) -> Client:
        return ByToken(self.address, self.token, timeout)


@contextmanager
def served(config: str = "") -> Iterator[Product]:
    """A product that everybody on the machine can reach, started, in a directory that they may enter."""
    with tempfile.TemporaryDirectory(prefix="ly") as directory:
        Path(directory).chmod(0o755)
        product = Product(Path(directory) / "s", config or for_all())
        try:
            product.start()
            yield product
        finally:
            product.destroy()
