// What cameras deliver, as planar 4:2:0. Source rows are `stride` bytes apart; the target's planes have no padding, its chroma planes
// (width + 1) / 2 columns and (height + 1) / 2 rows.
#pragma once
#include <stdint.h>

/// Y0 Cb Y1 Cr in (width + 1) / 2 groups a row. Chroma of two rows becomes one by their mean, halves rounded up; the last row of an odd
/// height keeps its own.
void fwoc_capture_yuyv(const uint8_t *source, int32_t stride, int32_t width, int32_t height, uint8_t *y, uint8_t *cb, uint8_t *cr);

/// Chroma as Cb Cr pairs, (width + 1) / 2 a row.
void fwoc_capture_split_chroma(const uint8_t *source, int32_t stride, int32_t width, int32_t height, uint8_t *cb, uint8_t *cr);

/// One plane of `width` × `height`.
void fwoc_capture_copy_plane(const uint8_t *source, int32_t stride, int32_t width, int32_t height, uint8_t *target);
