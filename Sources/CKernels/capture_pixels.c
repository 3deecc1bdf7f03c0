// Raw camera formats to planar 4:2:0: bound by memory, and left to the compiler's vectors.
#include "CKernels.h"
#include <string.h>

static void yuyv_luma(const uint8_t *restrict in, int32_t width, uint8_t *restrict y) {
    for (int32_t i = 0; i < width; i++) y[i] = in[2 * i];
}

static void yuyv_chroma(const uint8_t *restrict above, const uint8_t *restrict below, int32_t columns, uint8_t *restrict cb, uint8_t *restrict cr) {
    for (int32_t i = 0; i < columns; i++) {
        cb[i] = (uint8_t)((above[4 * i + 1] + below[4 * i + 1] + 1) >> 1);
        cr[i] = (uint8_t)((above[4 * i + 3] + below[4 * i + 3] + 1) >> 1);
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
        cb[i] = in[2 * i];
        cr[i] = in[2 * i + 1];
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
