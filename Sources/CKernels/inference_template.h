// One text, three variants. The including file defines:
//   NAME(x)   the variant's name for x
//   LANES     floats in a vector
//   ROWS      pixels in a tile of two vectors of output channels; ROWS * 2 + 3 vectors fit in the registers
//   DEPTHWISE_COLUMNS   neighbouring outputs that a depthwise kernel makes together
//   MULADD(a, b, c)   a * b + c
//   VECTOR_MAX(a, b), VECTOR_MIN(a, b)   the second where either is not a number
//   STORE_PART(pointer, vector, count)   the first count lanes
//   DISPATCH_ROWS(F)  F(1) … F(ROWS)
#include <math.h>
#include <string.h>
#include "CKernelsInference.h"

typedef float NAME(vec) __attribute__((vector_size(LANES * 4)));
typedef float NAME(vecu) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t NAME(ivec) __attribute__((vector_size(LANES * 4)));
#define vec NAME(vec)
#define vecu NAME(vecu)
#define ivec NAME(ivec)
#define PANEL (2 * LANES)
#define INLINE static inline __attribute__((always_inline))

INLINE vec NAME(load)(const float *p) { return *(const vecu *)p; }
INLINE void NAME(store)(float *p, vec v) { *(vecu *)p = v; }
INLINE vec NAME(splat)(float x) { return x - (vec){0}; }
INLINE vec NAME(select)(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }
// Where one is not a number the second is returned: with a limit first, what is not a number stays so.
INLINE vec NAME(max)(vec a, vec b) { return (vec)VECTOR_MAX(a, b); }
INLINE vec NAME(min)(vec a, vec b) { return (vec)VECTOR_MIN(a, b); }

// exp to 2 ulp: 2^n · p(r), Cephes' polynomial.
INLINE vec NAME(exp)(vec x) {
    x = NAME(min)(NAME(splat)(88.72283f), NAME(max)(NAME(splat)(-87.33654f), x));
    vec n = __builtin_elementwise_roundeven(x * 1.44269504f);
    n = NAME(min)(n, NAME(splat)(127.0f));
    vec r = MULADD(n, NAME(splat)(-0.693359375f), x);
    r = MULADD(n, NAME(splat)(2.12194440e-4f), r);
    vec p = NAME(splat)(1.9875691500e-4f);
    p = MULADD(p, r, NAME(splat)(1.3981999507e-3f));
    p = MULADD(p, r, NAME(splat)(8.3334519073e-3f));
    p = MULADD(p, r, NAME(splat)(4.1665795894e-2f));
    p = MULADD(p, r, NAME(splat)(1.6666665459e-1f));
    p = MULADD(p, r, NAME(splat)(5.0000001201e-1f));
    p = MULADD(p, r * r, r) + 1.0f;
    ivec e = (__builtin_convertvector(n, ivec) + 127) << 23;
    return p * (vec)e;
}

INLINE vec NAME(sigmoid)(vec x) { return 1.0f / (1.0f + NAME(exp)(-x)); }

INLINE vec NAME(tanh)(vec x) {
    // Near zero 1 - 2/(e^2x + 1) cancels: an odd polynomial there (Cephes).
    vec a = __builtin_elementwise_abs(x);
    vec large = 1.0f - 2.0f / (NAME(exp)(a + a) + 1.0f);
    large = __builtin_elementwise_copysign(large, x);
    vec z = x * x;
    vec p = NAME(splat)(-5.70498872745e-3f);
    p = MULADD(p, z, NAME(splat)(2.06390887954e-2f));
    p = MULADD(p, z, NAME(splat)(-5.37397155531e-2f));
    p = MULADD(p, z, NAME(splat)(1.33314422036e-1f));
    p = MULADD(p, z, NAME(splat)(-3.33332819422e-1f));
    vec small = MULADD(p * z, x, x);
    return NAME(select)((ivec)(a < 0.625f), small, large);
}

INLINE vec NAME(apply)(int kind, float alpha, float beta, vec x) {
    switch (kind) {
    case inference_clip: return NAME(min)(NAME(splat)(beta), NAME(max)(NAME(splat)(alpha), x));
    case inference_leaky_relu: return NAME(select)((ivec)(x < 0.0f), x * alpha, x);
    case inference_sigmoid: return NAME(sigmoid)(x);
    case inference_tanh: return NAME(tanh)(x);
    case inference_hard_swish: return x * NAME(min)(NAME(splat)(1.0f), NAME(max)(NAME(splat)(0.0f), MULADD(x, NAME(splat)(alpha), NAME(splat)(beta))));
    case inference_hard_sigmoid: return NAME(min)(NAME(splat)(1.0f), NAME(max)(NAME(splat)(0.0f), MULADD(x, NAME(splat)(alpha), NAME(splat)(beta))));
    case inference_exp: return NAME(exp)(x);
    case inference_sqrt: return __builtin_elementwise_sqrt(x);
    case inference_abs: return __builtin_elementwise_abs(x);
    case inference_negate: return -x;
    case inference_silu: return x * NAME(sigmoid)(x);
    case inference_reciprocal: return 1.0f / x;
    default: return x;
    }
}

#define MAP_CASE(k) \
    case k: \
        for (; i + LANES <= count; i += LANES) NAME(store)(y + i, NAME(apply)(k, alpha, beta, NAME(load)(x + i))); \
        if (i < count) STORE_PART(y + i, NAME(apply)(k, alpha, beta, NAME(load)(x + i)), count - i); \
        break;

void NAME(map)(int kind, float alpha, float beta, const float *x, float *y, int64_t count) {
    int64_t i = 0;
    switch (kind) {
        MAP_CASE(inference_clip) MAP_CASE(inference_leaky_relu) MAP_CASE(inference_sigmoid) MAP_CASE(inference_tanh)
        MAP_CASE(inference_hard_swish) MAP_CASE(inference_hard_sigmoid) MAP_CASE(inference_exp) MAP_CASE(inference_sqrt)
        MAP_CASE(inference_abs) MAP_CASE(inference_negate) MAP_CASE(inference_silu) MAP_CASE(inference_reciprocal)
    default:
        if (x != y) memmove(y, x, (size_t)count * sizeof(float));
    }
}

