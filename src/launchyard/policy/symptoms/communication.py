"""Names, ports, networks, licence servers, MPI and NCCL; what others report when one fell over comes last."""

from launchyard.policy.symptom import row

_NEAR = 60

COMMUNICATION = (
    row(
        "license",
        ("icense", "icensing", "icence", "LICENSE"),
        r"(?i)^(?P<text>.{0,120}\b(?:licen[sc]e (?:checkout|server|manager|error|file).{0,60}"
        r"(?:fail|error|expired|cannot|could not|down)|(?:failed|unable|could not"
        r"|cannot) (?:to )?(?:check ?out|obtain|acquire|get)"
        r".{0,40}licen[sc]e|no licen[sc]es? (?:found|available|for)|licensed number of users already reached"
        r"|licens\w{1,6} error|licen[sc]e (?:has )?expired).{0,120})",
        "{text}",
        "{rerun} --begin now+1hour",
        near=_NEAR,
        first=True,
    ),
    row(
        "port-in-use",
        ("ddress already in use", "Address in use", "port is already allocated"),
        r"(?:port |:|\bPort )(?P<port>\d{2,5})\b.{0,80}[Aa]ddress already in use"
        r"|[Aa]ddress already in use.{0,40}?[:( ](?P<number>\d{2,5})\b",
        "port {port}{number} is in use by another program",
        "ss -ltnp 'sport = :{port}{number}'",
        near=_NEAR,
    ),
    row(
        "port-in-use",
        ("ddress already in use", "Address in use", "ort is already allocated", "ort is already in use"),
        r"[Aa]ddress (?:already )?in use|[Pp]ort is already (?:allocated|in use)",
        "the port that it listens on is in use by another program",
        "ss -ltnp",
        near=_NEAR,
    ),
    row(
        "name-resolution",
        ("Could not resolve host", "getaddrinfo ENOTFOUND", "Failed to resolve '", "unable to resolve host"),
        r"(?:[Cc]ould not resolve host(?:name)?:? |getaddrinfo (?:ENOTFOUND|EAI_AGAIN) |Failed to resolve '"
        r"|unable to resolve host"
        r"(?: address)? [‘']?)(?P<host>[\w.-]{1,200})",
        "no address for the host name {host}",
        "getent hosts {host}",
        near=_NEAR,
    ),
    row(
        "name-resolution",
        ("name resolution", "Name or service not known", "nodename nor servname", "NameResolutionError"),
        r"host='(?P<host>[\w.-]{1,200})'.{0,300}(?:name resolution|Name or service not known"
        r"|NameResolutionError)"
        r"|ssh: [Cc]ould not resolve hostname (?P<name>[\w.-]{1,200})",
        "no address for the host name {host}{name}",
        "getent hosts {host}{name}",
        near=_NEAR,
    ),
    row(
        "name-resolution",
        ("name resolution", "Name or service not known", "nodename nor servname", "UnknownHostException"),
        r"[Tt]emporary failure in name resolution|Name or service not known|nodename nor servname"
        r"|UnknownHostException:? ?(?P<host>[\w.-]{1,200})?",
        "no address for a host name {host}",
        near=_NEAR,
    ),
    row(
        "communication",
        ("not enough slots available",),
        r"not enough slots available in the system to satisfy the (?P<slots>\d{1,6})",
        "mpirun was asked for {slots} processes; the job has {cpus}",
        "{rerun} -c {slots}",
        near=200,
    ),
    row(
        "communication",
        ("detected an attempt to run as root",),
        r"mpirun has detected an attempt to run as root",
        "Open MPI does not run as root",
        "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 {rerun}",
        near=200,
    ),
    row(
        "communication",
        ("MPI_ABORT was invoked", "MPI_Abort("),
        r"MPI_ABORT was invoked on rank (?P<rank>\d{1,6})"
        r"|application called MPI_Abort\(.{0,60}- process (?P<process>\d{1,6})",
        "rank {rank}{process} of the MPI program called MPI_Abort",
        near=200,
        first=True,
    ),
    row(
        "communication",
        ("NCCL", "ncclUnhandled", "ncclInternal", "ncclRemote"),
        r"(?P<text>NCCL error.{0,200}|nccl(?:Unhandled|Internal|Remote|System)\w*Error?.{0,100}"
        r"|Watchdog caught collective operation timeout.{0,100})",
        "the GPUs could not talk to each other: {text}",
        "NCCL_DEBUG=INFO {rerun}",
        near=200,
        first=True,
    ),
    row(
        "missing-file",
        ("curl: (37)",),
        r"^curl: \(37\) Couldn't open file (?P<path>.{1,300})",
        "no such file: {path}",
        "{look}",
        near=12,
    ),
    row(
        "network",
        ("curl: (",),
        r"^curl: \(\d{1,3}\) (?P<text>.{1,200})",
        "curl failed: {text}",
        near=12,
    ),
    row(
        "network",
        ("onnection refused", "ECONNREFUSED"),
        r"[Cc]onnection refused|\bECONNREFUSED\b(?: (?P<host>[\w.:-]{1,100}))?",
        "a connection was refused: nothing listens there {host}",
        near=12,
    ),
    row(
        "network",
        (
            "onnection timed out",
            "etwork is unreachable",
            "No route to host",
            "ETIMEDOUT",
            "Max retries exceeded",
        ),
        r"(?P<text>[Cc]onnection timed out|[Nn]etwork is unreachable|No route to host|\bETIMEDOUT\b"
        r"|Max retries exceeded with url)",
        "the network did not answer: {text}",
        near=12,
    ),
    row(
        "network",
        ("onnection reset by peer", "ECONNRESET", "ConnectionError", "Read timed out", "Broken pipe"),
        r"(?P<text>[Cc]onnection reset by peer|\bECONNRESET\b|^(?:[\w.]+\.)?ConnectionError: .{1,200}"
        r"|Read timed out)",
        "a connection was lost: {text}",
        near=12,
    ),
)
