"""Runtime environments: the files, packages and variables that a job needs, read from what was asked for.

Pure: what a request says by itself. Whether a package is there, an archive can be fetched or a requirement be
met shows when the environment is set up. Unknown keys are kept and ignored here: others may know them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launchyard.model.errors import Invalid
from launchyard.model.number import shown

TIMEOUT_S = 600
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.xz")
WHEEL = ".whl"
REMOTE = ("https", "http", "file", "s3", "gs")
STORED = ("gcs", "package")
"""Packages that were uploaded: `gcs://NAME` as Ray's clients name them, `package://SHA256.zip` as ours."""
FROM_ELSEWHERE = ("http://", "https://", "s3://", "gs://")
ENTRIES_MAX = 1_000
TEXT_MAX = 4_096

_PACKAGE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]{0,254}", re.ASCII)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_OWN = "LAUNCHYARD_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What is to be installed, one line each as in a requirements file; `tool` is `pip` or `uv`."""

    tool: str
    lines: tuple[str, ...]
    options: tuple[str, ...] = ()
    check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeEnv:
    """A runtime environment as asked for. `timeout_s` None: its set-up may take as long as it takes."""

    working_dir: str | None = None
    py_modules: tuple[str, ...] = ()
    requirements: Requirements | None = None
    conda: str | Mapping[str, Any] | None = None
    image: str | None = None
    run_options: tuple[str, ...] = ()
    env_vars: Mapping[str, str] = field(default_factory=dict)
    py_executable: str | None = None
    timeout_s: float | None = TIMEOUT_S

    @property
    def needs_setup(self) -> bool:
        """Whether anything has to be made on a disk before the job can start."""
        return bool(self.working_dir or self.py_modules or self.requirements or self.conda)

    @property
    def uris(self) -> tuple[str, ...]:
        """Where its files come from."""
        return (*([self.working_dir] if self.working_dir else ()), *self.py_modules)

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of the uploaded packages that it uses."""
        return tuple(name for uri in self.uris if (name := package_name(uri)) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the environment changes of a launch: its directory (None: as asked) and all its variables."""

    working_dir: str | None
    variables: Mapping[str, str]


def check(asked: Mapping[str, Any]) -> RuntimeEnv:
    """The runtime environment that was asked for. Raises `Invalid`, one sentence."""
    _refuse_contradictions(asked)
    image, run_options = _container(asked)
    return RuntimeEnv(
        working_dir=_working_dir(asked.get("working_dir")),
        py_modules=_py_modules(asked.get("py_modules")),
        requirements=_requirements(asked),
        conda=_conda(asked.get("conda")),
        image=image,
        run_options=run_options,
        env_vars=_env_vars(asked.get("env_vars")),
        py_executable=_optional_text(asked.get("py_executable"), "py_executable"),
        timeout_s=_timeout_s(asked, _texts(asked.get("excludes"), "excludes")),
    )


def package_name(uri: str) -> str | None:
    """The name under which an uploaded package is kept, None of any other URI."""
    protocol, _, name = uri.partition("://")
    return name if protocol in STORED else None


def is_package_name(name: str) -> bool:
    """A name that leads nowhere but to a file of that name, with an ending that we know."""
    return _PACKAGE_NAME.fullmatch(name) is not None and name.endswith((*ARCHIVES, WHEEL))


def surroundings(env: RuntimeEnv, directory: str, variables: Mapping[str, str]) -> Surroundings:
    """What a launch of the job gets whose own directory is `directory`, over the variables it has anyway.

    `${NAME}` in a value is what that variable was before, and nothing where there is none.
    """
    found = dict(variables)
    for name, value in env.env_vars.items():
        if not name.startswith(_OWN):
            found[name] = expanded(value, found)
    if env.requirements is not None:
        found["VIRTUAL_ENV"] = f"{directory}/venv"
        found["PATH"] = f"{directory}/venv/bin:{found.get('PATH', '')}".rstrip(":")
        found.pop("PYTHONHOME", None)
    if env.conda is not None:
        found["CONDA_PREFIX"] = f"{directory}/conda"
        found["PATH"] = f"{directory}/conda/bin:{found.get('PATH', '')}".rstrip(":")
    work = _in_place(env.working_dir) or (f"{directory}/work" if env.working_dir else None)
    modules = [_in_place(uri) or f"{directory}/modules/{number}" for number, uri in enumerate(env.py_modules)]
    path = [*([work] if work else ()), *modules, *filter(None, [found.get("PYTHONPATH")])]
    if work or modules:
        found["PYTHONPATH"] = ":".join(path)
    return Surroundings(working_dir=work, variables=found)


def in_container(env: RuntimeEnv, tool: str, working_dir: str) -> tuple[str, ...]:
    """What stands before a command to run it in the image that was asked for, with its variables."""
    if env.image is None:
        return ()
    if tool == "podman":
        # In the job's own cgroup, so that its limits hold and its end is the end of all of it.
        own = ("--cgroups=disabled", "--userns=keep-id", "--network=host", "--pid=host", "--ipc=host")
        place = ("--env-host", "-w", working_dir, "-v", f"{working_dir}:{working_dir}")
        return (tool, "run", "--rm", *own, *place, *env.run_options, env.image)
    image = env.image if "://" in env.image or env.image.startswith("/") else f"docker://{env.image}"
    return (tool, "exec", "--pwd", working_dir, *env.run_options, image)


def expanded(value: str, variables: Mapping[str, str]) -> str:
    """With `$NAME` and `${NAME}` replaced by what they are."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), value)


def _in_place(uri: str | None) -> str | None:
    """The directory of a `local://` URI, which is used as it is."""
    return uri.removeprefix("local://") if uri is not None and uri.startswith("local://") else None


def _refuse_contradictions(asked: Mapping[str, Any]) -> None:
    given = [name for name in ("pip", "uv", "conda") if asked.get(name) is not None]
    if len(given) > 1:
        raise Invalid(
            f"runtime_env has {' and '.join(given)}, of which one is possible; leave out the others"
        )
    for name in ("image_uri", "container"):
        if asked.get(name) is None:
            continue
        possible = {name, "config", "env_vars", "launchyard"}
        others = [one for one in _KNOWN if one not in possible and asked.get(one) is not None]
        if others:
            raise Invalid(
                f"runtime_env has {name} and {others[0]}; beside {name} only config and env_vars are possible"
            )


def _working_dir(uri: Any) -> str | None:
    if uri is None:
        return None
    if not isinstance(uri, str):
        raise Invalid(f"runtime_env.working_dir is {_kind(uri)}; it is one URI, such as gcs://NAME.zip")
    return _uri(uri, "working_dir", ARCHIVES) if uri else None


def _py_modules(uris: Any) -> tuple[str, ...]:
    return tuple(_uri(uri, "py_modules", (*ARCHIVES, WHEEL)) for uri in _texts(uris, "py_modules"))


def _uri(uri: str, what: str, endings: tuple[str, ...]) -> str:
    protocol, colon, rest = uri.partition("://")
    if not colon:
        raise Invalid(
            f"runtime_env.{what} {shown(uri)} is not a valid path for a server: it is a local path. "
            f"`ly submit --working-dir DIR` uploads a directory; local:///DIR names one on the nodes"
        )
    if protocol == "local":
        if not rest.startswith("/") or "/../" in f"{rest}/":
            raise Invalid(f"runtime_env.{what} {shown(uri)} is not absolute; write local:///the/directory")
        return uri
    if protocol not in (*STORED, *REMOTE):
        known = ", ".join(f"{one}://" for one in (*STORED, *REMOTE, "local"))
        raise Invalid(f"runtime_env.{what} {shown(uri)} has an unknown protocol; possible are {known}")
    if not rest.split("?")[0].endswith(endings):
        raise Invalid(f"runtime_env.{what} {shown(uri)} is no archive; it ends in {', '.join(endings)}")
    if protocol in STORED and not is_package_name(rest):
        raise Invalid(f"runtime_env.{what} {shown(uri)} names no package; use letters, digits, '.', '_', '-'")
    if not uri.isprintable() or len(uri) > TEXT_MAX:
        raise Invalid(f"runtime_env.{what} {shown(uri)} is no URI; leave out control characters and spaces")
    return uri


def _requirements(asked: Mapping[str, Any]) -> Requirements | None:
    tool = "pip" if asked.get("pip") is not None else "uv"
    given = asked.get(tool)
    if given is None:
        return None
    if isinstance(given, str):
        raise Invalid(
            f"runtime_env.{tool} {shown(given)} is the path of a local file; send its lines as a list"
        )
    options_key = f"{tool}_install_options" if tool == "pip" else "uv_pip_install_options"
    if isinstance(given, Mapping):
        lines = _texts(given.get("packages"), f"{tool}.packages")
        check = given.get(f"{tool}_check", False)
        if not isinstance(check, bool):
            raise Invalid(f"runtime_env.{tool}.{tool}_check is {_kind(check)}; it is true or false")
        options = _texts(given.get(options_key), f"{tool}.{options_key}")
        return Requirements(tool=tool, lines=lines, options=options, check=check) if lines else None
    lines = _texts(given, tool)
    return Requirements(tool=tool, lines=lines) if lines else None


def _conda(given: Any) -> str | Mapping[str, Any] | None:
    if given is None or (isinstance(given, str | Mapping) and given):
        return given
    raise Invalid(f"runtime_env.conda is {_kind(given)}; it is the name of an environment, or a table")


def _container(asked: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    container = asked.get("container")
    if container is None:
        return _optional_text(asked.get("image_uri"), "image_uri"), ()
    if not isinstance(container, Mapping) or not isinstance(container.get("image"), str):
        raise Invalid('runtime_env.container names no image; write {"image": "NAME"}')
    return container["image"], _texts(container.get("run_options"), "container.run_options")


def _env_vars(given: Any) -> Mapping[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Invalid(f'runtime_env.env_vars is {_kind(given)}; it is a table such as {{"NAME": "value"}}')
    for name, value in given.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise Invalid(
                f"runtime_env.env_vars has the name {shown(str(name))}; names are not empty and hold no '='"
            )
        if not isinstance(value, str) or "\0" in value:
            raise Invalid(f"runtime_env.env_vars.{name} is {_kind(value)}; write its value as text")
    return dict(given)


def _timeout_s(asked: Mapping[str, Any], _: tuple[str, ...]) -> float | None:
    config = asked.get("config")
    if config is None:
        return TIMEOUT_S
    if not isinstance(config, Mapping):
        raise Invalid(f"runtime_env.config is {_kind(config)}; it is a table")
    seconds = config.get("setup_timeout_seconds", TIMEOUT_S)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or (seconds <= 0 and seconds != -1):
        raise Invalid(
            f"runtime_env.config.setup_timeout_seconds is {shown(str(seconds))}; "
            f"write a number of seconds, or -1 for no limit"
        )
    return None if seconds == -1 else float(seconds)


def _texts(given: Any, what: str) -> tuple[str, ...]:
    """A list of texts of one line each."""
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        raise Invalid(f"runtime_env.{what} is {_kind(given)}; it is a list of texts")
    if len(given) > ENTRIES_MAX:
        raise Invalid(f"runtime_env.{what} has {len(given)} entries; at most {ENTRIES_MAX} are possible")
    for one in given:
        if not isinstance(one, str) or not one.strip():
            raise Invalid(f"runtime_env.{what} holds {_kind(one)}; it is a list of texts")
        if len(one) > TEXT_MAX or any(c in one for c in "\n\r\0"):
            raise Invalid(
                f"runtime_env.{what} holds {shown(one[:80])}; each is one line of a sensible length"
            )
    return tuple(given)


def _optional_text(given: Any, what: str) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not given.strip() or "\0" in given or len(given) > TEXT_MAX:
        raise Invalid(f"runtime_env.{what} is {_kind(given)}; it is a text")
    return given


def _kind(value: Any) -> str:
    words = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    if isinstance(value, str):
        return f"{shown(value[:80])}" if value.strip() else "an empty text"
    return "nothing" if value is None else words.get(type(value), type(value).__name__)


_KNOWN = (
    "working_dir",
    "py_modules",
    "pip",
    "uv",
    "conda",
    "image_uri",
    "container",
    "py_executable",
    "excludes",
)