void NAME(prelu_rows)(const float *x, const float *slope, float *y, int64_t count, int64_t channels) {
    for (int64_t row = 0; row < count; row += channels) {
        int64_t c = 0;
        for (; c + LANES <= channels; c += LANES) {
            vec v = NAME(load)(x + row + c);
            NAME(store)(y + row + c, NAME(select)((ivec)(v < 0.0f), v * NAME(load)(slope + c), v));
        }
        if (c < channels) {
            vec v = NAME(load)(x + row + c);
            STORE_PART(y + row + c, NAME(select)((ivec)(v < 0.0f), v * NAME(load)(slope + c), v), channels - c);
        }
    }
}

#define COMBINE_CASE(k, expression) \
    case k: \
        for (; i + LANES <= count; i += LANES) { \
            vec a = xs ? NAME(load)(x + i) : x0, b = zs ? NAME(load)(z + i) : z0; \
            NAME(store)(y + i, expression); \
        } \
        if (i < count) { \
            vec a = xs ? NAME(load)(x + i) : x0, b = zs ? NAME(load)(z + i) : z0; \
            STORE_PART(y + i, expression, count - i); \
        } \
        break;

void NAME(combine)(int operation, const float *x, int64_t xs, const float *z, int64_t zs, float *y, int64_t count) {
    if (count == 0) return;
    vec x0 = NAME(splat)(x[0]), z0 = NAME(splat)(z[0]);
    int64_t i = 0;
    switch (operation) {
        COMBINE_CASE(inference_add, a + b)
        COMBINE_CASE(inference_subtract, a - b)
        COMBINE_CASE(inference_multiply, a * b)
        COMBINE_CASE(inference_divide, a / b)
        COMBINE_CASE(inference_minimum, NAME(min)(a, b))
        COMBINE_CASE(inference_maximum, NAME(max)(a, b))
    }
}

// MARK: The tile: ROWS pixels by up to two vectors of output channels, summed over segments of contiguous input.

typedef struct {
    // Segment s adds run[*] products of source[s][row * pixel_stride + i] and weights[offset[s] + i * width].
    const float *const *source;
    const int64_t *offset;
    int64_t segments, run, pixel_stride;
    int64_t shift;             // added to each source
    const float *weights, *bias, *slope, *residual;
    float *output;
    int64_t output_stride, residual_stride, columns;
    int32_t activation;
    float alpha, beta;
} NAME(tile);

INLINE void NAME(compute_tile)(const NAME(tile) *t, const int rows, const int vectors) {
    vec sum[ROWS][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sum[r][v] = NAME(load)(t->bias + v * LANES);
    const int64_t stride = t->pixel_stride, run = t->run;
    for (int64_t s = 0; s < t->segments; s++) {
        const float *x = t->source[s] + t->shift;
        const float *w = t->weights + t->offset[s] * vectors * LANES;
        int64_t i = 0;
        // With one vector of weights the addresses of the pixels cost as much as the sums: several weights share them.
#define SHARED_STEPS(n) \
        { \
            vec k[n]; \
            for (int u = 0; u < n; u++) k[u] = NAME(load)(w + u * LANES); \
            w += n * LANES; \
            const float *p = x + i; \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) { \
                for (int u = 0; u < n; u++) sum[r][0] = MULADD(NAME(splat)(p[u]), k[u], sum[r][0]); \
                p += stride; \
            } \
            i += n; \
        }
        if (vectors == 1) {
            while (i + 4 <= run) SHARED_STEPS(4)
            if (i + 3 <= run) SHARED_STEPS(3)
        }
#undef SHARED_STEPS
        for (; i < run; i++) {
            vec w0 = NAME(load)(w), w1;
            if (vectors > 1) w1 = NAME(load)(w + LANES);
            w += vectors * LANES;
            const float *p = x + i;
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                vec a = NAME(splat)(*p);
                p += stride;
                sum[r][0] = MULADD(a, w0, sum[r][0]);
                if (vectors > 1) sum[r][1] = MULADD(a, w1, sum[r][1]);
            }
        }
    }
    const int kind = t->activation;
    float *y = t->output;
    const float *residual = t->residual;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            vec x = sum[r][v];
            if (residual) x += NAME(load)(residual + v * LANES);
            if (kind == inference_clip) x = NAME(min)(NAME(splat)(t->beta), NAME(max)(NAME(splat)(t->alpha), x));
            else if (kind == inference_prelu) x = NAME(select)((ivec)(x < 0.0f), x * NAME(load)(t->slope + v * LANES), x);
            int64_t left = t->columns - v * LANES;
            if (left >= LANES) NAME(store)(y + v * LANES, x);
            else STORE_PART(y + v * LANES, x, left);
        }
        y += t->output_stride;
        if (residual) residual += t->residual_stride;
    }
}

