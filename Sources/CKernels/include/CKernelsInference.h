// Float kernels of the inference engine. Tensors are dense; "channels-last" means [batch, depth, height, width, channels].
//
// Each exists in several variants, compiled from one text (inference_template.h): baseline (SSE2 or NEON), AVX2 with FMA, AVX-512. Kernels load whole vectors: sources must be readable for 64 bytes past their end. They store only what is theirs.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    inference_portable = 0,
    inference_avx2 = 1,
    /// With dot products of bytes in AVX2's vectors: AVX-VNNI, or the same of AVX-512 VL and VNNI. Float kernels are those of AVX2.
    inference_avx_vnni = 2,
    inference_avx512 = 3,
    /// With dot products of bytes: AVX-512 with VNNI, or NEON with the dot product extension. Float kernels are those of AVX-512 and NEON.
    inference_dot = 4
};
/// Whether this processor runs a variant.
int32_t inference_has_variant(int32_t variant);
/// Lanes of a variant's vectors: 4, 8 or 16.
int32_t inference_lanes(int32_t variant);

enum {
    inference_identity = 0,
    /// min(max(x, alpha), beta); Relu is [0, inf].
    inference_clip = 1,
    /// x < 0 ? x · slope[channel] : x
    inference_prelu = 2,
    /// x < 0 ? x · alpha : x
    inference_leaky_relu = 3,
    inference_sigmoid = 4,
    inference_tanh = 5,
    /// x · clip(x · alpha + beta, 0, 1)
    inference_hard_swish = 6,
    /// clip(x · alpha + beta, 0, 1)
    inference_hard_sigmoid = 7,
    inference_exp = 8,
    inference_sqrt = 9,
    inference_abs = 10,
    inference_negate = 11,
    /// x · sigmoid(x)
    inference_silu = 12,
    inference_reciprocal = 13
};

typedef struct {
    int32_t kind;
    float alpha, beta;
} inference_activation;

/// A convolution in up to three dimensions over a channels-last input (or a planar one), to a channels-last output.
typedef struct {
    int64_t batch;
    int64_t input[3];    // depth, height, width
    int64_t output[3];
    int64_t kernel[3];
    int64_t stride[3];
    int64_t dilation[3];
    int64_t pad[3];      // before the first element
    int64_t input_channels, output_channels, groups;
    /// The input is [batch, channels, depth, height, width]; only with one group.
    int32_t is_planar;
    inference_activation activation;
    /// Elements from one output pixel to the next; output_channels where the output is dense.
    int64_t output_pixel_stride;
    // Where not 0, plane d of the input is at (d + depth_shift) % depth_ring; not for depthwise kernels and pools.
    int64_t depth_ring, depth_shift;
    /// The axis along which minimal filtering saves products (see inference_filtered_axis), or inference_unfiltered.
    int32_t filtered_axis;
} inference_conv;

enum { inference_unfiltered = 0, inference_filtered_depth = 1, inference_filtered_width = 3 };
/// The axis along which a convolution is worth minimal filtering, where there is one. The weights are packed for it.
int32_t inference_filtered_axis(const inference_conv *conv);

/// Floats of the packed form of weights [output_channels, input_channels / groups, kernel...], bias included.
int64_t inference_conv_packed_count(int32_t variant, const inference_conv *conv);
/// bias may be null.
void inference_conv_pack(int32_t variant, const inference_conv *conv, const float *weights, const float *bias, float *packed);
/// Bytes of scratch.
int64_t inference_conv_scratch(int32_t variant, const inference_conv *conv);
/// output = activation(conv(input) + bias + residual). slope: per output channel, padded to whole vectors, for prelu.
/// residual: like output, dense, or null.
void inference_conv_run(int32_t variant, const inference_conv *conv, const float *input, const float *packed, const float *slope,
                        const float *residual, float *output, void *scratch);

/// Depthwise: groups == input_channels == output_channels; kernel depth 1 unless the other two are 1.
int64_t inference_depthwise_packed_count(int32_t variant, const inference_conv *conv);
void inference_depthwise_pack(int32_t variant, const inference_conv *conv, const float *weights, const float *bias, float *packed);
void inference_depthwise_run(int32_t variant, const inference_conv *conv, const float *input, const float *packed, const float *slope,
                             const float *residual, float *output);

/// Floats of b [k, n] in panels, bias included.
int64_t inference_matrix_packed_count(int32_t variant, int64_t k, int64_t n);
/// b element (i, j) is b[i * row_stride + j * column_stride]. bias: n, or null.
void inference_matrix_pack(int32_t variant, int64_t k, int64_t n, const float *b, int64_t row_stride, int64_t column_stride,
                           const float *bias, float *packed);
/// c[m, n] = activation(a[m, k] · b + bias + residual[m, n]); residual may be null.
void inference_matrix_multiply(int32_t variant, int64_t m, int64_t k, int64_t n, const float *a, int64_t a_stride, const float *packed,
                               inference_activation activation, const float *slope, const float *residual, float *c, int64_t c_stride);

/// y[i] = f(x[i]); x may be y. Not for prelu.
void inference_map(int32_t variant, inference_activation activation, const float *x, float *y, int64_t count);
/// y[i] = x[i] < 0 ? x[i] · slope[i % channels] : x[i] for count a multiple of channels.
void inference_prelu_rows(int32_t variant, const float *x, const float *slope, float *y, int64_t count, int64_t channels);

enum { inference_add = 0, inference_subtract = 1, inference_multiply = 2, inference_divide = 3, inference_minimum = 4, inference_maximum = 5 };
/// y[i] = x[i · xs] op z[i · zs], each step 0 or 1.
void inference_combine(int32_t variant, int32_t operation, const float *x, int64_t xs, const float *z, int64_t zs, float *y, int64_t count);

enum { inference_pool_max = 0, inference_pool_mean = 1, inference_pool_mean_with_padding = 2 };
/// Pools a channels-last input; input_channels, kernel, stride, dilation, pad, input and output of `shape` are read.
void inference_pool(int32_t variant, int32_t kind, const inference_conv *shape, const float *input, float *output);

enum { inference_stage_conv = 0, inference_stage_depthwise = 1, inference_stage_max_pool = 2 };
enum { inference_chain_limit = 8 };

/// One of several layers that run together, a row at a time, so that what lies between them stays in the cache.
typedef struct {
    int32_t kind;
    /// Depth 1, dense output; only the first stage may be planar.
    inference_conv shape;
    const float *packed, *slope;
    /// All of it, as for inference_conv_run, or null.
    const float *residual;
} inference_stage;

/// Bytes of scratch.
int64_t inference_chain_scratch(int32_t variant, const inference_stage *stages, int64_t count);
/// The output of the last of 1…inference_chain_limit stages.
void inference_chain_run(int32_t variant, const inference_stage *stages, int64_t count, const float *input, float *output, void *scratch);

enum { inference_reduce_sum = 0, inference_reduce_mean = 1, inference_reduce_max = 2, inference_reduce_min = 3 };
/// target[outer, inner] = the reduction of source[outer, size, inner] over its middle axis.
void inference_reduce(int32_t variant, int32_t kind, int64_t outer, int64_t size, int64_t inner, const float *source, float *target);
/// target[o, *, i] = exp(source[o, *, i]) / Σ exp over `size` rows; source and target may be one.
void inference_softmax(int32_t variant, int64_t outer, int64_t size, int64_t inner, const float *source, float *target);

/// target[c, r] = source[r, c]
void inference_transpose(int32_t variant, int64_t rows, int64_t columns, const float *source, float *target);
