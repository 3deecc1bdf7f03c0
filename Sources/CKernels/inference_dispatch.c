// Chooses the variant of each kernel; the caller says which, having asked inference_has_variant once.
#include "inference_variants.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
static int32_t has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int32_t has_avx512_vnni(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"); }
#endif

int32_t inference_has_variant(int32_t variant) {
    if (variant == inference_portable) return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (variant == inference_avx2) return has_avx2();
    if (variant == inference_avx_vnni) return has_avx2() && (__builtin_cpu_supports("avxvnni") || has_avx512_vnni());
    if (variant == inference_avx512 || variant == inference_dot)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
            && (variant == inference_avx512 || __builtin_cpu_supports("avx512vnni"));
#elif defined(__aarch64__)
    if (variant == inference_dot) return (getauxval(AT_HWCAP) & (1ul << 20)) != 0;   // HWCAP_ASIMDDP
#endif
    return 0;
}

static const struct inference_variant *variant_table(int32_t variant) {
#if defined(__x86_64__)
    if (variant == inference_avx512 || variant == inference_dot) return &inference_avx512_variant;
    if (variant == inference_avx2 || variant == inference_avx_vnni) return &inference_avx2_variant;
#endif
    (void)variant;
    return &inference_portable_variant;
}

static const struct inference_quantized_variant *quantized_table(int32_t variant) {
#if defined(__x86_64__)
    if (variant == inference_dot) return &inference_vnni_q_variant;
    if (variant == inference_avx512) return &inference_avx512_q_variant;
    // Of the two encodings the one that this processor has; with AVX-512 it is not the variant of choice.
    if (variant == inference_avx_vnni) return has_avx512_vnni() ? &inference_vl_vnni_q_variant : &inference_avx_vnni_q_variant;
    if (variant == inference_avx2) return &inference_avx2_q_variant;
#elif defined(__aarch64__)
    if (variant == inference_dot) return &inference_dotprod_q_variant;
#endif
    return &inference_portable_q_variant;
}

int64_t inference_quantized_packed_bytes(int32_t v, const inference_quantized_conv *c) { return quantized_table(v)->packed_bytes(c); }
void inference_quantized_pack(int32_t v, const inference_quantized_conv *c, const int8_t *weights, const int32_t *bias, const float *factor,
                              const float *slope, void *packed) {
    quantized_table(v)->pack(c, weights, bias, factor, slope, packed);
}
int64_t inference_quantized_scratch(int32_t v, const inference_quantized_conv *c) { return quantized_table(v)->scratch(c); }
void inference_quantized_run(int32_t v, const inference_quantized_conv *c, const uint8_t *input, const void *packed, const void *residual,
                             void *output, void *scratch) {
    quantized_table(v)->run(c, input, packed, residual, output, scratch);
}
void inference_quantize(int32_t v, const float *x, float scale, int32_t zero, uint8_t *y, int64_t count) { quantized_table(v)->quantize(x, scale, zero, y, count); }
void inference_quantize_planes(int32_t v, const float *x, int64_t planes, int64_t pixels, float factor, float scale, int32_t zero, uint8_t *y) {
    quantized_table(v)->quantize_planes(x, planes, pixels, factor, scale, zero, y);
}
void inference_dequantize(int32_t v, const uint8_t *x, float scale, int32_t zero, float *y, int64_t count) {
    quantized_table(v)->dequantize(x, scale, zero, y, count);
}
void inference_quantized_add(int32_t v, const uint8_t *a, float a_scale, int32_t a_zero, const uint8_t *b, float b_scale, int32_t b_zero, float scale,
                             int32_t zero, uint8_t *y, int64_t count) {
    quantized_table(v)->add(a, a_scale, a_zero, b, b_scale, b_zero, scale, zero, y, count);
}

int32_t inference_lanes(int32_t v) { return variant_table(v)->lanes; }

int32_t inference_filtered_axis(const inference_conv *c) {
    if (c->is_planar || c->groups != 1 || c->input_channels % 16 || c->output_channels % 16) return inference_unfiltered;
    if (c->activation.kind != inference_identity && c->activation.kind != inference_clip) return inference_unfiltered;
    for (int a = 0; a < 3; a++)
        if (c->stride[a] != 1 || c->dilation[a] != 1) return inference_unfiltered;
    // Four outputs at a time: a length that leaves more than a fifth of the last four over is not worth it.
    int64_t depth = c->output[0], width = c->output[2];
    if ((c->kernel[0] == 3 || c->kernel[0] == 5) && c->kernel[1] == 1 && c->kernel[2] == 1 && c->pad[1] == 0 && c->pad[2] == 0 &&
        (depth + 3) / 4 * 20 <= depth * 6)
        return inference_filtered_depth;
    if (c->kernel[0] == 1 && c->pad[0] == 0 && c->kernel[1] <= 5 && (c->kernel[2] == 3 || c->kernel[2] == 5) && (width + 3) / 4 * 20 <= width * 6)
        return inference_filtered_width;
    return inference_unfiltered;
}

int64_t inference_conv_packed_count(int32_t v, const inference_conv *c) { return variant_table(v)->conv_packed_count(c); }
void inference_conv_pack(int32_t v, const inference_conv *c, const float *weights, const float *bias, float *packed) {
    variant_table(v)->conv_pack(c, weights, bias, packed);
}
int64_t inference_conv_scratch(int32_t v, const inference_conv *c) { return variant_table(v)->conv_scratch(c); }
void inference_conv_run(int32_t v, const inference_conv *c, const float *input, const float *packed, const float *slope, const float *residual,
                        float *output, void *scratch) {
    variant_table(v)->conv_run(c, input, packed, slope, residual, output, scratch);
}

int64_t inference_depthwise_packed_count(int32_t v, const inference_conv *c) { return variant_table(v)->depthwise_packed_count(c); }
void inference_depthwise_pack(int32_t v, const inference_conv *c, const float *weights, const float *bias, float *packed) {
    variant_table(v)->depthwise_pack(c, weights, bias, packed);
}
void inference_depthwise_run(int32_t v, const inference_conv *c, const float *input, const float *packed, const float *slope,
                             const float *residual, float *output) {
    variant_table(v)->depthwise_run(c, input, packed, slope, residual, output);
}

int64_t inference_matrix_packed_count(int32_t v, int64_t k, int64_t n) { return variant_table(v)->matrix_packed_count(k, n); }
void inference_matrix_pack(int32_t v, int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride, const float *bias, float *packed) {
    variant_table(v)->matrix_pack(k, n, b, row_stride, column_stride, bias, packed);
}
void inference_matrix_multiply(int32_t v, int64_t m, int64_t k, int64_t n, const float *a, int64_t a_stride, const float *packed,
                               inference_activation activation, const float *slope, const float *residual, float *c, int64_t c_stride) {
    variant_table(v)->matrix_multiply(m, k, n, a, a_stride, packed, activation, slope, residual, c, c_stride);
}

void inference_map(int32_t v, inference_activation f, const float *x, float *y, int64_t count) {
    variant_table(v)->map(f.kind, f.alpha, f.beta, x, y, count);
}
void inference_prelu_rows(int32_t v, const float *x, const float *slope, float *y, int64_t count, int64_t channels) {
    variant_table(v)->prelu_rows(x, slope, y, count, channels);
}
void inference_combine(int32_t v, int32_t operation, const float *x, int64_t xs, const float *z, int64_t zs, float *y, int64_t count) {
    variant_table(v)->combine(operation, x, xs, z, zs, y, count);
}
void inference_pool(int32_t v, int32_t kind, const inference_conv *shape, const float *input, float *output) {
    variant_table(v)->pool(kind, shape, input, output);
}

int64_t inference_chain_scratch(int32_t v, const inference_stage *stages, int64_t count) { return variant_table(v)->chain_scratch(stages, count); }
void inference_chain_run(int32_t v, const inference_stage *stages, int64_t count, const float *input, float *output, void *scratch) {
    variant_table(v)->chain_run(stages, count, input, output, scratch);
}
void inference_reduce(int32_t v, int32_t kind, int64_t outer, int64_t size, int64_t inner, const float *source, float *target) {
    variant_table(v)->reduce(kind, outer, size, inner, source, target);
}
void inference_softmax(int32_t v, int64_t outer, int64_t size, int64_t inner, const float *source, float *target) {
    variant_table(v)->softmax(outer, size, inner, source, target);
}

void inference_transpose(int32_t v, int64_t rows, int64_t columns, const float *source, float *target) {
    (void)v;
    // Square blocks: each cache line of either side is used whole while it is there.
    enum { block = 16 };
    for (int64_t r = 0; r < rows; r += block)
        for (int64_t c = 0; c < columns; c += block) {
            int64_t r1 = r + block < rows ? r + block : rows, c1 = c + block < columns ? c + block : columns;
            for (int64_t j = c; j < c1; j++)
                for (int64_t i = r; i < r1; i++) target[j * rows + i] = source[i * columns + j];
        }
}
