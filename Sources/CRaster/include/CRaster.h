// A small software rasteriser for heads: textured triangles with a depth buffer, strands of hair, and their composition over a picture.
//
// Portable C whose inner loops the compiler vectorises; single precision, no threads, no state: the same input gives the same bytes. Swift owns all
// memory. Colours are linear light. A canvas of samples is `scale` times as fine as the layer that comes out of it.
#pragma once
#include <stdint.h>

typedef struct {
    int32_t width, height;
    /// [height, width, 4]: red, green, blue (premultiplied), coverage.
    float *colour;
    /// [height, width]: nearer is larger.
    float *depth;
    /// [height, 2]: where each row was drawn on, from the first up to the last; an empty row has INT32_MAX and 0, and nothing but 0 and −∞ in it.
    int32_t *spans;
} fwoc_raster_canvas;

/// One corner of a triangle; the centre of the first sample is (0, 0).
typedef struct {
    float x, y, depth;
    /// Position in the texture, in texels.
    float u, v;
    /// What the texture's colour is multiplied with, and what is then added (a sheen, of the light's colour).
    float light[3], sheen[3];
    /// Opacity; multiplied with the texture's.
    float alpha;
} fwoc_raster_corner;

/// [height, width, 4], not premultiplied: square roots of linear light and of opacity, 255 for 1. A byte each, so that a texture stays in the cache.
typedef struct {
    const uint8_t *texels;
    int32_t width, height;
} fwoc_raster_texture;

/// Draws triangles. A sample is covered if its centre lies inside (left and upper edges included). `blend`: colours are laid over what is there by their
/// opacity, and the depth is kept where the opacity is below a half; else they replace it. `block`: squares of 1 or 2 samples on a side have one colour, that of
/// their middle, however many of them are covered, each with its own depth: edges are as fine as samples, and shading costs a quarter.
/// `origin`: the row of the corners' coordinates that is the canvas's first, a multiple of `block`.
void fwoc_raster_triangles(fwoc_raster_canvas canvas, const fwoc_raster_corner *corners, const uint16_t *indices, int32_t triangles,
    fwoc_raster_texture texture, int32_t blend, int32_t block, int32_t origin);

/// One point of a strand, in pixels of the layer.
typedef struct {
    float x, y, depth;
    /// Half the width in pixels.
    float radius;
    float colour[3], alpha;
} fwoc_raster_knot;

/// Draws a line through `count` knots over the layer, softened over one pixel, where it is nearer than the depth there.
void fwoc_raster_strand(fwoc_raster_canvas layer, const fwoc_raster_knot *knots, int32_t count);

/// Hair as it grows on a head; arrays of three are x, y, z in head coordinates.
typedef struct {
    const float *positions, *tangents, *normals;
    /// Of each knot: brightness, opacity, half its width in head units.
    const float *tones, *opacities, *radii;
    int32_t knots;
} fwoc_raster_hair;

/// The camera and the light, in head coordinates but for the rows, which lead from there to the camera's axes.
typedef struct {
    float rows[9], origin[3], scale, distance, centre[2];
    float lamp[3], half[3], up[3], toCamera[3];
    float key[3], ambient[3], slope, exposure;
    float colour[3], depthBias, least, strength;
    /// What the strands' widths are multiplied with.
    float widening;
} fwoc_raster_hair_view;

/// Projects and lights every knot: Kajiya and Kay's diffuse and specular terms, the latter twice, as Marschner et al. (2003) found.
void fwoc_raster_light_hair(fwoc_raster_hair hair, fwoc_raster_hair_view view, fwoc_raster_knot *out);

/// Averages squares of `scale` samples into an empty layer; the depth is the nearest one. The canvas is empty afterwards.
void fwoc_raster_reduce(fwoc_raster_canvas canvas, int32_t scale, fwoc_raster_canvas layer);

/// A soft focus: the kernel (side, 1 − 2·side, side) along rows, then columns; `row` is scratch of one row of the layer.
void fwoc_raster_soften(fwoc_raster_canvas layer, float side, float *row);

/// Lays the layer over 8-bit sRGB pixels [pictureHeight, pictureWidth, 3] with its corner at (left, top), in linear light.
/// `encode` has 4096 entries from linear 0…1 to sRGB; `decode` 256. The layer is empty afterwards.
void fwoc_raster_compose(fwoc_raster_canvas layer, int32_t left, int32_t top, uint8_t *picture, int32_t pictureWidth, int32_t pictureHeight,
    const uint8_t *encode, const float *decode);
