#include "CRaster.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

/// Where the processor has wider registers and three-operand instructions, they are used: the same sums, hence the same bytes.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/// Four floats that are added and multiplied at once; memory need not be aligned.
typedef float four __attribute__((vector_size(16)));

static inline four load(const float *p) {
    four v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(float *p, four v) { memcpy(p, &v, sizeof v); }

/// One texel of a texture, in linear light.
static inline four texel(const uint8_t *p) {
    typedef uint8_t bytes __attribute__((vector_size(4)));
    bytes v;
    memcpy(&v, p, sizeof v);
    four value = __builtin_convertvector(v, four);
    return value * value * (1 / 65025.0f);
}

static inline float smaller(float a, float b) { return a < b ? a : b; }
static inline float larger(float a, float b) { return a > b ? a : b; }

/// Up and down to whole numbers, of numbers that fit an integer: the library's take a call each where SSE 4.1 is not assumed.
static inline int32_t above(float x) {
    const int32_t i = (int32_t)x;
    return i + ((float)i < x);
}
static inline int32_t below(float x) {
    const int32_t i = (int32_t)x;
    return i - ((float)i > x);
}

/// Row `y` has been drawn on from `first` up to, not including, `last`.
static inline void touch(fwoc_raster_canvas canvas, int32_t y, int32_t first, int32_t last) {
    int32_t *span = canvas.spans + 2 * y;
    if (first < span[0]) span[0] = first;
    if (last > span[1]) span[1] = last;
}

/// Empties a row where it was drawn on.
static inline void clear(fwoc_raster_canvas canvas, int32_t y) {
    int32_t *span = canvas.spans + 2 * y;
    if (span[0] < span[1]) {
        const size_t at = (size_t)y * (size_t)canvas.width + (size_t)span[0], count = (size_t)(span[1] - span[0]);
        memset(canvas.colour + 4 * at, 0, 4 * count * sizeof(float));
        for (size_t i = 0; i < count; i++) canvas.depth[at + i] = -INFINITY;
    }
    span[0] = INT32_MAX, span[1] = 0;
}

/// Where an edge crosses a row. Both triangles of an edge get the same bits: the ends are put in one order first.
typedef struct {
    float x, y, slope, top, bottom;
} edge;

static inline edge between(const fwoc_raster_corner *a, const fwoc_raster_corner *b) {
    if (a->y > b->y || (a->y == b->y && a->x > b->x)) {
        const fwoc_raster_corner *swap = a;
        a = b;
        b = swap;
    }
    return (edge){a->x, a->y, (b->x - a->x) / (b->y - a->y), a->y, b->y};
}

/// A quantity that changes linearly over a triangle.
typedef struct {
    four at, dx, dy;
} plane;

static inline plane over(four a, four b, four c, float ux, float uy, float wx, float wy, float inverse) {
    const four p = b - a, q = c - a;
    return (plane){a, (p * wy - q * uy) * inverse, (q * ux - p * wx) * inverse};
}

static inline __attribute__((always_inline)) void draw(fwoc_raster_canvas canvas, const fwoc_raster_corner *corners, const uint16_t *indices, int32_t triangles,
    fwoc_raster_texture texture, int32_t blend, const int32_t block, int32_t origin) {
    const float right = (float)(texture.width - 1), bottom = (float)(texture.height - 1), middle = 0.5f * (float)(block - 1);
    for (int32_t t = 0; t < triangles; t++) {
        const fwoc_raster_corner *a = corners + indices[3 * t], *b = corners + indices[3 * t + 1], *c = corners + indices[3 * t + 2];
        const float up = (float)origin, low = smaller(a->y, smaller(b->y, c->y)) - up, high = larger(a->y, larger(b->y, c->y)) - up;
        if (!(high >= 0) || !(low <= (float)(canvas.height - 1))) continue;
        const int32_t top = low <= 0 ? 0 : above(low), end = high >= (float)canvas.height ? canvas.height : above(high);
        if (top >= end) continue;
        const float ux = b->x - a->x, uy = b->y - a->y, wx = c->x - a->x, wy = c->y - a->y;
        const float area = ux * wy - wx * uy;
        if (!(fabsf(area) > 1e-6f)) continue;
        const float inverse = 1 / area;
        // Texel and depth; what the texel is multiplied with, opacity last; what is added.
        const plane place = over((four){a->u, a->v, a->depth, 0}, (four){b->u, b->v, b->depth, 0}, (four){c->u, c->v, c->depth, 0}, ux, uy, wx, wy, inverse);
        const plane light = over((four){a->light[0], a->light[1], a->light[2], a->alpha}, (four){b->light[0], b->light[1], b->light[2], b->alpha},
            (four){c->light[0], c->light[1], c->light[2], c->alpha}, ux, uy, wx, wy, inverse);
        const plane sheen = over((four){a->sheen[0], a->sheen[1], a->sheen[2], 0}, (four){b->sheen[0], b->sheen[1], b->sheen[2], 0},
            (four){c->sheen[0], c->sheen[1], c->sheen[2], 0}, ux, uy, wx, wy, inverse);
        const edge edges[3] = {between(a, b), between(b, c), between(c, a)};
        const four stepWhere = place.dx * (float)block, stepShade = light.dx * (float)block, stepGleam = sheen.dx * (float)block;
        for (int32_t y = top - top % block; y < end; y += block) {
            // What the triangle covers of each row.
            int32_t first[2] = {INT32_MAX, INT32_MAX}, last[2] = {0, 0}, begin = INT32_MAX, until = 0;
            for (int32_t j = 0; j < block; j++) {
                if (y + j < top || y + j >= end) continue;
                const float fy = (float)(y + j + origin);
                float from = INFINITY, to = -INFINITY;
                for (int e = 0; e < 3; e++) {
                    // An edge owns the rows from its upper end up to, not including, its lower one.
                    if ((edges[e].top <= fy) == (edges[e].bottom <= fy)) continue;
                    const float x = edges[e].x + (fy - edges[e].y) * edges[e].slope;
                    from = smaller(from, x), to = larger(to, x);
                }
                if (!(from < to) || to <= 0 || from > (float)(canvas.width - 1)) continue;
                first[j] = from <= 0 ? 0 : above(from), last[j] = to >= (float)canvas.width ? canvas.width : above(to);
                if (first[j] >= last[j]) continue;
                touch(canvas, y + j, first[j], last[j]);
                if (first[j] < begin) begin = first[j];
                if (last[j] > until) until = last[j];
            }
            if (begin >= until) continue;
            begin -= begin % block;
            const float rx = (float)begin + middle - a->x, ry = (float)(y + origin) + middle - a->y;
            four where = place.at + place.dx * rx + place.dy * ry;
            four shade = light.at + light.dx * rx + light.dy * ry;
            four gleam = sheen.at + sheen.dx * rx + sheen.dy * ry;
            // Samples left and right in the upper row, then in the lower one.
            const float aside = middle * place.dx[2], under = middle * place.dy[2];
            const four beside = {-aside - under, aside - under, under - aside, aside + under};
            const int32_t innerFirst = first[0] > first[1] ? first[0] : first[1], innerLast = last[0] < last[1] ? last[0] : last[1];
            const size_t line = (size_t)y * (size_t)canvas.width;
            for (int32_t x = begin; x < until; x += block) {
                // Samples of the block that the triangle covers and nothing hides.
                int32_t seen = 0;
                const four depths = where[2] + beside;
                if (block == 2) {
                    const float *d0 = canvas.depth + line + (size_t)x, *d1 = d0 + canvas.width;
                    if (x >= innerFirst && x + 1 < innerLast) {
                        seen = (depths[0] > d0[0]) | (depths[1] > d0[1]) << 1 | (depths[2] > d1[0]) << 2 | (depths[3] > d1[1]) << 3;
                    } else {
                        for (int32_t k = 0; k < 4; k++) {
                            const int32_t at = x + (k & 1);
                            if (at >= first[k >> 1] && at < last[k >> 1] && depths[k] > (k >> 1 ? d1 : d0)[k & 1]) seen |= 1 << k;
                        }
                    }
                } else {
                    seen = depths[0] > canvas.depth[line + (size_t)x];
                }
                if (seen) {
                    const float u = smaller(larger(where[0], 0), right), v = smaller(larger(where[1], 0), bottom);
                    const int32_t column = (int32_t)u, row = (int32_t)v;
                    const uint8_t *p = texture.texels + 4 * ((size_t)row * (size_t)texture.width + (size_t)column);
                    const size_t next = column + 1 < texture.width ? 4 : 0, below = row + 1 < texture.height ? 4 * (size_t)texture.width : 0;
                    const float fu = u - (float)column, fv = v - (float)row;
                    const four p0 = texel(p), p1 = texel(p + below);
                    const four upper = p0 + fu * (texel(p + next) - p0), lower = p1 + fu * (texel(p + below + next) - p1);
                    four own = (upper + fv * (lower - upper)) * shade + gleam;
                    const float alpha = smaller(larger(own[3], 0), 1);
                    own[3] = 1;
                    const int kept = !blend || alpha >= 0.5f;
                    float *colour = canvas.colour + 4 * (line + (size_t)x), *depth = canvas.depth + line + (size_t)x;
                    if (block == 2 && seen == 15 && !blend) {
                        float *colour1 = colour + 4 * (size_t)canvas.width, *depth1 = depth + canvas.width;
                        store(colour, own), store(colour + 4, own), store(colour1, own), store(colour1 + 4, own);
                        depth[0] = depths[0], depth[1] = depths[1], depth1[0] = depths[2], depth1[1] = depths[3];
                    } else {
                        for (int32_t k = 0; k < block * block; k++) {
                            if (!(seen & 1 << k)) continue;
                            const size_t at = (size_t)(k >> 1) * (size_t)canvas.width + (size_t)(k & 1);
                            store(colour + 4 * at, blend ? own * alpha + load(colour + 4 * at) * (1 - alpha) : own);
                            if (kept) depth[at] = depths[k];
                        }
                    }
                }
                where += stepWhere, shade += stepShade, gleam += stepGleam;
            }
        }
    }
}

FOR_EACH_PROCESSOR
void fwoc_raster_triangles(fwoc_raster_canvas canvas, const fwoc_raster_corner *corners, const uint16_t *indices, int32_t triangles,
    fwoc_raster_texture texture, int32_t blend, int32_t block, int32_t origin) {
    if (block == 2) {
        draw(canvas, corners, indices, triangles, texture, blend, 2, origin);
    } else {
        draw(canvas, corners, indices, triangles, texture, blend, 1, origin);
    }
}

FOR_EACH_PROCESSOR
void fwoc_raster_strand(fwoc_raster_canvas layer, const fwoc_raster_knot *knots, int32_t count) {
    const float limit = (float)(layer.width + layer.height) + 64;
    for (int32_t k = 0; k + 1 < count; k++) {
        const fwoc_raster_knot *a = knots + k, *b = knots + k + 1;
        if (!(fabsf(a->x) < limit && fabsf(a->y) < limit && fabsf(b->x) < limit && fabsf(b->y) < limit)) continue;
        const float dx = b->x - a->x, dy = b->y - a->y;
        const int steep = fabsf(dy) > fabsf(dx);
        const float along = steep ? dy : dx, across = steep ? dx : dy;
        if (fabsf(along) < 1e-4f) continue;
        const float from = steep ? a->y : a->x, to = steep ? b->y : b->x;
        // Whole positions in [smaller end, larger end): segments that meet share none.
        int32_t first = above(smaller(from, to)), last = above(larger(from, to));
        const float slope = across / along, stretch = sqrtf(1 + slope * slope), inverse = 1 / along;
        const int32_t sides = steep ? layer.width : layer.height, length = steep ? layer.height : layer.width;
        const size_t step = steep ? 1 : (size_t)layer.width;
        if (first < 0) first = 0;
        if (last > length) last = length;
        // Centre, half width, opacity and depth; colour, with 1 for the coverage.
        const four shapeA = {steep ? a->x : a->y, a->radius * stretch, a->alpha, a->depth}, shapeB = {steep ? b->x : b->y, b->radius * stretch, b->alpha, b->depth};
        const four colourA = {a->colour[0], a->colour[1], a->colour[2], 1}, colourB = {b->colour[0], b->colour[1], b->colour[2], 1};
        for (int32_t p = first; p < last; p++) {
            const float t = ((float)p - from) * inverse;
            const four shape = shapeA + (shapeB - shapeA) * t;
            const float centre = shape[0], radius = shape[1];
            int32_t begin = above(centre - radius - 0.5f), end = below(centre + radius + 0.5f);
            if (begin < 0) begin = 0;
            if (end > sides - 1) end = sides - 1;
            if (begin > end) continue;
            if (steep) {
                touch(layer, p, begin, end + 1);
            } else {
                for (int32_t q = begin; q <= end; q++) touch(layer, q, p, p + 1);
            }
            const four colour = colourA + (colourB - colourA) * t;
            size_t at = steep ? (size_t)p * (size_t)layer.width + (size_t)begin : (size_t)begin * (size_t)layer.width + (size_t)p;
            for (int32_t q = begin; q <= end; q++, at += step) {
                if (!(shape[3] > layer.depth[at])) continue;
                // The part of this pixel that lies within the radius.
                const float part = smaller(centre + radius, (float)q + 0.5f) - larger(centre - radius, (float)q - 0.5f);
                if (!(part > 0)) continue;
                const float alpha = shape[2] * part;
                float *to = layer.colour + 4 * at;
                store(to, colour * alpha + load(to) * (1 - alpha));
            }
        }
    }
}

FOR_EACH_PROCESSOR
void fwoc_raster_light_hair(fwoc_raster_hair hair, fwoc_raster_hair_view v, fwoc_raster_knot *out) {
    for (int32_t k = 0; k < hair.knots; k++) {
        const float *p = hair.positions + 3 * k, *t = hair.tangents + 3 * k, *n = hair.normals + 3 * k;
        const float x = p[0] - v.origin[0], y = p[1] - v.origin[1], z = p[2] - v.origin[2];
        const float cx = v.rows[0] * x + v.rows[1] * y + v.rows[2] * z, cy = v.rows[3] * x + v.rows[4] * y + v.rows[5] * z;
        const float cz = v.rows[6] * x + v.rows[7] * y + v.rows[8] * z;
        const float s = v.scale * v.distance / larger(v.distance - cz, 5);
        const float along = t[0] * v.lamp[0] + t[1] * v.lamp[1] + t[2] * v.lamp[2];
        const float across = sqrtf(larger(0, 1 - along * along));
        const float facing = larger(0, (n[0] * v.lamp[0] + n[1] * v.lamp[1] + n[2] * v.lamp[2] + 0.35f) / 1.35f);
        const float above = n[0] * v.up[0] + n[1] * v.up[1] + n[2] * v.up[2];
        const float seen = larger(0, n[0] * v.toCamera[0] + n[1] * v.toCamera[1] + n[2] * v.toCamera[2]);
        const float even = (1 + v.slope * above) * (0.72f + 0.28f * seen), direct = facing * (0.35f + 0.65f * across);
        const float th = t[0] * v.half[0] + t[1] * v.half[1] + t[2] * v.half[2], shifted = th - 0.2f;
        float a = larger(0, 1 - th * th), b = larger(0, 1 - shifted * shifted);
        a *= a, a *= a, a *= a, a *= a;  // to the 16th
        b *= b, b *= b, b *= b;          // to the 8th
        const float tone = hair.tones[k], shine = 0.05f * a * facing * tone, second = 0.6f * b * facing * tone;
        out[k].x = v.centre[0] + cx * s, out[k].y = v.centre[1] - cy * s, out[k].depth = cz + v.depthBias;
        out[k].radius = larger(hair.radii[k] * v.scale * v.widening, v.least);
        out[k].alpha = hair.opacities[k] * v.strength;
        for (int i = 0; i < 3; i++) {
            const float light = v.ambient[i] * even + v.key[i] * direct;
            const float colour = v.colour[i] * (light * tone + v.key[i] * second) + (v.key[i] + 0.4f * v.ambient[i]) * shine + 0.006f * v.ambient[i] * tone;
            out[k].colour[i] = colour * v.exposure;
        }
    }
}

FOR_EACH_PROCESSOR
void fwoc_raster_reduce(fwoc_raster_canvas canvas, int32_t scale, fwoc_raster_canvas layer) {
    const float share = 1 / (float)(scale * scale);
    for (int32_t y = 0; y < layer.height; y++) {
        int32_t first = layer.width, last = 0;
        for (int32_t j = 0; j < scale; j++) {
            const int32_t *span = canvas.spans + 2 * (y * scale + j);
            if (span[0] >= span[1]) continue;
            if (span[0] / scale < first) first = span[0] / scale;
            if ((span[1] - 1) / scale + 1 > last) last = (span[1] - 1) / scale + 1;
        }
        if (last > layer.width) last = layer.width;
        if (first < last) touch(layer, y, first, last);
        for (int32_t x = first; x < last; x++) {
            four sum = {0, 0, 0, 0};
            float nearest = -INFINITY;
            for (int32_t j = 0; j < scale; j++) {
                const size_t at = (size_t)(y * scale + j) * (size_t)canvas.width + (size_t)(x * scale);
                for (int32_t i = 0; i < scale; i++) {
                    sum += load(canvas.colour + 4 * (at + (size_t)i));
                    nearest = larger(nearest, canvas.depth[at + (size_t)i]);
                }
            }
            const size_t to = (size_t)y * (size_t)layer.width + (size_t)x;
            store(layer.colour + 4 * to, sum * share);
            layer.depth[to] = nearest;
        }
        for (int32_t j = 0; j < scale; j++) clear(canvas, y * scale + j);
    }
}

FOR_EACH_PROCESSOR
void fwoc_raster_soften(fwoc_raster_canvas layer, float side, float *row) {
    const float centre = 1 - 2 * side;
    const size_t pitch = 4 * (size_t)layer.width;
    for (int32_t y = 0; y < layer.height; y++) {
        int32_t *span = layer.spans + 2 * y;
        if (span[0] >= span[1]) continue;
        const int32_t first = span[0] > 1 ? span[0] - 1 : 1, last = span[1] + 1 < layer.width ? span[1] + 1 : layer.width - 1;
        float *p = layer.colour + (size_t)y * pitch;
        if (first >= last) continue;
        memcpy(row + 4 * (first - 1), p + 4 * (first - 1), 4 * (size_t)(last - first + 2) * sizeof(float));
        for (int32_t x = first; x < last; x++) {
            const float *from = row + 4 * x;
            store(p + 4 * x, centre * load(from) + side * (load(from - 4) + load(from + 4)));
        }
        touch(layer, y, first, last);
    }
    if (layer.height < 3) return;
    memcpy(row, layer.colour, pitch * sizeof(float));
    // What the row above held; empty beyond where it was drawn on.
    int32_t above[2] = {layer.spans[0], layer.spans[1]};
    for (int32_t y = 1; y + 1 < layer.height; y++) {
        int32_t *span = layer.spans + 2 * y;
        const int32_t own[2] = {span[0], span[1]};
        touch(layer, y, above[0], above[1]);
        touch(layer, y, span[2], span[3]);
        float *p = layer.colour + (size_t)y * pitch;
        for (int32_t x = span[0]; x < span[1]; x++) {
            const four here = load(p + 4 * x);
            store(p + 4 * x, centre * here + side * (load(row + 4 * x) + load(p + 4 * x + pitch)));
            store(row + 4 * x, here);
        }
        above[0] = own[0], above[1] = own[1];
    }
}

FOR_EACH_PROCESSOR
void fwoc_raster_compose(fwoc_raster_canvas layer, int32_t left, int32_t top, uint8_t *picture, int32_t pictureWidth, int32_t pictureHeight,
    const uint8_t *encode, const float *decode) {
    for (int32_t y = 0; y < layer.height; y++) {
        const int32_t row = y + top, *span = layer.spans + 2 * y;
        int32_t first = span[0], last = span[1];
        if (first < -left) first = -left;
        if (last > pictureWidth - left) last = pictureWidth - left;
        if (row < 0 || row >= pictureHeight) last = first;
        for (int32_t x = first; x < last; x++) {
            const float *p = layer.colour + 4 * ((size_t)y * (size_t)layer.width + (size_t)x);
            if (p[3] <= 0.002f) continue;
            uint8_t *out = picture + 3 * ((size_t)row * (size_t)pictureWidth + (size_t)(x + left));
            const float alpha = smaller(p[3], 1), inverse = 1 / p[3];
            const four behind = {decode[out[0]], decode[out[1]], decode[out[2]], 0};
            // A soft shoulder, as cameras have: highlights are compressed and not cut, all channels alike, for channels of their own make skin in the light grey.
            const four own = load(p) * inverse;
            const float most = larger(own[0], larger(own[1], own[2])), excess = most - 0.55f;
            const float shoulder = excess > 0 ? (0.55f + excess / (1 + excess * (1 / 0.45f))) / most : 1;
            const four value = own * (shoulder * alpha) + behind * (1 - alpha);
            for (int i = 0; i < 3; i++) out[i] = encode[(int32_t)(smaller(larger(value[i], 0), 1) * 4095 + 0.5f)];
        }
        clear(layer, y);
    }
}
