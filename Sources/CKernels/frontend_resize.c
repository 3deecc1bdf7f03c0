// Resize of a YCbCr 4:2:0 picture fused with the conversion to normalised RGB or BGR planes.
//
// Bilinear: each destination row first blends two source rows of each plane into 16-bit rows, (sample − 128)·256 with 8-bit weights,
// exact in 16 bits; then pairs of neighbours are blended with 11-bit weights in 32 bits. Largest error against real weights: 255/512 from the
// row weight and 255/4096 from the column weight, so below 0.6 grey levels.
//
// No gather instructions: on processors with the fix for Gather Data Sampling they cost more than scalar loads. Where the picture shrinks by at
// most 2, the pairs of four outputs lie within 8 consecutive samples, which one byte shuffle brings in place.
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

// ---- tables -----------------------------------------------------------------------------------------------------------------

static void prepare_columns(fwoc_resize_columns *columns, int32_t count, double scale, int32_t source) {
    for (int32_t i = 0; i < count; i++) {
        double position = (i + 0.5) * scale - 0.5;
        if (position < 0) position = 0;
        if (position > source - 1) position = source - 1;
        int32_t left = (int32_t)position;
        int32_t right_weight = (int32_t)lrint((position - left) * COLUMN_ONE);
        columns->index[i] = left;
        columns->weights[i] = (COLUMN_ONE - right_weight) | (right_weight << 16);
    }
    // Byte shuffles of groups of four outputs, from 8 samples that begin at the group's first index.
    for (int32_t i = 0; i + 4 <= count; i += 4) {
        for (int32_t j = 0; j < 4; j++) {
            int32_t offset = columns->index[i + j] - columns->index[i];
            for (int32_t b = 0; b < 4; b++) columns->shuffle[4 * (i + j) + b] = (uint8_t)(2 * offset + b);
        }
    }
}

static int32_t block_factor(double scale) {
    return scale <= 2 ? 1 : (scale > FWOC_LARGEST_FACTOR ? FWOC_LARGEST_FACTOR : (int32_t)scale);
}

void fwoc_frontend_resize_prepare(fwoc_resize_plan *plan, int32_t source_width, int32_t source_height, int32_t width, int32_t height) {
    plan->source_width = source_width;
    plan->source_height = source_height;
    plan->width = width;
    plan->height = height;
    double sx = (double)source_width / width, sy = (double)source_height / height;
    double smaller = sx < sy ? sx : sy;
    plan->luma_factor = block_factor(smaller);
    plan->chroma_factor = block_factor(smaller / 2);
    int32_t k = plan->luma_factor, c = plan->chroma_factor;
    // A position x of the frame is (x + ½)/k − ½ among blocks; a luma position is (x + ½)/2 − ½ in chroma.
    prepare_columns(&plan->luma_columns, width, sx / k, (source_width + k - 1) / k);
    prepare_columns(&plan->chroma_columns, width, sx / 2 / c, ((source_width + 1) / 2 + c - 1) / c);
    plan->may_shuffle = sx / k <= 2 && sx / 2 / c <= 2;
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

typedef void blend_row_function(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out);

static inline __attribute__((always_inline)) void blend_row(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb,
    int32_t count, int16_t *restrict out) {
    for (int32_t i = 0; i < count; i++) out[i] = (int16_t)((int16_t)((a[i] - 128) * wa) + (int16_t)((b[i] - 128) * wb));
    // The right neighbour of the last sample.
    out[count] = out[count - 1];
}

static void blend_row_portable(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out) {
    blend_row(a, b, wa, wb, count, out);
}

// ---- columns ----------------------------------------------------------------------------------------------------------------

static inline float clamp255(float v) { return v < 0 ? 0 : (v > 255 ? 255 : v); }

static inline float pair(const int16_t *row, int32_t index, int32_t weights) {
    int32_t left = weights & 0xffff, right = weights >> 16;
    return (float)(row[index] * left + row[index + 1] * right) * BLEND_UNIT;
}

typedef void columns_function(const fwoc_resize_plan *p, const fwoc_colour *k, const fwoc_channels *c, int32_t from, float *red, float *green, float *blue);

static void columns_portable(const fwoc_resize_plan *p, const fwoc_colour *k, const fwoc_channels *c, int32_t from, float *red, float *green, float *blue) {
    const fwoc_resize_columns *luma = &p->luma_columns, *chroma = &p->chroma_columns;
    for (int32_t i = from; i < p->width; i++) {
        // All relative to 128.
        float y = pair(p->luma_row, luma->index[i], luma->weights[i]);
        float cb = pair(p->cb_row, chroma->index[i], chroma->weights[i]);
        float cr = pair(p->cr_row, chroma->index[i], chroma->weights[i]);
        float l = (y + (128 - k->luma_offset)) * k->luma;
        float r = clamp255(l + k->red_cr * cr);
        float g = clamp255(l + (k->green_cb * cb + k->green_cr * cr));
        float b = clamp255(l + k->blue_cb * cb);
        red[i] = (r - c->mean[0]) * c->scale[0];
        green[i] = (g - c->mean[1]) * c->scale[1];
        blue[i] = (b - c->mean[2]) * c->scale[2];
    }
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static void blend_row_avx2(const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int32_t count, int16_t *restrict out) {
    blend_row(a, b, wa, wb, count, out);
}

// Eight outputs: two groups of four, each from 8 samples.
AVX2 static inline __m256 pairs_avx2(const int16_t *row, const fwoc_resize_columns *columns, int32_t i) {
    __m256i samples = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(row + columns->index[i]))),
        _mm_loadu_si128((const __m128i *)(row + columns->index[i + 4])), 1);
    __m256i both = _mm256_shuffle_epi8(samples, _mm256_loadu_si256((const __m256i *)(columns->shuffle + 4 * i)));
    __m256i blended = _mm256_madd_epi16(both, _mm256_loadu_si256((const __m256i *)(columns->weights + i)));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(blended), _mm256_set1_ps(BLEND_UNIT));
}

