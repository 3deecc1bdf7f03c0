// What Swift's Glibc module leaves out of Linux: eventfd, CPU sets, thread names. Can go when Glibc has them.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int fwoc_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// Clocks as integers: which Clang module owns struct timespec depends on the order of imports, and then on the compiler's mood.
static inline int64_t fwoc_clock_nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
static inline int64_t fwoc_monotonic_nanoseconds(void) { return fwoc_clock_nanoseconds(CLOCK_MONOTONIC); }
static inline int64_t fwoc_boot_nanoseconds(void) { return fwoc_clock_nanoseconds(CLOCK_BOOTTIME); }
static inline int64_t fwoc_processor_nanoseconds(void) { return fwoc_clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

// Whether somebody keeps the wall clock in step with others.
// A system call, because <sys/timex.h> with _GNU_SOURCE declares an fd_set that differs from the one in Swift's Glibc module, and debug
// builds refuse the two. It writes a struct timex, 208 bytes; modes, its first field, is 0: only ask. 5 is TIME_ERROR: not synchronised.
static inline bool fwoc_clock_is_synchronised(void) {
    long state[64] = {0};
    long answer = syscall(SYS_adjtimex, state);
    return answer >= 0 && answer != 5;
}

// At most 15 bytes of the name are kept by the kernel.
static inline int fwoc_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

// Bit n of the mask is processor n. Returns 0 or an errno.
static inline int fwoc_pin_thread(uint64_t mask) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < 64; cpu++)
        if (mask >> cpu & 1) CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

// Nice value of the calling thread alone. Returns 0 or an errno.
// A system call, because <sys/resource.h> with _GNU_SOURCE declares an enum that differs from the one in Swift's Glibc module,
// and the two cannot be imported together. 0 is PRIO_PROCESS; a thread's number names that thread alone.
static inline int fwoc_nice_thread(int nice) {
    return syscall(SYS_setpriority, 0, syscall(SYS_gettid), nice) == 0 ? 0 : errno;
}

// Round-robin real-time scheduling of the calling thread. Returns 0 or an errno.
static inline int fwoc_realtime_thread(int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    return pthread_setschedparam(pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &parameters);
}
