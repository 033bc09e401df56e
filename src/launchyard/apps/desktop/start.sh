# A VNC server on a unix socket that its user alone can connect to: no port, no VNC password to guess.
set -eu
umask 077
here="$LAUNCHYARD_SESSION_DIR"

choice="$LAUNCHYARD_VALUE_DESKTOP"
if [ "$choice" = auto ]; then
    if command -v xfce4-session >/dev/null; then choice=xfce; else choice=openbox; fi
fi
case "$choice" in
xfce) program=xfce4-session ;;
*) program=openbox ;;
esac
if ! command -v "$program" >/dev/null; then
    echo "There is no $program on this machine; choose the other desktop in the form." >&2
    exit 127
fi

# The X server is told its secret by a file; programs of other users do not come in.
export XAUTHORITY="$here/xauthority"
touch "$XAUTHORITY"
cookie="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
# Written by hand where there is no xauth: family 65535 fits each display of this machine.
{
    printf '\377\377\000\000\000\000\000\022MIT-MAGIC-COOKIE-1\000\020'
    printf "$(echo "$cookie" | sed 's/../\\x&/g')"
} > "$XAUTHORITY"

mkfifo "$here/display"
Xtigervnc -displayfd 3 -rfbunixpath "$LAUNCHYARD_SESSION_SOCKET" -rfbunixmode 0600 -rfbport -1 \
    -SecurityTypes None -nolisten tcp -nolisten local -auth "$XAUTHORITY" \
    -geometry "$LAUNCHYARD_VALUE_GEOMETRY" -depth 24 -AlwaysShared -AcceptSetDesktopSize \
    -desktop "session $LAUNCHYARD_SESSION_ID" 3> "$here/display" &
server=$!
read -r number < "$here/display"
export DISPLAY=":$number"
unset SESSION_MANAGER DBUS_SESSION_BUS_ADDRESS

around=""
if command -v dbus-run-session >/dev/null; then around="dbus-run-session --"; fi
if [ "$program" = xfce4-session ]; then
    $around xfce4-session &
else
    if command -v xterm >/dev/null; then xterm -geometry 100x30+40+40 -fa Monospace -fs 11 & fi
    $around openbox &
fi
# The desktop ends when its person logs out, or when the server is gone.
desktop=$!
wait -n "$server" "$desktop" || true
kill "$server" "$desktop" 2>/dev/null || true
