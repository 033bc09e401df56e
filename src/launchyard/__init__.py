"""Launchyard: one job platform. `launchyard.Client` is the way in for programs.

The names below are loaded when first used, so that importing a part of the package stays cheap.
"""

import importlib

from launchyard.model.light import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from launchyard.model.errors import LaunchyardError
    from launchyard.sdk.asynchronous import AsyncClient
    from launchyard.sdk.client import Client
    from launchyard.sdk.jobs import Job
    from launchyard.sdk.jobsubmission import JobDetails, JobStatus, JobSubmissionClient
    from launchyard.sdk.mapped import map

__all__ = [
    "AsyncClient",
    "Client",
    "Job",
    "JobDetails",
    "JobStatus",
    "JobSubmissionClient",
    "LaunchyardError",
    "__version__",
    "map",
]

__version__ = "0.1.0"

_HOMES = {
    "AsyncClient": "launchyard.sdk.asynchronous",
    "Client": "launchyard.sdk.client",
    "Job": "launchyard.sdk.jobs",
    "JobDetails": "launchyard.sdk.jobsubmission",
    "JobStatus": "launchyard.sdk.jobsubmission",
    "JobSubmissionClient": "launchyard.sdk.jobsubmission",
    "LaunchyardError": "launchyard.model.errors",
    "map": "launchyard.sdk.mapped",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'launchyard' has no attribute {name!r}")


def get_job_submission_client_cluster_info(
    address: str,
    *,
    cookies: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    headers: dict[str, Any] | None = None,
    **_: Any,
) -> Any:
    """Ray's clients ask the module `launchyard` this for an address like `launchyard://local`."""
    plugin = importlib.import_module("launchyard.sdk.rayplugin")
    return plugin.cluster_info(address, cookies, metadata, headers)
