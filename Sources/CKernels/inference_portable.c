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

#define QNAME(x) inference_portable_q_##x
#define QUADS 0
#define INPUT_OFFSET 0
#if defined(__aarch64__)
#include <arm_neon.h>
static inline __attribute__((always_inline)) int32x4_t dot_pairs(int32x4_t sum, int16x8_t a, int16x8_t w) {
    return vaddq_s32(sum, vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(w)), vmull_high_s16(a, w)));
}
#define DOT(sum, a, w) ((inference_portable_ivec)dot_pairs((int32x4_t)(sum), (int16x8_t)(a), (int16x8_t)(w)))
#define ROUND(v) ((inference_portable_ivec)vcvtnq_s32_f32((float32x4_t)(v)))
static inline __attribute__((always_inline)) void store_bytes(uint8_t *p, int32x4_t v, int64_t count) {
    int16x4_t words = vqmovn_s32(v);
    uint8x8_t bytes = vqmovun_s16(vcombine_s16(words, words));
    memcpy(p, &bytes, count >= 4 ? 4 : (size_t)count);
}
#define STORE_BYTES(p, v, n) store_bytes((p), (int32x4_t)(v), (n))
#elif defined(__SSE2__)
#include <emmintrin.h>
#define DOT(sum, a, w) ((inference_portable_ivec)_mm_add_epi32((__m128i)(sum), _mm_madd_epi16((__m128i)(a), (__m128i)(w))))
#define ROUND(v) ((inference_portable_ivec)_mm_cvtps_epi32((__m128)(v)))
static inline __attribute__((always_inline)) void store_bytes(uint8_t *p, __m128i v, int64_t count) {
    __m128i bytes = _mm_packs_epi32(v, v);
    bytes = _mm_packus_epi16(bytes, bytes);
    memcpy(p, &bytes, count >= 4 ? 4 : (size_t)count);
}
#define STORE_BYTES(p, v, n) store_bytes((p), (__m128i)(v), (n))
#else
static inline inference_portable_ivec dot_pairs(inference_portable_ivec sum, inference_portable_ivec a, inference_portable_ivec w) {
    return sum + ((a << 16) >> 16) * ((w << 16) >> 16) + (a >> 16) * (w >> 16);
}
#define DOT(sum, a, w) dot_pairs((sum), (a), (w))
#define ROUND(v) __builtin_convertvector(__builtin_elementwise_roundeven(v), inference_portable_ivec)
static inline void store_bytes(uint8_t *p, inference_portable_ivec v, int64_t count) {
    for (int64_t i = 0; i < 4 && i < count; i++) p[i] = (uint8_t)(v[i] < 0 ? 0 : v[i] > 255 ? 255 : v[i]);
}
#define STORE_BYTES(p, v, n) store_bytes((p), (v), (n))
#endif
#include "inference_quantized.h"

#if defined(__aarch64__)
// With dot products of bytes, of signed ones: inputs are taken as 128 less than they are.
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#undef QNAME
#undef QUADS
#undef INPUT_OFFSET
#undef DOT
#define QNAME(x) inference_dotprod_q_##x
#define QUADS 1
#define INPUT_OFFSET 128
#define DOT(sum, a, w) \
    ((inference_portable_ivec)vdotq_s32((int32x4_t)(sum), (int8x16_t)veorq_u8((uint8x16_t)(a), vdupq_n_u8(128)), (int8x16_t)(w)))
#define DLANES 4
#define DDOT(sum, a, w) ((divec)vdotq_s32((int32x4_t)(sum), (int8x16_t)veorq_u8((uint8x16_t)(a), vdupq_n_u8(128)), (int8x16_t)(w)))
#define DROUND(v) ((divec)vcvtnq_s32_f32((float32x4_t)(v)))
#define UNPACK_LOW_8(a, b) ((dbytes)vzip1q_u8((uint8x16_t)(a), (uint8x16_t)(b)))
#define UNPACK_HIGH_8(a, b) ((dbytes)vzip2q_u8((uint8x16_t)(a), (uint8x16_t)(b)))
#define UNPACK_LOW_16(a, b) vzip1q_u16((uint16x8_t)(a), (uint16x8_t)(b))
#define UNPACK_HIGH_16(a, b) vzip2q_u16((uint16x8_t)(a), (uint16x8_t)(b))
// Readable past the end, and weights are zero there.
#define LOAD_PART(p, n) (*(const dbytesu *)(p))
#define PACK(a, b, c, d) \
    vcombine_u8(vqmovun_s16(vcombine_s16(vqmovn_s32((int32x4_t)(a)), vqmovn_s32((int32x4_t)(b)))), \
                vqmovun_s16(vcombine_s16(vqmovn_s32((int32x4_t)(c)), vqmovn_s32((int32x4_t)(d)))))
#define STORE_PACKED(p, v, n) \
    do { \
        uint8x16_t packed_bytes = (v); \
        memcpy((p), &packed_bytes, (n) >= 16 ? 16 : (size_t)(n)); \
    } while (0)
#include "inference_quantized.h"
#pragma clang attribute pop
#endif
