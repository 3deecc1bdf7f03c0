// Crops: bilinear sampling of a frame under a similarity, and normalisation to planes.
//
// Positions are rounded to 1/2048 pixel. Neighbours in a row are blended in integers, rows in floating point.
#include "CKernels.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

#define POSITION_BITS 11
#define POSITION_ONE (1 << POSITION_BITS)
#define SAMPLE_UNIT (1.0f / ((float)POSITION_ONE * POSITION_ONE))

static inline float clamp255(float v) { return v < 0 ? 0 : (v > 255 ? 255 : v); }
static inline uint8_t grey_level(float v) { return (uint8_t)(clamp255(v) + 0.5f); }
static inline int32_t clamp_index(int32_t i, int32_t count) { return i < 0 ? 0 : (i >= count ? count - 1 : i); }

// Positions far outside would overflow; what is there is the border whatever the value.
static inline float bounded(float v) { return v < -4 ? -4 : (v > 32768 ? 32768 : v); }

static inline int32_t fixed(float v) {
    v = bounded(v) * POSITION_ONE;
#if defined(__x86_64__)
    return _mm_cvtss_si32(_mm_set_ss(v));
#else
    return (int32_t)lrintf(v);
#endif
}

// A luma position x is (x + ½)/2 − ½ in chroma.
static inline int32_t chroma_position(int32_t luma) { return ((luma + POSITION_ONE / 2) >> 1) - POSITION_ONE / 2; }

// Bilinear sample with replicated edges.
static inline float sample_clamped(const uint8_t *plane, int32_t stride, int32_t width, int32_t height, int32_t x, int32_t y) {
    int32_t wx = x & (POSITION_ONE - 1), wy = y & (POSITION_ONE - 1);
    int32_t x0 = clamp_index(x >> POSITION_BITS, width), x1 = clamp_index((x >> POSITION_BITS) + 1, width);
    const uint8_t *upper = plane + (ptrdiff_t)clamp_index(y >> POSITION_BITS, height) * stride;
    const uint8_t *lower = plane + (ptrdiff_t)clamp_index((y >> POSITION_BITS) + 1, height) * stride;
    float top = (float)(upper[x0] * (POSITION_ONE - wx) + upper[x1] * wx);
    float bottom = (float)(lower[x0] * (POSITION_ONE - wx) + lower[x1] * wx);
    return (top * (float)(POSITION_ONE - wy) + bottom * (float)wy) * SAMPLE_UNIT;
}

// How much of the bilinear footprint lies inside: 1 inside, falling to 0 one pixel outside.
static inline float coverage(int32_t position, int32_t count) {
    int32_t last = (count - 1) << POSITION_BITS;
    int32_t outside = position < 0 ? -position : (position > last ? position - last : 0);
    return outside >= POSITION_ONE ? 0 : (float)(POSITION_ONE - outside) * (1.0f / POSITION_ONE);
}

// ---- one pixel, anywhere ----------------------------------------------------------------------------------------------------

static void rgb_pixel(const fwoc_i420 *f, const fwoc_colour *k, int32_t x, int32_t y, float border, uint8_t *red, uint8_t *green, uint8_t *blue) {
    float inside = coverage(x, f->width) * coverage(y, f->height);
    if (inside == 0) {
        *red = *green = *blue = grey_level(border);
        return;
    }
    float luma = sample_clamped(f->y, f->stride, f->width, f->height, x, y);
    int32_t cx = chroma_position(x), cy = chroma_position(y);
    float cb = sample_clamped(f->cb, f->chroma_stride, f->chroma_width, f->chroma_height, cx, cy) - 128;
    float cr = sample_clamped(f->cr, f->chroma_stride, f->chroma_width, f->chroma_height, cx, cy) - 128;
    float l = (luma - k->luma_offset) * k->luma;
    float r = clamp255(l + k->red_cr * cr);
    float g = clamp255(l + (k->green_cb * cb + k->green_cr * cr));
    float b = clamp255(l + k->blue_cb * cb);
    if (inside < 1) {
        r = inside * r + (1 - inside) * border;
        g = inside * g + (1 - inside) * border;
        b = inside * b + (1 - inside) * border;
    }
    *red = grey_level(r);
    *green = grey_level(g);
    *blue = grey_level(b);
}

