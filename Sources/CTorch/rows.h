// SPDX-License-Identifier: Apache-2.0
//
// What the kernels of this shim share: a tensor as rows, for vector units of every generation, stored in float, double or bfloat16.

#pragma once
#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

// A copy of the function for each generation of vector units, chosen when the program is loaded; elsewhere the baseline has vectors of its own.
#if defined(__x86_64__) && defined(__clang__) && __has_attribute(target_clones)
#define VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORIZED
#endif
#define INLINED inline __attribute__((always_inline))

namespace shim {

inline bool has_channels_innermost(const at::Tensor &x) { return x.dim() > 2 && x.movedim(1, -1).is_contiguous(); }

// x in a layout that Rows knows, which is the one that it has where possible.
inline at::Tensor dense(const at::Tensor &x) { return has_channels_innermost(x) ? x : x.contiguous(x.suggest_memory_format()); }

// The elements of x as rows of equal length: a row is one channel's (row-major) or one pixel's (channels innermost, and where there is one pixel only).
struct Rows {
    bool channels_last;
    int64_t channels, count, length;

    explicit Rows(const at::Tensor &x) {
        channels = x.dim() > 1 ? x.size(1) : 1;
        channels_last = x.numel() == x.size(0) * channels || (!x.is_contiguous() && has_channels_innermost(x));
        length = channels_last ? channels : x.numel() / std::max<int64_t>(1, x.size(0) * channels);
        count = length == 0 ? 0 : x.numel() / length;
    }

    int64_t grain() const { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, length)); }
};

// What is stored: T itself, or the upper half of a float's bits, rounded to the nearest even. c10's own rounding asks for NaN with a branch.
struct BFloat {
    uint16_t bits;
};
template <class T>
INLINED T load(T value) {
    return value;
}
INLINED float load(BFloat stored) {
    const uint32_t bits = static_cast<uint32_t>(stored.bits) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
template <class T>
INLINED void store(T &to, T value) {
    to = value;
}
INLINED void store(BFloat &to, float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    to.bits = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

// Calls the body with values of the types that x is stored and computed in.
template <class Body>
void dispatched(const at::Tensor &x, Body &&body) {
    switch (x.scalar_type()) {
    case at::kBFloat16: return body(BFloat{}, float{});
    case at::kFloat: return body(float{}, float{});
    case at::kDouble: return body(double{}, double{});
    default: TORCH_CHECK(false, "elements of type ", x.scalar_type(), "; expected float32, float64 or bfloat16");
    }
}
template <class X>
X *elements(const at::Tensor &x) {
    return static_cast<X *>(x.data_ptr());
}

}  // namespace shim
