#!/bin/bash
# A mosquitto of one's own on 127.0.0.1, in the foreground: this process becomes the broker.
# Usage: broker.sh DIR PORT [OPTION]...
#   tls             TLS with DIR/server.crt (made here where it is missing)
#   certificate=X   with tls: DIR/X.crt instead of DIR/server.crt (elsewhere, expired)
#   client          with tls: clients need a certificate
#   password        user "edge", password "secret"
#   persistent      keeps its sessions in DIR/mosquitto.db; saved on SIGUSR1 and at the end
#   readonly=TOPIC  nobody may publish or subscribe to TOPIC
# Then: mosquitto_sub -h localhost -p PORT --cafile DIR/ca.crt -u edge -P secret -v -t 'fwoc/#'
set -euo pipefail
mkdir -p "$1"
dir=$(realpath "$1") port=$2 here=$(dirname "$(realpath "$0")")
shift 2
tls="" certificate=server client="" password="" persistence="" forbidden=""
for option in "$@"; do
    case $option in
    tls) tls=1 ;;
    certificate=*) certificate=${option#*=} ;;
    client) client=1 ;;
    password) password=1 ;;
    persistent) persistence=1 ;;
    readonly=*) forbidden=${option#*=} ;;
    *) echo "broker.sh: unknown option $option" >&2; exit 64 ;;
    esac
done
for program in mosquitto mosquitto_passwd openssl; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "broker.sh: no $program; run make setup" >&2; exit 69; }
done
{
    echo "listener $port 127.0.0.1"
    [ "$(id -u)" = 0 ] && echo "user root"
    echo "log_dest file $dir/mosquitto.log"
    echo "log_type all"
    if [ -n "$tls" ]; then
        [ -e "$dir/ca.crt" ] || "$here/certificates.sh" "$dir"
        printf 'cafile %s/ca.crt\ncertfile %s/%s.crt\nkeyfile %s/%s.key\ntls_version tlsv1.2\n' "$dir" "$dir" "$certificate" "$dir" "$certificate"
        [ -n "$client" ] && echo "require_certificate true"
    fi
    if [ -n "$password" ]; then
        touch "$dir/passwords"; chmod 600 "$dir/passwords"
        mosquitto_passwd -b "$dir/passwords" edge secret
        printf 'allow_anonymous false\npassword_file %s/passwords\n' "$dir"
    else
        echo "allow_anonymous true"
    fi
    if [ -n "$persistence" ]; then
        printf 'persistence true\npersistence_location %s/\nautosave_interval 0\n' "$dir"
    else
        echo "persistence false"
    fi
    if [ -n "$forbidden" ]; then
        printf 'pattern deny %s\npattern readwrite #\n' "$forbidden" >"$dir/access"
        chmod 600 "$dir/access"
        echo "acl_file $dir/access"
    fi
} >"$dir/mosquitto.conf"
# Who starts this from a thread that blocks signals hands the block on, and the broker would hear neither SIGTERM nor SIGUSR1.
PATH=$PATH:/usr/sbin exec env --default-signal mosquitto -c "$dir/mosquitto.conf"