#define TILE_FUNCTION(n) \
    static void NAME(tile_##n##_1)(const NAME(tile) *t) { NAME(compute_tile)(t, n, 1); } \
    static void NAME(tile_##n##_2)(const NAME(tile) *t) { NAME(compute_tile)(t, n, 2); }
DISPATCH_ROWS(TILE_FUNCTION)
#define TILE_ENTRY(n) {NAME(tile_##n##_1), NAME(tile_##n##_2)},
static void (*const NAME(tiles)[ROWS][2])(const NAME(tile) *) = {DISPATCH_ROWS(TILE_ENTRY)};

// Activations that the tile does not have are applied while its output is in the first cache.
INLINE int NAME(is_late)(int kind) { return kind != inference_identity && kind != inference_clip && kind != inference_prelu; }

// One run of `pixels` output pixels with uniform strides, all output channels.
static void NAME(strip)(NAME(tile) *t, int64_t pixels, int64_t channels, int64_t depth, const float *packed, const float *bias,
                        const float *slope, const float *residual, int64_t residual_stride, float *output, int64_t shift) {
    const int late = NAME(is_late)(t->activation);
    // Pixels are taken in blocks whose input stays in the second cache while the panels of weights go by.
    int64_t per_pixel = t->pixel_stride * t->segments;
    int64_t block = per_pixel > 0 ? 32768 / per_pixel : pixels;
    block = block / ROWS * ROWS;
    if (block < ROWS) block = ROWS;
    for (int64_t first = 0; first < pixels; first += block) {
        int64_t count = pixels - first < block ? pixels - first : block;
        int64_t tiles = (count + ROWS - 1) / ROWS;
        for (int64_t c = 0; c < channels; c += PANEL) {
            int vectors = channels - c > LANES ? 2 : 1;
            t->columns = channels - c < PANEL ? channels - c : PANEL;
            t->weights = packed + c * depth;
            t->bias = bias + c;
            t->slope = slope ? slope + c : 0;
            int64_t done = 0;
            for (int64_t i = 0; i < tiles; i++) {
                int64_t rows = (count - done + (tiles - i) - 1) / (tiles - i);
                int64_t pixel = first + done;
                t->shift = shift + pixel * t->pixel_stride;
                t->output = output + pixel * t->output_stride + c;
                t->residual = residual ? residual + pixel * residual_stride + c : 0;
                t->residual_stride = residual_stride;
                NAME(tiles)[rows - 1][vectors - 1](t);
                done += rows;
            }
        }
        if (late)
            for (int64_t p = first; p < first + count; p++) {
                float *y = output + p * t->output_stride;
                NAME(map)(t->activation, t->alpha, t->beta, y, y, channels);
            }
    }
}

// MARK: Convolution

// Weights in panels: whole panels of PANEL columns, the last one of LANES where that is enough.
static int64_t NAME(padded)(int64_t channels) {
    int64_t rest = channels % PANEL;
    return channels - rest + (rest == 0 ? 0 : rest <= LANES ? LANES : PANEL);
}

#include "inference_winograd.h"

int64_t NAME(conv_packed_count)(const inference_conv *c) {
    if (c->filtered_axis) return NAME(filter_packed_count)(c);
    int64_t depth = c->input_channels / c->groups * c->kernel[0] * c->kernel[1] * c->kernel[2];
    return c->groups * NAME(padded)(c->output_channels / c->groups) * (depth + 1) + LANES;
}

static void NAME(conv_pack)(const inference_conv *c, const float *weights, const float *bias, float *packed) {
    if (c->filtered_axis) {
        NAME(filter_pack)(c, weights, bias, packed);
        return;
    }
    int64_t in = c->input_channels / c->groups, out = c->output_channels / c->groups;
    int64_t kd = c->kernel[0] * c->kernel[1], kw = c->kernel[2], depth = in * kd * kw, padded = NAME(padded)(out);
    for (int64_t g = 0; g < c->groups; g++) {
        float *group = packed + g * padded * (depth + 1);
        for (int64_t o = 0; o < padded; o++) {
            int64_t base = o / PANEL * PANEL;
            int64_t width = padded - base < PANEL ? padded - base : PANEL;
            float *panel = group + base * depth + (o - base);
            for (int64_t k = 0; k < depth; k++) {
                // k counts (kernel row, column, channel), or (kernel row, channel, column) for a planar input.
                int64_t row = k / (in * kw), rest = k % (in * kw);
                int64_t channel = c->is_planar ? rest / kw : rest % in, column = c->is_planar ? rest % kw : rest / in;
                panel[k * width] = o < out ? weights[((g * out + o) * in + channel) * kd * kw + row * kw + column] : 0;
            }
            group[padded * depth + o] = o < out && bias ? bias[g * out + o] : 0;
        }
    }
}

typedef struct {
    int64_t segment_count, run, row_width, row_floats, span_depth, span_height;
    int pads;   // a tile would read left or right of the input
} NAME(geometry);

static NAME(geometry) NAME(conv_geometry)(const inference_conv *c) {
    NAME(geometry) g;
    int64_t in = c->input_channels / c->groups;
    int contiguous = c->dilation[2] == 1 || c->kernel[2] == 1;
    int64_t rows = c->kernel[0] * c->kernel[1];
    if (c->is_planar) {
        g.run = contiguous ? c->kernel[2] : 1;
        g.segment_count = rows * in * (contiguous ? 1 : c->kernel[2]);
    } else {
        int joined = contiguous && c->groups == 1;
        g.run = joined ? c->kernel[2] * in : in;
        g.segment_count = rows * (joined ? 1 : c->kernel[2]);
    }
    g.row_width = (c->output[2] - 1) * c->stride[2] + (c->kernel[2] - 1) * c->dilation[2] + 1;
    g.pads = c->pad[2] > 0 || g.row_width - c->pad[2] > c->input[2];
    g.row_floats = g.pads ? g.row_width * c->input_channels : 0;
    g.span_depth = (c->kernel[0] - 1) * c->dilation[0] + 1;
    g.span_height = (c->kernel[1] - 1) * c->dilation[1] + 1;
    return g;
}

int64_t NAME(conv_scratch)(const inference_conv *c) {
    if (c->filtered_axis) return NAME(filter_scratch)(c);
    NAME(geometry) g = NAME(conv_geometry)(c);
    int64_t rows = g.span_depth * g.span_height;
    return g.segment_count * 16 + (g.pads ? rows * (g.row_floats * 4 + 8) : 0) + 256;
}

// One input row with zeros left and right of it, as wide as the output row needs.
static void NAME(pad_row)(const inference_conv *c, const NAME(geometry) *g, const float *input, float *row) {
    int64_t channels = c->is_planar ? 1 : c->input_channels, planes = c->is_planar ? c->input_channels : 1;
    int64_t plane = c->input[0] * c->input[1] * c->input[2];
    int64_t left = c->pad[2] < g->row_width ? c->pad[2] : g->row_width;
    int64_t middle = g->row_width - left < c->input[2] ? g->row_width - left : c->input[2];
    if (middle < 0) middle = 0;
    int64_t right = g->row_width - left - middle;
    for (int64_t p = 0; p < planes; p++) {
        float *target = row + p * g->row_width;
        memset(target, 0, (size_t)(left * channels) * 4);
        memcpy(target + left * channels, input + p * plane, (size_t)(middle * channels) * 4);
        memset(target + (left + middle) * channels, 0, (size_t)(right * channels) * 4);
    }
}

// Where a convolution is between its rows.
typedef struct {
    const inference_conv *c;
    NAME(geometry) g;
    NAME(tile) t;
    const float **source;
    int64_t *offset, *tags;
    float *rows;
    int64_t cached_rows;
} NAME(conv_state);

static void NAME(conv_begin)(NAME(conv_state) *s, const inference_conv *c, void *scratch) {
    s->c = c;
    s->g = NAME(conv_geometry)(c);
    s->source = (const float **)scratch;
    s->offset = (int64_t *)(s->source + s->g.segment_count);
    s->cached_rows = s->g.pads ? s->g.span_depth * s->g.span_height : 0;
    s->tags = s->offset + s->g.segment_count;
    s->rows = (float *)(((uintptr_t)(s->tags + s->cached_rows) + 63) & ~(uintptr_t)63);
    s->t.source = s->source;
    s->t.offset = s->offset;
    s->t.run = s->g.run;
    s->t.pixel_stride = c->stride[2] * (c->is_planar ? 1 : c->input_channels);
    s->t.output_stride = c->output_pixel_stride;
    s->t.activation = c->activation.kind;
    s->t.alpha = c->activation.alpha;
    s->t.beta = c->activation.beta;
}

static void NAME(conv_begin_image)(NAME(conv_state) *s) {
    for (int64_t i = 0; i < s->cached_rows; i++) s->tags[i] = -1;
}

// One output row. ring: 0 where the image is whole, else it holds input row r at r % ring.
static void NAME(conv_row)(NAME(conv_state) *s, const float *image, int64_t ring, int64_t od, int64_t oh, const float *packed,
                           const float *slope, const float *residual, float *output) {
    const inference_conv *c = s->c;
    const int64_t groups = c->groups, in = c->input_channels / groups, out = c->output_channels / groups;
    const int64_t depth = in * c->kernel[0] * c->kernel[1] * c->kernel[2], padded = NAME(padded)(out);
    const int64_t row_elements = c->input[2] * (c->is_planar ? 1 : c->input_channels);
    const int64_t plane = s->g.pads ? s->g.row_width : c->input[0] * c->input[1] * c->input[2];
    const int64_t segments_per_row = s->g.segment_count / (c->kernel[0] * c->kernel[1]);
    for (int64_t group = 0; group < groups; group++) {
        int64_t count = 0;
        for (int64_t kd = 0; kd < c->kernel[0]; kd++) {
            int64_t id = od * c->stride[0] - c->pad[0] + kd * c->dilation[0];
            if (id < 0 || id >= c->input[0]) continue;
            for (int64_t kh = 0; kh < c->kernel[1]; kh++) {
                int64_t ih = oh * c->stride[1] - c->pad[1] + kh * c->dilation[1];
                if (ih < 0 || ih >= c->input[1]) continue;
                int64_t id_row = id * c->input[1] + ih;
                int64_t plane_index = c->depth_ring ? (id + c->depth_shift) % c->depth_ring : id;
                const float *row = image + (ring ? ih % ring : plane_index * c->input[1] + ih) * row_elements;
                if (s->g.pads) {
                    int64_t slot = id % s->g.span_depth * s->g.span_height + ih % s->g.span_height;
                    float *copy = s->rows + slot * s->g.row_floats;
                    if (s->tags[slot] != id_row) {
                        NAME(pad_row)(c, &s->g, row, copy);
                        s->tags[slot] = id_row;
                    }
                    row = copy;
                }
                int64_t first = (kd * c->kernel[1] + kh) * segments_per_row;
                int64_t taps = c->is_planar ? segments_per_row / in : segments_per_row;
                for (int64_t i = 0; i < segments_per_row; i++) {
                    if (c->is_planar) s->source[count] = row + i / taps * plane + i % taps * c->dilation[2];
                    else s->source[count] = row + group * in + i * c->dilation[2] * c->input_channels;
                    s->offset[count++] = (first + i) * s->g.run;
                }
            }
        }
        s->t.segments = count;
        const float *w = packed + group * padded * (depth + 1);
        NAME(strip)(&s->t, c->output[2], out, depth, w, w + padded * depth, slope ? slope + group * out : 0,
                    residual ? residual + group * out : 0, c->output_channels, output + group * out, 0);
    }
}

void NAME(conv_run)(const inference_conv *c, const float *input, const float *packed, const float *slope, const float *residual,
                    float *output, void *scratch) {
    if (c->filtered_axis) {
        NAME(filter_run)(c, input, packed, residual, output, scratch);
        return;
    }
    NAME(conv_state) s;
    NAME(conv_begin)(&s, c, scratch);
    const int64_t image = c->input[0] * c->input[1] * c->input[2] * c->input_channels;
    for (int64_t n = 0; n < c->batch; n++) {
        NAME(conv_begin_image)(&s);
        for (int64_t od = 0; od < c->output[0]; od++)
            for (int64_t oh = 0; oh < c->output[1]; oh++) {
                int64_t row = ((n * c->output[0] + od) * c->output[1] + oh) * c->output[2];
                NAME(conv_row)(&s, input + n * image, 0, od, oh, packed, slope, residual ? residual + row * c->output_channels : 0,
                               output + row * c->output_pixel_stride);
            }
    }
}

// MARK: Matrix product

int64_t NAME(matrix_packed_count)(int64_t k, int64_t n) { return NAME(padded)(n) * (k + 1) + LANES; }

static void NAME(matrix_pack)(int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, const float *bias, float *packed) {
    int64_t padded = NAME(padded)(n);
    for (int64_t base = 0; base < padded; base += PANEL) {
        int64_t width = padded - base < PANEL ? padded - base : PANEL;
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < width; j++)
                packed[base * k + i * width + j] = base + j < n ? b[i * row_stride + (base + j) * column_stride] : 0;
    }
    for (int64_t j = 0; j < padded; j++) packed[padded * k + j] = j < n && bias ? bias[j] : 0;
}

void NAME(matrix_multiply)(int64_t m, int64_t k, int64_t n, const float *a, int64_t a_stride, const float *packed,
                           inference_activation activation, const float *slope, const float *residual, float *c, int64_t c_stride) {
    const float *source[1] = {a};
    const int64_t offset[1] = {0};
    NAME(tile) t;
    t.source = source;
    t.offset = offset;
    t.segments = 1;
    t.run = k;
    t.pixel_stride = a_stride;
    t.output_stride = c_stride;
    t.activation = activation.kind;
    t.alpha = activation.alpha;
    t.beta = activation.beta;
    NAME(strip)(&t, m, n, k, packed, packed + NAME(padded)(n) * k, slope, residual, n, c, 0);
}

// MARK: Depthwise convolution

int64_t NAME(depthwise_packed_count)(const inference_conv *c) {
    int64_t padded = (c->input_channels + LANES - 1) / LANES * LANES;
    return padded * (c->kernel[0] * c->kernel[1] * c->kernel[2] + 1);
}

// [channel / LANES][bias, tap 0, tap 1, …][LANES]
static void NAME(depthwise_pack)(const inference_conv *c, const float *weights, const float *bias, float *packed) {
    int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2];
    for (int64_t base = 0; base < c->input_channels; base += LANES)
        for (int64_t lane = 0; lane < LANES; lane++) {
            int64_t channel = base + lane;
            float *target = packed + base * (taps + 1) + lane;
            int inside = channel < c->input_channels;
            target[0] = inside && bias ? bias[channel] : 0;
            for (int64_t tap = 0; tap < taps; tap++) target[(tap + 1) * LANES] = inside ? weights[channel * taps + tap] : 0;
        }
}

