#include "CRaster.h"
#include <math.h>
#include <stddef.h>

enum { ATTRIBUTES = 10 };

static inline float smaller(float a, float b) { return a < b ? a : b; }
static inline float larger(float a, float b) { return a > b ? a : b; }

/// Where an edge crosses a row. Both triangles of an edge get the same bits: the ends are put in one order first.
static inline float crossing(const fwoc_raster_corner *a, const fwoc_raster_corner *b, float y) {
    if (a->y > b->y || (a->y == b->y && a->x > b->x)) {
        const fwoc_raster_corner *swap = a;
        a = b;
        b = swap;
    }
    return a->x + (y - a->y) * ((b->x - a->x) / (b->y - a->y));
}

static void attributes(const fwoc_raster_corner *c, float *out) {
    out[0] = c->u, out[1] = c->v;
    for (int i = 0; i < 3; i++) out[2 + i] = c->light[i], out[5 + i] = c->sheen[i];
    out[8] = c->alpha;
    out[9] = c->depth;
}

void fwoc_raster_triangles(fwoc_raster_canvas canvas, const fwoc_raster_corner *corners, const uint16_t *indices, int32_t triangles,
    fwoc_raster_texture texture, int32_t blend) {
    const float right = (float)(texture.width - 1), bottom = (float)(texture.height - 1);
    for (int32_t t = 0; t < triangles; t++) {
        const fwoc_raster_corner *a = corners + indices[3 * t], *b = corners + indices[3 * t + 1], *c = corners + indices[3 * t + 2];
        const float area = (b->x - a->x) * (c->y - a->y) - (c->x - a->x) * (b->y - a->y);
        if (!(fabsf(area) > 1e-6f)) continue;
        const float low = smaller(a->y, smaller(b->y, c->y)), high = larger(a->y, larger(b->y, c->y));
        if (!(high >= 0) || !(low <= (float)(canvas.height - 1))) continue;
        const int32_t top = low <= 0 ? 0 : (int32_t)ceilf(low), end = high >= (float)canvas.height ? canvas.height : (int32_t)ceilf(high);
        float va[ATTRIBUTES], vb[ATTRIBUTES], vc[ATTRIBUTES], dx[ATTRIBUTES], dy[ATTRIBUTES];
        attributes(a, va), attributes(b, vb), attributes(c, vc);
        const float inverse = 1 / area, ux = b->x - a->x, uy = b->y - a->y, wx = c->x - a->x, wy = c->y - a->y;
        for (int i = 0; i < ATTRIBUTES; i++) {
            const float p = vb[i] - va[i], q = vc[i] - va[i];
            dx[i] = (p * wy - q * uy) * inverse;
            dy[i] = (q * ux - p * wx) * inverse;
        }
        for (int32_t y = top; y < end; y++) {
            const float fy = (float)y;
            float from = INFINITY, to = -INFINITY;
            const fwoc_raster_corner *ends[4] = {a, b, c, a};
            for (int e = 0; e < 3; e++) {
                const fwoc_raster_corner *p = ends[e], *q = ends[e + 1];
                // An edge owns the rows from its upper end up to, not including, its lower one.
                if ((p->y <= fy) == (q->y <= fy)) continue;
                const float x = crossing(p, q, fy);
                from = smaller(from, x), to = larger(to, x);
            }
            if (!(from < to) || to <= 0 || from > (float)(canvas.width - 1)) continue;
            const int32_t first = from <= 0 ? 0 : (int32_t)ceilf(from), last = to >= (float)canvas.width ? canvas.width : (int32_t)ceilf(to);
            float value[ATTRIBUTES];
            for (int i = 0; i < ATTRIBUTES; i++) value[i] = va[i] + dx[i] * ((float)first - a->x) + dy[i] * (fy - a->y);
            float *colour = canvas.colour + 4 * ((size_t)y * (size_t)canvas.width + (size_t)first);
            float *depth = canvas.depth + (size_t)y * (size_t)canvas.width + (size_t)first;
            for (int32_t x = first; x < last; x++, colour += 4, depth++) {
                if (value[9] > *depth) {
                    const float u = smaller(larger(value[0], 0), right), v = smaller(larger(value[1], 0), bottom);
                    const int32_t column = (int32_t)u, row = (int32_t)v;
                    const float fu = u - (float)column, fv = v - (float)row;
                    const float *p = texture.texels + 4 * ((size_t)row * (size_t)texture.width + (size_t)column);
                    const float *q = p + (column + 1 < texture.width ? 4 : 0);
                    const size_t below = row + 1 < texture.height ? 4 * (size_t)texture.width : 0;
                    float texel[4];
                    for (int i = 0; i < 4; i++) {
                        const float upper = p[i] + fu * (q[i] - p[i]), lower = p[below + i] + fu * (q[below + i] - p[below + i]);
                        texel[i] = upper + fv * (lower - upper);
                    }
                    const float red = texel[0] * value[2] + value[5], green = texel[1] * value[3] + value[6], blue = texel[2] * value[4] + value[7];
                    if (blend) {
                        const float alpha = smaller(larger(texel[3] * value[8], 0), 1), rest = 1 - alpha;
                        colour[0] = red * alpha + colour[0] * rest;
                        colour[1] = green * alpha + colour[1] * rest;
                        colour[2] = blue * alpha + colour[2] * rest;
                        colour[3] = alpha + colour[3] * rest;
                        if (alpha >= 0.5f) *depth = value[9];
                    } else {
                        colour[0] = red, colour[1] = green, colour[2] = blue, colour[3] = 1;
                        *depth = value[9];
                    }
                }
                for (int i = 0; i < ATTRIBUTES; i++) value[i] += dx[i];
            }
        }
    }
}

