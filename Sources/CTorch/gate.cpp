// SPDX-License-Identifier: Apache-2.0
//
// What gates of channels are made of (Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018): each channel's mean, and each channel times a number of its own.
// libtorch adds the gradients of both up one element at a time where pixels lie channels-last or in bfloat16.

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "rows.h"
#include "shim.h"

namespace {

using shim::BFloat, shim::Rows, shim::dispatched, shim::elements, shim::load, shim::store;
using torch::autograd::AutogradContext, torch::autograd::variable_list;

// Rows as rows.h has them, and how many of them are one sample's.
struct Samples {
    Rows rows;
    int64_t count, each;

    explicit Samples(const at::Tensor &x) : rows(x), count(x.size(0)), each(rows.count / x.size(0)) {}
};

// The sum over a row, in lanes: in an order that does not depend on the machine.
template <class T, class Value>
INLINED T lane_sum(int64_t length, Value value) {
    constexpr int64_t lanes = 16;
    T lane[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= length; i += lanes) {
        for (int64_t j = 0; j < lanes; j++) lane[j] += value(i + j);
    }
    T sum = 0;
    for (T each : lane) sum += each;
    for (; i < length; i++) sum += value(i);
    return sum;
}

// Sums of a sample are of type T, means as x is stored.
template <class X, class T>
INLINED void mean_of_sample(const Samples &of, const X *x, X *mean, T *sums) {
    const int64_t length = of.rows.length, channels = of.rows.channels;
    if (of.rows.channels_last) {
        std::fill(sums, sums + channels, T(0));
        for (int64_t row = 0; row < of.each; row++) {
            const X *__restrict from = x + row * length;
            T *__restrict sum = sums;
            for (int64_t c = 0; c < channels; c++) sum[c] += load(from[c]);
        }
        for (int64_t c = 0; c < channels; c++) store(mean[c], sums[c] / static_cast<T>(of.each));
    } else {
        for (int64_t c = 0; c < channels; c++) {
            const X *__restrict from = x + c * length;
            store(mean[c], lane_sum<T>(length, [&](int64_t i) { return load(from[i]); }) / static_cast<T>(length));
        }
    }
}

template <class X, class T>
INLINED void spread_over_sample(const Samples &of, const X *gradient, X *gx, T *shares) {
    const int64_t length = of.rows.length, channels = of.rows.channels, pixels = of.rows.channels_last ? of.each : length;
    for (int64_t c = 0; c < channels; c++) shares[c] = load(gradient[c]) / static_cast<T>(pixels);
    for (int64_t row = 0; row < of.each; row++) {
        X *__restrict to = gx + row * length;
        const T *__restrict share = shares;
        if (of.rows.channels_last) {
            for (int64_t c = 0; c < channels; c++) store(to[c], share[c]);
        } else {
            for (int64_t i = 0; i < length; i++) store(to[i], share[row]);
        }
    }
}

template <class X, class T>
INLINED void scale_sample(const Samples &of, const X *x, const X *gate, X *y, T *factors) {
    const int64_t length = of.rows.length, channels = of.rows.channels;
    for (int64_t c = 0; c < channels; c++) factors[c] = load(gate[c]);
    for (int64_t row = 0; row < of.each; row++) {
        const X *__restrict from = x + row * length;
        X *__restrict to = y + row * length;
        const T *__restrict factor = factors;
        if (of.rows.channels_last) {
            for (int64_t c = 0; c < channels; c++) store(to[c], load(from[c]) * factor[c]);
        } else {
            for (int64_t i = 0; i < length; i++) store(to[i], load(from[i]) * factor[row]);
        }
    }
}

// gx = gy · gate, and what a gate gets is the sum of gy · x over its channel.
template <class X, class T>
INLINED void scale_sample_backward(const Samples &of, const X *x, const X *gate, const X *gy, X *gx, X *ggate, T *factors, T *sums) {
    const int64_t length = of.rows.length, channels = of.rows.channels;
    for (int64_t c = 0; c < channels; c++) factors[c] = load(gate[c]), sums[c] = 0;
    for (int64_t row = 0; row < of.each; row++) {
        const X *__restrict from = x + row * length, *__restrict g = gy + row * length;
        X *__restrict to = gx + row * length;
        const T *__restrict factor = factors;
        T *__restrict sum = sums;
        if (of.rows.channels_last) {
            for (int64_t c = 0; c < channels; c++) {
                const T gradient = load(g[c]);
                sum[c] += gradient * load(from[c]);
                store(to[c], gradient * factor[c]);
            }
        } else {
            for (int64_t i = 0; i < length; i++) store(to[i], load(g[i]) * factor[row]);
            sum[row] = lane_sum<T>(length, [&](int64_t i) { return load(g[i]) * load(from[i]); });
        }
    }
    for (int64_t c = 0; c < channels; c++) store(ggate[c], sums[c]);
}

#define FOR_EACH_TYPE(BODY) BODY(BFloat, float) BODY(float, float) BODY(double, double)
#define PARTS(X, T) \
    VECTORIZED void mean_part(const Samples &of, const X *x, X *mean, T *sums) { mean_of_sample(of, x, mean, sums); } \
    VECTORIZED void spread_part(const Samples &of, const X *gradient, X *gx, T *shares) { spread_over_sample(of, gradient, gx, shares); } \
    VECTORIZED void scale_part(const Samples &of, const X *x, const X *gate, X *y, T *factors) { scale_sample(of, x, gate, y, factors); } \
    VECTORIZED void scale_backward_part(const Samples &of, const X *x, const X *gate, const X *gy, X *gx, X *ggate, T *factors, T *sums) { \
        scale_sample_backward(of, x, gate, gy, gx, ggate, factors, sums); \
    }
FOR_EACH_TYPE(PARTS)

// Calls the body with each sample's number and memory for twice as many numbers as there are channels.
template <class T, class Body>
void for_each_sample(const Samples &of, Body &&body) {
    at::parallel_for(0, of.count, 1, [&](int64_t begin, int64_t end) {
        std::vector<T> memory(static_cast<size_t>(2 * of.rows.channels));
        for (int64_t sample = begin; sample < end; sample++) body(sample, memory.data());
    });
}

at::Tensor per_channel(const at::Tensor &x) {
    std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
    shape[0] = x.size(0), shape[1] = x.size(1);
    return at::empty(shape, x.options());
}

at::Tensor laid_out_like(const at::Tensor &gradient, const at::Tensor &x) { return gradient.strides() == x.strides() ? gradient : at::empty_like(x).copy_(gradient); }

struct ChannelMean : public torch::autograd::Function<ChannelMean> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x) {
        const at::Tensor dense = shim::dense(x);
        at::Tensor mean = per_channel(dense);
        const Samples of(dense);
        const int64_t channels = of.rows.channels, size = dense.numel() / of.count;
        dispatched(dense, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            for_each_sample<T>(of, [&](int64_t sample, T *memory) { mean_part(of, elements<X>(dense) + sample * size, elements<X>(mean) + sample * channels, memory); });
        });
        context->save_for_backward({dense});
        return mean;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const at::Tensor x = context->get_saved_variables()[0], gradient = gradients[0].contiguous();
        at::Tensor gx = at::empty_like(x);
        const Samples of(x);
        const int64_t channels = of.rows.channels, size = x.numel() / of.count;
        dispatched(x, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            for_each_sample<T>(of, [&](int64_t sample, T *memory) { spread_part(of, elements<X>(gradient) + sample * channels, elements<X>(gx) + sample * size, memory); });
        });
        return {gx};
    }
};

