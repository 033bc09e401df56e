"""Apps: what an `app.toml` may say, and which answers to its form are taken."""

import re
from pathlib import Path
from typing import Any

import pytest

from launchyard import apps
from launchyard.model.app import App, BadValue, Origin, checked, environment_of
from launchyard.model.errors import Invalid
from launchyard.model.session import Speaks
from launchyard.wire.apps import read_app

SHIPPED = Path(apps.__file__).parent
FACTS: dict[str, Any] = {
    "cpus": 1,
    "memory_mib": 1024,
    "gpus": 0,
    "time_limit_s": 3600,
    "partition": None,
}
FORM = """
title = "Tool"
packages_field = "packages"
[environment]
uv = ["tool==1"]
[[fields]]
name = "size"
label = "Size"
type = "integer"
default = 2
min = 1
max = 8
[[fields]]
name = "mode"
label = "Mode"
type = "choice"
options = [
  { value = "small" },
  { value = "large", when = { partition = ["big", "huge"] } },
]
[[fields]]
name = "folder"
label = "Folder"
type = "path"
[[fields]]
name = "detail"
label = "Detail"
type = "switch"
when = { mode = "large" }
[[fields]]
name = "packages"
label = "Packages"
[[fields]]
name = "code"
label = "Code"
pattern = "[a-z]{3}"
help = "three letters"
[[rules]]
field = "size"
when = { partition = "huge" }
max = 64
[[rules]]
field = "gpus"
when = { mode = "large" }
min = 1
"""


def app(text: str = FORM, origin: Origin = Origin.SITE) -> App:
    return read_app("tool", "/apps/tool", origin, text)


@pytest.mark.parametrize(
    "folder", sorted(one.name for one in SHIPPED.iterdir() if (one / "app.toml").exists())
)
def test_each_shipped_app_can_be_read_and_has_a_start_script(folder: str) -> None:
    text = (SHIPPED / folder / "app.toml").read_text()

    found = read_app(folder, str(SHIPPED / folder), Origin.SHIPPED, text)

    assert found.title
    assert found.icon
    assert (SHIPPED / folder / "start.sh").is_file()
    if not any(field.required for field in found.fields):
        assert checked(found, {}, FACTS).keys() == {field.name for field in found.fields}


@pytest.mark.parametrize(
    "folder", sorted(one.name for one in SHIPPED.iterdir() if (one / "app.toml").exists())
)
def test_a_shipped_app_listens_for_its_user_alone_or_asks_for_the_sessions_secret(folder: str) -> None:
    """Threat 46: a port can be reached by everybody on the machine."""
    opening = read_app(
        folder, str(SHIPPED / folder), Origin.SHIPPED, (SHIPPED / folder / "app.toml").read_text()
    ).opening
    start = (SHIPPED / folder / "start.sh").read_text()

    if opening.tcp:
        assert any("{secret}" in value or "{basic}" in value for value in opening.headers.values())
    elif opening.speaks is not Speaks.TERMINAL:
        assert "umask 077" in start


def test_the_example_of_the_documentation_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/apps.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)

    found = app(example)

    assert [field.name for field in found.fields] == ["program", "packages", "size"]
    assert found.defaults.idle_stop_s == 7200


def test_what_is_not_answered_is_as_the_form_says() -> None:
    values = checked(app(), {}, FACTS)

    assert values == {
        "size": 2,
        "mode": "small",
        "folder": "",
        "detail": False,
        "packages": "",
        "code": "",
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"size": "many"}, 'Size: give a whole number, not "many"'),
        ({"size": 2.5}, "Size: give a whole number, not 2.5"),
        ({"size": float("nan")}, "Size: give a whole number, not nan"),
        ({"size": 9}, "Size: 9 is too much; 8 is the most here"),
        ({"size": 0}, "Size: 0 is too little; 1 is the least here"),
        ({"mode": "large"}, 'Mode: "large" is not possible; choose of: small'),
        ({"mode": ["small"]}, "Mode: give a text, not a list or table"),
        ({"folder": "relative"}, 'Folder: "relative" is no full path; begin with / or ~/'),
        ({"folder": "/a\nb"}, "Folder: holds control characters; remove them"),
        ({"detail": "yes"}, 'Detail: give on or off, not "yes"'),
        ({"code": "abcd"}, 'Code: "abcd" is not possible; three letters'),
        ({"sise": 3}, 'Tool: there is no field "sise"; did you mean size?'),
    ],
)
def test_a_bad_answer_is_refused_by_a_sentence_that_names_its_field(
    given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadValue) as refused:
        checked(app(), given, FACTS)

    assert str(refused.value) == sentence
    assert refused.value.code == f"form:{next(iter(given))}"


def test_rules_move_the_bounds_of_fields_and_of_what_is_asked_of_the_node() -> None:
    huge = {**FACTS, "partition": "huge"}

    assert checked(app(), {"size": 64}, huge)["size"] == 64
    with pytest.raises(BadValue, match="GPUs: 0 is too little; 1 is the least here"):
        checked(app(), {"mode": "large"}, huge)


def test_a_field_that_is_not_asked_keeps_its_default_whatever_was_sent() -> None:
    hidden = checked(app(), {"detail": True}, FACTS)
    asked = checked(app(), {"detail": True, "mode": "large"}, {**FACTS, "partition": "big", "gpus": 1})

    assert hidden["detail"] is False
    assert asked["detail"] is True


def test_further_packages_go_into_the_environment_of_the_app() -> None:
    found = environment_of(app(), {"packages": "pandas, numpy==2"})

    assert found == {"uv": ["tool==1", "pandas", "numpy==2"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('title = "T"\ntitel = "U"', "/apps/tool/app.toml: unknown key 'titel'; did you mean 'title'?"),
        ("title = ", "/apps/tool/app.toml cannot be read"),
        ("order = 3", "/apps/tool/app.toml: title is missing"),
        ('title = "T"\n[open]\nready = "x"', 'open.ready "x" is no path of an address'),
        ('title = "T"\n[[fields]]\nname = "A b"\nlabel = "x"', "a field is named by small letters"),
        ('title = "T"\n[[fields]]\nname = "a"\nlabel = "x"\ntype = "choice"', "a choice without options"),
        ('title = "T"\n[[fields]]\nname = "a"\nlabel = "x"\nwhen = { b = 1 }', "there is no such field"),
        ('title = "T"\n[environment]\npip = ["a"]\nuv = ["b"]', "pip and uv"),
        ('title = "T"\n[open]\nstarts_within = "3h"', "1h is the most"),
    ],
)
def test_a_wrong_app_file_is_refused_with_its_path(text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        app(text)

    assert sentence in str(refused.value)


def test_patterns_of_a_users_own_app_are_not_matched_by_the_server() -> None:
    with pytest.raises(Invalid, match="patterns are for apps of the site"):
        app(FORM, Origin.OWN)


def test_a_folder_with_an_odd_name_is_no_app() -> None:
    with pytest.raises(Invalid, match="named by small letters"):
        read_app("Bad Name", "/apps/Bad Name", Origin.OWN, 'title = "T"')
