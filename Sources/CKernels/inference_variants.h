// The table of functions that each variant fills.
#pragma once
#include "CKernelsInference.h"
#include "CKernelsQuantized.h"

struct inference_variant {
    int32_t lanes;
    void (*map)(int, float, float, const float *, float *, int64_t);
    void (*prelu_rows)(const float *, const float *, float *, int64_t, int64_t);
    void (*combine)(int, const float *, int64_t, const float *, int64_t, float *, int64_t);
    int64_t (*conv_packed_count)(const inference_conv *);
    void (*conv_pack)(const inference_conv *, const float *, const float *, float *);
    int64_t (*conv_scratch)(const inference_conv *);
    void (*conv_run)(const inference_conv *, const float *, const float *, const float *, const float *, float *, void *);
    int64_t (*matrix_packed_count)(int64_t, int64_t);
    void (*matrix_pack)(int64_t, int64_t, const float *, int64_t, int64_t, const float *, float *);
    void (*matrix_multiply)(int64_t, int64_t, int64_t, const float *, int64_t, const float *, inference_activation, const float *, const float *, float *, int64_t);
    int64_t (*depthwise_packed_count)(const inference_conv *);
    void (*depthwise_pack)(const inference_conv *, const float *, const float *, float *);
    void (*depthwise_run)(const inference_conv *, const float *, const float *, const float *, const float *, float *);
    void (*pool)(int, const inference_conv *, const float *, float *);
    int64_t (*chain_scratch)(const inference_stage *, int64_t);
    void (*chain_run)(const inference_stage *, int64_t, const float *, float *, void *);
    void (*reduce)(int, int64_t, int64_t, int64_t, const float *, float *);
    void (*softmax)(int64_t, int64_t, int64_t, const float *, float *);
};

struct inference_quantized_variant {
    int64_t (*packed_bytes)(const inference_quantized_conv *);
    void (*pack)(const inference_quantized_conv *, const int8_t *, const int32_t *, const float *, const float *, void *);
    int64_t (*scratch)(const inference_quantized_conv *);
    void (*run)(const inference_quantized_conv *, const uint8_t *, const void *, const void *, void *, void *);
    void (*quantize)(const float *, float, int32_t, uint8_t *, int64_t);
    void (*quantize_planes)(const float *, int64_t, int64_t, float, float, int32_t, uint8_t *);
    void (*dequantize)(const uint8_t *, float, int32_t, float *, int64_t);
    void (*add)(const uint8_t *, float, int32_t, const uint8_t *, float, int32_t, float, int32_t, uint8_t *, int64_t);
};

extern const struct inference_variant inference_portable_variant;
extern const struct inference_quantized_variant inference_portable_q_variant;
#if defined(__x86_64__)
extern const struct inference_variant inference_avx2_variant;
extern const struct inference_variant inference_avx512_variant;
extern const struct inference_quantized_variant inference_avx2_q_variant, inference_avx512_q_variant, inference_vnni_q_variant;
extern const struct inference_quantized_variant inference_avx_vnni_q_variant, inference_vl_vnni_q_variant;
#elif defined(__aarch64__)
extern const struct inference_quantized_variant inference_dotprod_q_variant;
#endif
