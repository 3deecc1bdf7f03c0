// Resize of a YCbCr 4:2:0 picture fused with the conversion to normalised RGB or BGR planes.
//
// Bilinear: each destination row first blends two source rows of each plane into 16-bit rows, (sample − 128)·256 with 8-bit weights,
// exact in 16 bits; then pairs of neighbours are gathered and blended with 11-bit weights in 32 bits. Largest error against real
// weights: 255/512 from the row weight and 255/4096 from the column weight, so below 0.6 grey levels.
#include "CKernels.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

#define COLUMN_BITS 11
#define COLUMN_ONE (1 << COLUMN_BITS)
#define ROW_ONE 256
#define BLEND_UNIT (1.0f / (ROW_ONE * COLUMN_ONE))

static void bilinear_table(int32_t *index, int32_t *weights, int32_t count, double scale, double shift, int32_t source) {
    for (int32_t i = 0; i < count; i++) {
        double position = (i + 0.5) * scale + shift;
        if (position < 0) position = 0;
        if (position > source - 1) position = source - 1;
        int32_t left = (int32_t)position;
        int32_t right_weight = (int32_t)lrint((position - left) * COLUMN_ONE);
        index[i] = left;
        weights[i] = (COLUMN_ONE - right_weight) | (right_weight << 16);
    }
}

void fwoc_frontend_resize_prepare(fwoc_resize_plan *plan, int32_t source_width, int32_t source_height, int32_t width, int32_t height) {
    plan->source_width = source_width;
    plan->source_height = source_height;
    plan->width = width;
    plan->height = height;
    double scale = (double)source_width / width;
    bilinear_table(plan->luma_index, plan->luma_weights, width, scale, -0.5, source_width);
    // A luma position x has the chroma position (x + 0.5)/2 − 0.5.
    bilinear_table(plan->chroma_index, plan->chroma_weights, width, scale / 2, -0.5, (source_width + 1) / 2);
}

// ---- rows -------------------------------------------------------------------------------------------------------------------

typedef struct {
    int32_t upper, lower;
    int16_t upper_weight, lower_weight;
} row_blend;

static row_blend blend_at(double position, int32_t source) {
    if (position < 0) position = 0;
    if (position > source - 1) position = source - 1;
    row_blend r;
    r.upper = (int32_t)position;
    r.lower = r.upper + 1 < source ? r.upper + 1 : r.upper;
    int32_t w = (int32_t)lrint((position - r.upper) * ROW_ONE);
    r.upper_weight = (int16_t)(ROW_ONE - w);
    r.lower_weight = (int16_t)w;
    return r;
}

#define BLEND_ROW_BODY \
    for (int32_t i = 0; i < count; i++) \
        out[i] = (int16_t)((int16_t)((a[i] - 128) * wa) + (int16_t)((b[i] - 128) * wb)); \
    out[count] = out[count - 1]; \
    out[count + 1] = out[count - 1];

typedef void blend_row_function(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out);

static void blend_row_portable(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out) {
    BLEND_ROW_BODY
}

static inline float clamp255(float v) { return v < 0 ? 0 : (v > 255 ? 255 : v); }

static void convert_one(float y, float cb, float cr, const fwoc_colour *k, const fwoc_channels *c, float *red, float *green, float *blue) {
    // y, cb and cr are relative to 128.
    float l = (y + (128 - k->luma_offset)) * k->luma;
    float r = clamp255(l + k->red_cr * cr);
    float g = clamp255(l + (k->green_cb * cb + k->green_cr * cr));
    float b = clamp255(l + k->blue_cb * cb);
    *red = (r - c->mean[0]) * c->scale[0];
    *green = (g - c->mean[1]) * c->scale[1];
    *blue = (b - c->mean[2]) * c->scale[2];
}

static inline float pair(const int16_t *row, int32_t index, int32_t weights) {
    int32_t left = weights & 0xffff, right = weights >> 16;
    return (float)(row[index] * left + row[index + 1] * right) * BLEND_UNIT;
}

typedef void columns_function(const fwoc_resize_plan *p, const fwoc_colour *k, const fwoc_channels *c, int32_t from, float *red, float *green, float *blue);

