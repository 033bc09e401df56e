"""Runtime environments as a person writes them, made into what a server takes.

Directories, modules and archives of this machine are sent as packages and become `package://` URIs; files
with requirements or a conda environment are read here. URIs, and keys not known here, stay as they are.
"""

import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import shown
from launchyard.sdk.packages import EXCLUDED_OF_MODULES, WHEEL, Known, Source
from launchyard.sdk.transport import Transport
from launchyard.sdk.uploads import Report, upload_all

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.xz")
INSTALLERS = ("pip", "uv")
NESTING_MAX = 16


def prepared(
    transport: Transport,
    runtime_env: Mapping[str, Any],
    *,
    report: Report | None = None,
    known: Known | None = None,
) -> dict[str, Any]:
    """The runtime environment as `POST /v1/jobs` takes it, once all it needs from here is on the server.

    Raises `Invalid` in one sentence for what is not there or cannot be read.
    """
    made = dict(runtime_env)
    for tool in INSTALLERS:
        if made.get(tool) is not None:
            made[tool] = _requirements(tool, made[tool])
    if isinstance(made.get("conda"), str | os.PathLike):
        made["conda"] = _conda(os.fspath(made["conda"]))
    excludes = tuple(_texts(made.get("excludes"), "excludes"))
    sources: list[Source] = []
    slots: list[tuple[str, int]] = []
    if (work := made.get("working_dir")) and (source := _working_dir(work, excludes)):
        sources.append(source)
        slots.append(("working_dir", 0))
    modules = made.get("py_modules")
    if modules is not None:
        if isinstance(modules, str) or not isinstance(modules, list | tuple):
            raise Invalid(
                f"py_modules is {shown(str(modules))}; give a list of directories, files or modules"
            )
        made["py_modules"] = list(modules)
        for number, module in enumerate(modules):
            if source := _module(module, excludes):
                sources.append(source)
                slots.append(("py_modules", number))
    if not sources:
        return made
    for (key, number), uri in zip(slots, upload_all(transport, sources, report, known), strict=True):
        if key == "working_dir":
            made[key] = uri
        else:
            made[key][number] = uri
    return made


def _working_dir(given: Any, excludes: tuple[str, ...]) -> Source | None:
    """What to send; None for a URI."""
    path = _path(given, "working_dir")
    if path is None:
        return None
    if path.is_dir():
        return Source(path, excludes=excludes)
    if not path.name.endswith(ARCHIVES) or not path.is_file():
        what = "is no archive" if path.exists() else "is not there"
        raise Invalid(
            f"working_dir {shown(str(given))} {what}; name a directory, or an archive ({', '.join(ARCHIVES)})"
        )
    return Source(path, ready=_ending(path))


def _module(given: Any, excludes: tuple[str, ...]) -> Source | None:
    if isinstance(given, ModuleType):
        found = [*getattr(given, "__path__", ()), getattr(given, "__file__", None)][0]
        if found is None:
            raise Invalid(f"the module {given.__name__} has no files to send; leave it out of py_modules")
        given = found
    path = _path(given, "py_modules")
    if path is None:
        return None
    if path.is_dir():
        return Source(path, f"{path.name}/", excludes, EXCLUDED_OF_MODULES)
    if not path.name.endswith((".py", WHEEL, *ARCHIVES)) or not path.is_file():
        what = "is no module" if path.exists() else "is not there"
        raise Invalid(
            f"py_modules {shown(str(given))} {what}; name a package's directory, a .py file or a wheel"
        )
    return Source(path, ready=_ending(path))


def _ending(path: Path) -> str:
    """What an archive's name ends in; empty for what is to be packed."""
    return next((ending for ending in (*ARCHIVES, WHEEL) if path.name.endswith(ending)), "")


def _path(given: Any, what: str) -> Path | None:
    """The absolute path, without `..`; None for a URI."""
    if not isinstance(given, str | os.PathLike):
        raise Invalid(f"{what} is {shown(str(given))}; give a path or a URI")
    text = os.fspath(given)
    if not isinstance(text, str) or "\0" in text:
        raise Invalid(f"{what} {shown(str(given))} is no path")
    if re.match(r"[a-z][a-z0-9+.-]*://", text):
        return None
    return Path(os.path.normpath(Path(text).expanduser().absolute()))


def _requirements(tool: str, given: Any) -> Any:
    """A file's path, alone or as `packages`, becomes its lines."""
    if isinstance(given, str | os.PathLike):
        return requirement_lines(os.fspath(given), tool)
    if isinstance(given, Mapping) and isinstance(given.get("packages"), str | os.PathLike):
        return {**given, "packages": requirement_lines(os.fspath(given["packages"]), tool)}
    return list(given) if isinstance(given, tuple) else given


def requirement_lines(path: str, tool: str = "pip", depth: int = 0) -> list[str]:
    """The lines of a requirements file, with those of the files that it names by `-r`."""
    if depth > NESTING_MAX:
        raise Invalid(f"the requirements file {path} includes itself")
    try:
        with open(Path(path).expanduser(), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid(f"the requirements file {shown(path)} of {tool} cannot be read: {why}") from None
    lines: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        stripped = re.sub(r"(^|\s)#.*$", "", line).strip()
        included = re.fullmatch(r"(?:-r|--requirement)(?:\s+|=)(.+)", stripped)
        if included and "${" not in included[1]:
            nested = str(Path(path).expanduser().parent / included[1])
            lines += requirement_lines(nested, tool, depth + 1)
        elif stripped:
            lines.append(stripped)
    return lines


def _conda(given: str) -> Any:
    """The name of an environment stays; a file becomes what is in it."""
    if not given.endswith((".yml", ".yaml", ".json", ".toml")):
        return given
    found = read_table(given, "conda")
    if "dependencies" not in found:
        raise Invalid(f"the conda file {shown(given)} names no dependencies")
    return found


def read_table(path: str, what: str) -> dict[str, Any]:
    """A table from a .json, .toml or, where a parser is installed, .yaml file. Raises `Invalid`."""
    try:
        with open(Path(path).expanduser(), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid(f"the {what} file {shown(path)} cannot be read: {why}") from None
    try:
        if path.endswith(".toml"):
            found = importlib.import_module("tomllib").loads(text)
        elif path.endswith((".yml", ".yaml")):
            found = _yaml(text, path)
        else:
            found = importlib.import_module("json").loads(text)
    except ValueError as error:
        raise Invalid(f"the {what} file {shown(path)} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise Invalid(f"the {what} file {shown(path)} holds no table of names and values")
    return found


def _yaml(text: str, path: str) -> Any:
    try:
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise Invalid(
            f"to read {shown(path)} the package PyYAML is needed; install it, or write JSON or TOML"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from None


def _texts(given: Any, what: str) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise Invalid(f"{what} is {shown(str(given))}; give a list of patterns")
    return list(given)
