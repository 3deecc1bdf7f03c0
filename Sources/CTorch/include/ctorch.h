// SPDX-License-Identifier: Apache-2.0
//
// libtorch behind plain C. It exists because Swift's C++ interoperability neither catches C++ exceptions nor reads ATen's headers in
// reasonable time; it can go when both have changed. Only API that libtorch 1.13 and 2.x share is used.
//
// Every function that can fail returns CTORCH_OK or CTORCH_FAILED, and after a failure ctorch_last_error() tells why, on the thread that
// failed. No exception leaves this library. Tensors that functions put into `out` belong to the caller, who gives them back with
// ctorch_release; on failure `out` is not written. Optional tensors may be NULL.
//
// Threads: different tensors may be used on different threads at once; one tensor may be read on several, and written on one that has it
// alone. Gradient mode is the thread's own; the generator, its seed and the number of threads are the process's.

#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__clang__)
#define _Nonnull
#define _Nullable
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_tensor ctorch_tensor;
typedef const ctorch_tensor *_Nonnull ctorch_in;
typedef const ctorch_tensor *_Nullable ctorch_optional;
typedef ctorch_tensor *_Nullable *_Nonnull ctorch_out;

typedef enum { CTORCH_OK = 0, CTORCH_FAILED = 1 } ctorch_status;

typedef enum {
    CTORCH_FLOAT32, CTORCH_FLOAT64, CTORCH_INT8, CTORCH_UINT8, CTORCH_INT16, CTORCH_INT32, CTORCH_INT64, CTORCH_BOOL,
    CTORCH_OTHER_TYPE,
} ctorch_type;

// The processor, or a CUDA device by its number.
enum { CTORCH_CPU = -1 };

// MARK: The library

// Why the last call on this thread failed. Valid until the next failure on this thread.
const char *_Nonnull ctorch_last_error(void);
// For example "1.13.1".
const char *_Nonnull ctorch_version(void);
int32_t ctorch_cuda_device_count(void);
int32_t ctorch_thread_count(void);
ctorch_status ctorch_set_thread_count(int32_t count);
// Seeds the generators of every device.
ctorch_status ctorch_seed(uint64_t seed);
// The state of a device's generator, as uint8 tensor on the processor.
ctorch_status ctorch_generator_state(int32_t device, ctorch_out out);
ctorch_status ctorch_set_generator_state(int32_t device, ctorch_in state);

// MARK: Making and reading

void ctorch_release(ctorch_tensor *_Nullable tensor);
// Copies `byte_count` bytes: row-major elements in native byte order. On the processor.
ctorch_status ctorch_from_bytes(ctorch_type type, const int64_t *_Nullable shape, int32_t rank, const void *_Nullable bytes, int64_t byte_count, ctorch_out out);
ctorch_status ctorch_full(ctorch_type type, const int64_t *_Nullable shape, int32_t rank, double value, int32_t device, ctorch_out out);
ctorch_status ctorch_arange(ctorch_type type, double start, double step, int64_t count, int32_t device, ctorch_out out);
typedef enum { CTORCH_UNIFORM, CTORCH_NORMAL, CTORCH_ZEROS } ctorch_fill;
// A new tensor of the other's shape, type, device and layout: uniform in 0 ..< 1, standard normal, or zeros.
ctorch_status ctorch_like(ctorch_fill fill, ctorch_in x, ctorch_out out);
// Draws `count` indices for each row of weights [rows, classes] (not negative, their sum positive) → int64 [rows, count].
ctorch_status ctorch_multinomial(ctorch_in weights, int64_t count, bool replacement, ctorch_out out);

int32_t ctorch_rank(ctorch_in x);
// Writes ctorch_rank(x) sizes.
void ctorch_shape(ctorch_in x, int64_t *_Nonnull sizes);
ctorch_type ctorch_element_type(ctorch_in x);
int32_t ctorch_device(ctorch_in x);
// Whether a 4-dimensional tensor's elements lie in the order batch, height, width, channels.
bool ctorch_is_channels_last(ctorch_in x);
// Row-major elements, from whatever layout and device.
ctorch_status ctorch_read(ctorch_in x, void *_Nullable bytes, int64_t byte_count);