INLINE void NAME(depthwise_finish)(vec x, const int kind, const inference_conv *c, const float *slope, const float *residual, float *y, int64_t left) {
    if (residual) x += NAME(load)(residual);
    if (kind == inference_clip) x = NAME(min)(NAME(splat)(c->activation.beta), NAME(max)(NAME(splat)(c->activation.alpha), x));
    else if (kind == inference_prelu) x = NAME(select)((ivec)(x < 0.0f), x * NAME(load)(slope), x);
    else if (kind != inference_identity) x = NAME(apply)(kind, c->activation.alpha, c->activation.beta, x);
    if (left >= LANES) NAME(store)(y, x);
    else STORE_PART(y, x, left);
}

// Any kernel, one output pixel, taps that fall outside left out. ring: as for conv_row.
static void NAME(depthwise_pixel)(const inference_conv *c, const float *image, int64_t ring, const float *w, const float *slope,
                                  const float *residual, float *y, int64_t od, int64_t oh, int64_t ow, int64_t left) {
    vec sum = NAME(load)(w);
    for (int64_t kd = 0; kd < c->kernel[0]; kd++) {
        int64_t id = od * c->stride[0] - c->pad[0] + kd * c->dilation[0];
        if (id < 0 || id >= c->input[0]) continue;
        for (int64_t kh = 0; kh < c->kernel[1]; kh++) {
            int64_t ih = oh * c->stride[1] - c->pad[1] + kh * c->dilation[1];
            if (ih < 0 || ih >= c->input[1]) continue;
            const float *row = image + (ring ? ih % ring : id * c->input[1] + ih) * c->input[2] * c->input_channels;
            for (int64_t kw = 0; kw < c->kernel[2]; kw++) {
                int64_t iw = ow * c->stride[2] - c->pad[2] + kw * c->dilation[2];
                if (iw < 0 || iw >= c->input[2]) continue;
                int64_t tap = (kd * c->kernel[1] + kh) * c->kernel[2] + kw;
                sum = MULADD(NAME(load)(row + iw * c->input_channels), NAME(load)(w + (tap + 1) * LANES), sum);
            }
        }
    }
    NAME(depthwise_finish)(sum, c->activation.kind, c, slope, residual, y, left);
}

