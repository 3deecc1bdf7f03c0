// Averages over k × k blocks: what makes large pictures small without aliasing, before bilinear sampling.
#include "CKernels.h"

static inline __attribute__((always_inline)) void first_row(const uint8_t *restrict in, int32_t count, uint16_t *restrict sums) {
    for (int32_t i = 0; i < count; i++) sums[i] = in[i];
}

static inline __attribute__((always_inline)) void add_row(const uint8_t *restrict in, int32_t count, uint16_t *restrict sums) {
    for (int32_t i = 0; i < count; i++) sums[i] = (uint16_t)(sums[i] + in[i]);
}

// Means of whole blocks of k column sums, rounded. The division is by multiplication with the reciprocal r = ⌈2^n/area⌉, exact while
// total·(r·area − 2^n) < 2^n: totals are below 256·area, so n = 32 serves areas up to 4096 and n = 40 those up to 65536.
static inline __attribute__((always_inline)) void average_blocks(const uint16_t *restrict sums, int32_t k, int32_t count, uint32_t area, uint8_t *restrict out) {
    uint32_t half = area / 2;
    if (area == 1) {
        for (int32_t i = 0; i < count; i++) out[i] = (uint8_t)sums[i];
    } else if (area <= 4096) {
        uint32_t reciprocal = (uint32_t)((((uint64_t)1 << 32) + area - 1) / area);
        for (int32_t i = 0; i < count; i++) {
            uint32_t total = half;
            for (int32_t c = 0; c < k; c++) total += sums[i * k + c];
            out[i] = (uint8_t)(((uint64_t)total * reciprocal) >> 32);
        }
    } else {
        uint64_t reciprocal = (((uint64_t)1 << 40) + area - 1) / area;
        for (int32_t i = 0; i < count; i++) {
            uint64_t total = half;
            for (int32_t c = 0; c < k; c++) total += sums[i * k + c];
            out[i] = (uint8_t)((total * reciprocal) >> 40);
        }
    }
}

static inline __attribute__((always_inline)) void box_reduce(const uint8_t *plane, int32_t stride, int32_t source_width, int32_t source_height,
    int32_t x, int32_t y, int32_t k, int32_t width, int32_t height, uint16_t *sums, uint8_t *out) {
    int32_t left = x * k;
    int32_t columns = width * k;
    if (left + columns > source_width) columns = source_width - left;
    int32_t whole = columns / k;
    for (int32_t j = 0; j < height; j++) {
        int32_t top = (y + j) * k;
        int32_t rows = top + k <= source_height ? k : source_height - top;
        const uint8_t *in = plane + (ptrdiff_t)top * stride + left;
        first_row(in, columns, sums);
        for (int32_t r = 1; r < rows; r++) add_row(in + (ptrdiff_t)r * stride, columns, sums);
        uint8_t *row = out + (ptrdiff_t)j * width;
        uint32_t area = (uint32_t)(rows * k);
        switch (k) {
        case 2: average_blocks(sums, 2, whole, area, row); break;
        case 3: average_blocks(sums, 3, whole, area, row); break;
        case 4: average_blocks(sums, 4, whole, area, row); break;
        case 5: average_blocks(sums, 5, whole, area, row); break;
        case 6: average_blocks(sums, 6, whole, area, row); break;
        default: average_blocks(sums, k, whole, area, row); break;
        }
        if (whole < width) average_blocks(sums + whole * k, columns - whole * k, 1, (uint32_t)(rows * (columns - whole * k)), row + whole);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void box_reduce_avx2(const uint8_t *plane, int32_t stride, int32_t source_width, int32_t source_height,
    int32_t x, int32_t y, int32_t k, int32_t width, int32_t height, uint16_t *sums, uint8_t *out) {
    box_reduce(plane, stride, source_width, source_height, x, y, k, width, height, sums, out);
}
#endif

void fwoc_frontend_box_reduce(const uint8_t *plane, int32_t stride, int32_t source_width, int32_t source_height, int32_t x, int32_t y,
    int32_t factor, int32_t width, int32_t height, uint16_t *sums, uint8_t *out, fwoc_variant variant) {
#if defined(__x86_64__)
    if (variant == fwoc_variant_avx2) {
        box_reduce_avx2(plane, stride, source_width, source_height, x, y, factor, width, height, sums, out);
        return;
    }
#endif
    (void)variant;
    box_reduce(plane, stride, source_width, source_height, x, y, factor, width, height, sums, out);
}