static inline void dab(fwoc_raster_canvas layer, int32_t x, int32_t y, float depth, const float *colour, float alpha) {
    if (x < 0 || y < 0 || x >= layer.width || y >= layer.height) return;
    const size_t at = (size_t)y * (size_t)layer.width + (size_t)x;
    if (!(depth > layer.depth[at])) return;
    float *p = layer.colour + 4 * at;
    const float rest = 1 - alpha;
    p[0] = colour[0] * alpha + p[0] * rest;
    p[1] = colour[1] * alpha + p[1] * rest;
    p[2] = colour[2] * alpha + p[2] * rest;
    p[3] = alpha + p[3] * rest;
}

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
        const int32_t first = (int32_t)ceilf(smaller(from, to)), last = (int32_t)ceilf(larger(from, to));
        const float slope = across / along, stretch = sqrtf(1 + slope * slope), inverse = 1 / along;
        const int32_t sides = steep ? layer.width : layer.height, length = steep ? layer.height : layer.width;
        for (int32_t p = first < 0 ? 0 : first; p < (last > length ? length : last); p++) {
            const float t = ((float)p - from) * inverse;
            const float centre = (steep ? a->x : a->y) + across * t;
            const float radius = (a->radius + (b->radius - a->radius) * t) * stretch;
            const float alpha = a->alpha + (b->alpha - a->alpha) * t, depth = a->depth + (b->depth - a->depth) * t;
            float colour[3];
            for (int i = 0; i < 3; i++) colour[i] = a->colour[i] + (b->colour[i] - a->colour[i]) * t;
            const int32_t begin = (int32_t)ceilf(centre - radius - 0.5f), end = (int32_t)floorf(centre + radius + 0.5f);
            for (int32_t q = begin < 0 ? 0 : begin; q <= end && q < sides; q++) {
                // The part of this pixel that lies within the radius.
                const float low = larger(centre - radius, (float)q - 0.5f), high = smaller(centre + radius, (float)q + 0.5f);
                if (high > low) dab(layer, steep ? q : p, steep ? p : q, depth, colour, alpha * (high - low));
            }
        }
    }
}

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
        out[k].radius = larger(hair.radii[k] * v.scale, v.least);
        out[k].alpha = hair.opacities[k] * v.strength;
        for (int i = 0; i < 3; i++) {
            const float light = v.ambient[i] * even + v.key[i] * direct;
            const float colour = v.colour[i] * (light * tone + v.key[i] * second) + (v.key[i] + 0.4f * v.ambient[i]) * shine + 0.006f * v.ambient[i] * tone;
            out[k].colour[i] = colour * v.exposure;
        }
    }
}

