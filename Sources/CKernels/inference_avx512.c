#if defined(__x86_64__)
#include "inference_variants.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#define NAME(x) inference_avx512_##x
#define DEPTHWISE_COLUMNS 8
#define LANES 16
#define ROWS 14
#define DISPATCH_ROWS(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14)
#define MULADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define VECTOR_MAX(a, b) _mm512_max_ps((__m512)(a), (__m512)(b))
#define VECTOR_MIN(a, b) _mm512_min_ps((__m512)(a), (__m512)(b))
#define STORE_PART(p, v, n) _mm512_mask_storeu_ps((p), (__mmask16)((1u << (n)) - 1u), (__m512)(v))

#include "inference_template.h"
#pragma clang attribute pop
#endif
