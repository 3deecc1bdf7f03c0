// SPDX-License-Identifier: Apache-2.0
//
// What the source files share: the handle, and the wall that exceptions do not pass.

#pragma once
#include <ATen/ATen.h>

#include <string>

#include "ctorch.h"

namespace shim {

void set_error(const char *message) noexcept;

inline const at::Tensor &in(const ctorch_tensor *x) { return *reinterpret_cast<const at::Tensor *>(x); }
inline at::Tensor &mut(ctorch_tensor *x) { return *reinterpret_cast<at::Tensor *>(x); }
inline c10::optional<at::Tensor> maybe(const ctorch_tensor *x) { return x ? c10::optional<at::Tensor>(in(x)) : c10::nullopt; }
inline ctorch_tensor *owned(at::Tensor x) { return reinterpret_cast<ctorch_tensor *>(new at::Tensor(std::move(x))); }
inline at::IntArrayRef ints(const int64_t *values, int32_t count) { return at::IntArrayRef(values, static_cast<size_t>(count)); }

template <class Body>
ctorch_status guarded(Body &&body) noexcept {
    try {
        body();
        return CTORCH_OK;
    } catch (const c10::Error &error) {
        set_error(error.what_without_backtrace());
    } catch (const std::bad_alloc &) {
        set_error("out of memory");
    } catch (const std::exception &error) {
        set_error(error.what());
    } catch (...) {
        set_error("an exception that is no std::exception");
    }
    return CTORCH_FAILED;
}

// For the many functions that make one tensor.
template <class Body>
ctorch_status making(ctorch_tensor **out, Body &&body) noexcept {
    return guarded([&] { *out = owned(body()); });
}

at::Tensor prelu(const at::Tensor &x, const at::Tensor &slope);
at::Tensor channel_mean(const at::Tensor &x);
at::Tensor channel_scale(const at::Tensor &x, const at::Tensor &gate);
at::Tensor batch_norm(const at::Tensor &x, const c10::optional<at::Tensor> &scale, const c10::optional<at::Tensor> &bias, const c10::optional<at::Tensor> &mean,
    const c10::optional<at::Tensor> &variance, bool training, double momentum, double epsilon);

// Whether a convolution is one that depthwise() is faster at: a kernel for each channel, of channels-last rows, or as large as its input.
bool is_slow_depthwise(const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef padding, bool transposed, int64_t groups);
at::Tensor depthwise(const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation);

}  // namespace shim
