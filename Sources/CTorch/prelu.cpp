// SPDX-License-Identifier: Apache-2.0
//
// PReLU that keeps the layout of its input. libtorch 1.13's own makes channels-last pictures row-major on the processor, which costs a
// MobileFaceNet more than the activation itself; libtorch 2 has mended that. This can go with support for 1.13.

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "rows.h"
#include "shim.h"

namespace {

using shim::BFloat, shim::Rows, shim::dispatched, shim::elements, shim::load, shim::store;
using torch::autograd::AutogradContext, torch::autograd::variable_list;

// Branches would be mispredicted at every second element: all of it is written as selections, for vector units.
template <class X, class T>
INLINED void forward_rows(const Rows &rows, const X *x, const T *slope, bool shared, X *y, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        const X *__restrict from = x + row * rows.length;
        X *__restrict to = y + row * rows.length;
        if (rows.channels_last && !shared) {
            const T *__restrict a = slope;
            for (int64_t c = 0; c < rows.length; c++) {
                const T value = load(from[c]), scaled = value * a[c];
                store(to[c], value > 0 ? value : scaled);
            }
        } else {
            const T a = slope[shared ? 0 : row % rows.channels];
            for (int64_t i = 0; i < rows.length; i++) {
                const T value = load(from[i]), scaled = value * a;
                store(to[i], value > 0 ? value : scaled);
            }
        }
    }
}

// gx, and the sums of gy · x over x <= 0 for each channel.
template <class X, class T>
INLINED void backward_rows(const Rows &rows, const X *x, const T *slope, bool shared, const X *gy, X *gx, T *sums, int64_t begin, int64_t end) {
    // A row-major row is summed in lanes, in an order that does not depend on the machine.
    constexpr int64_t lanes = 16;
    for (int64_t row = begin; row < end; row++) {
        const X *__restrict from = x + row * rows.length, *__restrict g = gy + row * rows.length;
        X *__restrict to = gx + row * rows.length;
        if (rows.channels_last) {
            const T *__restrict a = slope;
            T *__restrict sum = sums;
            for (int64_t c = 0; c < rows.length; c++) {
                const T value = load(from[c]), gradient = load(g[c]), scaled = gradient * a[shared ? 0 : c], product = gradient * value;
                store(to[c], value > 0 ? gradient : scaled);
                sum[c] += value > 0 ? T(0) : product;
            }
        } else {
            const int64_t c = row % rows.channels;
            const T a = slope[shared ? 0 : c];
            T lane[lanes] = {};
            int64_t i = 0;
            for (; i + lanes <= rows.length; i += lanes) {
                for (int64_t j = 0; j < lanes; j++) {
                    const T value = load(from[i + j]), gradient = load(g[i + j]), scaled = gradient * a, product = gradient * value;
                    store(to[i + j], value > 0 ? gradient : scaled);
                    lane[j] += value > 0 ? T(0) : product;
                }
            }
            T sum = 0;
            for (T each : lane) sum += each;
            for (; i < rows.length; i++) {
                const T value = load(from[i]), gradient = load(g[i]), scaled = gradient * a;
                store(to[i], value > 0 ? gradient : scaled);
                sum += value > 0 ? T(0) : gradient * value;
            }
            sums[c] += sum;
        }
    }
}