AVX2 static inline __m256 clamp_avx2(__m256 v) { return _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(255)); }

AVX2 static void columns_avx2(const fwoc_resize_plan *plan, const fwoc_colour *colour, const fwoc_channels *channels, int32_t from, float *restrict red,
    float *restrict green, float *restrict blue) {
    // Copies, because the compiler cannot know that the output does not overlap the tables.
    const fwoc_resize_plan p = *plan;
    const __m256 offset = _mm256_set1_ps(128 - colour->luma_offset), gain = _mm256_set1_ps(colour->luma);
    const __m256 red_cr = _mm256_set1_ps(colour->red_cr), green_cb = _mm256_set1_ps(colour->green_cb), green_cr = _mm256_set1_ps(colour->green_cr), blue_cb = _mm256_set1_ps(colour->blue_cb);
    const __m256 red_mean = _mm256_set1_ps(channels->mean[0]), green_mean = _mm256_set1_ps(channels->mean[1]), blue_mean = _mm256_set1_ps(channels->mean[2]);
    const __m256 red_scale = _mm256_set1_ps(channels->scale[0]), green_scale = _mm256_set1_ps(channels->scale[1]), blue_scale = _mm256_set1_ps(channels->scale[2]);
    int32_t i = from;
    for (; i + 8 <= p.width; i += 8) {
        __m256 y = pairs_avx2(p.luma_row, &p.luma_columns, i);
        __m256 cb = pairs_avx2(p.cb_row, &p.chroma_columns, i);
        __m256 cr = pairs_avx2(p.cr_row, &p.chroma_columns, i);
        __m256 l = _mm256_mul_ps(_mm256_add_ps(y, offset), gain);
        __m256 r = clamp_avx2(_mm256_add_ps(l, _mm256_mul_ps(red_cr, cr)));
        __m256 g = clamp_avx2(_mm256_add_ps(l, _mm256_add_ps(_mm256_mul_ps(green_cb, cb), _mm256_mul_ps(green_cr, cr))));
        __m256 b = clamp_avx2(_mm256_add_ps(l, _mm256_mul_ps(blue_cb, cb)));
        _mm256_storeu_ps(red + i, _mm256_mul_ps(_mm256_sub_ps(r, red_mean), red_scale));
        _mm256_storeu_ps(green + i, _mm256_mul_ps(_mm256_sub_ps(g, green_mean), green_scale));
        _mm256_storeu_ps(blue + i, _mm256_mul_ps(_mm256_sub_ps(b, blue_mean), blue_scale));
    }
    columns_portable(plan, colour, channels, i, red, green, blue);
}
#endif

