# VS Code on a unix socket that its user alone can connect to: that is its authentication.
set -eu
umask 077
here="$LAUNCHYARD_SESSION_DIR"
printf 'auth: none\n' > "$here/config.yaml"
if [ -n "$LAUNCHYARD_VALUE_FOLDER" ] && [ ! -d "$LAUNCHYARD_VALUE_FOLDER" ]; then
    echo "There is no folder $LAUNCHYARD_VALUE_FOLDER; choose another in the form." >&2
    exit 1
fi
set -- --config "$here/config.yaml" --socket "$LAUNCHYARD_SESSION_SOCKET" --socket-mode 600 \
    --disable-telemetry --disable-update-check --disable-workspace-trust --disable-getting-started-override
# Its shells and tasks are of this job, not of an editor around it.
unset VSCODE_IPC_HOOK_CLI
# A folder that is named goes before the one that was open last time.
exec code-server "$@" ${LAUNCHYARD_VALUE_FOLDER:+--ignore-last-opened "$LAUNCHYARD_VALUE_FOLDER"}