// 3x3, `columns` neighbouring outputs of LANES channels whose taps are all inside; rows above or below the input are null.
// The taps stay in registers, and each input is read once for all outputs that it is part of.
INLINE void NAME(depthwise_block3)(const inference_conv *c, const float *const r[3], const float *w, const float *slope, const float *residual,
                                   float *y, int64_t left, const int columns, const int stride, const int kind) {
    const int64_t channels = c->input_channels;
    vec sum[DEPTHWISE_COLUMNS];
    vec bias = NAME(load)(w);
#pragma clang loop unroll(full)
    for (int x = 0; x < columns; x++) sum[x] = bias;
#pragma clang loop unroll(full)
    for (int i = 0; i < 3; i++) {
        if (!r[i]) continue;
        const float *p = r[i];
        vec k0 = NAME(load)(w + (i * 3 + 1) * LANES), k1 = NAME(load)(w + (i * 3 + 2) * LANES), k2 = NAME(load)(w + (i * 3 + 3) * LANES);
        const int inputs = (columns - 1) * stride + 3;
#pragma clang loop unroll(full)
        for (int j = 0; j < inputs; j++) {
            vec v = NAME(load)(p);
            p += channels;
            // Input j is tap j - x · stride of output x.
            if (j % stride == 0 && j / stride < columns) sum[j / stride] = MULADD(v, k0, sum[j / stride]);
            if (j >= 1 && (j - 1) % stride == 0 && (j - 1) / stride < columns) sum[(j - 1) / stride] = MULADD(v, k1, sum[(j - 1) / stride]);
            if (j >= 2 && (j - 2) % stride == 0 && (j - 2) / stride < columns) sum[(j - 2) / stride] = MULADD(v, k2, sum[(j - 2) / stride]);
        }
    }
#pragma clang loop unroll(full)
    for (int x = 0; x < columns; x++) NAME(depthwise_finish)(sum[x], kind, c, slope, residual ? residual + x * channels : 0, y + x * channels, left);
}

