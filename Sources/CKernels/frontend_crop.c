// Crops: bilinear sampling of a frame under a similarity, box prefilter for large reductions, normalisation to planes.
#include "CKernels.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

static inline float clamp255(float v) { return v < 0 ? 0 : (v > 255 ? 255 : v); }
static inline uint8_t grey_level(float v) { return (uint8_t)(clamp255(v) + 0.5f); }
static inline int32_t clamp_index(int32_t i, int32_t count) { return i < 0 ? 0 : (i >= count ? count - 1 : i); }

// Bilinear sample with replicated edges.
static inline float sample_clamped(const uint8_t *plane, int32_t stride, int32_t width, int32_t height, float x, float y) {
    float fx = floorf(x), fy = floorf(y);
    float wx = x - fx, wy = y - fy;
    int32_t x0 = clamp_index((int32_t)fx, width), x1 = clamp_index((int32_t)fx + 1, width);
    const uint8_t *upper = plane + (ptrdiff_t)clamp_index((int32_t)fy, height) * stride;
    const uint8_t *lower = plane + (ptrdiff_t)clamp_index((int32_t)fy + 1, height) * stride;
    float top = upper[x0] + wx * (upper[x1] - upper[x0]);
    float bottom = lower[x0] + wx * (lower[x1] - lower[x0]);
    return top + wy * (bottom - top);
}

// How much of the bilinear footprint at (x, y) lies inside: 1 inside, falling to 0 one pixel outside.
static inline float coverage(float x, float y, int32_t width, int32_t height) {
    float cx = x < 0 ? 1 + x : (x > width - 1 ? width - x : 1);
    float cy = y < 0 ? 1 + y : (y > height - 1 ? height - y : 1);
    return cx <= 0 || cy <= 0 ? 0 : cx * cy;
}

// Coordinates far outside would overflow an int32; the answer there is the border whatever the value.
static inline float bounded(float v) { return v < -4 ? -4 : (v > 32768 ? 32768 : v); }

static void rgb_pixel(const fwoc_i420 *f, const fwoc_colour *k, float x, float y, float border, uint8_t *red, uint8_t *green, uint8_t *blue) {
    x = bounded(x);
    y = bounded(y);
    float inside = coverage(x, y, f->width, f->height);
    if (inside == 0) {
        *red = *green = *blue = grey_level(border);
        return;
    }
    float luma = sample_clamped(f->y, f->stride, f->width, f->height, x, y);
    float cx = (x + 0.5f) * 0.5f - 0.5f, cy = (y + 0.5f) * 0.5f - 0.5f;
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

void fwoc_frontend_crop_rgb(const fwoc_i420 *frame, const fwoc_colour *colour, fwoc_similarity map, int32_t width, int32_t height,
    float border, uint8_t *out, fwoc_variant variant) {
    (void)variant;
    ptrdiff_t plane = (ptrdiff_t)width * height;
    for (int32_t v = 0; v < height; v++) {
        float row_x = map.tx - map.b * (float)v, row_y = map.ty + map.a * (float)v;
        uint8_t *row = out + (ptrdiff_t)v * width;
        for (int32_t u = 0; u < width; u++)
            rgb_pixel(frame, colour, row_x + map.a * (float)u, row_y + map.b * (float)u, border, row + u, row + plane + u, row + 2 * plane + u);
    }
}

void fwoc_frontend_crop_grey(const uint8_t *y, int32_t stride, int32_t source_width, int32_t source_height, float offset, float gain,
    fwoc_similarity map, int32_t width, int32_t height, float border, uint8_t *out, fwoc_variant variant) {
    (void)variant;
    for (int32_t v = 0; v < height; v++) {
        float row_x = map.tx - map.b * (float)v, row_y = map.ty + map.a * (float)v;
        uint8_t *row = out + (ptrdiff_t)v * width;
        for (int32_t u = 0; u < width; u++) {
            float px = bounded(row_x + map.a * (float)u), py = bounded(row_y + map.b * (float)u);
            float inside = coverage(px, py, source_width, source_height);
            float grey = border;
            if (inside > 0) {
                grey = clamp255((sample_clamped(y, stride, source_width, source_height, px, py) - offset) * gain);
                if (inside < 1) grey = inside * grey + (1 - inside) * border;
            }
            row[u] = grey_level(grey);
        }
    }
}

void fwoc_frontend_box_reduce(const uint8_t *plane, int32_t stride, int32_t source_width, int32_t source_height, int32_t x, int32_t y,
    int32_t factor, int32_t width, int32_t height, uint32_t *sums, uint8_t *out) {
    int32_t left = x * factor;
    int32_t columns = width * factor;
    if (left + columns > source_width) columns = source_width - left;
    for (int32_t j = 0; j < height; j++) {
        int32_t top = (y + j) * factor;
        int32_t rows = top + factor <= source_height ? factor : source_height - top;
        memset(sums, 0, sizeof(uint32_t) * (size_t)columns);
        for (int32_t r = 0; r < rows; r++) {
            const uint8_t *in = plane + (ptrdiff_t)(top + r) * stride + left;
            for (int32_t i = 0; i < columns; i++) sums[i] += in[i];
        }
        for (int32_t i = 0; i < width; i++) {
            int32_t first = i * factor;
            int32_t last = first + factor <= columns ? first + factor : columns;
            uint32_t total = 0, area = (uint32_t)(rows * (last - first));
            for (int32_t c = first; c < last; c++) total += sums[c];
            out[(ptrdiff_t)j * width + i] = (uint8_t)((total + area / 2) / area);
        }
    }
}

void fwoc_frontend_normalise(const uint8_t *in, int32_t channels, int32_t width, int32_t height, const float *mean, const float *scale,
    int32_t mirrored, float *out) {
    for (int32_t c = 0; c < channels; c++) {
        float m = mean[c], s = scale[c];
        for (int32_t j = 0; j < height; j++) {
            const uint8_t *restrict row = in + ((ptrdiff_t)c * height + j) * width;
            float *restrict to = out + ((ptrdiff_t)c * height + j) * width;
            if (mirrored)
                for (int32_t i = 0; i < width; i++) to[i] = ((float)row[width - 1 - i] - m) * s;
            else
                for (int32_t i = 0; i < width; i++) to[i] = ((float)row[i] - m) * s;
        }
    }
}
