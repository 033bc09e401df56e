"""What scontrol can be asked and is not done here: one sentence why, and what to do."""

from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags

WHY = {
    "abort": "the server is stopped by `ly down`",
    "cancel_reboot": "nodes are not rebooted from here; drain them and reboot them yourself",
    "fsdampeningfactor": "the fair share is set by `ly admin set scheduler`",
    "power": "nodes are not powered up and down from here; drain them and do it yourself",
    "reboot": "nodes are not rebooted from here; drain them and reboot them yourself",
    "reboot_nodes": "nodes are not rebooted from here; drain them and reboot them yourself",
    "schedloglevel": "the server has one log; `ly status` says where it is",
    "setdebug": "the server has one log; `ly status` says where it is",
    "setdebugflags": "the server has one log; `ly status` says where it is",
    "shutdown": "the server is stopped by `ly down`",
    "takeover": "there is one server and no backup",
    "token": "tokens are made by `ly token create`",
}


def run(words: list[str], flags: Flags) -> int:
    raise Refused(f"error: {flags.word}: {WHY[flags.word.lower()]}")
