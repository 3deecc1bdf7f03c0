// One text, several variants, as inference_template.h; included after it, with what that defines and
//   QNAME(x)        the variant's name for x
//   QUADS           1 where DOT takes four bytes of input a lane, 0 where it takes two 16-bit numbers
//   INPUT_OFFSET    what the instruction takes an input's bytes as less than they are: 128 where it knows signed ones only
//   DOT(sum, a, w)  sum + the products of each lane's numbers
//   ROUND(v)        float lanes to int32, halves to even
//   STORE_BYTES(pointer, ivec, count)   the first count lanes, saturated to 0…255
// and with QUADS, for vectors of 4 · DLANES bytes:
//   DLANES, DDOT, DROUND, UNPACK_LOW_8, UNPACK_HIGH_8, UNPACK_LOW_16, UNPACK_HIGH_16 (in lanes of 128 bits), LOAD_PART, PACK, STORE_PACKED
#include "CKernelsQuantized.h"

#pragma clang fp contract(off)

#define GROUP (QUADS ? 4 : 2)
#if QUADS
typedef int8_t QNAME(weight);
typedef uint8_t QNAME(element);
typedef uint8_t dbytes __attribute__((vector_size(4 * DLANES)));
typedef uint8_t dbytesu __attribute__((vector_size(4 * DLANES), aligned(1)));
typedef int32_t divec __attribute__((vector_size(4 * DLANES)));
typedef int32_t divecu __attribute__((vector_size(4 * DLANES), aligned(1)));
typedef float dvec __attribute__((vector_size(4 * DLANES)));
typedef float dvecu __attribute__((vector_size(4 * DLANES), aligned(1)));
#else
typedef int16_t QNAME(weight);
typedef int16_t QNAME(element);
#endif
#define weight_t QNAME(weight)
#define element_t QNAME(element)
typedef int32_t QNAME(ivecu) __attribute__((vector_size(LANES * 4), aligned(1)));
#define ivecu QNAME(ivecu)
typedef uint8_t QNAME(bytes) __attribute__((vector_size(LANES)));

INLINE ivec QNAME(load_i)(const void *p) { return *(const ivecu *)p; }
INLINE ivec QNAME(splat_i)(int32_t x) { return x - (ivec){0}; }
INLINE ivec QNAME(broadcast)(const void *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return QNAME(splat_i)(four);
}
INLINE vec QNAME(float_bytes)(const uint8_t *p, int32_t zero) {
    QNAME(bytes) b;
    memcpy(&b, p, LANES);
    return __builtin_convertvector(__builtin_convertvector(b, ivec) - zero, vec);
}

static int64_t QNAME(rounded)(int64_t bytes) { return (bytes + 63) & ~(int64_t)63; }

// MARK: What follows the sums

typedef struct {
    const int32_t *bias;
    const float *factor, *slope;
} QNAME(parameters);

// Where the parameters are, behind `weights` bytes, `channels` of each.
static QNAME(parameters) QNAME(parameters_at)(const void *packed, int64_t weights, int64_t channels) {
    const char *p = (const char *)packed + QNAME(rounded)(weights);
    return (QNAME(parameters)){(const int32_t *)p, (const float *)p + channels, (const float *)p + 2 * channels};
}

static void QNAME(write_parameters)(void *packed, int64_t weights, int64_t padded, int64_t lane, int32_t bias, float factor, float slope) {
    char *p = (char *)packed + QNAME(rounded)(weights);
    ((int32_t *)p)[lane] = bias;
    ((float *)p)[padded + lane] = factor;
    ((float *)p)[2 * padded + lane] = slope;
}

INLINE vec QNAME(activate)(vec y, const int kind, const inference_quantized_conv *q, const float *slope) {
    if (kind == inference_clip) return NAME(min)(NAME(splat)(q->shape.activation.beta), NAME(max)(NAME(splat)(q->shape.activation.alpha), y));
    if (kind == inference_prelu) return NAME(select)((ivec)(y < 0.0f), y * NAME(load)(slope), y);
    return y;
}

INLINE void QNAME(finish)(const inference_quantized_conv *q, const int kind, const int residual_kind, ivec sum, const float *factor, const float *slope,
                          const void *residual, int64_t at, void *output, int64_t left) {
    vec y = __builtin_convertvector(sum, vec) * NAME(load)(factor);
    if (residual_kind == inference_residual_float) y = y + NAME(load)((const float *)residual + at);
    y = QNAME(activate)(y, kind, q, slope);
    if (q->is_rounded) {
        ivec r = ROUND(y);
        r = __builtin_elementwise_min(__builtin_elementwise_max(r, QNAME(splat_i)(q->rounded_least)), QNAME(splat_i)(q->rounded_most));
        y = __builtin_convertvector(r, vec) * q->rounded_scale;
    }
    if (residual_kind == inference_residual_bytes) {
        vec r = QNAME(float_bytes)((const uint8_t *)residual + at, q->residual_zero) * q->residual_scale;
        y = y + r;
    }
    if (q->is_float) {
        float *target = (float *)output + at;
        if (left >= LANES) NAME(store)(target, y);
        else STORE_PART(target, y, left);
    } else {
        STORE_BYTES((uint8_t *)output + at, ROUND(y) + q->output_zero, left);
    }
}