static void columns_portable(const fwoc_resize_plan *p, const fwoc_colour *k, const fwoc_channels *c, int32_t from, float *red, float *green, float *blue) {
    for (int32_t i = from; i < p->width; i++) {
        float y = pair(p->luma_row, p->luma_index[i], p->luma_weights[i]);
        float cb = pair(p->cb_row, p->chroma_index[i], p->chroma_weights[i]);
        float cr = pair(p->cr_row, p->chroma_index[i], p->chroma_weights[i]);
        convert_one(y, cb, cr, k, c, red + i, green + i, blue + i);
    }
}

typedef void planes_function(const float *y, const float *cb, const float *cr, int32_t count, const fwoc_colour *k, const fwoc_channels *c,
    float *restrict red, float *restrict green, float *restrict blue);

static void planes_portable(const float *y, const float *cb, const float *cr, int32_t count, const fwoc_colour *k, const fwoc_channels *c,
    float *restrict red, float *restrict green, float *restrict blue) {
    for (int32_t i = 0; i < count; i++) convert_one(y[i], cb[i], cr[i], k, c, red + i, green + i, blue + i);
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) static void blend_row_avx2(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out) {
    BLEND_ROW_BODY
}

__attribute__((target("avx2"))) static inline __m256 pair_avx2(const int16_t *row, __m256i index, __m256i weights) {
    __m256i both = _mm256_i32gather_epi32((const int *)row, index, 2);
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_madd_epi16(both, weights)), _mm256_set1_ps(BLEND_UNIT));
}

__attribute__((target("avx2"))) static inline __m256 clamp_avx2(__m256 v) {
    return _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(255));
}

__attribute__((target("avx2"))) static void columns_avx2(const fwoc_resize_plan *p, const fwoc_colour *k, const fwoc_channels *c, int32_t from, float *red, float *green, float *blue) {
    int32_t i = from;
    for (; i + 8 <= p->width; i += 8) {
        __m256i chroma_index = _mm256_loadu_si256((const __m256i *)(p->chroma_index + i));
        __m256i chroma_weights = _mm256_loadu_si256((const __m256i *)(p->chroma_weights + i));
        __m256 y = pair_avx2(p->luma_row, _mm256_loadu_si256((const __m256i *)(p->luma_index + i)), _mm256_loadu_si256((const __m256i *)(p->luma_weights + i)));
        __m256 cb = pair_avx2(p->cb_row, chroma_index, chroma_weights);
        __m256 cr = pair_avx2(p->cr_row, chroma_index, chroma_weights);
        __m256 l = _mm256_mul_ps(_mm256_add_ps(y, _mm256_set1_ps(128 - k->luma_offset)), _mm256_set1_ps(k->luma));
        __m256 r = clamp_avx2(_mm256_add_ps(l, _mm256_mul_ps(_mm256_set1_ps(k->red_cr), cr)));
        __m256 g = clamp_avx2(_mm256_add_ps(l, _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(k->green_cb), cb), _mm256_mul_ps(_mm256_set1_ps(k->green_cr), cr))));
        __m256 b = clamp_avx2(_mm256_add_ps(l, _mm256_mul_ps(_mm256_set1_ps(k->blue_cb), cb)));
        _mm256_storeu_ps(red + i, _mm256_mul_ps(_mm256_sub_ps(r, _mm256_set1_ps(c->mean[0])), _mm256_set1_ps(c->scale[0])));
        _mm256_storeu_ps(green + i, _mm256_mul_ps(_mm256_sub_ps(g, _mm256_set1_ps(c->mean[1])), _mm256_set1_ps(c->scale[1])));
        _mm256_storeu_ps(blue + i, _mm256_mul_ps(_mm256_sub_ps(b, _mm256_set1_ps(c->mean[2])), _mm256_set1_ps(c->scale[2])));
    }
    columns_portable(p, k, c, i, red, green, blue);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

AVX512 static void blend_row_avx512(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out) {
    BLEND_ROW_BODY
}

AVX512 static inline __m512 pair_avx512(const int16_t *row, __m512i index, __m512i weights) {
    __m512i both = _mm512_i32gather_epi32(index, (const int *)row, 2);
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_madd_epi16(both, weights)), _mm512_set1_ps(BLEND_UNIT));
}

AVX512 static inline __m512 clamp_avx512(__m512 v) {
    return _mm512_min_ps(_mm512_max_ps(v, _mm512_setzero_ps()), _mm512_set1_ps(255));
}

