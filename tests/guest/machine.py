"""A guest under qemu: boots, runs one order as its root, hands its results back and is gone.

By qemu's own translation, which any machine has (/dev/kvm may be one that runs only kernels made for it). The
guest's clock goes by the instructions that it has run (`-icount`): however slow the machine that it runs on,
a minute in there is a minute's work, so its deadlines are those of its own progress. From outside it is given
up only when its console says nothing new for very long.
"""

import contextlib
import os
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.guest.image import MIB, base, code_disk, initial

SILENT_S = 1200.0
MEMORY_MIB = 2048
ICOUNT = "shift=1"
"""Two nanoseconds an instruction. With more than one CPU a guest does not start so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a guest left in its /tmp/results, by name, and what it said on its console."""

    files: dict[str, str]
    console: str


def run(order: str, work: Path, *, keep: Path | None = None) -> Results:
    """A shell script, in a guest of its own. `keep`: where its console can be read meanwhile."""
    found = base()
    with tempfile.TemporaryDirectory(dir=work, prefix="guest-") as folder:
        code, results = Path(folder) / "code", Path(folder) / "results"
        (Path(folder) / "initial").write_bytes(initial(found))
        console = keep or Path(folder) / "console"
        code_disk(code)
        results.write_bytes(order.encode())
        os.truncate(results, 16 * MIB)
        fast = ["-accel", "tcg,thread=single", "-icount", ICOUNT, "-rtc", "clock=vm", "-cpu", "max"]
        append = "console=ttyS0 panic=1 mitigations=off nokaslr random.trust_cpu=on systemd.show_status=0"
        words = ["qemu-system-x86_64", *fast, "-machine", "q35", "-m", str(MEMORY_MIB), "-smp", "1"]
        words += ["-nic", "none", "-display", "none", "-serial", f"file:{console}", "-no-reboot"]
        words += ["-kernel", str(found.kernel), "-initrd", f"{folder}/initial", "-append", append]
        for file, snapshot in ((found.disk, "on"), (code, "on"), (results, "off")):
            words += ["-drive", f"file={file},format=raw,if=virtio,snapshot={snapshot},cache=unsafe"]
        console.write_bytes(b"")
        process = subprocess.Popen(words, env=dict(os.environ) | {"TMPDIR": folder})
        try:
            _until_end(process, console)
        finally:
            process.kill()
            process.wait()
        said = console.read_text(errors="replace")
        assert "guest: done" in said, f"it did not come up: {said[-3000:]}"
        return Results(files=_unpacked(results), console=said)


def _until_end(process: subprocess.Popen[bytes], console: Path) -> None:
    """Raises `AssertionError` when it says nothing any more."""
    size, since = 0, time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert process.wait(1) == 0, f"qemu: {process.returncode}"
            return
        if console.stat().st_size != size:
            size, since = console.stat().st_size, time.monotonic()
        silent_s = time.monotonic() - since
        assert silent_s < SILENT_S, (
            f"silent for {silent_s:.0f} s: {console.read_text(errors='replace')[-3000:]}"
        )


def _unpacked(results: Path) -> dict[str, str]:
    with tarfile.open(results) as archive:
        files = {one.name.removeprefix("./"): archive.extractfile(one) for one in archive if one.isfile()}
        return {name: file.read().decode(errors="replace") for name, file in files.items() if file}
