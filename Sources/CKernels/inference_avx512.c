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

#define QNAME(x) inference_avx512_q_##x
#define QUADS 0
#define INPUT_OFFSET 0
#define DOT(sum, a, w) ((inference_avx512_ivec)_mm512_add_epi32((__m512i)(sum), _mm512_madd_epi16((__m512i)(a), (__m512i)(w))))
#define ROUND(v) ((inference_avx512_ivec)_mm512_cvtps_epi32((__m512)(v)))
static inline __attribute__((always_inline)) void store_bytes(uint8_t *p, __m512i v, int64_t count) {
    __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(v, _mm512_setzero_si512()));
    if (count >= 16) _mm_storeu_si128((__m128i *)p, bytes);
    else _mm_mask_storeu_epi8(p, (__mmask16)((1u << count) - 1u), bytes);
}
#define STORE_BYTES(p, v, n) store_bytes((p), (__m512i)(v), (n))
#include "inference_quantized.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx2,fma"))), apply_to = function)
#undef QNAME
#undef QUADS
#undef DOT
#define QNAME(x) inference_vnni_q_##x
#define QUADS 1
#define DOT(sum, a, w) ((inference_avx512_ivec)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(a), (__m512i)(w)))
// Half vectors: channels come in small numbers here.
#define DLANES 8
#define DDOT(sum, a, w) ((divec)_mm256_dpbusd_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(w)))
#define DROUND(v) ((divec)_mm256_cvtps_epi32((__m256)(v)))
#define UNPACK_LOW_8(a, b) ((dbytes)_mm256_unpacklo_epi8((__m256i)(a), (__m256i)(b)))
#define UNPACK_HIGH_8(a, b) ((dbytes)_mm256_unpackhi_epi8((__m256i)(a), (__m256i)(b)))
#define UNPACK_LOW_16(a, b) _mm256_unpacklo_epi16((__m256i)(a), (__m256i)(b))
#define UNPACK_HIGH_16(a, b) _mm256_unpackhi_epi16((__m256i)(a), (__m256i)(b))
#define FIRST_OF_32(n) ((__mmask32)((1ull << (n)) - 1ull))
#define LOAD_PART(p, n) ((dbytes)_mm256_maskz_loadu_epi8(FIRST_OF_32(n), (p)))
#define PACK(a, b, c, d) \
    _mm256_packus_epi16(_mm256_packs_epi32((__m256i)(a), (__m256i)(b)), _mm256_packs_epi32((__m256i)(c), (__m256i)(d)))
#define STORE_PACKED(p, v, n) \
    do { \
        if ((n) >= 32) _mm256_storeu_si256((__m256i *)(p), v); \
        else _mm256_mask_storeu_epi8((p), FIRST_OF_32(n), v); \
    } while (0)
#include "inference_quantized.h"
#pragma clang attribute pop
#endif
