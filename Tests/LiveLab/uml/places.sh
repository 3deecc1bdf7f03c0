# Where the lab keeps things; read by the other scripts with `.`. Sets here, package, cache and live_lab.
here=$(cd "$(dirname "$0")" && pwd)
package=$(cd "$here/../../.." && pwd)
# Kernel and root image are made once and kept; everything else is made for each run.
cache=${FWOC_LAB_CACHE:-${HOME:-/root}/.cache/fwoc-lab}
# Where a kernel that was built before may lie, as uml-prebuilt.tar.xz. Read, never written.
live_lab=${FWOC_LIVE_LAB:-$package/../shared/live-lab}

say() { echo "lab: $*" >&2; }
# What is missing is no failure of the agent: exit code 69, EX_UNAVAILABLE.
missing() { say "$*"; exit 69; }
need() { local wanted; for wanted in "$@"; do command -v "$wanted" >/dev/null || missing "$wanted is not installed (README.md names the packages)"; done; }

mkdir -p "$cache" || missing "cannot make $cache; set FWOC_LAB_CACHE"
cache=$(cd "$cache" && pwd)