void fwoc_raster_reduce(fwoc_raster_canvas canvas, int32_t scale, fwoc_raster_canvas layer) {
    const float share = 1 / (float)(scale * scale);
    for (int32_t y = 0; y < layer.height; y++) {
        for (int32_t x = 0; x < layer.width; x++) {
            float sum[4] = {0, 0, 0, 0}, nearest = -INFINITY;
            for (int32_t j = 0; j < scale; j++) {
                const size_t at = (size_t)(y * scale + j) * (size_t)canvas.width + (size_t)(x * scale);
                for (int32_t i = 0; i < scale; i++) {
                    for (int k = 0; k < 4; k++) sum[k] += canvas.colour[4 * (at + (size_t)i) + (size_t)k];
                    nearest = larger(nearest, canvas.depth[at + (size_t)i]);
                }
            }
            const size_t to = (size_t)y * (size_t)layer.width + (size_t)x;
            for (int k = 0; k < 4; k++) layer.colour[4 * to + (size_t)k] = sum[k] * share;
            layer.depth[to] = nearest;
        }
    }
}

void fwoc_raster_soften(fwoc_raster_canvas layer, float side, float *row) {
    const float centre = 1 - 2 * side;
    const size_t pitch = 4 * (size_t)layer.width;
    for (int32_t y = 0; y < layer.height; y++) {
        float *p = layer.colour + (size_t)y * pitch;
        for (size_t i = 0; i < pitch; i++) row[i] = p[i];
        for (size_t i = 4; i + 4 < pitch; i++) p[i] = centre * row[i] + side * (row[i - 4] + row[i + 4]);
    }
    if (layer.height < 3) return;
    for (size_t i = 0; i < pitch; i++) row[i] = layer.colour[i];
    for (int32_t y = 1; y + 1 < layer.height; y++) {
        float *p = layer.colour + (size_t)y * pitch;
        for (size_t i = 0; i < pitch; i++) {
            const float here = p[i];
            p[i] = centre * here + side * (row[i] + p[i + pitch]);
            row[i] = here;
        }
    }
}

void fwoc_raster_compose(fwoc_raster_canvas layer, int32_t left, int32_t top, uint8_t *picture, int32_t pictureWidth, int32_t pictureHeight,
    const uint8_t *encode, const float *decode) {
    for (int32_t y = 0; y < layer.height; y++) {
        const int32_t row = y + top;
        if (row < 0 || row >= pictureHeight) continue;
        for (int32_t x = 0; x < layer.width; x++) {
            const int32_t column = x + left;
            const float *p = layer.colour + 4 * ((size_t)y * (size_t)layer.width + (size_t)x);
            if (column < 0 || column >= pictureWidth || p[3] <= 0.002f) continue;
            uint8_t *out = picture + 3 * ((size_t)row * (size_t)pictureWidth + (size_t)column);
            const float alpha = smaller(p[3], 1), inverse = 1 / p[3];
            for (int i = 0; i < 3; i++) {
                // A soft shoulder, as cameras have: highlights are compressed and not cut.
                float own = p[i] * inverse;
                const float excess = own - 0.55f;
                if (excess > 0) own = 0.55f + excess / (1 + excess * (1 / 0.45f));
                const float value = own * alpha + decode[out[i]] * (1 - alpha);
                out[i] = encode[(int32_t)(smaller(larger(value, 0), 1) * 4095 + 0.5f)];
            }
        }
    }
}