INLINE void NAME(depthwise_columns3)(const inference_conv *c, const float *const rows[3], const float *packed, const float *slope,
                                     const float *residual, float *output, int64_t first, int64_t last, const int stride, const int kind) {
    const int64_t channels = c->input_channels;
    for (int64_t x = first; x < last;) {
        const int wide = last - x >= DEPTHWISE_COLUMNS;
        const int64_t at = (x * stride - c->pad[2]) * channels;
        for (int64_t base = 0; base < channels; base += LANES) {
            const float *r[3] = {rows[0] ? rows[0] + at + base : 0, rows[1] ? rows[1] + at + base : 0, rows[2] ? rows[2] + at + base : 0};
            const float *w = packed + base * 10, *s = slope ? slope + base : 0, *res = residual ? residual + x * channels + base : 0;
            float *y = output + x * channels + base;
            if (wide) NAME(depthwise_block3)(c, r, w, s, res, y, channels - base, DEPTHWISE_COLUMNS, stride, kind);
            else NAME(depthwise_block3)(c, r, w, s, res, y, channels - base, 1, stride, kind);
        }
        x += wide ? DEPTHWISE_COLUMNS : 1;
    }
}

static void NAME(depthwise_row)(const inference_conv *c, const float *image, int64_t ring, int64_t od, int64_t oh, const float *packed,
                                const float *slope, const float *residual, float *output) {
    const int64_t channels = c->input_channels, taps = c->kernel[0] * c->kernel[1] * c->kernel[2];
    const int is3 = c->kernel[0] == 1 && c->kernel[1] == 3 && c->kernel[2] == 3 && c->dilation[1] == 1 && c->dilation[2] == 1 && c->stride[0] == 1
        && c->pad[0] == 0 && (c->stride[2] == 1 || c->stride[2] == 2);
    // Columns whose taps are all inside.
    int64_t inner_first = (c->pad[2] + c->stride[2] - 1) / c->stride[2];
    int64_t reach = c->input[2] - 1 - (c->kernel[2] - 1) * c->dilation[2] + c->pad[2];
    int64_t inner_last = reach < 0 ? 0 : reach / c->stride[2] + 1;
    if (inner_last > c->output[2]) inner_last = c->output[2];
    if (inner_first > inner_last) inner_first = inner_last;
    int64_t first = 0, last = 0;
    if (is3) {
        const float *r[3] = {0, 0, 0};
        for (int i = 0; i < 3; i++) {
            int64_t ih = oh * c->stride[1] - c->pad[1] + i;
            if (ih >= 0 && ih < c->input[1]) r[i] = image + (ring ? ih % ring : od * c->input[1] + ih) * c->input[2] * channels;
        }
        first = inner_first;
        last = inner_last;
        // The activation and the stride are constants of each copy.
#define COLUMNS3(kind) \
        do { \
            if (c->stride[2] == 1) NAME(depthwise_columns3)(c, r, packed, slope, residual, output, first, last, 1, kind); \
            else NAME(depthwise_columns3)(c, r, packed, slope, residual, output, first, last, 2, kind); \
        } while (0)
        if (c->activation.kind == inference_identity) COLUMNS3(inference_identity);
        else if (c->activation.kind == inference_clip) COLUMNS3(inference_clip);
        else if (c->activation.kind == inference_prelu) COLUMNS3(inference_prelu);
        else COLUMNS3(c->activation.kind);
    }
    for (int64_t base = 0; base < channels; base += LANES) {
        const float *w = packed + base * (taps + 1), *s = slope ? slope + base : 0;
        const float *res = residual ? residual + base : 0;
        float *y = output + base;
        for (int64_t ow = 0; ow < c->output[2]; ow++) {
            if (ow == first) ow = last;
            if (ow >= c->output[2]) break;
            NAME(depthwise_pixel)(c, image + base, ring, w, s, res ? res + ow * channels : 0, y + ow * channels, od, oh, ow, channels - base);
        }
    }
}

void NAME(depthwise_run)(const inference_conv *c, const float *input, const float *packed, const float *slope, const float *residual, float *output) {
    const int64_t image = c->input[0] * c->input[1] * c->input[2] * c->input_channels;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t od = 0; od < c->output[0]; od++)
            for (int64_t oh = 0; oh < c->output[1]; oh++) {
                int64_t row = ((n * c->output[0] + od) * c->output[1] + oh) * c->output[2] * c->input_channels;
                NAME(depthwise_row)(c, input + n * image, 0, od, oh, packed, slope, residual ? residual + row : 0, output + row);
            }
}

// MARK: Pooling

