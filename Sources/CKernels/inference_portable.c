// Baseline vectors of the architecture: SSE2 on x86-64, NEON on arm64.
#include "inference_variants.h"

#define NAME(x) inference_portable_##x
#define DEPTHWISE_COLUMNS 4
#define LANES 4
#if defined(__aarch64__)
#define ROWS 8
#define DISPATCH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8)
#define MULADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define VECTOR_MAX(a, b) __builtin_elementwise_max(a, b)
#define VECTOR_MIN(a, b) __builtin_elementwise_min(a, b)
#else
#define ROWS 4
#define DISPATCH_ROWS(F) F(1) F(2) F(3) F(4)
#define MULADD(a, b, c) ((a) * (b) + (c))
#if defined(__SSE2__)
#include <xmmintrin.h>
#define VECTOR_MAX(a, b) _mm_max_ps((__m128)(a), (__m128)(b))
#define VECTOR_MIN(a, b) _mm_min_ps((__m128)(a), (__m128)(b))
#else
#define VECTOR_MAX(a, b) __builtin_elementwise_max(a, b)
#define VECTOR_MIN(a, b) __builtin_elementwise_min(a, b)
#endif
#endif
#define STORE_PART(p, v, n) \
    do { \
        inference_portable_vec whole = (v); \
        memcpy((p), &whole, (size_t)(n) * 4); \
    } while (0)

#include "inference_template.h"
