// Counts the heap allocations of the calling thread, so that tests can assert that a hot path makes none.
#pragma once
#include <stdint.h>

/// Calls of malloc, calloc, realloc and their aligned kin on this thread so far; −1 where they cannot be counted.
int64_t fwoc_allocation_count(void);