typedef enum { CTORCH_PRESERVE, CTORCH_ROW_MAJOR, CTORCH_CHANNELS_LAST } ctorch_layout;
// The tensor itself where nothing changes. Differentiable.
ctorch_status ctorch_convert(ctorch_in x, ctorch_type type, int32_t device, ctorch_layout layout, ctorch_out out);
// Whether this processor multiplies in bfloat16 (AVX-512 BF16): elsewhere it would be slower than float32.
bool ctorch_has_narrow(void);
// A float32 tensor in bfloat16: its range, 8 bits of precision. What it is to whoever reads, asks or converts is still CTORCH_FLOAT32.
ctorch_status ctorch_narrow(ctorch_in x, ctorch_out out);
bool ctorch_is_narrow(ctorch_in x);
// A copy with memory of its own, same layout.
ctorch_status ctorch_clone(ctorch_in x, ctorch_out out);

// MARK: Elementwise

typedef enum {
    CTORCH_NEG, CTORCH_ABS, CTORCH_EXP, CTORCH_LOG, CTORCH_LOG1P, CTORCH_SQRT, CTORCH_RSQRT, CTORCH_RECIPROCAL, CTORCH_SQUARE, CTORCH_ERF,
    CTORCH_FLOOR, CTORCH_CEIL, CTORCH_ROUND, CTORCH_SIGN,
    CTORCH_SIN, CTORCH_COS, CTORCH_TAN, CTORCH_ASIN, CTORCH_ACOS, CTORCH_ATAN, CTORCH_SINH, CTORCH_COSH, CTORCH_ASINH, CTORCH_ACOSH, CTORCH_ATANH,
    CTORCH_RELU, CTORCH_SIGMOID, CTORCH_TANH, CTORCH_SOFTPLUS, CTORCH_SOFTSIGN, CTORCH_MISH, CTORCH_SILU, CTORCH_HARD_SWISH, CTORCH_LOG_SIGMOID,
    // a: whether the tanh approximation
    CTORCH_GELU,
    // a: slope; alpha; alpha and gamma; alpha; alpha
    CTORCH_LEAKY_RELU, CTORCH_ELU, CTORCH_SELU, CTORCH_CELU, CTORCH_THRESHOLDED_RELU,
    // clamp(a x + b, 0, 1)
    CTORCH_HARD_SIGMOID,
    // a: lower, b: upper bound
    CTORCH_CLAMP,
    CTORCH_LOGICAL_NOT, CTORCH_IS_NAN,
    // a, b: whether positive, negative infinities count
    CTORCH_IS_INF,
} ctorch_unary_op;
ctorch_status ctorch_unary(ctorch_unary_op op, ctorch_in x, double a, double b, ctorch_out out);

// With NumPy's broadcasting. Division of integers rounds towards zero.
typedef enum {
    CTORCH_ADD, CTORCH_SUB, CTORCH_MUL, CTORCH_DIV, CTORCH_POW, CTORCH_MAXIMUM, CTORCH_MINIMUM,
    // The remainder with the sign of the divisor; with the sign of the dividend.
    CTORCH_REMAINDER, CTORCH_FMOD,
    CTORCH_EQ, CTORCH_NE, CTORCH_LT, CTORCH_LE, CTORCH_GT, CTORCH_GE, CTORCH_AND, CTORCH_OR, CTORCH_XOR,
} ctorch_binary_op;
ctorch_status ctorch_binary(ctorch_binary_op op, ctorch_in x, ctorch_in y, ctorch_out out);
// y is a number of x's type: it does not promote.
ctorch_status ctorch_binary_scalar(ctorch_binary_op op, ctorch_in x, double y, ctorch_out out);
ctorch_status ctorch_where(ctorch_in condition, ctorch_in x, ctorch_in y, ctorch_out out);
// x for x > 0, slope · x otherwise. slope: [1] or [channels], dimension 1 of x, float32 where x is bfloat16. Keeps the layout of x.
ctorch_status ctorch_prelu(ctorch_in x, ctorch_in slope, ctorch_out out);
// Of [batch, channels, …]: the mean over the pixels, [batch, channels, 1…], and x · gate with gates of that shape and x's type. Both keep the layout of x.
ctorch_status ctorch_channel_mean(ctorch_in x, ctorch_out out);
ctorch_status ctorch_channel_scale(ctorch_in x, ctorch_in gate, ctorch_out out);
// Zero with probability p and scaled by 1 / (1 - p) otherwise, where `training`.
ctorch_status ctorch_dropout(ctorch_in x, double p, bool training, ctorch_out out);

// MARK: Reductions, orders