// MARK: Tile

typedef struct {
    // Segment s adds `groups` dot products of source[s][row * pixel_stride + 4 i bytes] and weights[offset[s] + i · width].
    const char *const *source;
    const int64_t *offset;
    int64_t segments, groups, pixel_stride, shift;   // bytes
    const weight_t *weights;
    const int32_t *bias;
    int32_t *sums;    // ROWS · PANEL
} QNAME(tile);

INLINE void QNAME(compute_tile)(const QNAME(tile) *t, const int rows, const int vectors) {
    ivec sum[ROWS][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sum[r][v] = QNAME(load_i)(t->bias + v * LANES);
    const int64_t stride = t->pixel_stride, groups = t->groups;
    for (int64_t s = 0; s < t->segments; s++) {
        const char *x = t->source[s] + t->shift;
        const weight_t *w = t->weights + t->offset[s] * vectors * LANES * GROUP;
        for (int64_t i = 0; i < groups; i++) {
            ivec w0 = QNAME(load_i)(w), w1;
            if (vectors > 1) w1 = QNAME(load_i)(w + LANES * GROUP);
            w += vectors * LANES * GROUP;
            const char *p = x + i * 4;
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                ivec a = QNAME(broadcast)(p);
                p += stride;
                sum[r][0] = DOT(sum[r][0], a, w0);
                if (vectors > 1) sum[r][1] = DOT(sum[r][1], a, w1);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) *(ivecu *)(t->sums + (r * vectors + v) * LANES) = sum[r][v];
}

#define QTILE_FUNCTION(n) \
    static void QNAME(tile_##n##_1)(const QNAME(tile) *t) { QNAME(compute_tile)(t, n, 1); } \
    static void QNAME(tile_##n##_2)(const QNAME(tile) *t) { QNAME(compute_tile)(t, n, 2); }
DISPATCH_ROWS(QTILE_FUNCTION)
#define QTILE_ENTRY(n) {QNAME(tile_##n##_1), QNAME(tile_##n##_2)},
static void (*const QNAME(tiles)[ROWS][2])(const QNAME(tile) *) = {DISPATCH_ROWS(QTILE_ENTRY)};

INLINE void QNAME(finish_rows)(const inference_quantized_conv *q, const int kind, const int residual_kind, const int32_t *sums, int64_t rows, int64_t vectors,
                               int64_t columns, const float *factor, const float *slope, const void *residual, int64_t at, void *output) {
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t v = 0; v < vectors; v++) {
            int64_t left = columns - v * LANES;
            if (left > 0)
                QNAME(finish)(q, kind, residual_kind, QNAME(load_i)(sums + (r * vectors + v) * LANES), factor + v * LANES, slope + v * LANES, residual,
                              at + v * LANES, output, left);
        }
        at += q->shape.output_channels;
    }
}

// One run of `pixels` output pixels whose first is number `first`, all output channels.
static void QNAME(strip)(const inference_quantized_conv *q, QNAME(tile) *t, int64_t pixels, int64_t depth_groups, const void *packed,
                         QNAME(parameters) parameters, const void *residual, int64_t first, void *output) {
    const int64_t channels = q->shape.output_channels;
    const int kind = q->shape.activation.kind, residual_kind = q->residual_kind;
    _Alignas(64) int32_t sums[ROWS * PANEL];
    t->sums = sums;
    // Pixels are taken in blocks whose input stays in the second cache while the panels of weights go by.
    int64_t per_pixel = t->pixel_stride * t->segments;
    int64_t block = per_pixel > 0 ? 131072 / per_pixel : pixels;
    block = block / ROWS * ROWS;
    if (block < ROWS) block = ROWS;
    for (int64_t begin = 0; begin < pixels; begin += block) {
        int64_t count = pixels - begin < block ? pixels - begin : block;
        int64_t tiles = (count + ROWS - 1) / ROWS;
        for (int64_t c = 0; c < channels; c += PANEL) {
            int64_t columns = channels - c < PANEL ? channels - c : PANEL;
            int vectors = columns > LANES ? 2 : 1;
            t->weights = (const weight_t *)packed + c * depth_groups * GROUP;
            t->bias = parameters.bias + c;
            const float *factor = parameters.factor + c, *slope = parameters.slope + c;
            int64_t done = 0;
            for (int64_t i = 0; i < tiles; i++) {
                int64_t rows = (count - done + (tiles - i) - 1) / (tiles - i);
                int64_t pixel = begin + done;
                t->shift = pixel * t->pixel_stride;
                QNAME(tiles)[rows - 1][vectors - 1](t);
                int64_t at = (first + pixel) * channels + c;
                // What all pixels share is a constant of each copy.
#define FINISH(k, r) QNAME(finish_rows)(q, k, r, sums, rows, vectors, columns, factor, slope, residual, at, output)
                if (residual_kind == inference_residual_none) {
                    if (kind == inference_identity) FINISH(inference_identity, inference_residual_none);
                    else if (kind == inference_clip) FINISH(inference_clip, inference_residual_none);
                    else FINISH(inference_prelu, inference_residual_none);
                } else if (residual_kind == inference_residual_float) {
                    FINISH(kind, inference_residual_float);
                } else {
                    FINISH(kind, inference_residual_bytes);
                }
#undef FINISH
                done += rows;
            }
        }
    }
}

// MARK: Rows of input

typedef struct {
    int64_t taps, groups, segments, segments_per_row, row_width, row_elements, span_depth, span_height;
    int copies, is_product;
} QNAME(geometry);

static int QNAME(is_depthwise)(const inference_quantized_conv *q) { return q->shape.groups > 1; }

static QNAME(geometry) QNAME(conv_geometry)(const inference_quantized_conv *q) {
    const inference_conv *c = &q->shape;
    QNAME(geometry) g;
    int joined = c->dilation[2] == 1 || c->kernel[2] == 1;
    int64_t rows = c->kernel[0] * c->kernel[1];
    int64_t run = joined ? c->kernel[2] * c->input_channels : c->input_channels;
    g.taps = rows * c->kernel[2];
    g.groups = (run + GROUP - 1) / GROUP;
    g.segments_per_row = joined ? 1 : c->kernel[2];
    g.segments = rows * g.segments_per_row;
    g.row_width = (c->output[2] - 1) * c->stride[2] + (c->kernel[2] - 1) * c->dilation[2] + 1;
    int pads = c->pad[2] > 0 || g.row_width - c->pad[2] > c->input[2];
    g.copies = pads || !QUADS || QNAME(is_depthwise)(q);
    // A tile reads up to a group past the last pixel.
    g.row_elements = (g.row_width * c->input_channels + 63 + 64) / 64 * 64;
    g.span_depth = (c->kernel[0] - 1) * c->dilation[0] + 1;
    g.span_height = (c->kernel[1] - 1) * c->dilation[1] + 1;
    g.is_product = rows == 1 && c->kernel[2] == 1 && c->stride[0] == 1 && c->stride[1] == 1 && c->stride[2] == 1 && c->pad[0] == 0 && c->pad[1] == 0
        && c->pad[2] == 0 && c->input[0] == c->output[0] && c->input[1] == c->output[1] && c->input[2] == c->output[2] && c->groups == 1;
    return g;
}

// Pixels of a product whose input is widened together.
static int64_t QNAME(product_block)(const inference_conv *c) {
    int64_t block = 32768 / (c->input_channels > 0 ? c->input_channels : 1) / ROWS * ROWS;
    return block < ROWS ? ROWS : block;
}

static int64_t QNAME(row_bytes)(const inference_quantized_conv *q, const QNAME(geometry) *g) {
    return g->row_elements * (QNAME(is_depthwise)(q) ? 1 : (int64_t)sizeof(element_t));
}

int64_t QNAME(scratch)(const inference_quantized_conv *q) {
    QNAME(geometry) g = QNAME(conv_geometry)(q);
    if (g.is_product) return (QUADS ? 0 : QNAME(product_block)(&q->shape) * q->shape.input_channels * 2) + 192;
    int64_t rows = g.span_depth * g.span_height;
    // Sources and offsets; a row of padding; rows and what they hold.
    return (g.segments + g.taps) * 16 + (g.copies ? rows * (QNAME(row_bytes)(q, &g) + 8) : 0) + QNAME(row_bytes)(q, &g) + 512;
}

INLINE void QNAME(widen)(const uint8_t *x, int64_t count, element_t *y) {
#if QUADS
    memcpy(y, x, (size_t)count);
#else
    for (int64_t i = 0; i < count; i++) y[i] = x[i];
#endif
}

typedef struct {
    const inference_quantized_conv *q;
    QNAME(geometry) g;
    const char **source;
    int64_t *offset, *tags;
    char *rows, *padding;
    int64_t row_bytes;
} QNAME(state);

static void QNAME(begin)(QNAME(state) *s, const inference_quantized_conv *q, void *scratch) {
    s->q = q;
    s->g = QNAME(conv_geometry)(q);
    s->row_bytes = QNAME(row_bytes)(q, &s->g);
    s->source = (const char **)scratch;
    s->offset = (int64_t *)(s->source + s->g.segments + s->g.taps);
    s->tags = s->offset + s->g.segments + s->g.taps;
    int64_t rows = s->g.copies ? s->g.span_depth * s->g.span_height : 0;
    s->padding = (char *)(((uintptr_t)(s->tags + rows) + 63) & ~(uintptr_t)63);
    s->rows = s->padding + s->row_bytes;
    if (QNAME(is_depthwise)(q) || QUADS) memset(s->padding, q->input_zero, (size_t)s->row_bytes);
    else for (int64_t i = 0; i < s->g.row_elements; i++) ((element_t *)s->padding)[i] = (element_t)q->input_zero;
}

static void QNAME(begin_image)(QNAME(state) *s) {
    int64_t rows = s->g.copies ? s->g.span_depth * s->g.span_height : 0;
    for (int64_t i = 0; i < rows; i++) s->tags[i] = -1;
}

// Input row (id, ih) as wide as an output row needs it; outside of the input, zeros.
static const char *QNAME(row)(QNAME(state) *s, const uint8_t *image, int64_t id, int64_t ih) {
    const inference_conv *c = &s->q->shape;
    if (id < 0 || id >= c->input[0] || ih < 0 || ih >= c->input[1]) return s->padding;
    const int64_t number = id * c->input[1] + ih, channels = c->input_channels;
    const uint8_t *row = image + number * c->input[2] * channels;
    if (!s->g.copies) return (const char *)row;
    int64_t slot = id % s->g.span_depth * s->g.span_height + ih % s->g.span_height;
    char *copy = s->rows + slot * s->row_bytes;
    if (s->tags[slot] == number) return copy;
    s->tags[slot] = number;
    int64_t left = c->pad[2] < s->g.row_width ? c->pad[2] : s->g.row_width;
    int64_t middle = s->g.row_width - left < c->input[2] ? s->g.row_width - left : c->input[2];
    if (middle < 0) middle = 0;
    left *= channels;
    middle *= channels;
    int64_t right = s->g.row_elements - left - middle;
    if (QNAME(is_depthwise)(s->q) || QUADS) {
        memset(copy, s->q->input_zero, (size_t)left);
        memcpy(copy + left, row, (size_t)middle);
        memset(copy + left + middle, s->q->input_zero, (size_t)right);
    } else {
        element_t *target = (element_t *)copy;
        for (int64_t i = 0; i < left; i++) target[i] = (element_t)s->q->input_zero;
        QNAME(widen)(row, middle, target + left);
        for (int64_t i = 0; i < right; i++) target[left + middle + i] = (element_t)s->q->input_zero;
    }
    return copy;
}

// MARK: Convolution

static int64_t QNAME(conv_weight_bytes)(const inference_quantized_conv *q, const QNAME(geometry) *g) {
    return NAME(padded)(q->shape.output_channels) * g->segments * g->groups * GROUP * (int64_t)sizeof(weight_t);
}

static void QNAME(conv_pack)(const inference_quantized_conv *q, const int8_t *weights, const int32_t *bias, const float *factor, const float *slope, void *packed) {
    const inference_conv *c = &q->shape;
    const QNAME(geometry) g = QNAME(conv_geometry)(q);
    const int64_t in = q->weight_channels, padded = NAME(padded)(c->output_channels), depth = g.segments * g.groups, bytes = QNAME(conv_weight_bytes)(q, &g);
    memset(packed, 0, (size_t)bytes);
    for (int64_t o = 0; o < padded; o++) {
        int64_t base = o / PANEL * PANEL, width = padded - base < PANEL ? padded - base : PANEL, sum = 0;
        weight_t *panel = (weight_t *)packed + base * depth * GROUP + (o - base) * GROUP;
        int inside = o < c->output_channels;
        for (int64_t tap = 0; inside && tap < g.taps; tap++) {
            int64_t row = tap / c->kernel[2], column = tap % c->kernel[2];
            int64_t segment = g.segments_per_row == 1 ? row : tap, first = g.segments_per_row == 1 ? column * c->input_channels : 0;
            for (int64_t i = 0; i < in; i++) {
                int8_t w = weights[(o * in + i) * g.taps + tap];
                int64_t place = first + i;
                panel[(segment * g.groups + place / GROUP) * width * GROUP + place % GROUP] = w;
                sum += w;
            }
        }
        int32_t start = inside && bias ? bias[o] : 0;
        QNAME(write_parameters)(packed, bytes, padded, o, (int32_t)((uint32_t)start - (uint32_t)((q->input_zero - INPUT_OFFSET) * sum)),
                                inside ? factor[o] : 0, inside && slope ? slope[o] : 1);
    }
}

static void QNAME(conv_run)(const inference_quantized_conv *q, const uint8_t *input, const void *packed, const void *residual, void *output, void *scratch) {
    const inference_conv *c = &q->shape;
    const QNAME(geometry) g = QNAME(conv_geometry)(q);
    const int64_t depth = g.segments * g.groups, padded = NAME(padded)(c->output_channels), channels = c->input_channels;
    const QNAME(parameters) parameters = QNAME(parameters_at)(packed, QNAME(conv_weight_bytes)(q, &g), padded);
    QNAME(tile) t;
    t.groups = g.groups;
    t.pixel_stride = c->stride[2] * channels * (int64_t)sizeof(element_t);
    if (g.is_product) {
        const int64_t pixels = c->batch * c->input[0] * c->input[1] * c->input[2], zero = 0;
        t.segments = 1;
        t.offset = &zero;
        const int64_t block = QUADS ? pixels : QNAME(product_block)(c);
        for (int64_t first = 0; first < pixels; first += block) {
            int64_t count = pixels - first < block ? pixels - first : block;
            const char *source = (const char *)(input + first * channels);
            if (!QUADS) {
                element_t *wide = (element_t *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
                QNAME(widen)(input + first * channels, count * channels, wide);
                source = (const char *)wide;
            }
            t.source = &source;
            QNAME(strip)(q, &t, count, depth, packed, parameters, residual, first, output);
        }
        return;
    }
    QNAME(state) s;
    QNAME(begin)(&s, q, scratch);
    const int64_t image = c->input[0] * c->input[1] * c->input[2] * channels;
    for (int64_t n = 0; n < c->batch; n++) {
        QNAME(begin_image)(&s);
        for (int64_t od = 0; od < c->output[0]; od++)
            for (int64_t oh = 0; oh < c->output[1]; oh++) {
                int64_t count = 0;
                for (int64_t kd = 0; kd < c->kernel[0]; kd++)
                    for (int64_t kh = 0; kh < c->kernel[1]; kh++) {
                        const char *row = QNAME(row)(&s, input + n * image, od * c->stride[0] - c->pad[0] + kd * c->dilation[0],
                                                     oh * c->stride[1] - c->pad[1] + kh * c->dilation[1]);
                        for (int64_t i = 0; i < g.segments_per_row; i++) {
                            s.source[count] = row + i * c->dilation[2] * channels * (int64_t)sizeof(element_t);
                            s.offset[count] = count * g.groups;
                            count++;
                        }
                    }
                t.source = s.source;
                t.offset = s.offset;
                t.segments = count;
                QNAME(strip)(q, &t, c->output[2], depth, packed, parameters, residual,
                             ((n * c->output[0] + od) * c->output[1] + oh) * c->output[2], output);
            }
    }
}

// MARK: Depthwise convolution

// Taps in groups: 3x3 by columns, so that a column's bytes are put together once for the three outputs that read it; others in order.
#if QUADS
#define DEPTHWISE_BLOCK (4 * DLANES)
#define DEPTHWISE_GROUP 4
#else
#define DEPTHWISE_BLOCK LANES
#define DEPTHWISE_GROUP 2
#endif
#define COLUMN_GROUPS ((3 + DEPTHWISE_GROUP - 1) / DEPTHWISE_GROUP)

static int QNAME(is_square3)(const inference_conv *c) {
    return c->kernel[0] == 1 && c->kernel[1] == 3 && c->kernel[2] == 3 && c->dilation[2] == 1 && c->stride[2] <= 2;
}

static int64_t QNAME(depthwise_groups)(const inference_conv *c) {
    if (QNAME(is_square3)(c)) return 3 * COLUMN_GROUPS;
    return (c->kernel[0] * c->kernel[1] * c->kernel[2] + DEPTHWISE_GROUP - 1) / DEPTHWISE_GROUP;
}

// Which channel of a block a lane of its four (or one) vectors sums.
static int64_t QNAME(depthwise_channel)(int64_t lane) {
#if QUADS
    int64_t vector = lane / DLANES, within = lane % DLANES;
    return within / 4 * 16 + vector * 4 + within % 4;
#else
    return lane;
#endif
}

static int64_t QNAME(depthwise_padded)(const inference_conv *c) { return (c->input_channels + DEPTHWISE_BLOCK - 1) / DEPTHWISE_BLOCK * DEPTHWISE_BLOCK; }

static int64_t QNAME(depthwise_weight_bytes)(const inference_conv *c) {
    return QNAME(depthwise_padded)(c) * QNAME(depthwise_groups)(c) * DEPTHWISE_GROUP * (int64_t)sizeof(weight_t);
}

// [block][group][lane][tap of the group]
static void QNAME(depthwise_pack)(const inference_quantized_conv *q, const int8_t *weights, const int32_t *bias, const float *factor, const float *slope, void *packed) {
    const inference_conv *c = &q->shape;
    const int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2], groups = QNAME(depthwise_groups)(c), padded = QNAME(depthwise_padded)(c);
    const int64_t bytes = QNAME(depthwise_weight_bytes)(c);
    memset(packed, 0, (size_t)bytes);
    for (int64_t base = 0; base < padded; base += DEPTHWISE_BLOCK)
        for (int64_t lane = 0; lane < DEPTHWISE_BLOCK; lane++) {
            int64_t channel = base + QNAME(depthwise_channel)(lane), sum = 0;
            int inside = channel < c->input_channels;
            for (int64_t tap = 0; inside && tap < taps; tap++) {
                int64_t group = tap / DEPTHWISE_GROUP, place = tap % DEPTHWISE_GROUP;
                if (QNAME(is_square3)(c)) {
                    group = tap % 3 * COLUMN_GROUPS + tap / 3 / DEPTHWISE_GROUP;
                    place = tap / 3 % DEPTHWISE_GROUP;
                }
                int8_t w = weights[channel * taps + tap];
                ((weight_t *)packed)[((base * groups + group * DEPTHWISE_BLOCK) + lane) * DEPTHWISE_GROUP + place] = w;
                sum += w;
            }
            int32_t start = inside && bias ? bias[channel] : 0;
            QNAME(write_parameters)(packed, bytes, padded, base + lane, (int32_t)((uint32_t)start - (uint32_t)((q->input_zero - INPUT_OFFSET) * sum)),
                                    inside ? factor[channel] : 0, inside && slope ? slope[channel] : 1);
        }
}

#if QUADS
// Four vectors of sums, of the channels that depthwise_channel says, to DEPTHWISE_BLOCK outputs in order.
INLINE void QNAME(depthwise_finish)(const inference_quantized_conv *q, const int kind, const divec sum[4], const float *factor, const float *slope, int64_t at,
                                    void *output, int64_t left) {
    dvec y[4];
#pragma clang loop unroll(full)
    for (int v = 0; v < 4; v++) {
        y[v] = __builtin_convertvector(sum[v], dvec) * *(const dvecu *)(factor + v * DLANES);
        if (kind == inference_clip) {
            dvec low = q->shape.activation.alpha - (dvec){0}, high = q->shape.activation.beta - (dvec){0};
            y[v] = __builtin_elementwise_min(__builtin_elementwise_max(y[v], low), high);
        } else if (kind == inference_prelu) {
            divec negative = (divec)(y[v] < 0.0f);
            dvec scaled = y[v] * *(const dvecu *)(slope + v * DLANES);
            y[v] = (dvec)((negative & (divec)scaled) | (~negative & (divec)y[v]));
        }
    }
    if (q->is_float) {
        float *target = (float *)output + at;
        for (int v = 0; v < 4; v++)
            for (int lane = 0; lane < DLANES; lane++) {
                int64_t channel = lane / 4 * 16 + v * 4 + lane % 4;
                if (channel < left) target[channel] = y[v][lane];
            }
    } else {
        const int32_t zero = q->output_zero;
        STORE_PACKED((uint8_t *)output + at, PACK(DROUND(y[0]) + zero, DROUND(y[1]) + zero, DROUND(y[2]) + zero, DROUND(y[3]) + zero), left);
    }
}

// The bytes of four taps of DEPTHWISE_BLOCK channels, put together by channel.
INLINE void QNAME(interleave)(dbytes a, dbytes b, dbytes c, dbytes d, divec out[4]) {
    dbytes low_ab = UNPACK_LOW_8(a, b), high_ab = UNPACK_HIGH_8(a, b), low_cd = UNPACK_LOW_8(c, d), high_cd = UNPACK_HIGH_8(c, d);
    out[0] = (divec)UNPACK_LOW_16(low_ab, low_cd);
    out[1] = (divec)UNPACK_HIGH_16(low_ab, low_cd);
    out[2] = (divec)UNPACK_LOW_16(high_ab, high_cd);
    out[3] = (divec)UNPACK_HIGH_16(high_ab, high_cd);
}

INLINE dbytes QNAME(load_block)(const char *p, int64_t left) { return left >= DEPTHWISE_BLOCK ? *(const dbytesu *)p : LOAD_PART(p, left); }

INLINE void QNAME(square3)(const inference_quantized_conv *q, const char *const r[3], const weight_t *w, const int32_t *bias, const float *factor,
                           const float *slope, int64_t at, void *output, const int64_t left, const int stride, const int kind) {
    const inference_conv *c = &q->shape;
    const int64_t channels = c->input_channels;
    divec k[3][4], start[4], column[3][4];
#pragma clang loop unroll(full)
    for (int v = 0; v < 4; v++) {
        start[v] = *(const divecu *)(bias + v * DLANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < 3; i++) k[i][v] = *(const divecu *)(w + (i * DEPTHWISE_BLOCK + v * DLANES) * 4);
    }
    const char *a = r[0], *b = r[1], *d = r[2];
    const dbytes nothing = {0};
#define COLUMN(into) \
    do { \
        QNAME(interleave)(QNAME(load_block)(a, left), QNAME(load_block)(b, left), QNAME(load_block)(d, left), nothing, into); \
        a += channels; \
        b += channels; \
        d += channels; \
    } while (0)
    COLUMN(column[0]);
    if (stride == 1) COLUMN(column[1]);
    for (int64_t x = 0; x < c->output[2]; x++) {
        if (stride == 2) COLUMN(column[1]);
        COLUMN(column[2]);
        divec sum[4];
#pragma clang loop unroll(full)
        for (int v = 0; v < 4; v++) sum[v] = DDOT(DDOT(DDOT(start[v], column[0][v], k[0][v]), column[1][v], k[1][v]), column[2][v], k[2][v]);
        QNAME(depthwise_finish)(q, kind, sum, factor, slope, at, output, left);
        at += channels;
#pragma clang loop unroll(full)
        for (int v = 0; v < 4; v++) {
            column[0][v] = stride == 1 ? column[1][v] : column[2][v];
            column[1][v] = column[2][v];
        }
    }
#undef COLUMN
}
#else
INLINE ivec QNAME(pair)(const char *a, const char *b) {
    QNAME(bytes) x, y;
    memcpy(&x, a, LANES);
    memcpy(&y, b, LANES);
    // Low halves are the first tap's, high halves the second's.
    return __builtin_convertvector(x, ivec) | (__builtin_convertvector(y, ivec) << 16);
}

INLINE ivec QNAME(single)(const char *a) {
    QNAME(bytes) x;
    memcpy(&x, a, LANES);
    return __builtin_convertvector(x, ivec);
}

INLINE void QNAME(square3)(const inference_quantized_conv *q, const char *const r[3], const weight_t *w, const int32_t *bias, const float *factor,
                           const float *slope, int64_t at, void *output, const int64_t left, const int stride, const int kind) {
    const inference_conv *c = &q->shape;
    const int64_t channels = c->input_channels;
    ivec k[6], upper[3], lower[3];
#pragma clang loop unroll(full)
    for (int i = 0; i < 6; i++) k[i] = QNAME(load_i)(w + i * LANES * 2);
    const ivec start = QNAME(load_i)(bias);
    const char *a = r[0], *b = r[1], *d = r[2];
#define COLUMN(i) \
    do { \
        upper[i] = QNAME(pair)(a, b); \
        lower[i] = QNAME(single)(d); \
        a += channels; \
        b += channels; \
        d += channels; \
    } while (0)
    COLUMN(0);
    if (stride == 1) COLUMN(1);
    for (int64_t x = 0; x < c->output[2]; x++) {
        if (stride == 2) COLUMN(1);
        COLUMN(2);
        ivec sum = start;
#pragma clang loop unroll(full)
        for (int i = 0; i < 3; i++) sum = DOT(DOT(sum, upper[i], k[2 * i]), lower[i], k[2 * i + 1]);
        QNAME(finish)(q, kind, inference_residual_none, sum, factor, slope, 0, at, output, left);
        at += channels;
        upper[0] = stride == 1 ? upper[1] : upper[2];
        lower[0] = stride == 1 ? lower[1] : lower[2];
        upper[1] = upper[2];
        lower[1] = lower[2];
    }
#undef COLUMN
}
#endif

static void QNAME(depthwise_row)(QNAME(state) *s, const uint8_t *image, int64_t od, int64_t oh, const void *packed, QNAME(parameters) parameters, int64_t first,
                                 void *output) {
    const inference_quantized_conv *q = s->q;
    const inference_conv *c = &q->shape;
    const int64_t channels = c->input_channels, groups = QNAME(depthwise_groups)(c), taps = s->g.taps;
    const int kind = c->activation.kind;
    const char **rows = s->source + s->g.segments;
    for (int64_t kd = 0; kd < c->kernel[0]; kd++)
        for (int64_t kh = 0; kh < c->kernel[1]; kh++)
            rows[kd * c->kernel[1] + kh] = QNAME(row)(s, image, od * c->stride[0] - c->pad[0] + kd * c->dilation[0], oh * c->stride[1] - c->pad[1] + kh * c->dilation[1]);
    for (int64_t base = 0; base < channels; base += DEPTHWISE_BLOCK) {
        const weight_t *w = (const weight_t *)packed + base * groups * DEPTHWISE_GROUP;
        const int32_t *bias = parameters.bias + base;
        const float *factor = parameters.factor + base, *slope = parameters.slope + base;
        const int64_t left = channels - base < DEPTHWISE_BLOCK ? channels - base : DEPTHWISE_BLOCK;
        int64_t at = first * channels + base;
        if (QNAME(is_square3)(c)) {
            const char *r[3] = {rows[0] + base, rows[1] + base, rows[2] + base};
#define SQUARE3(l, k) \
    do { \
        if (c->stride[2] == 1) QNAME(square3)(q, r, w, bias, factor, slope, at, output, l, 1, k); \
        else QNAME(square3)(q, r, w, bias, factor, slope, at, output, l, 2, k); \
    } while (0)
            if (left == DEPTHWISE_BLOCK) {
                if (kind == inference_identity) SQUARE3(DEPTHWISE_BLOCK, inference_identity);
                else if (kind == inference_clip) SQUARE3(DEPTHWISE_BLOCK, inference_clip);
                else SQUARE3(DEPTHWISE_BLOCK, inference_prelu);
            } else {
                SQUARE3(left, kind);
            }
#undef SQUARE3
            continue;
        }
        for (int64_t ow = 0; ow < c->output[2]; ow++, at += channels) {
            const int64_t column = ow * c->stride[2] * channels + base;
#define TAP(t) (rows[(t) / c->kernel[2]] + column + (t) % c->kernel[2] * c->dilation[2] * channels)
#if QUADS
            divec sum[4];
            for (int v = 0; v < 4; v++) sum[v] = *(const divecu *)(bias + v * DLANES);
            for (int64_t group = 0; group < groups; group++) {
                dbytes x[4];
                divec mixed[4];
                for (int i = 0; i < 4; i++) x[i] = group * 4 + i < taps ? QNAME(load_block)(TAP(group * 4 + i), left) : (dbytes){0};
                QNAME(interleave)(x[0], x[1], x[2], x[3], mixed);
                for (int v = 0; v < 4; v++) sum[v] = DDOT(sum[v], mixed[v], *(const divecu *)(w + (group * DEPTHWISE_BLOCK + v * DLANES) * 4));
            }
            QNAME(depthwise_finish)(q, kind, sum, factor, slope, at, output, left);
#else
            ivec sum = QNAME(load_i)(bias);
            for (int64_t group = 0; group < groups; group++) {
                ivec mixed = group * 2 + 1 < taps ? QNAME(pair)(TAP(group * 2), TAP(group * 2 + 1)) : QNAME(single)(TAP(group * 2));
                sum = DOT(sum, mixed, QNAME(load_i)(w + group * DEPTHWISE_BLOCK * 2));
            }
            QNAME(finish)(q, kind, inference_residual_none, sum, factor, slope, 0, at, output, left);
#endif
#undef TAP
        }
    }
}

static void QNAME(depthwise_run)(const inference_quantized_conv *q, const uint8_t *input, const void *packed, void *output, void *scratch) {
    const inference_conv *c = &q->shape;
    const QNAME(parameters) parameters = QNAME(parameters_at)(packed, QNAME(depthwise_weight_bytes)(c), QNAME(depthwise_padded)(c));
    QNAME(state) s;
    QNAME(begin)(&s, q, scratch);
    const int64_t image = c->input[0] * c->input[1] * c->input[2] * c->input_channels;
    for (int64_t n = 0; n < c->batch; n++) {
        QNAME(begin_image)(&s);
        for (int64_t od = 0; od < c->output[0]; od++)
            for (int64_t oh = 0; oh < c->output[1]; oh++)
                QNAME(depthwise_row)(&s, input + n * image, od, oh, packed, parameters, ((n * c->output[0] + od) * c->output[1] + oh) * c->output[2], output);
    }
}

// MARK: Entries

int64_t QNAME(packed_bytes)(const inference_quantized_conv *q) {
    const QNAME(geometry) g = QNAME(conv_geometry)(q);
    int depthwise = QNAME(is_depthwise)(q);
    int64_t weights = depthwise ? QNAME(depthwise_weight_bytes)(&q->shape) : QNAME(conv_weight_bytes)(q, &g);
    int64_t channels = depthwise ? QNAME(depthwise_padded)(&q->shape) : NAME(padded)(q->shape.output_channels);
    return QNAME(rounded)(weights) + channels * 12 + 64;
}

void QNAME(pack)(const inference_quantized_conv *q, const int8_t *weights, const int32_t *bias, const float *factor, const float *slope, void *packed) {
    if (QNAME(is_depthwise)(q)) QNAME(depthwise_pack)(q, weights, bias, factor, slope, packed);
    else QNAME(conv_pack)(q, weights, bias, factor, slope, packed);
}

void QNAME(run)(const inference_quantized_conv *q, const uint8_t *input, const void *packed, const void *residual, void *output, void *scratch) {
    if (QNAME(is_depthwise)(q)) QNAME(depthwise_run)(q, input, packed, output, scratch);
    else QNAME(conv_run)(q, input, packed, residual, output, scratch);
}

// Not far outside of what saturates; what is not a number is 0.
INLINE ivec QNAME(steps)(vec v) {
    v = NAME(select)((ivec)(v == v), v, (vec){0});
    return ROUND(NAME(min)(NAME(splat)(1024.0f), NAME(max)(NAME(splat)(-1024.0f), v)));
}

void QNAME(quantize)(const float *x, float scale, int32_t zero, uint8_t *y, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) STORE_BYTES(y + i, QNAME(steps)(NAME(load)(x + i) / scale) + zero, count - i);
}

void QNAME(quantize_planes)(const float *x, int64_t planes, int64_t pixels, float factor, float scale, int32_t zero, uint8_t *y) {
    const ivec low = {0}, high = QNAME(splat_i)(255);
    for (int64_t p = 0; p < pixels; p += LANES) {
        ivec all = {0};
        for (int64_t c = 0; c < 4; c++) {
            ivec q = QNAME(splat_i)(zero);
            if (c < planes) q = __builtin_elementwise_min(high, __builtin_elementwise_max(low, QNAME(steps)(NAME(load)(x + c * pixels + p) * factor / scale) + zero));
            all |= q << (int)(8 * c);
        }
        int64_t left = pixels - p < LANES ? pixels - p : LANES;
        memcpy(y + 4 * p, &all, (size_t)left * 4);
    }
}

void QNAME(dequantize)(const uint8_t *x, float scale, int32_t zero, float *y, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) NAME(store)(y + i, QNAME(float_bytes)(x + i, zero) * scale);
    if (i < count) STORE_PART(y + i, QNAME(float_bytes)(x + i, zero) * scale, count - i);
}

void QNAME(add)(const uint8_t *a, float a_scale, int32_t a_zero, const uint8_t *b, float b_scale, int32_t b_zero, float scale, int32_t zero, uint8_t *y, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec left = QNAME(float_bytes)(a + i, a_zero) * a_scale, right = QNAME(float_bytes)(b + i, b_zero) * b_scale;
        STORE_BYTES(y + i, QNAME(steps)((left + right) / scale) + zero, count - i);
    }
}

const struct inference_quantized_variant QNAME(variant) = {
    QNAME(packed_bytes), QNAME(pack), QNAME(scratch), QNAME(run), QNAME(quantize), QNAME(quantize_planes), QNAME(dequantize), QNAME(add),
};

#undef GROUP
#undef weight_t
#undef element_t
#undef ivecu
#undef QTILE_FUNCTION
#undef QTILE_ENTRY
#undef DEPTHWISE_BLOCK
#undef DEPTHWISE_GROUP
#undef COLUMN_GROUPS
