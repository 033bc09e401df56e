"""pip's settings in the words of uv: what was told pip need not be told again."""

import configparser
import os
from collections.abc import Mapping

_PLACES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
_SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "no-index": ("UV_NO_INDEX", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "constraint": ("UV_CONSTRAINT", " "),
}
_OWN = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE")


def from_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for uv; none about indexes where there are some for uv itself."""
    found: dict[str, str] = {}
    for name, value in _settings(environ).items():
        variable, between = _SETTINGS[name]
        words = value.split()
        if words:
            found[variable] = between.join(words)
    if any(name in environ for name in _OWN) or _has_own_file(environ):
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX"):
            found.pop(name, None)
    elif "UV_INDEX" in found:
        # pip looks at all of them for the best version; uv would stop at the first that has any.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    """As pip reads them: later files over earlier ones, variables over files."""
    home = environ.get("HOME", "/")
    named = environ.get("PIP_CONFIG_FILE")
    places = [] if named == os.devnull else [*_PLACES, *([named] if named else [])]
    settings: dict[str, str] = {}
    for place in places:
        parser = configparser.RawConfigParser()
        try:
            with open(place.replace("~", home, 1)) as file:
                parser.read_file(file)
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    for name in _SETTINGS:
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if variable in environ:
            settings[name] = environ[variable]
    return {name: value for name, value in settings.items() if name in _SETTINGS}


def _has_own_file(environ: Mapping[str, str]) -> bool:
    home = environ.get("HOME", "/")
    folder = environ.get("XDG_CONFIG_HOME", f"{home}/.config")
    return any(os.path.exists(path) for path in ("/etc/uv/uv.toml", f"{folder}/uv/uv.toml"))