static uint8_t grey_pixel(const fwoc_i420 *f, float offset, float gain, int32_t x, int32_t y, float border) {
    float inside = coverage(x, f->width) * coverage(y, f->height);
    if (inside == 0) return grey_level(border);
    float grey = clamp255((sample_clamped(f->y, f->stride, f->width, f->height, x, y) - offset) * gain);
    if (inside < 1) grey = inside * grey + (1 - inside) * border;
    return grey_level(grey);
}

// ---- eight pixels inside ----------------------------------------------------------------------------------------------------

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

// Whether all four samples of a position lie inside the plane.
static inline int is_interior(int32_t x, int32_t y, int32_t width, int32_t height) {
    return x >= 0 && y >= 0 && (x >> POSITION_BITS) < width - 1 && (y >> POSITION_BITS) < height - 1;
}

// Two neighbours at each of eight places, as bytes.
AVX2 static inline __m128i neighbours(const uint8_t *plane, const int32_t *place) {
    uint16_t p[8];
    for (int i = 0; i < 8; i++) memcpy(&p[i], plane + place[i], 2);
    return _mm_setr_epi16((short)p[0], (short)p[1], (short)p[2], (short)p[3], (short)p[4], (short)p[5], (short)p[6], (short)p[7]);
}

AVX2 static inline __m256 sample_avx2(const uint8_t *plane, int32_t stride, const int32_t *place, __m256i weights_x, __m256 upper_weight, __m256 lower_weight) {
    __m256i upper = _mm256_cvtepu8_epi16(neighbours(plane, place));
    __m256i lower = _mm256_cvtepu8_epi16(neighbours(plane + stride, place));
    __m256 top = _mm256_cvtepi32_ps(_mm256_madd_epi16(upper, weights_x));
    __m256 bottom = _mm256_cvtepi32_ps(_mm256_madd_epi16(lower, weights_x));
    return _mm256_mul_ps(_mm256_add_ps(_mm256_mul_ps(top, upper_weight), _mm256_mul_ps(bottom, lower_weight)), _mm256_set1_ps(SAMPLE_UNIT));
}

typedef struct {
    int32_t place[8];
    __m256i weights_x;
    __m256 upper_weight, lower_weight;
} eight_positions;

AVX2 static inline void prepare_eight(__m256i x, __m256i y, int32_t stride, eight_positions *out) {
    __m256i mask = _mm256_set1_epi32(POSITION_ONE - 1), one = _mm256_set1_epi32(POSITION_ONE);
    __m256i place = _mm256_add_epi32(_mm256_mullo_epi32(_mm256_srai_epi32(y, POSITION_BITS), _mm256_set1_epi32(stride)), _mm256_srai_epi32(x, POSITION_BITS));
    _mm256_storeu_si256((__m256i *)out->place, place);
    __m256i wx = _mm256_and_si256(x, mask), wy = _mm256_and_si256(y, mask);
    out->weights_x = _mm256_or_si256(_mm256_sub_epi32(one, wx), _mm256_slli_epi32(wx, 16));
    out->upper_weight = _mm256_cvtepi32_ps(_mm256_sub_epi32(one, wy));
    out->lower_weight = _mm256_cvtepi32_ps(wy);
}

AVX2 static inline __m256i fixed_avx2(__m256 v) {
    v = _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-4)), _mm256_set1_ps(32768));
    return _mm256_cvtps_epi32(_mm256_mul_ps(v, _mm256_set1_ps(POSITION_ONE)));
}

AVX2 static inline __m256i chroma_position_avx2(__m256i luma) {
    __m256i half = _mm256_set1_epi32(POSITION_ONE / 2);
    return _mm256_sub_epi32(_mm256_srai_epi32(_mm256_add_epi32(luma, half), 1), half);
}