static void NAME(pool_row)(int kind, const inference_conv *c, const float *image, int64_t ring, int64_t od, int64_t oh, float *output) {
    const int64_t channels = c->input_channels;
    const vec lowest = NAME(splat)(-INFINITY), zero = {0};
    // 2x2 inside the input, as most networks have it.
    if (kind == inference_pool_max && c->kernel[0] == 1 && c->stride[0] == 1 && c->pad[0] == 0 && c->kernel[1] == 2 && c->kernel[2] == 2 && c->dilation[1] == 1
        && c->dilation[2] == 1 && c->pad[1] == 0 && c->pad[2] == 0 && oh * c->stride[1] + 1 < c->input[1]
        && (c->output[2] - 1) * c->stride[2] + 1 < c->input[2]) {
        int64_t ih = oh * c->stride[1], row = c->input[2] * channels;
        const float *a = image + (ring ? ih % ring : od * c->input[1] + ih) * row, *b = image + (ring ? (ih + 1) % ring : od * c->input[1] + ih + 1) * row;
        for (int64_t ow = 0; ow < c->output[2]; ow++) {
            for (int64_t base = 0; base < channels; base += LANES) {
                vec v = NAME(max)(NAME(max)(NAME(load)(a + base), NAME(load)(a + channels + base)), NAME(max)(NAME(load)(b + base), NAME(load)(b + channels + base)));
                if (channels - base >= LANES) NAME(store)(output + ow * channels + base, v);
                else STORE_PART(output + ow * channels + base, v, channels - base);
            }
            a += c->stride[2] * channels;
            b += c->stride[2] * channels;
        }
        return;
    }
    // The same of one channel, a mean: neighbours in a row are a vector.
    if (kind != inference_pool_max && channels == 1 && c->kernel[0] == 1 && c->stride[0] == 1 && c->pad[0] == 0 && c->kernel[1] == 2 && c->kernel[2] == 2
        && c->stride[2] == 2 && c->dilation[1] == 1 && c->dilation[2] == 1 && c->pad[1] == 0 && c->pad[2] == 0 && oh * c->stride[1] + 1 < c->input[1]
        && (c->output[2] - 1) * 2 + 1 < c->input[2]) {
        int64_t ih = oh * c->stride[1], row = c->input[2];
        const float *a = image + (ring ? ih % ring : od * c->input[1] + ih) * row, *b = image + (ring ? (ih + 1) % ring : od * c->input[1] + ih + 1) * row;
        for (int64_t ow = 0; ow < c->output[2]; ow++) output[ow] = (a[2 * ow] + a[2 * ow + 1] + b[2 * ow] + b[2 * ow + 1]) / 4.0f;
        return;
    }
    for (int64_t ow = 0; ow < c->output[2]; ow++) {
        float *y = output + ow * channels;
        int64_t start[3] = {od * c->stride[0] - c->pad[0], oh * c->stride[1] - c->pad[1], ow * c->stride[2] - c->pad[2]};
        // Kernel indices that fall inside the input.
        int64_t lo[3], hi[3], inside = 1;
        for (int a = 0; a < 3; a++) {
            lo[a] = start[a] < 0 ? (-start[a] + c->dilation[a] - 1) / c->dilation[a] : 0;
            int64_t room = c->input[a] - 1 - start[a];
            hi[a] = room < 0 ? 0 : c->dilation[a] == 1 ? room + 1 : room / c->dilation[a] + 1;
            if (hi[a] > c->kernel[a]) hi[a] = c->kernel[a];
            if (lo[a] > hi[a]) lo[a] = hi[a];
            inside *= hi[a] - lo[a];
        }
        float count = kind == inference_pool_mean_with_padding ? (float)(c->kernel[0] * c->kernel[1] * c->kernel[2]) : (float)(inside > 0 ? inside : 1);
        for (int64_t base = 0; base < channels; base += LANES) {
            vec sum = kind == inference_pool_max ? lowest : zero;
            for (int64_t kd = lo[0]; kd < hi[0]; kd++)
                for (int64_t kh = lo[1]; kh < hi[1]; kh++) {
                    int64_t ih = start[1] + kh * c->dilation[1];
                    int64_t row = ring ? ih % ring : (start[0] + kd * c->dilation[0]) * c->input[1] + ih;
                    const float *x = image + base + (row * c->input[2] + start[2]) * channels;
                    for (int64_t kw = lo[2]; kw < hi[2]; kw++) {
                        vec v = NAME(load)(x + kw * c->dilation[2] * channels);
                        sum = kind == inference_pool_max ? NAME(max)(sum, v) : sum + v;
                    }
                }
            if (kind != inference_pool_max) sum = sum / count;
            if (channels - base >= LANES) NAME(store)(y + base, sum);
            else STORE_PART(y + base, sum, channels - base);
        }
    }
}

void NAME(pool)(int kind, const inference_conv *c, const float *input, float *output) {
    const int64_t image = c->input[0] * c->input[1] * c->input[2] * c->input_channels;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t od = 0; od < c->output[0]; od++)
            for (int64_t oh = 0; oh < c->output[1]; oh++)
                NAME(pool_row)(kind, c, input + n * image, 0, od, oh,
                               output + ((n * c->output[0] + od) * c->output[1] + oh) * c->output[2] * c->input_channels);
}

// MARK: Chains

// Rows of stage i that stage i + 1 looks at together.
static int64_t NAME(chain_ring)(const inference_stage *stages, int64_t i) {
    const inference_conv *next = &stages[i + 1].shape;
    int64_t rows = (next->kernel[1] - 1) * next->dilation[1] + 1;
    if (rows < next->stride[1]) rows = next->stride[1];
    return rows < next->input[1] ? rows : next->input[1];
}

int64_t NAME(chain_scratch)(const inference_stage *stages, int64_t count) {
    int64_t bytes = 64;
    for (int64_t i = 0; i < count; i++) {
        if (stages[i].kind == inference_stage_conv) bytes += (NAME(conv_scratch)(&stages[i].shape) + 63) / 64 * 64;
        if (i + 1 < count) bytes += NAME(chain_ring)(stages, i) * stages[i].shape.output[2] * stages[i].shape.output_channels * 4 + 128;
    }
    return bytes;
}

typedef struct {
    NAME(conv_state) conv;
    float *ring;
    int64_t ring_rows, made;
} NAME(chain_stage);

// Makes the next row of stage i, and before it the rows that it looks at.
static void NAME(chain_advance)(const inference_stage *stages, NAME(chain_stage) *state, int64_t i, int64_t count, const float *input, float *output) {
    const inference_stage *stage = &stages[i];
    const inference_conv *c = &stage->shape;
    int64_t oh = state[i].made++;
    const float *image = input;
    int64_t ring = 0;
    if (i > 0) {
        int64_t last = oh * c->stride[1] - c->pad[1] + (c->kernel[1] - 1) * c->dilation[1];
        if (last > c->input[1] - 1) last = c->input[1] - 1;
        while (state[i - 1].made <= last) NAME(chain_advance)(stages, state, i - 1, count, input, output);
        image = state[i - 1].ring;
        ring = state[i - 1].ring_rows;
    }
    int64_t floats = c->output[2] * c->output_channels;
    float *y = i + 1 < count ? state[i].ring + oh % state[i].ring_rows * floats : output + oh * floats;
    const float *residual = stage->residual ? stage->residual + oh * floats : 0;
    if (stage->kind == inference_stage_conv) NAME(conv_row)(&state[i].conv, image, ring, 0, oh, stage->packed, stage->slope, residual, y);
    else if (stage->kind == inference_stage_depthwise) NAME(depthwise_row)(c, image, ring, 0, oh, stage->packed, stage->slope, residual, y);
    else NAME(pool_row)(inference_pool_max, c, image, ring, 0, oh, y);
}

