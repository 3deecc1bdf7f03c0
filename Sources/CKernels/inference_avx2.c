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

#define QNAME(x) inference_avx2_q_##x
#define QUADS 0
#define INPUT_OFFSET 0
#define DOT(sum, a, w) ((inference_avx2_ivec)_mm256_add_epi32((__m256i)(sum), _mm256_madd_epi16((__m256i)(a), (__m256i)(w))))
#define ROUND(v) ((inference_avx2_ivec)_mm256_cvtps_epi32((__m256)(v)))
static inline __attribute__((always_inline)) void store_bytes(uint8_t *p, __m256i v, int64_t count) {
    __m128i bytes = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    bytes = _mm_packus_epi16(bytes, bytes);
    if (count >= 8) _mm_storel_epi64((__m128i *)p, bytes);
    else memcpy(p, &bytes, (size_t)count);
}
#define STORE_BYTES(p, v, n) store_bytes((p), (__m256i)(v), (n))
#include "inference_quantized.h"
#pragma clang attribute pop
#endif
