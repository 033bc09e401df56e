"""The parameters that a slurm.conf may have, and why we leave those out that have no place here."""

_NAMES = (
    "AccountingStorageBackupHost AccountingStorageEnforce AccountingStorageExternalHost "
    "AccountingStorageHost AccountingStorageLoc AccountingStorageParameters AccountingStoragePass "
    "AccountingStoragePort AccountingStorageTRES AccountingStorageType AccountingStorageUser "
    "AccountingStoreFlags AcctGatherEnergyType AcctGatherFilesystemType AcctGatherInfinibandType "
    "AcctGatherInterconnectType AcctGatherNodeFreq AcctGatherProfileType AllowSpecResourcesUsage "
    "AuthAltParameters AuthAltTypes AuthInfo AuthType BackupAddr BackupController BackupCtlHost "
    "BatchStartTimeout BcastExclude BcastParameters BurstBufferType CacheGroups CertgenParameters "
    "CertgenType CertmgrParameters CertmgrType CheckpointType CliFilterParameters CliFilterPlugins "
    "ClusterName CommunicationParameters CompleteWait ControlAddr ControlMachine CoreSpecPlugin "
    "CpuFreqDef CpuFreqGovernors CredType CryptoType DataParserParameters DebugFlags DefaultStorageHost "
    "DefaultStorageLoc DefaultStoragePass DefaultStoragePort DefaultStorageType DefaultStorageUser "
    "DefCpuPerGPU DefMemPerCPU DefMemPerGPU DefMemPerNode DefRuntimePlugin DependencyParameters "
    "DisableRootJobs EioTimeout EnforcePartLimits Epilog EpilogMsgTime EpilogSlurmctld EpilogTimeout "
    "ExtSensorsFreq ExtSensorsType FairShareDampeningFactor FastSchedule FederationParameters FirstJobId "
    "GetEnvTimeout GpuFreqDef GresTypes GroupUpdateForce GroupUpdateTime HashPlugin HealthCheckInterval "
    "HealthCheckNodeState HealthCheckProgram HealthCheckTimeout HttpParserType InactiveLimit Include "
    "InteractiveStepOptions JobAcctGatherFrequency JobAcctGatherParams JobAcctGatherType JobCheckpointDir "
    "JobCompHost JobCompLoc JobCompParams JobCompPass JobCompPassScript JobCompPort JobCompType "
    "JobCompUser JobContainerType JobCredentialPrivateKey JobCredentialPublicCertificate JobDefaults "
    "JobFileAppend JobRequeue JobSubmitPlugins KeepAliveTime KillOnBadExit KillWait LaunchParameters "
    "LaunchType LicenseParameters Licenses LogTimeFormat MailDomain MailProg MaxArraySize MaxBatchRequeue "
    "MaxDBDMsgs MaxJobCount MaxJobId MaxMemPerCPU MaxMemPerNode MaxNodeCount MaxStepCount MaxTasksPerNode "
    "MCSParameters MCSPlugin MemLimitEnforce MessageTimeout MetricsAuthUsers MetricsParameters "
    "MetricsType MinJobAge MpiDefault MpiParams MsgAggregationParams NamespaceType NodeFeaturesPlugins "
    "NodeSet OverTimeLimit PluginDir PlugStackConfig PowerParameters PowerPlugin PreemptExemptTime "
    "PreemptMode PreemptParameters PreemptType PrEpParameters PrEpPlugins PriorityCalcPeriod "
    "PriorityDecayHalfLife PriorityFavorSmall PriorityFlags PriorityMaxAge PriorityParameters "
    "PrioritySiteFactorParameters PrioritySiteFactorPlugin PriorityType PriorityUsageResetPeriod "
    "PriorityWeightAge PriorityWeightAssoc PriorityWeightFairshare PriorityWeightJobSize "
    "PriorityWeightPartition PriorityWeightQOS PriorityWeightTRES PrivateData ProctrackType Prolog "
    "PrologEpilogTimeout PrologFlags PrologSlurmctld PrologTimeout PropagatePrioProcess "
    "PropagateResourceLimits PropagateResourceLimitsExcept RebootProgram ReconfigFlags RequeueExit "
    "RequeueExitHold ResumeFailProgram ResumeProgram ResumeRate ResumeTimeout ResvEpilog ResvOverRun "
    "ResvProlog ReturnToService RoutePlugin SallocDefaultCommand SbcastParameters SchedulerParameters "
    "SchedulerPort SchedulerRootFilter SchedulerTimeSlice SchedulerType ScronParameters SelectType "
    "SelectTypeParameters SerializerParameters SerializerPlugins SlurmctldAddr SlurmctldDebug "
    "SlurmctldHost SlurmctldHttpAuthParameters SlurmctldLogFile SlurmctldParameters SlurmctldPidFile "
    "SlurmctldPlugstack SlurmctldPort SlurmctldPrimaryOffProg SlurmctldPrimaryOnProg SlurmctldSyslogDebug "
    "SlurmctldTimeout SlurmdDebug SlurmdHttpAuthParameters SlurmdLogFile SlurmdParameters SlurmdPidFile "
    "SlurmdPlugstack SlurmdPort SlurmdSpoolDir SlurmdSyslogDebug SlurmdTimeout SlurmdUser "
    "SlurmrestdParameters SlurmSchedLogFile SlurmSchedLogLevel SlurmstepdParameters SlurmUser SrunEpilog "
    "SrunPortRange SrunProlog StateSaveLocation SuspendExcNodes SuspendExcParts SuspendExcStates "
    "SuspendProgram SuspendRate SuspendTime SuspendTimeout SwitchParameters SwitchType TaskEpilog "
    "TaskPlugin TaskPluginParam TaskProlog TCPTimeout TLSParameters TLSType TmpFS TopologyParam "
    "TopologyPlugin TrackWCKey TreeWidth UnkillableStepProgram UnkillableStepTimeout UrlParserType UsePAM "
    "VSizeFactor WaitTime X11Parameters"
)
NAMES = _NAMES.split()
"""At the top level; a few are of older versions."""