void NAME(chain_run)(const inference_stage *stages, int64_t count, const float *input, float *output, void *scratch) {
    NAME(chain_stage) state[inference_chain_limit];
    char *memory = (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
    for (int64_t i = 0; i < count; i++) {
        if (stages[i].kind == inference_stage_conv) {
            NAME(conv_begin)(&state[i].conv, &stages[i].shape, memory);
            memory += (NAME(conv_scratch)(&stages[i].shape) + 63) / 64 * 64;
        }
        if (i + 1 < count) {
            state[i].ring = (float *)memory;
            state[i].ring_rows = NAME(chain_ring)(stages, i);
            memory += (state[i].ring_rows * stages[i].shape.output[2] * stages[i].shape.output_channels * 4 + 127) / 64 * 64;
        }
    }
    const inference_conv *first = &stages[0].shape, *final = &stages[count - 1].shape;
    int64_t in = first->input[1] * first->input[2] * first->input_channels, out = final->output[1] * final->output[2] * final->output_channels;
    inference_stage image_stages[inference_chain_limit];
    for (int64_t i = 0; i < count; i++) image_stages[i] = stages[i];
    for (int64_t n = 0; n < first->batch; n++) {
        for (int64_t i = 0; i < count; i++) {
            state[i].made = 0;
            if (stages[i].kind == inference_stage_conv) NAME(conv_begin_image)(&state[i].conv);
            const inference_conv *c = &stages[i].shape;
            if (stages[i].residual) image_stages[i].residual = stages[i].residual + n * c->output[1] * c->output[2] * c->output_channels;
        }
        while (state[count - 1].made < final->output[1])
            NAME(chain_advance)(image_stages, state, count - 1, count, input + n * in, output + n * out);
    }
}

// MARK: Reductions

// target[o, i] = the reduction of source[o, *, i] over `size` rows.
void NAME(reduce)(int kind, int64_t outer, int64_t size, int64_t inner, const float *source, float *target) {
    const float factor = kind == inference_reduce_mean ? 1.0f / (float)size : 1.0f;
    for (int64_t o = 0; o < outer; o++) {
        const float *x = source + o * size * inner;
        float *y = target + o * inner;
        if (inner == 1) {
            vec part = NAME(splat)(kind == inference_reduce_max ? -INFINITY : kind == inference_reduce_min ? INFINITY : 0.0f);
            int64_t i = 0;
            for (; i + LANES <= size; i += LANES) {
                vec v = NAME(load)(x + i);
                part = kind == inference_reduce_max ? NAME(max)(part, v) : kind == inference_reduce_min ? NAME(min)(part, v) : part + v;
            }
            float sum = part[0];
            for (int l = 1; l < LANES; l++) sum = kind == inference_reduce_max ? fmaxf(sum, part[l]) : kind == inference_reduce_min ? fminf(sum, part[l]) : sum + part[l];
            for (; i < size; i++) sum = kind == inference_reduce_max ? fmaxf(sum, x[i]) : kind == inference_reduce_min ? fminf(sum, x[i]) : sum + x[i];
            *y = sum * factor;
            continue;
        }
        for (int64_t i = 0; i < inner; i += LANES) {
            vec part = NAME(splat)(kind == inference_reduce_max ? -INFINITY : kind == inference_reduce_min ? INFINITY : 0.0f);
            for (int64_t r = 0; r < size; r++) {
                vec v = NAME(load)(x + r * inner + i);
                part = kind == inference_reduce_max ? NAME(max)(part, v) : kind == inference_reduce_min ? NAME(min)(part, v) : part + v;
            }
            part = part * factor;
            if (inner - i >= LANES) NAME(store)(y + i, part);
            else STORE_PART(y + i, part, inner - i);
        }
    }
}

// target[o, *, i] = exp(source[o, *, i] − the largest of them) / the sum of these, over `size` rows; in place where both are one.
void NAME(softmax)(int64_t outer, int64_t size, int64_t inner, const float *source, float *target) {
    for (int64_t o = 0; o < outer; o++) {
        const float *x = source + o * size * inner;
        float *y = target + o * size * inner;
        if (inner == 1) {
            float largest;
            NAME(reduce)(inference_reduce_max, 1, size, 1, x, &largest);
            vec part = NAME(splat)(0.0f);
            int64_t i = 0;
            for (; i + LANES <= size; i += LANES) {
                vec v = NAME(exp)(NAME(load)(x + i) - largest);
                NAME(store)(y + i, v);
                part += v;
            }
            float sum = part[0];
            for (int l = 1; l < LANES; l++) sum += part[l];
            if (i < size) {
                vec v = NAME(exp)(NAME(load)(x + i) - largest);
                STORE_PART(y + i, v, size - i);
                for (int64_t l = 0; l < size - i; l++) sum += v[l];
            }
            const float factor = 1.0f / sum;
            for (i = 0; i + LANES <= size; i += LANES) NAME(store)(y + i, NAME(load)(y + i) * factor);
            if (i < size) STORE_PART(y + i, NAME(load)(y + i) * factor, size - i);
            continue;
        }
        for (int64_t i = 0; i < inner; i += LANES) {
            const int64_t left = inner - i;
            vec largest = NAME(splat)(-INFINITY), sum = NAME(splat)(0.0f);
            for (int64_t r = 0; r < size; r++) largest = NAME(max)(largest, NAME(load)(x + r * inner + i));
            for (int64_t r = 0; r < size; r++) {
                vec v = NAME(exp)(NAME(load)(x + r * inner + i) - largest);
                sum += v;
                if (left >= LANES) NAME(store)(y + r * inner + i, v);
                else STORE_PART(y + r * inner + i, v, left);
            }
            const vec factor = 1.0f / sum;
            for (int64_t r = 0; r < size; r++) {
                vec v = NAME(load)(y + r * inner + i) * factor;
                if (left >= LANES) NAME(store)(y + r * inner + i, v);
                else STORE_PART(y + r * inner + i, v, left);
            }
        }
    }
}

const struct inference_variant NAME(variant) = {
    LANES, NAME(map), NAME(prelu_rows), NAME(combine), NAME(conv_packed_count), NAME(conv_pack), NAME(conv_scratch), NAME(conv_run),
    NAME(matrix_packed_count), NAME(matrix_pack), NAME(matrix_multiply), NAME(depthwise_packed_count), NAME(depthwise_pack), NAME(depthwise_run),
    NAME(pool), NAME(chain_scratch), NAME(chain_run), NAME(reduce), NAME(softmax),
};
