"""What Ray counts as the CPUs of this machine are those of the job (`sitecustomize` beside this says why)."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # each Python of a job pays for what is imported here
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

COUNTS = "ray._private.utils"
PATIENCE = (("RAY_raylet_start_wait_time_s", "180"), ("RAY_agent_register_timeout_ms", "120000"))
"""Jobs share the machine, and while it is busy Ray takes longer to start than it gives itself."""


def begin(cpus: int) -> None:
    sys.meta_path.insert(0, WhenRayComes(cpus))


class WhenRayComes:
    """Stands before the finders of modules until the module comes by which Ray counts."""

    def __init__(self, cpus: int) -> None:
        self._cpus = cpus

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "ray":
            for variable, value in PATIENCE:
                os.environ.setdefault(variable, value)
        if name != COUNTS:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._follow(spec)
                return spec
        return None

    def _follow(self, spec: ModuleSpec) -> None:
        load = getattr(spec.loader, "exec_module", None)
        if load is not None:
            spec.loader.exec_module = self._loading(load)  # type: ignore[union-attr, method-assign]

    def _loading(self, load: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def load_and_tell(module: ModuleType) -> None:
            load(module)
            if hasattr(module, "get_num_cpus"):
                module.get_num_cpus = lambda *args, **kwargs: self._cpus  # type: ignore[attr-defined]

        return load_and_tell