AVX2 static inline __m256 clamp_avx2(__m256 v) { return _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(255)); }

AVX2 static inline void store_levels(__m256 v, uint8_t *out) {
    __m256i levels = _mm256_cvttps_epi32(_mm256_add_ps(clamp_avx2(v), _mm256_set1_ps(0.5f)));
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
    _mm_storel_epi64((__m128i *)out, _mm_packus_epi16(words, words));
}

// Whether the pixels first…last of a crop row have all their samples inside. Positions are monotonic along a row, so the ends tell.
static int are_interior(const fwoc_i420 *f, fwoc_similarity map, float row_x, float row_y, int32_t first, int32_t last, int with_chroma) {
    int32_t x0 = fixed(row_x + map.a * (float)first), y0 = fixed(row_y + map.b * (float)first);
    int32_t x1 = fixed(row_x + map.a * (float)last), y1 = fixed(row_y + map.b * (float)last);
    if (!is_interior(x0, y0, f->width, f->height) || !is_interior(x1, y1, f->width, f->height)) return 0;
    return !with_chroma || (is_interior(chroma_position(x0), chroma_position(y0), f->chroma_width, f->chroma_height) &&
                               is_interior(chroma_position(x1), chroma_position(y1), f->chroma_width, f->chroma_height));
}

AVX2 static int32_t rgb_row_avx2(const fwoc_i420 *f, const fwoc_colour *k, fwoc_similarity map, float row_x, float row_y, int32_t width, float border,
    ptrdiff_t plane, uint8_t *row) {
    const __m256 ramp = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    const int whole_row = are_interior(f, map, row_x, row_y, 0, width - 1, 1);
    int32_t u = 0;
    for (; u + 8 <= width; u += 8) {
        if (!whole_row && !are_interior(f, map, row_x, row_y, u, u + 7, 1)) {
            for (int32_t i = u; i < u + 8; i++)
                rgb_pixel(f, k, fixed(row_x + map.a * (float)i), fixed(row_y + map.b * (float)i), border, row + i, row + plane + i, row + 2 * plane + i);
            continue;
        }
        __m256 column = _mm256_add_ps(_mm256_set1_ps((float)u), ramp);
        __m256i x = fixed_avx2(_mm256_add_ps(_mm256_set1_ps(row_x), _mm256_mul_ps(_mm256_set1_ps(map.a), column)));
        __m256i y = fixed_avx2(_mm256_add_ps(_mm256_set1_ps(row_y), _mm256_mul_ps(_mm256_set1_ps(map.b), column)));
        eight_positions at;
        prepare_eight(x, y, f->stride, &at);
        __m256 luma = sample_avx2(f->y, f->stride, at.place, at.weights_x, at.upper_weight, at.lower_weight);
        prepare_eight(chroma_position_avx2(x), chroma_position_avx2(y), f->chroma_stride, &at);
        __m256 cb = _mm256_sub_ps(sample_avx2(f->cb, f->chroma_stride, at.place, at.weights_x, at.upper_weight, at.lower_weight), _mm256_set1_ps(128));
        __m256 cr = _mm256_sub_ps(sample_avx2(f->cr, f->chroma_stride, at.place, at.weights_x, at.upper_weight, at.lower_weight), _mm256_set1_ps(128));
        __m256 l = _mm256_mul_ps(_mm256_sub_ps(luma, _mm256_set1_ps(k->luma_offset)), _mm256_set1_ps(k->luma));
        store_levels(_mm256_add_ps(l, _mm256_mul_ps(_mm256_set1_ps(k->red_cr), cr)), row + u);
        store_levels(_mm256_add_ps(l, _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(k->green_cb), cb), _mm256_mul_ps(_mm256_set1_ps(k->green_cr), cr))), row + plane + u);
        store_levels(_mm256_add_ps(l, _mm256_mul_ps(_mm256_set1_ps(k->blue_cb), cb)), row + 2 * plane + u);
    }
    return u;
}

