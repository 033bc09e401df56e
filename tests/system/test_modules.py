"""Environment modules of a site, by both of Debian's packages: a job has what a login has."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.accounts import account, run
from tests.system.product import Product
from tests.system.test_two_users import CONFIG, asked, ended

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it mounts, and acts as a user"),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs packages of Debian's"),
]
USER = "lytest3"
SITES_OWN = {"lmod": "etc/lmod/modules", "environment-modules": "usr/share/modules/modulefiles"}
"""Where each of the packages looks for modules."""
MODULE = '#%Module1.0\nsetenv HELLO "from a module"\nprepend-path PATH /opt/hello/bin\n'
SAYS = "module load hello/1.0; echo $HELLO; echo $PATH; echo $MINE"


@pytest.fixture(params=SITES_OWN)
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    """A server of root's on a machine that has the package, and one module of its site's."""
    account(USER)
    run("usermod", "--shell", "/bin/bash", USER)
    with tempfile.TemporaryDirectory(prefix="ly-modules-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        packages = place / "packages"
        (packages / "partial").mkdir(parents=True)
        fetch = ["apt-get", "-q", "install", "-y", "--no-install-recommends", "--download-only"]
        options = ["-o", f"Dir::Cache::archives={packages}", "-o", "APT::Sandbox::User=root"]
        subprocess.run([*fetch, *options, request.param], check=True, capture_output=True, timeout=300)
        module = place / "site" / SITES_OWN[request.param] / "hello" / "1.0"
        module.parent.mkdir(parents=True)
        module.write_text(MODULE)
        monkeypatch.setenv("LAUNCHYARD_TEST_PACKAGES", str(packages))
        monkeypatch.setenv("LAUNCHYARD_TEST_FILES", str(place / "site"))
        product = Product(place / "state", CONFIG)
        product.module = "tests.system.with_packages"
        try:
            product.start()
            yield product
        finally:
            product.destroy()


@pytest.mark.parametrize(
    "work",
    [{"script": f"#!/bin/bash\n{SAYS}\n"}, {"command": ["bash", "-c", SAYS]}],
    ids=["script", "command"],
)
def test_modules_of_a_login_are_there_in_a_job(served: Product, work: dict[str, object]) -> None:
    status, job = asked(
        served, USER, "POST", "/v1/jobs", {**work, "login": True, "environment": {"MINE": "1"}}
    )
    assert status == 201, job
    job = ended(served, USER, job["id"])
    _, text = asked(served, USER, "GET", f"/v1/jobs/{job['id']}/logs")
    assert job["state"] == "COMPLETED", text
    hello, path, mine = text.decode().splitlines()
    assert hello == "from a module"
    assert path.startswith("/opt/hello/bin:")
    assert mine == "1"


def test_entrypoint_of_rays_clients_has_them_too(served: Product) -> None:
    """As far as its shell, /bin/sh, lets them through: variables, but no functions."""
    body = {"entrypoint": "echo at $MODULEPATH", "submission_id": "modules"}
    assert asked(served, USER, "POST", "/api/jobs/", body)[0] == 200
    _, jobs = asked(served, USER, "GET", "/v1/jobs")
    job = ended(served, USER, jobs["jobs"][0]["id"])
    _, text = asked(served, USER, "GET", f"/v1/jobs/{job['id']}/logs")
    assert re.search(r"^at /etc/.*modules", text.decode(), re.MULTILINE), text
