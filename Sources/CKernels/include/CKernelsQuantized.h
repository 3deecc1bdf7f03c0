// Eight-bit kernels of the inference engine: unsigned activations, signed weights with a scale for each output channel, 32-bit sums.
//
// Layouts as in CKernelsInference.h, channels-last. Every variant gives the same bits: sums are exact, and what follows is one rounding a step,
//
//     y = factor[c] · (Σ (x − input_zero) · w + bias[c])                  in units of the output (1 where it is float)
//     y = activation(y + residual)                                        a float residual is added before, an eight-bit one after
//     y = clamp(round(y), rounded_least, rounded_most) · rounded_scale    where is_rounded
//     y = y + (residual − residual_zero) · residual_scale
//     output = saturate(round(y) + output_zero)                           where it is not float
//
// in float32, halves to even, nothing contracted. |y| before the last rounding must stay below 2³¹.
//
// The variants are those of the float kernels, and those that have dot products of bytes. Sources must be readable for 64 bytes past their end.
#pragma once
#include "CKernelsInference.h"

enum { inference_residual_none = 0, inference_residual_float = 1, inference_residual_bytes = 2 };

typedef struct {
    /// groups 1, or as for a depthwise kernel, which takes no residual and is not rounded; not planar; activation: identity, clip or prelu.
    inference_conv shape;
    /// Channels of the weights of one group; the input may have more, which count nothing.
    int64_t weight_channels;
    int32_t input_zero;
    int32_t is_float, output_zero;
    int32_t is_rounded, rounded_least, rounded_most;
    float rounded_scale;
    int32_t residual_kind, residual_zero;
    float residual_scale;
} inference_quantized_conv;

/// Bytes of the packed form of weights [output_channels, weight_channels, kernel...] with everything that goes with a channel.
int64_t inference_quantized_packed_bytes(int32_t variant, const inference_quantized_conv *conv);
/// bias, slope: output_channels, or null.
void inference_quantized_pack(int32_t variant, const inference_quantized_conv *conv, const int8_t *weights, const int32_t *bias,
                              const float *factor, const float *slope, void *packed);
int64_t inference_quantized_scratch(int32_t variant, const inference_quantized_conv *conv);
/// residual: like the output, dense, float or bytes, or null. output: float or bytes.
void inference_quantized_run(int32_t variant, const inference_quantized_conv *conv, const uint8_t *input, const void *packed,
                             const void *residual, void *output, void *scratch);

/// y[i] = saturate(round(x[i] / scale) + zero); what is not a number becomes zero.
void inference_quantize(int32_t variant, const float *x, float scale, int32_t zero, uint8_t *y, int64_t count);
/// y[p · 4 + c] = the same of x[c · pixels + p] · factor, c < planes ≤ 4; further channels become zero. y: 4 · pixels.
void inference_quantize_planes(int32_t variant, const float *x, int64_t planes, int64_t pixels, float factor, float scale, int32_t zero, uint8_t *y);
/// y[i] = (x[i] − zero) · scale
void inference_dequantize(int32_t variant, const uint8_t *x, float scale, int32_t zero, float *y, int64_t count);
/// y[i] = saturate(round(((a[i] − a_zero) · a_scale + (b[i] − b_zero) · b_scale) / scale) + zero)
void inference_quantized_add(int32_t variant, const uint8_t *a, float a_scale, int32_t a_zero, const uint8_t *b, float b_scale, int32_t b_zero,
                             float scale, int32_t zero, uint8_t *y, int64_t count);
