"""Two users of one server: nobody gets, reads or changes what another one uploaded or had set up."""

import hashlib
import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.accounts import account
from tests.system.archives import wheel, zipped
from tests.system.product import Product
from tests.system.test_two_users import ADA, CONFIG, LI, as_user, asked, ended

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users"),
]
PUT = """
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("PUT", sys.argv[2], sys.stdin.buffer.read())
sys.exit(0 if connection.getresponse().status == 200 else 1)
"""
NAME = "gcs://_ray_pkg_00000000deadbeef.zip"
HELLO = "def main():\n    print('version', 1)\n"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A directory that both users may enter; those of pytest are closed to others whenever one is made."""
    with tempfile.TemporaryDirectory(prefix="ly-users-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Product]:
    for user in (ADA, LI):
        account(user)
    product = Product(folder / "state", CONFIG)
    product.start()
    yield product
    product.destroy()


def test_a_name_stands_for_each_users_own_package(served: Product) -> None:
    """Ray's names are 64 bits that anybody can make equal."""
    upload(served, ADA, f"/api/packages/gcs/{NAME[6:]}", zipped(a_txt="of ada"))
    assert out(served, LI, "cat a.txt", working_dir=NAME)["cause"].endswith("submit again")
    upload(served, LI, f"/api/packages/gcs/{NAME[6:]}", zipped(a_txt="of li"))
    assert out(served, ADA, "cat a.txt", working_dir=NAME)["out"] == b"of ada"
    assert out(served, LI, "cat a.txt", working_dir=NAME)["out"] == b"of li"


def test_a_content_that_another_user_has_is_not_told_of(served: Product) -> None:
    """Threat 28: to know a digest is no right to what it stands for."""
    archive = zipped(secret_txt="of ada")
    path = f"/v1/packages/{hashlib.sha256(archive).hexdigest()}.zip"
    upload(served, ADA, path, archive)
    assert asked(served, ADA, "GET", path)[0] == 200
    assert asked(served, LI, "GET", path)[0] == 404
    uri = f"package://{path.rpartition('/')[2]}"
    assert "does not exist" in out(served, LI, "cat secret.txt", working_dir=uri)["cause"]


def test_environments_are_of_one_user_each(served: Product, folder: Path) -> None:
    requirement = str(wheel(folder, "hellopkg", "1.0", HELLO))
    where = "hellopkg-says; python -c 'import hellopkg; print(hellopkg.__file__)'; id -un"
    first, second = (out(served, user, where, pip=[requirement]) for user in (ADA, LI))
    for user, job in ((ADA, first), (LI, second)):
        version, path, name = job["out"].decode().splitlines()
        assert version == "version 1"
        assert name == user
        other = LI if user == ADA else ADA
        assert as_user(other, "cat", path)
        assert as_user(other, "ls", str(Path(path).parents[6]))


def test_a_kept_environment_cannot_be_written_by_a_job(served: Product, folder: Path) -> None:
    requirement = str(wheel(folder, "otherpkg", "1.0", HELLO))
    find = "find $VIRTUAL_ENV/../../../shelf -name otherpkg.py"
    write = f'echo spoiled > "$({find})"'
    assert out(served, ADA, write, pip=[requirement])["state"] == "FAILED"


def upload(product: Product, user: str, path: str, archive: bytes) -> None:
    command = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", sys.executable, "-c", PUT]
    subprocess.run([*command, str(product.socket_path), path], input=archive, check=True)


def out(product: Product, user: str, command: str, **runtime_env: object) -> dict[str, Any]:
    body: dict[str, Any] = {"command": command, "resources": {"cpus": 0.5, "memory_mib": 256}}
    status, answer = asked(product, user, "POST", "/v1/jobs", {**body, "runtime_env": runtime_env})
    assert status == http.client.CREATED, answer
    job = ended(product, user, answer["id"])
    return {**job, "out": asked(product, user, "GET", f"/v1/jobs/{answer['id']}/logs")[1]}
