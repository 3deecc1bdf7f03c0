#if defined(__x86_64__)
#include "inference_variants.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(x) inference_avx2_##x
#define DEPTHWISE_COLUMNS 4
#define LANES 8
#define ROWS 6
#define DISPATCH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6)
#define MULADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define VECTOR_MAX(a, b) _mm256_max_ps((__m256)(a), (__m256)(b))
#define VECTOR_MIN(a, b) _mm256_min_ps((__m256)(a), (__m256)(b))
#define STORE_PART(p, v, n) \
    _mm256_maskstore_ps((p), _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)), (__m256)(v))

#include "inference_template.h"
#pragma clang attribute pop
#endif