VECTORIZED void forward_part(const Rows &rows, const float *x, const float *slope, bool shared, float *y, int64_t begin, int64_t end) {
    forward_rows(rows, x, slope, shared, y, begin, end);
}
VECTORIZED void forward_part(const Rows &rows, const double *x, const double *slope, bool shared, double *y, int64_t begin, int64_t end) {
    forward_rows(rows, x, slope, shared, y, begin, end);
}
VECTORIZED void forward_part(const Rows &rows, const BFloat *x, const float *slope, bool shared, BFloat *y, int64_t begin, int64_t end) {
    forward_rows(rows, x, slope, shared, y, begin, end);
}
VECTORIZED void backward_part(const Rows &rows, const BFloat *x, const float *slope, bool shared, const BFloat *gy, BFloat *gx, float *sums, int64_t begin, int64_t end) {
    backward_rows(rows, x, slope, shared, gy, gx, sums, begin, end);
}
VECTORIZED void backward_part(const Rows &rows, const float *x, const float *slope, bool shared, const float *gy, float *gx, float *sums, int64_t begin, int64_t end) {
    backward_rows(rows, x, slope, shared, gy, gx, sums, begin, end);
}
VECTORIZED void backward_part(const Rows &rows, const double *x, const double *slope, bool shared, const double *gy, double *gx, double *sums, int64_t begin, int64_t end) {
    backward_rows(rows, x, slope, shared, gy, gx, sums, begin, end);
}

template <class X, class T>
void forward(const Rows &rows, const X *x, const T *slope, bool shared, X *y) {
    at::parallel_for(0, rows.count, rows.grain(), [&](int64_t begin, int64_t end) { forward_part(rows, x, slope, shared, y, begin, end); });
}

// Sums go by a fixed number of pieces, so that they do not depend on threads.
template <class X, class T>
void backward(const Rows &rows, const X *x, const T *slope, bool shared, const X *gy, X *gx, T *gslope, int64_t slopes) {
    constexpr int64_t pieces = 32;
    const int64_t piece = (rows.count + pieces - 1) / pieces;
    std::vector<T> partial(static_cast<size_t>(pieces * rows.channels), T(0));
    at::parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; p++) {
            backward_part(rows, x, slope, shared, gy, gx, partial.data() + p * rows.channels, std::min(rows.count, p * piece), std::min(rows.count, (p + 1) * piece));
        }
    });
    std::fill(gslope, gslope + slopes, T(0));
    for (int64_t p = 0; p < pieces; p++) {
        for (int64_t c = 0; c < rows.channels; c++) gslope[shared ? 0 : c] += partial[static_cast<size_t>(p * rows.channels + c)];
    }
}

struct PRelu : public torch::autograd::Function<PRelu> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &slope) {
        const at::Tensor dense = shim::dense(x);
        const at::Tensor slopes = slope.contiguous();
        at::Tensor y = at::empty_like(dense);
        dispatched(dense, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            ::forward<X, T>(Rows(dense), elements<X>(dense), elements<T>(slopes), slopes.numel() == 1, elements<X>(y));
        });
        context->save_for_backward({dense, slopes});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &slope = saved[1];
        at::Tensor gy = gradients[0];
        if (gy.strides() != x.strides()) gy = at::empty_like(x).copy_(gy);
        at::Tensor gx = at::empty_like(x), gslope = at::empty_like(slope);
        dispatched(x, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            ::backward<X, T>(Rows(x), elements<X>(x), elements<T>(slope), slope.numel() == 1, elements<X>(gy), elements<X>(gx), elements<T>(gslope), slope.numel());
        });
        return {gx, gslope};
    }
};

}  // namespace

at::Tensor shim::prelu(const at::Tensor &x, const at::Tensor &slope) {
    TORCH_CHECK(slope.dim() == 1 && (slope.numel() == 1 || (x.dim() > 1 && slope.numel() == x.size(1))), "a slope of shape ", slope.sizes(),
        " for an input of ", x.sizes(), "; expected one number, or one for each channel");
    const bool narrow = x.scalar_type() == at::kBFloat16 && slope.scalar_type() == at::kFloat;
    TORCH_CHECK(narrow || x.scalar_type() == slope.scalar_type(), "an input of ", x.scalar_type(), " and a slope of ", slope.scalar_type());
    if (!x.is_cpu() || !slope.is_cpu() || x.dim() < 1 || x.numel() == 0) return at::prelu(x, slope.to(x.scalar_type()));
    return PRelu::apply(x, slope);
}