typedef enum {
    CTORCH_SUM, CTORCH_MEAN, CTORCH_PROD, CTORCH_MAX, CTORCH_MIN, CTORCH_NORM1, CTORCH_NORM2, CTORCH_LOG_SUM_EXP,
    // Divided by the count, not by the count less one.
    CTORCH_VARIANCE,
    CTORCH_ALL, CTORCH_ANY,
} ctorch_reduce_op;
// Over the given dimensions; over none of them where dim_count is 0.
ctorch_status ctorch_reduce(ctorch_reduce_op op, ctorch_in x, const int64_t *_Nullable dims, int32_t dim_count, bool keeps_dims, ctorch_out out);
ctorch_status ctorch_arg_extreme(bool largest, ctorch_in x, int64_t dim, bool keeps_dim, ctorch_out out);
ctorch_status ctorch_cumulative_sum(ctorch_in x, int64_t dim, ctorch_out out);
ctorch_status ctorch_softmax(ctorch_in x, int64_t dim, bool logarithm, ctorch_out out);
ctorch_status ctorch_top_k(ctorch_in x, int64_t k, int64_t dim, bool largest, bool sorted, ctorch_out values, ctorch_out indices);
// Equal elements keep their order.
ctorch_status ctorch_sort(ctorch_in x, int64_t dim, bool descending, ctorch_out values, ctorch_out indices);

// MARK: Products and layers

ctorch_status ctorch_matmul(ctorch_in x, ctorch_in y, ctorch_out out);
// beta · bias + alpha · x y, for matrices.
ctorch_status ctorch_addmm(ctorch_in bias, ctorch_in x, ctorch_in y, double beta, double alpha, ctorch_out out);
// 1 to 3 spatial dimensions, `n` of them; symmetric padding. output_padding is for transposed ones.
ctorch_status ctorch_convolution(ctorch_in x, ctorch_in weight, ctorch_optional bias, const int64_t *_Nonnull stride, const int64_t *_Nonnull padding,
    const int64_t *_Nonnull dilation, const int64_t *_Nonnull output_padding, int32_t n, bool transposed, int64_t groups, ctorch_out out);
typedef enum { CTORCH_MAX_POOL, CTORCH_MEAN_POOL } ctorch_pool_kind;
// Symmetric padding; the mean counts padding. The dilation is for maxima.
ctorch_status ctorch_pool(ctorch_pool_kind kind, ctorch_in x, const int64_t *_Nonnull kernel, const int64_t *_Nonnull stride, const int64_t *_Nonnull padding,
    const int64_t *_Nonnull dilation, int32_t n, ctorch_out out);
// training: statistics of the batch, and running = (1 - momentum) · running + momentum · batch, in place.
ctorch_status ctorch_batch_norm(ctorch_in x, ctorch_optional scale, ctorch_optional bias, ctorch_optional mean, ctorch_optional variance, bool training,
    double momentum, double epsilon, ctorch_out out);
// Over the last `n` dimensions.
ctorch_status ctorch_layer_norm(ctorch_in x, const int64_t *_Nonnull shape, int32_t n, ctorch_optional scale, ctorch_optional bias, double epsilon, ctorch_out out);
// Instance normalisation where `groups` is the number of channels.
ctorch_status ctorch_group_norm(ctorch_in x, int64_t groups, ctorch_optional scale, ctorch_optional bias, double epsilon, ctorch_out out);
typedef enum { CTORCH_LSTM, CTORCH_GRU, CTORCH_RNN_TANH, CTORCH_RNN_RELU } ctorch_recurrent_kind;
// One layer. x [time, batch, features]; h and c [directions, batch, hidden]; weights, for each direction: input, recurrent, and input and recurrent bias,
// gates in the order i f g o (LSTM) and r z n (GRU) → y [time, batch, directions · hidden], last h, last c (LSTM; else NULL).
ctorch_status ctorch_recurrent(ctorch_recurrent_kind kind, ctorch_in x, ctorch_in h, ctorch_optional c, const ctorch_tensor *_Nonnull const *_Nonnull weights,
    int32_t weight_count, bool bidirectional, ctorch_out y, ctorch_out last_h, ctorch_out last_c);

// MARK: Arrangement

