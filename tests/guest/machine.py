"""A guest under qemu: boots, runs one order as its root, hands its results back and is gone.

By qemu's own translation, which any machine has (/dev/kvm may be one that runs only kernels made for it). It
is some ten times slower, and a whole run takes two or three minutes.
"""

import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.guest.image import MIB, base, code_disk, initial

BOOT_S = 1800.0
MEMORY_MIB = 2048
CPUS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a guest left in its /tmp/results, by name, and what it said on its console."""

    files: dict[str, str]
    console: str


def run(order: str, work: Path, *, within_s: float = BOOT_S, keep: Path | None = None) -> Results:
    """A shell script, in a guest of its own. `keep`: where its console can be read meanwhile."""
    found = base()
    with tempfile.TemporaryDirectory(dir=work, prefix="guest-") as folder:
        code, results = Path(folder) / "code", Path(folder) / "results"
        (Path(folder) / "initial").write_bytes(initial(found))
        console = keep or Path(folder) / "console"
        code_disk(code)
        results.write_bytes(order.encode())
        os.truncate(results, 16 * MIB)
        fast = ["-accel", "tcg,thread=multi", "-cpu", "max"]
        append = "console=ttyS0 panic=1 mitigations=off nokaslr random.trust_cpu=on"
        words = ["qemu-system-x86_64", *fast, "-machine", "q35", "-m", str(MEMORY_MIB), "-smp", str(CPUS)]
        words += ["-nic", "none", "-display", "none", "-serial", f"file:{console}", "-no-reboot"]
        words += ["-kernel", str(found.kernel), "-initrd", f"{folder}/initial", "-append", append]
        for file, snapshot in ((found.disk, "on"), (code, "on"), (results, "off")):
            words += ["-drive", f"file={file},format=raw,if=virtio,snapshot={snapshot},cache=unsafe"]
        try:
            subprocess.run(words, check=True, timeout=within_s, env=dict(os.environ) | {"TMPDIR": folder})
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end in {within_s:g} s; {console.read_text()[-3000:]}") from None
        said = console.read_text(errors="replace")
        assert "guest: done" in said, f"it did not come up: {said[-3000:]}"
        return Results(files=_unpacked(results), console=said)


def _unpacked(results: Path) -> dict[str, str]:
    with tarfile.open(results) as archive:
        files = {one.name.removeprefix("./"): archive.extractfile(one) for one in archive if one.isfile()}
        return {name: file.read().decode(errors="replace") for name, file in files.items() if file}
