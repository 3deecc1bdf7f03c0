// Winograd's minimal filtering along one axis of a convolution (Winograd, *Arithmetic Complexity of Computations*, 1980; Lavin and
// Gray, arXiv:1509.09308): four neighbouring outputs of a kernel of 3 from 6 products instead of 12, of a kernel of 5 from 8 instead
// of 20. Points 0, ±1, ±2, ∞ and 0, ±1, ±2, ±1/2, ∞. The other axes of the kernel are summed inside the products, which the tiles
// of the template make. One axis and not two: half of the gain of two for a tenth of the rounding error and of the code.
//
// Included by the template, once for each variant.

enum { NAME(filter_outputs) = 4, NAME(filter_bytes) = 256 << 10 };

// A kernel of 3 or 5 and how many products it takes.
INLINE int NAME(filter_products)(int64_t taps) { return taps == 3 ? 6 : 8; }

typedef struct {
    int64_t taps, products, tiles, lines, depth, padded, band, pixels;
    int along_depth;
} NAME(filter);

static NAME(filter) NAME(filter_geometry)(const inference_conv *c) {
    NAME(filter) f;
    const int64_t in = c->input_channels, out = c->output_channels;
    f.along_depth = c->filtered_axis == inference_filtered_depth;
    f.taps = f.along_depth ? c->kernel[0] : c->kernel[2];
    f.products = NAME(filter_products)(f.taps);
    f.padded = NAME(padded)(out);
    f.depth = f.along_depth ? in : c->kernel[1] * in;
    int64_t length = f.along_depth ? c->output[0] : c->output[2];
    f.tiles = (length + NAME(filter_outputs) - 1) / NAME(filter_outputs);
    if (f.along_depth) {
        // A band is a run of pixels of the plane.
        int64_t plane = c->output[1] * c->output[2], fit = NAME(filter_bytes) / (f.products * (in + out) * 4) / ROWS * ROWS;
        f.band = fit < ROWS ? ROWS : fit;
        if (f.band > plane) f.band = plane;
        f.lines = f.band;
        f.pixels = f.band;
    } else {
        // A band is a run of rows; it needs kernel - 1 more rows of the input.
        int64_t row = f.products * f.tiles * 4, fit = (NAME(filter_bytes) - (c->kernel[1] - 1) * row * in) / (row * (in + out));
        f.band = fit < c->kernel[1] ? c->kernel[1] : fit;
        if (f.band > c->output[1]) f.band = c->output[1];
        f.lines = (f.band + c->kernel[1] - 1) * f.tiles;
        f.pixels = f.band * f.tiles;
    }
    return f;
}

// The weights of each product in panels, then zeros where the tile wants a bias, then the bias.
static int64_t NAME(filter_packed_count)(const inference_conv *c) {
    NAME(filter) f = NAME(filter_geometry)(c);
    return f.padded * (f.products * f.depth + 2) + LANES;
}

static double NAME(filter_weight)(int64_t taps, int64_t product, const double *w) {
    static const double points3[] = {0, 1, -1, 2, -2}, scales3[] = {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24};
    static const double points5[] = {0, 1, -1, 2, -2, 0.5, -0.5};
    static const double scales5[] = {1, -2.0 / 9, -2.0 / 9, 1.0 / 90, 1.0 / 90, 32.0 / 45, 32.0 / 45};
    if (product == NAME(filter_products)(taps) - 1) return w[taps - 1];
    double point = taps == 3 ? points3[product] : points5[product], sum = 0;
    for (int64_t t = taps - 1; t >= 0; t--) sum = sum * point + w[t];
    return sum * (taps == 3 ? scales3[product] : scales5[product]);
}