struct ChannelScale : public torch::autograd::Function<ChannelScale> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &gate) {
        const at::Tensor dense = shim::dense(x), gates = gate.contiguous();
        at::Tensor y = at::empty_like(dense);
        const Samples of(dense);
        const int64_t channels = of.rows.channels, size = dense.numel() / of.count;
        dispatched(dense, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            for_each_sample<T>(of, [&](int64_t sample, T *memory) {
                scale_part(of, elements<X>(dense) + sample * size, elements<X>(gates) + sample * channels, elements<X>(y) + sample * size, memory);
            });
        });
        context->save_for_backward({dense, gates});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &gate = saved[1], gy = laid_out_like(gradients[0], x);
        at::Tensor gx = at::empty_like(x), ggate = at::empty_like(gate);
        const Samples of(x);
        const int64_t channels = of.rows.channels, size = x.numel() / of.count;
        dispatched(x, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            for_each_sample<T>(of, [&](int64_t sample, T *memory) {
                scale_backward_part(of, elements<X>(x) + sample * size, elements<X>(gate) + sample * channels, elements<X>(gy) + sample * size, elements<X>(gx) + sample * size,
                    elements<X>(ggate) + sample * channels, memory, memory + channels);
            });
        });
        return {gx, ggate};
    }
};

}  // namespace

at::Tensor shim::channel_mean(const at::Tensor &x) {
    TORCH_CHECK(x.dim() > 2, "a mean over the pixels of an input of ", x.sizes());
    if (!x.is_cpu() || x.numel() == 0) {
        std::vector<int64_t> pixels;
        for (int64_t axis = 2; axis < x.dim(); axis++) pixels.push_back(axis);
        return x.mean(pixels, true);
    }
    return ChannelMean::apply(x);
}

at::Tensor shim::channel_scale(const at::Tensor &x, const at::Tensor &gate) {
    TORCH_CHECK(x.dim() > 2 && gate.dim() == x.dim() && gate.size(0) == x.size(0) && gate.size(1) == x.size(1) && gate.numel() == x.size(0) * x.size(1), "gates of shape ", gate.sizes(),
        " for an input of ", x.sizes(), "; expected one for each channel of each sample");
    TORCH_CHECK(x.scalar_type() == gate.scalar_type(), "an input of ", x.scalar_type(), " and gates of ", gate.scalar_type());
    if (!x.is_cpu() || !gate.is_cpu() || x.numel() == 0) return x * gate;
    return ChannelScale::apply(x, gate);
}
