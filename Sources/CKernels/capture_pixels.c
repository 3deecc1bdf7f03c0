// Raw camera formats to planar 4:2:0: bound by memory, and left to the compiler's vectors.
#include "CKernels.h"
#include <stddef.h>
#include <string.h>

// Whole groups as numbers, whose parts the compiler can mask and pack sixteen at a time; bytes with gaps it cannot. The lowest byte comes
// first on every processor that is supported.
static uint16_t pair(const uint8_t *in) {
    uint16_t value;
    memcpy(&value, in, sizeof value);
    return value;
}

static uint32_t group(const uint8_t *in) {
    uint32_t value;
    memcpy(&value, in, sizeof value);
    return value;
}

static void yuyv_luma(const uint8_t *restrict in, int32_t width, uint8_t *restrict y) {
    for (int32_t i = 0; i < width; i++) y[i] = (uint8_t)(pair(in + 2 * (ptrdiff_t)i) & 0xFF);
}

static void yuyv_chroma(const uint8_t *restrict above, const uint8_t *restrict below, int32_t columns, uint8_t *restrict cb, uint8_t *restrict cr) {
    for (int32_t i = 0; i < columns; i++) {
        uint32_t a = group(above + 4 * (ptrdiff_t)i), b = group(below + 4 * (ptrdiff_t)i);
        cb[i] = (uint8_t)(((a >> 8 & 0xFF) + (b >> 8 & 0xFF) + 1) >> 1);
        cr[i] = (uint8_t)(((a >> 24) + (b >> 24) + 1) >> 1);
    }
}

void fwoc_capture_yuyv(const uint8_t *source, int32_t stride, int32_t width, int32_t height, uint8_t *y, uint8_t *cb, uint8_t *cr) {
    int32_t columns = (width + 1) / 2;
    for (int32_t row = 0; row < height; row += 2) {
        const uint8_t *above = source + (ptrdiff_t)row * stride;
        const uint8_t *below = row + 1 < height ? above + stride : above;
        yuyv_luma(above, width, y + (ptrdiff_t)row * width);
        if (below != above) yuyv_luma(below, width, y + (ptrdiff_t)(row + 1) * width);
        yuyv_chroma(above, below, columns, cb + (ptrdiff_t)(row / 2) * columns, cr + (ptrdiff_t)(row / 2) * columns);
    }
}

static void split_row(const uint8_t *restrict in, int32_t columns, uint8_t *restrict cb, uint8_t *restrict cr) {
    for (int32_t i = 0; i < columns; i++) {
        uint16_t both = pair(in + 2 * (ptrdiff_t)i);
        cb[i] = (uint8_t)(both & 0xFF);
        cr[i] = (uint8_t)(both >> 8);
    }
}

void fwoc_capture_split_chroma(const uint8_t *source, int32_t stride, int32_t width, int32_t height, uint8_t *cb, uint8_t *cr) {
    int32_t columns = (width + 1) / 2, rows = (height + 1) / 2;
    for (int32_t row = 0; row < rows; row++)
        split_row(source + (ptrdiff_t)row * stride, columns, cb + (ptrdiff_t)row * columns, cr + (ptrdiff_t)row * columns);
}

void fwoc_capture_copy_plane(const uint8_t *source, int32_t stride, int32_t width, int32_t height, uint8_t *target) {
    if (stride == width) {
        memcpy(target, source, (size_t)width * (size_t)height);
        return;
    }
    for (int32_t row = 0; row < height; row++)
        memcpy(target + (ptrdiff_t)row * width, source + (ptrdiff_t)row * stride, (size_t)width);
}