static void NAME(filter_pack)(const inference_conv *c, const float *weights, const float *bias, float *packed) {
    NAME(filter) f = NAME(filter_geometry)(c);
    const int64_t in = c->input_channels, out = c->output_channels, rows = f.along_depth ? 1 : c->kernel[1];
    memset(packed, 0, (size_t)NAME(filter_packed_count)(c) * 4);
    for (int64_t p = 0; p < f.products; p++)
        for (int64_t o = 0; o < out; o++) {
            int64_t base = o / PANEL * PANEL, width = f.padded - base < PANEL ? f.padded - base : PANEL;
            float *panel = packed + p * f.padded * f.depth + base * f.depth + (o - base);
            for (int64_t row = 0; row < rows; row++)
                for (int64_t i = 0; i < in; i++) {
                    double taps[5];
                    for (int64_t t = 0; t < f.taps; t++) taps[t] = weights[((o * in + i) * rows + row) * f.taps + t];
                    panel[(row * in + i) * width] = (float)NAME(filter_weight)(f.taps, p, taps);
                }
        }
    if (bias) memcpy(packed + f.padded * (f.products * f.depth + 1), bias, (size_t)out * 4);
}

static int64_t NAME(filter_scratch)(const inference_conv *c) {
    NAME(filter) f = NAME(filter_geometry)(c);
    int64_t zeros = f.along_depth ? f.band * c->input_channels : c->input_channels;
    return (f.products * (f.lines * c->input_channels + f.pixels * c->output_channels) + zeros) * 4 + 5 * 16 + 256;
}

// u[p] = Σ B'[p, j] x[j] for `count` floats, a multiple of LANES.
INLINE void NAME(filter_input)(const int products, const float *const *x, float *u, int64_t stride, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec x0 = NAME(load)(x[0] + i), x1 = NAME(load)(x[1] + i), x2 = NAME(load)(x[2] + i), x3 = NAME(load)(x[3] + i), x4 = NAME(load)(x[4] + i);
        vec x5 = NAME(load)(x[5] + i), a, b;
        float *y = u + i;
        if (products == 6) {
            NAME(store)(y, MULADD(NAME(splat)(4), x0, MULADD(NAME(splat)(-5), x2, x4)));
            a = MULADD(NAME(splat)(-4), x2, x4), b = MULADD(NAME(splat)(-4), x1, x3);
            NAME(store)(y + stride, a + b);
            NAME(store)(y + 2 * stride, a - b);
            a = x4 - x2, b = (x3 - x1) * 2;
            NAME(store)(y + 3 * stride, a + b);
            NAME(store)(y + 4 * stride, a - b);
            NAME(store)(y + 5 * stride, MULADD(NAME(splat)(4), x1, MULADD(NAME(splat)(-5), x3, x5)));
        } else {
            vec x6 = NAME(load)(x[6] + i), x7 = NAME(load)(x[7] + i);
            NAME(store)(y, MULADD(NAME(splat)(5.25f), x4 - x2, x0 - x6));
            a = MULADD(NAME(splat)(-4.25f), x4, x2 + x6), b = MULADD(NAME(splat)(-4.25f), x3, x1 + x5);
            NAME(store)(y + stride, a + b);
            NAME(store)(y + 2 * stride, a - b);
            a = MULADD(NAME(splat)(0.25f), x2, MULADD(NAME(splat)(-1.25f), x4, x6));
            b = MULADD(NAME(splat)(0.5f), x1, MULADD(NAME(splat)(-2.5f), x3, x5 * 2));
            NAME(store)(y + 3 * stride, a + b);
            NAME(store)(y + 4 * stride, a - b);
            a = MULADD(NAME(splat)(4), x2, MULADD(NAME(splat)(-5), x4, x6));
            b = MULADD(NAME(splat)(2), x1, MULADD(NAME(splat)(-2.5f), x3, x5 * 0.5f));
            NAME(store)(y + 5 * stride, a + b);
            NAME(store)(y + 6 * stride, a - b);
            NAME(store)(y + 7 * stride, MULADD(NAME(splat)(5.25f), x3 - x5, x7 - x1));
        }
    }
}

