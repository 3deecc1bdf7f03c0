"""Runs a program under the system call filter and the memory protection of a systemd unit, without systemd.

    python3 under_unit.py UNIT PROGRAM [ARGUMENT...]

The filter is what SystemCallFilter= and SystemCallErrorNumber=EPERM of the unit come to, expanded by systemd-analyze and loaded with libseccomp,
which systemd itself uses. MemoryDenyWriteExecute= is the kernel's own (PR_SET_MDWE, Linux 6.3), where the kernel has it.
"""
import ctypes
import os
import subprocess
import sys


def expand(name):
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in text.splitlines()[1:]]
    return set().union(*(expand(n) for n in names if n and not n.startswith("#")))


# What systemd allows to every service, so that it can be started at all.
allowed = expand("@default") | {"execve", "exit", "exit_group", "getrlimit", "rt_sigreturn"}
settings = [line.strip().split("=", 1) for line in open(sys.argv[1]) if "=" in line and not line.startswith("#")]
for key, value in settings:
    if key == "SystemCallFilter":
        names = set().union(*(expand(n) for n in value.lstrip("~").split()))
        allowed = allowed - names if value.startswith("~") else allowed | names
assert ["SystemCallErrorNumber", "EPERM"] in settings, "the unit refuses system calls in another way"

seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
refuse, allow = 0x00050000 | 1, 0x7FFF0000  # SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW
filter = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(refuse)))
for name in allowed:
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        seccomp.seccomp_rule_add(filter, ctypes.c_uint32(allow), number, 0)
if ["MemoryDenyWriteExecute", "yes"] in settings:
    ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
assert seccomp.seccomp_load(filter) == 0, "the filter cannot be loaded"
os.execvp(sys.argv[2], sys.argv[2:])
