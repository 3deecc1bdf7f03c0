#include "CKernels.h"

fwoc_variant fwoc_frontend_best_variant(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) return fwoc_variant_avx2;
#endif
    return fwoc_variant_portable;
}