AVX512 static void columns_avx512(const fwoc_resize_plan *p, const fwoc_colour *k, const fwoc_channels *c, int32_t from, float *red, float *green, float *blue) {
    int32_t i = from;
    for (; i + 16 <= p->width; i += 16) {
        __m512i chroma_index = _mm512_loadu_si512(p->chroma_index + i);
        __m512i chroma_weights = _mm512_loadu_si512(p->chroma_weights + i);
        __m512 y = pair_avx512(p->luma_row, _mm512_loadu_si512(p->luma_index + i), _mm512_loadu_si512(p->luma_weights + i));
        __m512 cb = pair_avx512(p->cb_row, chroma_index, chroma_weights);
        __m512 cr = pair_avx512(p->cr_row, chroma_index, chroma_weights);
        __m512 l = _mm512_mul_ps(_mm512_add_ps(y, _mm512_set1_ps(128 - k->luma_offset)), _mm512_set1_ps(k->luma));
        __m512 r = clamp_avx512(_mm512_add_ps(l, _mm512_mul_ps(_mm512_set1_ps(k->red_cr), cr)));
        __m512 g = clamp_avx512(_mm512_add_ps(l, _mm512_add_ps(_mm512_mul_ps(_mm512_set1_ps(k->green_cb), cb), _mm512_mul_ps(_mm512_set1_ps(k->green_cr), cr))));
        __m512 b = clamp_avx512(_mm512_add_ps(l, _mm512_mul_ps(_mm512_set1_ps(k->blue_cb), cb)));
        _mm512_storeu_ps(red + i, _mm512_mul_ps(_mm512_sub_ps(r, _mm512_set1_ps(c->mean[0])), _mm512_set1_ps(c->scale[0])));
        _mm512_storeu_ps(green + i, _mm512_mul_ps(_mm512_sub_ps(g, _mm512_set1_ps(c->mean[1])), _mm512_set1_ps(c->scale[1])));
        _mm512_storeu_ps(blue + i, _mm512_mul_ps(_mm512_sub_ps(b, _mm512_set1_ps(c->mean[2])), _mm512_set1_ps(c->scale[2])));
    }
    columns_avx2(p, k, c, i, red, green, blue);
}

__attribute__((target("avx2"))) static void planes_avx2(const float *y, const float *cb, const float *cr, int32_t count, const fwoc_colour *k, const fwoc_channels *c,
    float *restrict red, float *restrict green, float *restrict blue) {
    for (int32_t i = 0; i < count; i++) convert_one(y[i], cb[i], cr[i], k, c, red + i, green + i, blue + i);
}
#endif

void fwoc_frontend_resize_bilinear(const fwoc_resize_plan *plan, const fwoc_i420 *frame, const fwoc_colour *colour,
    const fwoc_channels *channels, float *out, ptrdiff_t row_stride, ptrdiff_t plane_stride, fwoc_variant variant) {
    blend_row_function *blend = blend_row_portable;
    columns_function *columns = columns_portable;
#if defined(__x86_64__)
    if (variant == fwoc_variant_avx512) {
        blend = blend_row_avx512;
        columns = columns_avx512;
    } else if (variant == fwoc_variant_avx2) {
        blend = blend_row_avx2;
        columns = columns_avx2;
    }
#else
    (void)variant;
#endif
    double scale = (double)plan->source_height / plan->height;
    for (int32_t j = 0; j < plan->height; j++) {
        row_blend luma = blend_at((j + 0.5) * scale - 0.5, frame->height);
        row_blend chroma = blend_at((j + 0.5) * scale / 2 - 0.5, frame->chroma_height);
        blend(frame->y + (ptrdiff_t)luma.upper * frame->stride, frame->y + (ptrdiff_t)luma.lower * frame->stride,
            luma.upper_weight, luma.lower_weight, frame->width, plan->luma_row);
        ptrdiff_t upper = (ptrdiff_t)chroma.upper * frame->chroma_stride, lower = (ptrdiff_t)chroma.lower * frame->chroma_stride;
        blend(frame->cb + upper, frame->cb + lower, chroma.upper_weight, chroma.lower_weight, frame->chroma_width, plan->cb_row);
        blend(frame->cr + upper, frame->cr + lower, chroma.upper_weight, chroma.lower_weight, frame->chroma_width, plan->cr_row);
        float *row = out + j * row_stride;
        columns(plan, colour, channels, 0, row + channels->plane[0] * plane_stride, row + channels->plane[1] * plane_stride,
            row + channels->plane[2] * plane_stride);
    }
}