// ---- the picture ------------------------------------------------------------------------------------------------------------

// A row of the plane, or of its k × k averages. Averaged rows are kept in two slots, because neighbouring outputs share them.
static const uint8_t *source_row(const fwoc_resize_plan *plan, fwoc_resize_slots *slots, const uint8_t *data, int32_t stride, int32_t width,
    int32_t height, int32_t row, int32_t k, fwoc_variant variant) {
    if (k == 1) return data + (ptrdiff_t)row * stride;
    int32_t slot = row & 1;
    if (slots->row_number[slot] != row) {
        slots->row_number[slot] = row;
        fwoc_frontend_box_reduce(data, stride, width, height, 0, row, k, (width + k - 1) / k, 1, plan->sums, slots->row[slot], variant);
    }
    return slots->row[slot];
}

void fwoc_frontend_resize(fwoc_resize_plan *plan, const fwoc_i420 *frame, const fwoc_colour *colour, const fwoc_channels *channels,
    float *out, ptrdiff_t row_stride, ptrdiff_t plane_stride, fwoc_variant variant) {
    blend_row_function *blend = blend_row_portable;
    columns_function *columns = columns_portable;
#if defined(__x86_64__)
    if (variant == fwoc_variant_avx2) {
        blend = blend_row_avx2;
        if (plan->may_shuffle) columns = columns_avx2;
    }
#endif
    int32_t k = plan->luma_factor, c = plan->chroma_factor;
    double scale = (double)plan->source_height / plan->height;
    int32_t width = (frame->width + k - 1) / k, chroma_width = (frame->chroma_width + c - 1) / c;
    int32_t height = (frame->height + k - 1) / k, chroma_height = (frame->chroma_height + c - 1) / c;
    fwoc_resize_slots *slots[3] = {&plan->luma_slots, &plan->cb_slots, &plan->cr_slots};
    for (int32_t i = 0; i < 3; i++) slots[i]->row_number[0] = slots[i]->row_number[1] = -1;
    const uint8_t *chroma_data[2] = {frame->cb, frame->cr};
    int16_t *chroma_rows[2] = {plan->cb_row, plan->cr_row};
    for (int32_t j = 0; j < plan->height; j++) {
        row_blend luma = blend_at((j + 0.5) * scale / k - 0.5, height);
        row_blend chroma = blend_at((j + 0.5) * scale / 2 / c - 0.5, chroma_height);
        const uint8_t *upper = source_row(plan, slots[0], frame->y, frame->stride, frame->width, frame->height, luma.upper, k, variant);
        const uint8_t *lower = source_row(plan, slots[0], frame->y, frame->stride, frame->width, frame->height, luma.lower, k, variant);
        blend(upper, lower, luma.upper_weight, luma.lower_weight, width, plan->luma_row);
        for (int32_t i = 0; i < 2; i++) {
            upper = source_row(plan, slots[1 + i], chroma_data[i], frame->chroma_stride, frame->chroma_width, frame->chroma_height, chroma.upper, c, variant);
            lower = source_row(plan, slots[1 + i], chroma_data[i], frame->chroma_stride, frame->chroma_width, frame->chroma_height, chroma.lower, c, variant);
            blend(upper, lower, chroma.upper_weight, chroma.lower_weight, chroma_width, chroma_rows[i]);
        }
        float *row = out + j * row_stride;
        columns(plan, colour, channels, 0, row + channels->plane[0] * plane_stride, row + channels->plane[1] * plane_stride,
            row + channels->plane[2] * plane_stride);
    }
}
