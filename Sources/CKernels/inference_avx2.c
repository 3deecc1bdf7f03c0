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

// With dot products of bytes in vectors of 256 bits, as processors have them that lack AVX-512. The instruction is encoded in two ways: without AVX-512 as AVX-VNNI,
// with it as AVX-512 VL and VNNI, where this text is run for tests and comparison only.
#undef QUADS
#undef DOT
#define QUADS 1
#define DLANES 8
#define DROUND(v) ((divec)_mm256_cvtps_epi32((__m256)(v)))
#define UNPACK_LOW_8(a, b) ((dbytes)_mm256_unpacklo_epi8((__m256i)(a), (__m256i)(b)))
#define UNPACK_HIGH_8(a, b) ((dbytes)_mm256_unpackhi_epi8((__m256i)(a), (__m256i)(b)))
#define UNPACK_LOW_16(a, b) _mm256_unpacklo_epi16((__m256i)(a), (__m256i)(b))
#define UNPACK_HIGH_16(a, b) _mm256_unpackhi_epi16((__m256i)(a), (__m256i)(b))
// Readable past the end, and weights are zero there.
#define LOAD_PART(p, n) (*(const dbytesu *)(p))
#define PACK(a, b, c, d) \
    _mm256_packus_epi16(_mm256_packs_epi32((__m256i)(a), (__m256i)(b)), _mm256_packs_epi32((__m256i)(c), (__m256i)(d)))
#define STORE_PACKED(p, v, n) \
    do { \
        __m256i packed_bytes = (v); \
        if ((n) >= 32) _mm256_storeu_si256((__m256i *)(p), packed_bytes); \
        else memcpy((p), &packed_bytes, (size_t)(n)); \
    } while (0)

#pragma clang attribute push(__attribute__((target("avxvnni,avx2,fma"))), apply_to = function)
#undef QNAME
#define QNAME(x) inference_avx_vnni_q_##x
#define DOT(sum, a, w) ((inference_avx2_ivec)_mm256_dpbusd_avx_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(w)))
#define DDOT(sum, a, w) ((divec)_mm256_dpbusd_avx_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(w)))
#include "inference_quantized.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
#undef QNAME
#undef DOT
#undef DDOT
#define QNAME(x) inference_vl_vnni_q_##x
#define DOT(sum, a, w) ((inference_avx2_ivec)_mm256_dpbusd_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(w)))
#define DDOT(sum, a, w) ((divec)_mm256_dpbusd_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(w)))
#include "inference_quantized.h"
#pragma clang attribute pop
#endif
