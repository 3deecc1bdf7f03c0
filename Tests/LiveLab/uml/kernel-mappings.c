// Loaded before the C library into the user-mode Linux kernel, so that it does not take memory away from under its own feet.
//
// Linux 6.1 keeps the stacks of its threads in vmalloc's memory (CONFIG_VMAP_STACK). Where a range of that memory has changed, user-mode Linux's
// flush_tlb_kernel_range unmaps every page of it that is present and maps it again, the page with the running thread's own thread_info among them.
// A timer's signal between the two finds no thread_info, faults, finds none again, and the machine stands still at full load, once in some ten kills of
// a service with a seccomp filter (freeing the filter flushes). mmap with MAP_FIXED replaces a mapping in one step: without the munmap before it there
// is no moment at which the page is away. What has been freed stays mapped until it is used again, which nothing here minds.
//
// Can go with a kernel that has no CONFIG_VMAP_STACK, as configure-kernel makes it, or one whose flush replaces mappings.
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// Physical memory and vmalloc's begin at 1.5 GiB and are filled from below; the host's libraries lie far above.
static const uintptr_t kernel_end = (uintptr_t)1 << 44;

int munmap(void *address, size_t size) {
    if ((uintptr_t)address < kernel_end) return 0;
    return (int)syscall(SYS_munmap, address, size);
}
