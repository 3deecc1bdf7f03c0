// SPDX-License-Identifier: Apache-2.0
//
// PReLU that keeps the layout of its input. libtorch 1.13's own makes channels-last pictures row-major on the processor, which costs a
// MobileFaceNet more than the activation itself; libtorch 2 has mended that. This can go with support for 1.13.

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "shim.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The elements of x as rows of equal length: a row is one channel's (row-major) or one pixel's (channels-last).
struct Rows {
    bool channels_last;
    int64_t channels, count, length;

    explicit Rows(const at::Tensor &x) {
        channels = x.dim() > 1 ? x.size(1) : 1;
        channels_last = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous();
        length = channels_last ? channels : x.numel() / std::max<int64_t>(1, x.size(0) * channels);
        count = length == 0 ? 0 : x.numel() / length;
    }

    int64_t grain() const { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, length)); }
};

template <class T>
void forward(const Rows &rows, const T *x, const T *slope, bool shared, T *y) {
    at::parallel_for(0, rows.count, rows.grain(), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            const T *from = x + row * rows.length;
            T *to = y + row * rows.length;
            if (rows.channels_last && !shared) {
                for (int64_t c = 0; c < rows.length; c++) to[c] = from[c] > 0 ? from[c] : from[c] * slope[c];
            } else {
                const T a = slope[shared ? 0 : row % rows.channels];
                for (int64_t i = 0; i < rows.length; i++) to[i] = from[i] > 0 ? from[i] : from[i] * a;
            }
        }
    });
}

// gx, and the sums of gy · x over x <= 0 for each channel. Sums go by a fixed number of pieces, so that they do not depend on threads.
template <class T>
void backward(const Rows &rows, const T *x, const T *slope, bool shared, const T *gy, T *gx, T *gslope, int64_t slopes) {
    constexpr int64_t pieces = 32;
    const int64_t piece = (rows.count + pieces - 1) / pieces;
    std::vector<T> partial(static_cast<size_t>(pieces * rows.channels), T(0));
    at::parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; p++) {
            T *sums = partial.data() + p * rows.channels;
            for (int64_t row = p * piece; row < std::min(rows.count, (p + 1) * piece); row++) {
                const T *from = x + row * rows.length, *g = gy + row * rows.length;
                T *to = gx + row * rows.length;
                if (rows.channels_last) {
                    for (int64_t c = 0; c < rows.length; c++) {
                        const T a = slope[shared ? 0 : c];
                        to[c] = from[c] > 0 ? g[c] : g[c] * a;
                        sums[c] += from[c] > 0 ? T(0) : g[c] * from[c];
                    }
                } else {
                    const int64_t c = row % rows.channels;
                    const T a = slope[shared ? 0 : c];
                    T sum = 0;
                    for (int64_t i = 0; i < rows.length; i++) {
                        to[i] = from[i] > 0 ? g[i] : g[i] * a;
                        sum += from[i] > 0 ? T(0) : g[i] * from[i];
                    }
                    sums[c] += sum;
                }
            }
        }
    });
    std::fill(gslope, gslope + slopes, T(0));
    for (int64_t p = 0; p < pieces; p++) {
        for (int64_t c = 0; c < rows.channels; c++) gslope[shared ? 0 : c] += partial[static_cast<size_t>(p * rows.channels + c)];
    }
}

struct PRelu : public torch::autograd::Function<PRelu> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &slope) {
        const at::Tensor dense = x.is_contiguous(x.suggest_memory_format()) ? x : x.contiguous(x.suggest_memory_format());
        const at::Tensor slopes = slope.contiguous();
        at::Tensor y = at::empty_like(dense);
        AT_DISPATCH_FLOATING_TYPES(dense.scalar_type(), "prelu", [&] {
            ::forward<scalar_t>(Rows(dense), dense.data_ptr<scalar_t>(), slopes.data_ptr<scalar_t>(), slopes.numel() == 1, y.data_ptr<scalar_t>());
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
        AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "prelu_backward", [&] {
            ::backward<scalar_t>(Rows(x), x.data_ptr<scalar_t>(), slope.data_ptr<scalar_t>(), slope.numel() == 1, gy.data_ptr<scalar_t>(),
                gx.data_ptr<scalar_t>(), gslope.data_ptr<scalar_t>(), slope.numel());
        });
        return {gx, gslope};
    }
};

}  // namespace

at::Tensor shim::prelu(const at::Tensor &x, const at::Tensor &slope) {
    TORCH_CHECK(slope.dim() == 1 && (slope.numel() == 1 || (x.dim() > 1 && slope.numel() == x.size(1))), "a slope of shape ", slope.sizes(),
        " for an input of ", x.sizes(), "; expected one number, or one for each channel");
    TORCH_CHECK(x.scalar_type() == slope.scalar_type(), "an input of ", x.scalar_type(), " and a slope of ", slope.scalar_type());
    if (!x.is_cpu() || !slope.is_cpu() || x.dim() < 1 || x.numel() == 0) return at::prelu(x, slope);
    return PRelu::apply(x, slope);
}