// ---- area average -----------------------------------------------------------------------------------------------------------

static void accumulate_portable(const uint8_t *restrict in, float weight, int32_t count, float *restrict sum) {
    for (int32_t i = 0; i < count; i++) sum[i] = sum[i] + weight * (float)(in[i] - 128);
}

typedef void accumulate_function(const uint8_t *restrict in, float weight, int32_t count, float *restrict sum);

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void accumulate_avx2(const uint8_t *restrict in, float weight, int32_t count, float *restrict sum) {
    for (int32_t i = 0; i < count; i++) sum[i] = sum[i] + weight * (float)(in[i] - 128);
}
#endif

// Average of rows [from, to) of a plane, weights by overlap, into sum.
static void average_rows(const uint8_t *plane, int32_t stride, int32_t width, int32_t height, double from, double to, float *sum, accumulate_function *accumulate) {
    if (to > height) to = height;
    if (from > height - 1) from = height - 1;
    float unit = (float)(1 / (to - from));
    memset(sum, 0, sizeof(float) * (size_t)width);
    for (int32_t r = (int32_t)from; r < to; r++) {
        double top = r > from ? r : from, bottom = r + 1 < to ? r + 1 : to;
        accumulate(plane + (ptrdiff_t)r * stride, (float)(bottom - top) * unit, width, sum);
    }
}

static void average_columns(const float *sum, int32_t source, double scale, int32_t count, float *out) {
    for (int32_t i = 0; i < count; i++) {
        double from = i * scale, to = (i + 1) * scale;
        if (to > source) to = source;
        if (from > source - 1) from = source - 1;
        int32_t first = (int32_t)from, last = (int32_t)ceil(to) - 1;
        float total = 0;
        if (first == last) {
            total = sum[first] * (float)(to - from);
        } else {
            total = sum[first] * (float)(first + 1 - from);
            for (int32_t x = first + 1; x < last; x++) total += sum[x];
            total += sum[last] * (float)(to - last);
        }
        out[i] = total * (float)(1 / (to - from));
    }
}

void fwoc_frontend_resize_area(const fwoc_resize_plan *plan, const fwoc_i420 *frame, const fwoc_colour *colour,
    const fwoc_channels *channels, float *out, ptrdiff_t row_stride, ptrdiff_t plane_stride, fwoc_variant variant) {
    accumulate_function *accumulate = accumulate_portable;
    planes_function *planes = planes_portable;
#if defined(__x86_64__)
    if (variant != fwoc_variant_portable) {
        accumulate = accumulate_avx2;
        planes = planes_avx2;
    }
#else
    (void)variant;
#endif
    double sx = (double)plan->source_width / plan->width, sy = (double)plan->source_height / plan->height;
    for (int32_t j = 0; j < plan->height; j++) {
        average_rows(frame->y, frame->stride, frame->width, frame->height, j * sy, (j + 1) * sy, plan->luma_sum, accumulate);
        average_rows(frame->cb, frame->chroma_stride, frame->chroma_width, frame->chroma_height, j * sy / 2, (j + 1) * sy / 2, plan->cb_sum, accumulate);
        average_rows(frame->cr, frame->chroma_stride, frame->chroma_width, frame->chroma_height, j * sy / 2, (j + 1) * sy / 2, plan->cr_sum, accumulate);
        average_columns(plan->luma_sum, frame->width, sx, plan->width, plan->luma_out);
        average_columns(plan->cb_sum, frame->chroma_width, sx / 2, plan->width, plan->cb_out);
        average_columns(plan->cr_sum, frame->chroma_width, sx / 2, plan->width, plan->cr_out);
        float *row = out + j * row_stride;
        planes(plan->luma_out, plan->cb_out, plan->cr_out, plan->width, colour, channels, row + channels->plane[0] * plane_stride,
            row + channels->plane[1] * plane_stride, row + channels->plane[2] * plane_stride);
    }
}