typedef enum { CTORCH_RESHAPE, CTORCH_PERMUTE, CTORCH_EXPAND, CTORCH_FLIP, CTORCH_SQUEEZE, CTORCH_UNSQUEEZE } ctorch_view_kind;
ctorch_status ctorch_view(ctorch_view_kind kind, ctorch_in x, const int64_t *_Nullable values, int32_t count, ctorch_out out);
// start and end are cut to what is there; step is positive.
ctorch_status ctorch_slice(ctorch_in x, int64_t dim, int64_t start, int64_t end, int64_t step, ctorch_out out);
ctorch_status ctorch_cat(const ctorch_tensor *_Nonnull const *_Nonnull tensors, int32_t count, int64_t dim, ctorch_out out);
typedef enum { CTORCH_PAD_CONSTANT, CTORCH_PAD_REFLECT, CTORCH_PAD_EDGE } ctorch_pad_kind;
// pads: before and after of the last dimension, of the one before it, … Negative ones cut, in the constant kind.
ctorch_status ctorch_pad(ctorch_pad_kind kind, ctorch_in x, const int64_t *_Nullable pads, int32_t count, double value, ctorch_out out);
typedef enum { CTORCH_NEAREST, CTORCH_LINEAR, CTORCH_LINEAR_ALIGNED } ctorch_interpolation;
// Of the last `n` dimensions (1 to 3) of [batch, channels, …], pixel centres at ½ (nearest: rounded down from 0).
ctorch_status ctorch_interpolate(ctorch_interpolation mode, ctorch_in x, const int64_t *_Nonnull sizes, int32_t n, ctorch_out out);
ctorch_status ctorch_gather(ctorch_in x, int64_t dim, ctorch_in index, ctorch_out out);
ctorch_status ctorch_index_select(ctorch_in x, int64_t dim, ctorch_in index, ctorch_out out);
typedef enum { CTORCH_SET, CTORCH_SCATTER_ADD, CTORCH_SCATTER_MUL, CTORCH_SCATTER_MAX, CTORCH_SCATTER_MIN } ctorch_scatter_kind;
ctorch_status ctorch_scatter(ctorch_scatter_kind kind, ctorch_in x, int64_t dim, ctorch_in index, ctorch_in source, ctorch_out out);

// MARK: Gradients

// Returns what it was before, for this thread.
bool ctorch_set_gradient_mode(bool enabled);
bool ctorch_gradient_mode(void);
ctorch_status ctorch_set_requires_gradient(ctorch_tensor *_Nonnull x, bool required);
bool ctorch_requires_gradient(ctorch_in x);
// Adds the gradient of x (its sum weighted with `gradient`; a scalar needs none) to every leaf it depends on.
ctorch_status ctorch_backward(ctorch_in x, ctorch_optional gradient, bool keeps_graph);
// NULL where there is none.
ctorch_status ctorch_gradient(ctorch_in x, ctorch_out out);
// NULL removes it.
ctorch_status ctorch_set_gradient(ctorch_tensor *_Nonnull x, ctorch_optional gradient);
ctorch_status ctorch_detach(ctorch_in x, ctorch_out out);

// MARK: In place, without gradient

ctorch_status ctorch_copy_into(ctorch_tensor *_Nonnull x, ctorch_in source);
// x = keep · x + add · y
ctorch_status ctorch_blend_into(ctorch_tensor *_Nonnull x, double keep, double add, ctorch_in y);

typedef struct {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    // AdamW: the decay acts on the weight itself, not on the gradient.
    bool decouples_decay;
    // From 1.
    int64_t step;
} ctorch_adam;
// One step of Adam over tensors with gradients, in place; those without are left alone. A fixed order of operations for each element.
ctorch_status ctorch_adam_step(const ctorch_adam *_Nonnull settings, ctorch_tensor *_Nonnull const *_Nonnull weights,
    ctorch_tensor *_Nonnull const *_Nonnull first_moments, ctorch_tensor *_Nonnull const *_Nonnull second_moments, int32_t count);

typedef struct {
    double learning_rate, momentum, weight_decay;
    bool nesterov;
} ctorch_sgd;
// One step of stochastic gradient descent; `velocities` from zeros.
ctorch_status ctorch_sgd_step(const ctorch_sgd *_Nonnull settings, ctorch_tensor *_Nonnull const *_Nonnull weights,
    ctorch_tensor *_Nonnull const *_Nonnull velocities, int32_t count);

// The 2-norm over all gradients together, before they are scaled to at most `limit` (infinity: measured only).
ctorch_status ctorch_clip_gradients(ctorch_tensor *_Nonnull const *_Nonnull weights, int32_t count, double limit, double *_Nonnull norm);

#ifdef __cplusplus
}
#endif

#include "ctorch_distributed.h"
#endif