KNOWN = {name.lower(): name for name in NAMES}

_NODE_KEYS = (
    "NodeName CPUs Procs Sockets SocketsPerBoard Boards CoresPerSocket ThreadsPerCore RealMemory Gres "
    "Feature Features Weight State Reason NodeAddr NodeHostname Port TmpDisk CoreSpecCount CpuSpecList "
    "MemSpecLimit BcastAddr CpuBind TRESWeights RestrictedCoresPerGPU Parameters Topology"
)
NODE_KEYS = frozenset(_NODE_KEYS.lower().split())
_PARTITION_KEYS = (
    "PartitionName Nodes Default MaxTime DefaultTime PriorityTier PriorityJobFactor Priority State MinNodes "
    "MaxNodes AllowAccounts DenyAccounts AllowGroups AllowQos DenyQos QOS AllocNodes Alternate CpuBind "
    "DefCpuPerGPU DefMemPerCPU DefMemPerGPU DefMemPerNode DisableRootJobs ExclusiveTopo ExclusiveUser "
    "GraceTime Hidden JobDefaults LLN MaxCPUsPerNode MaxCPUsPerSocket MaxMemPerCPU MaxMemPerNode "
    "OverSubscribe OverTimeLimit PowerDownOnIdle PreemptMode ReqResv ResumeTimeout RootOnly "
    "SelectTypeParameters Shared SuspendTime SuspendTimeout TRESBillingWeights DenyGroups AllowUsers "
    "DenyUsers Topology"
)
PARTITION_KEYS = frozenset(_PARTITION_KEYS.lower().split())

RECORDS = ("NodeName", "PartitionName", "NodeSet", "DownNodes", "FrontendName")
"""Names with which a line of its own begins."""

_SITE = "it is about Slurm's own daemons, files and network, which are not there"
_ACCOUNTING = "ended jobs and their usage are always kept in our own database"
_PROGRAMS = "programs at the begin and end of jobs and nodes are not run here"
_POWER = "nodes are never powered down here"
_MEMORY = "memory that is not asked for is the share of the node that the CPUs are"

WHY: tuple[tuple[str, str], ...] = (
    ("AccountingStor Acct DefaultStorage JobAcct JobComp TrackWCKey", _ACCOUNTING),
    ("SuspendE SuspendP SuspendR SuspendT Resume Power RebootProgram", _POWER),
    ("DefMem", _MEMORY),
    ("MaxMem MaxCPUs", "a limit on one job is that of a QOS or an account: `per_job`"),
    ("Prolog Epilog TaskProlog TaskEpilog SrunProlog SrunEpilog ResvProlog ResvEpilog PrEp", _PROGRAMS),
    ("HealthCheck UnkillableStepProgram MailProg MailDomain", _PROGRAMS),
    ("Proctrack TaskPlugin Namespace JobContainer Cgroup TmpFS", "jobs are enforced by the launcher alone"),
    ("Select GresTypes Topology Switch Route TreeWidth", "CPUs, memory and GPUs are always chosen together"),
    ("SchedulerP SchedulerT bf_ FairShareDamp PriorityCalc", "our planner has no such setting"),
    ("PriorityUsageReset", "usage fades with `half_life`; it is never set to zero"),
    ("PriorityWeightAssoc PrioritySite PriorityFlags PriorityParameters", "there is no such factor here"),
    ("PreemptExempt PreemptParam", "what makes room is chosen by QOS; `grace` is its warning"),
    (
        "CliFilter JobSubmit LuaScript NodeFeatures BurstBuffer MCS Spank PlugStack",
        "there are no plugins here",
    ),
    ("Federation", "there is one cluster"),
    ("Propagate", "limits of the submitting shell are not carried to jobs"),
    ("OverTimeLimit ResvOverRun VSize", "a time limit is a time limit"),
    ("DisableRootJobs", "jobs of root are refused unless `allow_root_jobs = true`"),
    (
        "FirstJobId MaxJobId MaxJobCount MaxStepCount MaxTasksPerNode MaxNodeCount",
        "there is no such bound here",
    ),
    ("JobRequeue JobFileAppend KillOnBadExit RequeueExit", "it is said when a job is submitted"),
    ("EnforcePartLimits", "what can never run in a partition is refused at once, or waits and says why"),
    ("", _SITE),
)
"""Beginnings of names, and why those are left out; the first that fits."""


def why(name: str) -> str:
    lower = name.lower()
    for beginnings, reason in WHY:
        if not beginnings or any(lower.startswith(one.lower()) for one in beginnings.split()):
            return reason
    return _SITE