AVX2 static int32_t grey_row_avx2(const fwoc_i420 *f, float offset, float gain, fwoc_similarity map, float row_x, float row_y, int32_t width, float border, uint8_t *row) {
    const __m256 ramp = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    const int whole_row = are_interior(f, map, row_x, row_y, 0, width - 1, 0);
    int32_t u = 0;
    for (; u + 8 <= width; u += 8) {
        if (!whole_row && !are_interior(f, map, row_x, row_y, u, u + 7, 0)) {
            for (int32_t i = u; i < u + 8; i++)
                row[i] = grey_pixel(f, offset, gain, fixed(row_x + map.a * (float)i), fixed(row_y + map.b * (float)i), border);
            continue;
        }
        __m256 column = _mm256_add_ps(_mm256_set1_ps((float)u), ramp);
        __m256i x = fixed_avx2(_mm256_add_ps(_mm256_set1_ps(row_x), _mm256_mul_ps(_mm256_set1_ps(map.a), column)));
        __m256i y = fixed_avx2(_mm256_add_ps(_mm256_set1_ps(row_y), _mm256_mul_ps(_mm256_set1_ps(map.b), column)));
        eight_positions at;
        prepare_eight(x, y, f->stride, &at);
        __m256 luma = sample_avx2(f->y, f->stride, at.place, at.weights_x, at.upper_weight, at.lower_weight);
        store_levels(_mm256_mul_ps(_mm256_sub_ps(luma, _mm256_set1_ps(offset)), _mm256_set1_ps(gain)), row + u);
    }
    return u;
}
#endif

// ---- crops ------------------------------------------------------------------------------------------------------------------

void fwoc_frontend_crop_rgb(const fwoc_i420 *frame, const fwoc_colour *colour, fwoc_similarity map, int32_t width, int32_t height,
    float border, uint8_t *out, fwoc_variant variant) {
    ptrdiff_t plane = (ptrdiff_t)width * height;
    for (int32_t v = 0; v < height; v++) {
        float row_x = map.tx - map.b * (float)v, row_y = map.ty + map.a * (float)v;
        uint8_t *row = out + (ptrdiff_t)v * width;
        int32_t u = 0;
#if defined(__x86_64__)
        if (variant == fwoc_variant_avx2) u = rgb_row_avx2(frame, colour, map, row_x, row_y, width, border, plane, row);
#else
        (void)variant;
#endif
        for (; u < width; u++)
            rgb_pixel(frame, colour, fixed(row_x + map.a * (float)u), fixed(row_y + map.b * (float)u), border, row + u, row + plane + u, row + 2 * plane + u);
    }
}

void fwoc_frontend_crop_grey(const fwoc_i420 *frame, float offset, float gain, fwoc_similarity map, int32_t width, int32_t height,
    float border, uint8_t *out, fwoc_variant variant) {
    for (int32_t v = 0; v < height; v++) {
        float row_x = map.tx - map.b * (float)v, row_y = map.ty + map.a * (float)v;
        uint8_t *row = out + (ptrdiff_t)v * width;
        int32_t u = 0;
#if defined(__x86_64__)
        if (variant == fwoc_variant_avx2) u = grey_row_avx2(frame, offset, gain, map, row_x, row_y, width, border, row);
#else
        (void)variant;
#endif
        for (; u < width; u++)
            row[u] = grey_pixel(frame, offset, gain, fixed(row_x + map.a * (float)u), fixed(row_y + map.b * (float)u), border);
    }
}

void fwoc_frontend_normalise(const uint8_t *in, int32_t width, int32_t height, float mean, float scale, int32_t mirrored, float *out) {
    for (int32_t j = 0; j < height; j++) {
        const uint8_t *restrict row = in + (ptrdiff_t)j * width;
        float *restrict to = out + (ptrdiff_t)j * width;
        if (mirrored)
            for (int32_t i = 0; i < width; i++) to[i] = ((float)row[width - 1 - i] - mean) * scale;
        else
            for (int32_t i = 0; i < width; i++) to[i] = ((float)row[i] - mean) * scale;
    }
}
