"""What a process of the user finds: folders with apps, programs, and Pythons."""

import sys
from pathlib import Path

from launchyard.helper.apps import apps, pythons, which


def app(folder: Path, name: str, text: str = 'title = "T"') -> Path:
    own = folder / name
    own.mkdir(parents=True)
    own.chmod(0o755)
    (own / "app.toml").write_text(text)
    (own / "start.sh").write_text("exec true\n")
    (own / "start.sh").chmod(0o644)
    return own


def found(folder: Path, origin: str = "site") -> dict[str, dict[str, str]]:
    answer = apps({"t": "apps", "id": "1", "folders": [[origin, str(folder)]]})
    return {one["name"]: one for one in answer["found"] if one["folder"].startswith(str(folder))}


def test_each_directory_with_an_app_file_is_told_with_its_text(tmp_path: Path) -> None:
    app(tmp_path, "tool", 'title = "Tool"')
    app(tmp_path, ".hidden")
    (tmp_path / "no-app").mkdir()

    there = found(tmp_path)

    assert list(there) == ["tool"]
    assert there["tool"]["text"] == 'title = "Tool"'
    assert there["tool"]["origin"] == "site"


def test_an_app_of_the_site_that_others_may_write_is_not_read(tmp_path: Path) -> None:
    app(tmp_path, "tool").chmod(0o777)
    (app(tmp_path, "other") / "start.sh").chmod(0o666)

    there = found(tmp_path)

    assert there["tool"]["error"] == f"{tmp_path}/tool may be written by others than its owner; chmod go-w it"
    assert "text" not in there["other"]


def test_a_file_that_is_no_text_says_so_and_hides_no_other_app(tmp_path: Path) -> None:
    (app(tmp_path, "bad") / "app.toml").write_bytes(b"\xff\xfe")
    app(tmp_path, "good")

    there = found(tmp_path)

    assert "it is no UTF-8" in there["bad"]["error"]
    assert "text" in there["good"]


def test_a_folder_that_is_not_there_has_no_apps(tmp_path: Path) -> None:
    assert found(tmp_path / "nothing") == {}


def test_programs_are_found_by_the_path_of_the_user_or_by_their_own(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    names = ["tool", str(program), "nobody-has-this"]

    there = which({"id": "1", "names": names, "path": str(tmp_path)})["there"]

    assert there == ["tool", str(program)]


def test_environments_are_found_with_what_they_lack_and_broken_ones_are_left_out(tmp_path: Path) -> None:
    for place in (tmp_path / "work" / ".venv", tmp_path / "project" / ".venv", tmp_path / "broken" / ".venv"):
        (place / "bin").mkdir(parents=True)
        (place / "pyvenv.cfg").write_text("")
    for name in ("work", "project"):
        (tmp_path / name / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / "broken/.venv/bin/python").write_text("no program")

    answer = pythons({"id": "1", "folders": [str(tmp_path)], "path": "/nowhere"})["found"]

    mine = [one for one in answer if one["path"].startswith(str(tmp_path))]
    assert [one["path"] for one in mine] == [
        f"{tmp_path}/project/.venv/bin/python",
        f"{tmp_path}/work/.venv/bin/python",
    ]
    assert mine[0]["kind"] == "venv"
    assert mine[0]["version"] == sys.version.split()[0]
    assert (mine[0]["fix"] is None) is mine[0]["ipykernel"]
