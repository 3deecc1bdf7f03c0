#!/bin/bash
# A PulseAudio server of its own, without systemd, D-Bus or sound hardware, as root or not.
#
#   pulse-server.sh FOLDER [MODULE-AND-ARGUMENTS]...
#
# FOLDER is private to this server: its socket is FOLDER/native (clients: PULSE_SERVER=unix:FOLDER/native), its process number
# FOLDER/pid. It offers a sink "clip" and a source "mic" that hears what is played there, and the modules named. It ends when
# standard input is closed, so that it never outlives who started it.
set -eu
command -v pulseaudio >/dev/null || { echo "pulse-server: no pulseaudio found; install the packages pulseaudio and pulseaudio-utils" >&2; exit 69; }
folder=$1
shift
mkdir -p "$folder/state"
chmod 700 "$folder"
rm -f "$folder/native" "$folder/pid"
export XDG_RUNTIME_DIR=$folder PULSE_RUNTIME_PATH=$folder PULSE_STATE_PATH=$folder/state HOME=$folder
export DBUS_SESSION_BUS_ADDRESS= DBUS_SYSTEM_BUS_ADDRESS=
unset PULSE_SERVER PULSE_COOKIE
modules=()
for module in "$@"; do modules+=(-L "$module"); done
pulseaudio -n --daemonize=no --exit-idle-time=-1 --disallow-exit --use-pid-file=no --log-target=stderr --log-level=warning \
	--high-priority=no --realtime=no \
	-L "module-native-protocol-unix socket=$folder/native auth-anonymous=1" \
	-L "module-null-sink sink_name=clip rate=48000 channels=1" \
	-L "module-remap-source source_name=mic master=clip.monitor channels=1" \
	"${modules[@]}" </dev/null &
server=$!
trap 'kill -CONT $server 2>/dev/null; kill -KILL $server 2>/dev/null' EXIT
echo $server >"$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"
cat >/dev/null
