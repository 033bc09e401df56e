"""What travels to a node is enough there, and lies where nobody else can change it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import launchyard
from launchyard.agent import code, place, seed

PACKAGE = str(Path(launchyard.__file__).parent)


def test_packed_code_imports_without_the_rest_of_the_package(tmp_path: Path) -> None:
    packed = code.pack(PACKAGE)
    unpacked = seed.unpack(packed, code.digest(packed), str(tmp_path / "code"))
    modules = ("agent.agent", "launcher.keeper", "helper.main", "attendant.main", "raycluster.head")
    program = f"import sys; sys.path.append({unpacked!r})\n" + "".join(
        f"import launchyard.{name}\n" for name in modules
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True)
    assert done.stderr == ""


def test_same_code_has_the_same_digest() -> None:
    assert code.pack(PACKAGE) == code.pack(PACKAGE)
    assert code.pack(PACKAGE) != code.pack(PACKAGE, ("raybridge",))


def test_code_is_unpacked_only_where_nobody_else_can_write(tmp_path: Path) -> None:
    root = tmp_path / "code"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(PermissionError, match="writable by nobody else"):
        seed.unpack(code.pack(PACKAGE), "v", str(root))


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", ".hidden"])
def test_node_cannot_be_called_what_leads_out_of_its_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="do not name a directory"):
        place.directory(str(tmp_path), "yard", name)


def test_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Threat 18."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "yard-n1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        place.directory(str(tmp_path), "yard", "n1")


def test_first_key_stays_the_key_of_the_node(tmp_path: Path) -> None:
    """Threat 34."""
    path = str(tmp_path / "key")
    assert place.keep_key(path, b"first")
    assert place.keep_key(path, b"first")
    assert not place.keep_key(path, b"other")
    assert Path(path).read_bytes() == b"first"
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_owner_of_a_directory_is_who_runs_there(tmp_path: Path) -> None:
    made = place.own(str(tmp_path / "coming"))
    found = Path(made).stat()
    assert (found.st_uid, found.st_mode & 0o777) == (os.getuid(), 0o700)
