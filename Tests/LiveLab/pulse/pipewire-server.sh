#!/bin/bash
# PipeWire with its PulseAudio server, of its own: without systemd, D-Bus or sound hardware, as root or not.
#
#   pipewire-server.sh FOLDER [MODULE-AND-ARGUMENTS]...
#
# Serves as pulse-server.sh does: the socket is FOLDER/native, the process number FOLDER/pid (that of the server the clients talk
# to), a sink "clip", a source "mic" that hears what is played there, and the modules named. FOLDER/pids holds the numbers of all its
# daemons. It ends when standard input is closed or any of them ends. The daemons run with the configuration that they were shipped
# with; changed are the socket's place, and that no device of this machine is taken.
set -eu
for program in pipewire pipewire-pulse wireplumber pactl; do
	command -v $program >/dev/null || {
		echo "pipewire-server: no $program found; install the packages pipewire, pipewire-pulse, wireplumber and pulseaudio-utils" >&2; exit 69; }
done
folder=$1
shift
mkdir -p "$folder/state" "$folder/config/pipewire/pipewire-pulse.conf.d" "$folder/config/wireplumber/main.lua.d" "$folder/config/wireplumber/bluetooth.lua.d"
chmod 700 "$folder"
rm -f "$folder/native" "$folder/pid" "$folder/pids" "$folder"/pipewire-0*
export XDG_RUNTIME_DIR=$folder PIPEWIRE_RUNTIME_DIR=$folder XDG_STATE_HOME=$folder/state XDG_CONFIG_HOME=$folder/config HOME=$folder
# Nobody listens there: an empty address would be taken for the machine's own bus.
export DBUS_SESSION_BUS_ADDRESS=unix:path=$folder/no-bus DBUS_SYSTEM_BUS_ADDRESS=unix:path=$folder/no-bus
unset PULSE_SERVER PULSE_COOKIE PIPEWIRE_REMOTE PIPEWIRE_CONFIG_DIR
echo "pulse.properties = { server.address = [ \"unix:$folder/native\" ] }" >"$folder/config/pipewire/pipewire-pulse.conf.d/socket.conf"
# After 50-*, which set these, and before 90-*, which acts on them.
cat >"$folder/config/wireplumber/main.lua.d/80-no-devices.lua" <<-END
	alsa_monitor.enabled = false
	v4l2_monitor.enabled = false
	libcamera_monitor.enabled = false
	default_access.properties["enable-flatpak-portal"] = false
END
echo "bluez_monitor.enabled = false" >"$folder/config/wireplumber/bluetooth.lua.d/80-no-devices.lua"

daemons=()
# Some end by themselves when another does; each is killed all the same.
trap 'for daemon in "${daemons[@]}"; do kill -KILL $daemon 2>/dev/null || true; done; exit 1' EXIT
await() { # FILE: made by the daemon started last
	for _ in $(seq 600); do
		[ -S "$1" ] && return
		kill -0 "${daemons[-1]}" 2>/dev/null || break
		sleep 0.05
	done
	echo "pipewire-server: the daemon did not open $1" >&2
	exit 1
}
pipewire </dev/null &
daemons+=($!)
await "$folder/pipewire-0"
wireplumber </dev/null &
daemons+=($!)
pipewire-pulse </dev/null &
daemons+=($!)
await "$folder/native"
export PULSE_SERVER=unix:$folder/native
pactl load-module module-null-sink sink_name=clip rate=48000 channels=1 channel_map=mono >/dev/null
pactl load-module module-remap-source source_name=mic master=clip.monitor channels=1 >/dev/null
for module in "$@"; do pactl load-module $module >/dev/null; done
echo "${daemons[@]}" >"$folder/pids"
echo "${daemons[2]}" >"$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"
# Whichever comes first: standard input is closed, or a daemon ends.
exec 3<&0
cat <&3 >/dev/null &
wait -n "${daemons[@]}" $! || true
