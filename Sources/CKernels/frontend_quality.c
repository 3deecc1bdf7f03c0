// Sums for sharpness, brightness and contrast of a crop. Integers: exact.
#include "CKernels.h"

#define WIDEST 1024

static void grey_row(const uint8_t *crop, int32_t planes, ptrdiff_t plane, int32_t width, int32_t row, int16_t *restrict out) {
    const uint8_t *restrict red = crop + (ptrdiff_t)row * width;
    if (planes == 1) {
        for (int32_t i = 0; i < width; i++) out[i] = red[i];
        return;
    }
    const uint8_t *restrict green = red + plane, *restrict blue = red + 2 * plane;
    for (int32_t i = 0; i < width; i++) out[i] = (int16_t)((77 * red[i] + 150 * green[i] + 29 * blue[i] + 128) >> 8);
}

void fwoc_frontend_crop_statistics(const uint8_t *crop, int32_t planes, int32_t width, int32_t height, fwoc_crop_statistics *out) {
    int16_t rows[3][WIDEST];
    ptrdiff_t plane = (ptrdiff_t)width * height;
    out->level = out->level_square = out->laplacian = out->laplacian_square = 0;
    for (int32_t j = 0; j < height; j++) {
        int16_t *current = rows[j % 3];
        grey_row(crop, planes, plane, width, j, current);
        int32_t level = 0, level_square = 0;  // at most 1024·255² < 2^31
        for (int32_t i = 0; i < width; i++) {
            level += current[i];
            level_square += current[i] * current[i];
        }
        out->level += level;
        out->level_square += level_square;
        if (j < 2) continue;
        const int16_t *above = rows[(j - 2) % 3], *middle = rows[(j - 1) % 3], *below = current;
        int32_t laplacian = 0;
        int64_t laplacian_square = 0;
        for (int32_t i = 1; i < width - 1; i++) {
            int32_t d = above[i] + below[i] + middle[i - 1] + middle[i + 1] - 4 * middle[i];
            laplacian += d;
            laplacian_square += d * d;
        }
        out->laplacian += laplacian;
        out->laplacian_square += laplacian_square;
    }
}
