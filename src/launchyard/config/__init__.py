"""The configuration: read from TOML, checked as a whole, refused with its line."""

from launchyard.config.changing import changed, without
from launchyard.config.keys import KEYS
from launchyard.config.rules import read_rules
from launchyard.config.settings import (
    Settings,
    check,
    default_path,
    default_state,
    load,
    with_engine,
    with_listen,
)
from launchyard.config.text import rules_text

__all__ = [
    "KEYS",
    "Settings",
    "changed",
    "check",
    "default_path",
    "default_state",
    "load",
    "read_rules",
    "rules_text",
    "with_engine",
    "with_listen",
    "without",
]