// The four outputs of one tile, of which `valid` exist: y[j] = activation(Σ A'[j, p] m[p] + bias + residual).
INLINE void NAME(filter_output)(const int products, const inference_conv *c, const float *m, int64_t stride, const float *bias,
                                const float *residual, float *output, int64_t step, int64_t residual_step, int valid) {
    const int clips = c->activation.kind == inference_clip;
    const vec low = NAME(splat)(c->activation.alpha), high = NAME(splat)(c->activation.beta);
    for (int64_t i = 0; i < c->output_channels; i += LANES) {
        const float *x = m + i;
        vec b = NAME(load)(bias + i), y[4];
        vec m0 = NAME(load)(x), m1 = NAME(load)(x + stride), m2 = NAME(load)(x + 2 * stride), m3 = NAME(load)(x + 3 * stride);
        vec m4 = NAME(load)(x + 4 * stride), m5 = NAME(load)(x + 5 * stride);
        vec s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
        y[0] = m0 + s1 + s2 + b;
        y[1] = MULADD(NAME(splat)(2), d2, d1) + b;
        y[2] = MULADD(NAME(splat)(4), s2, s1) + b;
        y[3] = MULADD(NAME(splat)(8), d2, d1) + b;
        if (products == 6) y[3] += m5;
        else {
            vec m6 = NAME(load)(x + 6 * stride), s3 = m5 + m6, d3 = m5 - m6;
            y[0] += s3;
            y[1] = MULADD(NAME(splat)(0.5f), d3, y[1]);
            y[2] = MULADD(NAME(splat)(0.25f), s3, y[2]);
            y[3] = MULADD(NAME(splat)(0.125f), d3, y[3]) + NAME(load)(x + 7 * stride);
        }
        for (int j = 0; j < valid; j++) {
            vec v = y[j];
            if (residual) v += NAME(load)(residual + j * residual_step + i);
            if (clips) v = NAME(min)(high, NAME(max)(low, v));
            NAME(store)(output + j * step + i, v);
        }
    }
}

// Where plane d of the input is, or null beyond its ends.
INLINE const float *NAME(filter_plane)(const inference_conv *c, const float *image, int64_t d) {
    if (d < 0 || d >= c->input[0]) return 0;
    int64_t index = c->depth_ring ? (d + c->depth_shift) % c->depth_ring : d;
    return image + index * c->input[1] * c->input[2] * c->input_channels;
}

INLINE void NAME(filter_products_of)(const inference_conv *c, const NAME(filter) *f, NAME(tile) *t, int64_t segments, int64_t pixels,
                                     int64_t line_stride, const float *u, float *m, const float *packed, const float **source) {
    const int64_t in = c->input_channels, out = c->output_channels;
    for (int64_t p = 0; p < f->products; p++) {
        for (int64_t s = 0; s < segments; s++) source[s] = u + p * f->lines * in + s * line_stride;
        t->segments = segments;
        NAME(strip)(t, pixels, out, f->depth, packed + p * f->padded * f->depth, packed + f->products * f->padded * f->depth, 0, 0, 0,
                    m + p * f->pixels * out, 0);
    }
}

