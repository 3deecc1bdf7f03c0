// Kernels of the front end: resampling with colour conversion, and the spectrum of sound.
//
// Floating-point contraction is off in all of them, so that every variant gives the same bits.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A picture in planar YCbCr 4:2:0. Chroma planes have half the size, rounded up. Strides are in bytes.
typedef struct {
    const uint8_t *y, *cb, *cr;
    int32_t width, height, chroma_width, chroma_height;
    int32_t stride, chroma_stride;
} fwoc_i420;

/// R = luma·(Y − luma_offset) + red_cr·(Cr − 128)
/// G = luma·(Y − luma_offset) + green_cb·(Cb − 128) + green_cr·(Cr − 128)
/// B = luma·(Y − luma_offset) + blue_cb·(Cb − 128), each clamped to 0…255.
typedef struct {
    float luma, luma_offset, red_cr, green_cb, green_cr, blue_cb;
} fwoc_colour;

/// Where the three colours go and how they are normalised: out = (colour − mean)·scale. Plane index 0…2 of red, green, blue;
/// mean and scale are those of red, green, blue.
typedef struct {
    int32_t plane[3];
    float mean[3], scale[3];
} fwoc_channels;

/// SIMD variant of the kernels; `fwoc_frontend_best_variant` asks the processor.
typedef enum { fwoc_variant_portable = 0, fwoc_variant_avx2 = 1 } fwoc_variant;
fwoc_variant fwoc_frontend_best_variant(void);

/// Pictures are averaged over blocks of at most this side: sums of a column then fit 16 bits.
#define FWOC_LARGEST_FACTOR 256

/// For each output column the left one of its two samples, the weights of both (left in the low half, 11 bits), and byte shuffles.
typedef struct {
    int32_t *index, *weights;   // [width]
    uint8_t *shuffle;           // [4·width]
} fwoc_resize_columns;

/// The two latest averaged rows of a plane.
typedef struct {
    uint8_t *row[2];            // [source width/2 + 1]
    int32_t row_number[2];
} fwoc_resize_slots;

/// Tables and rows for `fwoc_frontend_resize`. The owner allocates every array; `fwoc_frontend_resize_prepare` sets the rest.
typedef struct {
    int32_t source_width, source_height;   // luma
    int32_t width, height;                 // of the resized picture
    int32_t luma_factor, chroma_factor;    // blocks averaged before bilinear sampling
    int32_t may_shuffle;
    fwoc_resize_columns luma_columns, chroma_columns;
    // One blended source row of each plane, (sample − 128)·256; 8 more than the plane is wide.
    int16_t *luma_row, *cb_row, *cr_row;
    fwoc_resize_slots luma_slots, cb_slots, cr_slots;
    uint16_t *sums;                        // [source width]
} fwoc_resize_plan;

void fwoc_frontend_resize_prepare(fwoc_resize_plan *plan, int32_t source_width, int32_t source_height, int32_t width, int32_t height);
/// Averages over k × k blocks where the picture shrinks by more than 2, k the whole part of the plane's factor (OpenCV's INTER_AREA); then bilinear with half-pixel
/// centres and replicated edges (INTER_LINEAR). Chroma is sampled in its own plane with centre siting.
/// Writes the top left plan.width × plan.height of three planes of `plane_stride` elements with rows of `row_stride`.
void fwoc_frontend_resize(fwoc_resize_plan *plan, const fwoc_i420 *frame, const fwoc_colour *colour, const fwoc_channels *channels,
    float *out, ptrdiff_t row_stride, ptrdiff_t plane_stride, fwoc_variant variant);

/// Mapping of crop pixels to frame pixels: x = a·u − b·v + tx, y = b·u + a·v + ty.
typedef struct {
    float a, b, tx, ty;
} fwoc_similarity;

/// Bilinear crop in RGB planes [3, height, width]; what lies outside the frame is `border` (grey level).
void fwoc_frontend_crop_rgb(const fwoc_i420 *frame, const fwoc_colour *colour, fwoc_similarity map, int32_t width, int32_t height,
    float border, uint8_t *out, fwoc_variant variant);
/// Bilinear crop of the luma plane as grey: (Y − offset)·gain, clamped to 0…255. Chroma is not read.
void fwoc_frontend_crop_grey(const fwoc_i420 *frame, float offset, float gain, fwoc_similarity map, int32_t width, int32_t height,
    float border, uint8_t *out, fwoc_variant variant);
/// Averages factor × factor blocks: out[j, i] is the mean of the block at ((x + i)·factor, (y + j)·factor), of the part inside the plane, rounded.
/// `sums` holds min(width·factor, source_width) elements. factor ≤ FWOC_LARGEST_FACTOR.
void fwoc_frontend_box_reduce(const uint8_t *plane, int32_t stride, int32_t source_width, int32_t source_height, int32_t x, int32_t y,
    int32_t factor, int32_t width, int32_t height, uint16_t *sums, uint8_t *out, fwoc_variant variant);

/// out[i] = (in[i] − mean)·scale for a plane of width × height; rows reversed left to right when mirrored.
void fwoc_frontend_normalise(const uint8_t *in, int32_t width, int32_t height, float mean, float scale, int32_t mirrored, float *out);

/// Sums over a crop's grey levels, and over the 4-neighbour Laplacian of its inner pixels.
typedef struct {
    int64_t level, level_square, laplacian, laplacian_square;
} fwoc_crop_statistics;

/// One grey plane or three planes of red, green, blue; grey = (77 R + 150 G + 29 B + 128) >> 8. Both sides 3…1024.
void fwoc_frontend_crop_statistics(const uint8_t *crop, int32_t planes, int32_t width, int32_t height, fwoc_crop_statistics *out);

/// Twiddle factors for the real transform of 512 samples.
enum { fwoc_fft512_table_count = 1152, fwoc_fft512_scratch_count = 1024 };
void fwoc_frontend_fft512_prepare(float *table);
/// Power spectrum |X[k]|², k = 0…256, of 512 real samples.
void fwoc_frontend_power512(const float *table, const float *samples, float *scratch, float *power);
/// out[m] = Σ_k weights·power over the bins of filter m; filter m covers bins start[m] … start[m] + count[m] − 1, weights follow each other.
void fwoc_frontend_filter_bank(const float *power, int32_t filters, const int32_t *start, const int32_t *count, const float *weights, float *out);
