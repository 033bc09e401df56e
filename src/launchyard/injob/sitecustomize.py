"""Loaded by each Python in a job, from PYTHONPATH: Ray is told how many CPUs the job has, nothing else.

Ray looks neither at CPU affinity nor at any cgroup but the machine's own, and of its variables the one that
tells a number of CPUs goes before what a program says itself. So the function by which Ray counts is told,
once Ray is imported; `ray.init(num_cpus=8)` is 8. It runs in whatever Python the job has, old ones too, and
the module of this name that it stands before is loaded all the same.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
CPUS = os.environ.get("SLURM_CPUS_ON_NODE", "")
OWN = sys.modules.pop("sitecustomize", None)

if sys.version_info >= (3, 6) and CPUS.isdigit() and int(CPUS):
    __import__("launchyard_counting").begin(int(CPUS))
sys.path[:] = [path for path in sys.path if path.rstrip("/") != HERE]
try:
    __import__("sitecustomize")
except ImportError:
    pass
finally:
    if OWN is not None:
        sys.modules.setdefault("sitecustomize", OWN)