INLINE void NAME(filter_run_with)(const int products, const inference_conv *c, const float *input, const float *packed, const float *residual,
                                  float *output, void *scratch) {
    const NAME(filter) f = NAME(filter_geometry)(c);
    const int64_t in = c->input_channels, out = c->output_channels, step = c->output_pixel_stride;
    float *u = (float *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63), *m = u + f.products * f.lines * in, *zeros = m + f.products * f.pixels * out;
    const float *bias = packed + f.padded * (f.products * f.depth + 1);
    memset(zeros, 0, (size_t)(f.along_depth ? f.band * in : in) * 4);
    const float *source[5];
    int64_t offset[5];
    for (int64_t s = 0; s < 5; s++) offset[s] = s * in;
    NAME(tile) t = {.source = source, .offset = offset, .run = in, .pixel_stride = in, .output_stride = out, .activation = inference_identity};
    const int64_t image = c->input[0] * c->input[1] * c->input[2] * in, plane = c->output[1] * c->output[2];
    const float *x[8];
    for (int64_t n = 0; n < c->batch; n++) {
        const float *picture = input + n * image;
        const int64_t first_plane = n * c->output[0];
        if (f.along_depth) {
            for (int64_t tile = 0; tile < f.tiles; tile++) {
                int64_t left = c->output[0] - 4 * tile, valid = left < 4 ? left : 4;
                for (int64_t start = 0; start < plane; start += f.band) {
                    int64_t count = plane - start < f.band ? plane - start : f.band;
                    for (int j = 0; j < products; j++) {
                        const float *source_plane = NAME(filter_plane)(c, picture, 4 * tile - c->pad[0] + j);
                        x[j] = source_plane ? source_plane + start * in : zeros;
                    }
                    NAME(filter_input)(products, x, u, f.lines * in, count * in);
                    NAME(filter_products_of)(c, &f, &t, 1, count, 0, u, m, packed, source);
                    for (int64_t q = 0; q < count; q++) {
                        int64_t pixel = (first_plane + 4 * tile) * plane + start + q;
                        NAME(filter_output)(products, c, m + q * out, f.pixels * out, bias, residual ? residual + pixel * out : 0,
                                            output + pixel * step, plane * step, plane * out, (int)valid);
                    }
                }
            }
            continue;
        }
        for (int64_t od = 0; od < c->output[0]; od++) {
            const float *source_plane = NAME(filter_plane)(c, picture, od);
            for (int64_t start = 0; start < c->output[1]; start += f.band) {
                int64_t count = c->output[1] - start < f.band ? c->output[1] - start : f.band;
                for (int64_t row = 0; row < count + c->kernel[1] - 1; row++) {
                    int64_t ih = start + row - c->pad[1];
                    float *line = u + row * f.tiles * in;
                    if (ih < 0 || ih >= c->input[1]) {
                        for (int p = 0; p < products; p++) memset(line + p * f.lines * in, 0, (size_t)(f.tiles * in) * 4);
                        continue;
                    }
                    const float *pixels = source_plane + ih * c->input[2] * in;
                    for (int64_t tile = 0; tile < f.tiles; tile++) {
                        for (int j = 0; j < products; j++) {
                            int64_t iw = 4 * tile - c->pad[2] + j;
                            x[j] = iw < 0 || iw >= c->input[2] ? zeros : pixels + iw * in;
                        }
                        NAME(filter_input)(products, x, line + tile * in, f.lines * in, in);
                    }
                }
                NAME(filter_products_of)(c, &f, &t, c->kernel[1], count * f.tiles, f.tiles * in, u, m, packed, source);
                for (int64_t row = 0; row < count; row++)
                    for (int64_t tile = 0; tile < f.tiles; tile++) {
                        int64_t left = c->output[2] - 4 * tile, valid = left < 4 ? left : 4;
                        int64_t pixel = ((first_plane + od) * c->output[1] + start + row) * c->output[2] + 4 * tile;
                        NAME(filter_output)(products, c, m + (row * f.tiles + tile) * out, f.pixels * out, bias,
                                            residual ? residual + pixel * out : 0, output + pixel * step, step, out, (int)valid);
                    }
            }
        }
    }
}

static void NAME(filter_run)(const inference_conv *c, const float *input, const float *packed, const float *residual, float *output, void *scratch) {
    if ((c->filtered_axis == inference_filtered_depth ? c->kernel[0] : c->kernel[2]) == 3)
        NAME(filter_run_with)(6, c, input, packed, residual, output, scratch);
    else
        NAME(filter_run_with)(8, c, input, packed, residual, output, scratch);
}
