#!/bin/bash
# Makes in DIR: an authority (ca), its server certificate for localhost and 127.0.0.1 (server), one for another name (elsewhere), one that
# is over (expired), a client's certificate (client), and a second authority that signed none of them (other-ca).
# Usage: certificates.sh DIR
set -euo pipefail
mkdir -p "$1"
cd "$1"
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE 2>/dev/null
}
# NAME COMMON-NAME EXTENSIONS [openssl x509 options]
certificate() {
    local name=$1 subject=$2 extensions=$3
    shift 3
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$subject" -keyout "$name.key" -out "$name.csr" 2>/dev/null
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$name.crt" -extfile <(printf '%b' "$extensions") "$@" 2>/dev/null
}
authority ca
authority other-ca
certificate server localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth' -days 2
certificate elsewhere elsewhere.example 'subjectAltName=DNS:elsewhere.example\nextendedKeyUsage=serverAuth' -days 2
certificate expired localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth' -days -1
certificate client edge 'extendedKeyUsage=clientAuth' -days 2
