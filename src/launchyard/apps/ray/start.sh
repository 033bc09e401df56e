# The cluster runs when this is started; it says where its dashboard is, and by which token it lets in.
set -eu
umask 077
printf %s "$RAY_AUTH_TOKEN" > "$LAUNCHYARD_SESSION_DIR/secret"
printf %s "$LAUNCHYARD_RAY_DASHBOARD" > "$LAUNCHYARD_SESSION_DIR/port"
echo "Ray runs at $RAY_ADDRESS. From elsewhere: ly ray connect $LAUNCHYARD_JOB_ID"
exec sleep infinity
