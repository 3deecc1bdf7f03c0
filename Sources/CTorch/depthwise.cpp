// SPDX-License-Identifier: Apache-2.0
//
// The way back through a depthwise convolution whose channels lie innermost: both gradients in one pass, a row of the input after the other. oneDNN 2.6 takes about as long for
// pictures, but twenty times as long where the kernel covers its whole input, which ends a MobileFaceNet, and three to twelve times as long for rows of sound.

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "rows.h"
#include "shim.h"

namespace {

using shim::BFloat, shim::dispatched, shim::elements, shim::load, shim::store;
using torch::autograd::AutogradContext, torch::autograd::variable_list;

struct Axis {
    int64_t inputs, outputs, kernel, stride, padding, dilation;
};
struct Plane {
    int64_t channels;
    Axis down, across;

    int64_t taps() const { return down.kernel * across.kernel; }
};

// Outputs o in 0..<outputs at which a tap reads an input: o · stride + tap · dilation − padding in 0..<inputs.
struct Range {
    int64_t begin, end;
};
INLINED Range reading(const Axis &axis, int64_t tap) {
    const int64_t before = axis.padding - tap * axis.dilation, after = axis.inputs - 1 + before;
    return {before <= 0 ? 0 : (before + axis.stride - 1) / axis.stride, after < 0 ? 0 : std::min(axis.outputs, after / axis.stride + 1)};
}

// One picture and `block` channels of it: gx, and gw added to sums [taps, channels]. The weights are [taps, channels]; `line` holds a row of gx, [width, block].
template <int64_t block, class X, class T>
INLINED void backward_block(const Plane &plane, const X *x, const T *weights, const X *gy, X *gx, T *sums, T *line) {
    const int64_t channels = plane.channels;
    const Axis &down = plane.down, &across = plane.across;
    for (int64_t row = 0; row < down.inputs; row++) {
        std::fill(line, line + across.inputs * block, T(0));
        for (int64_t i = 0; i < down.kernel; i++) {
            const int64_t reached = row + down.padding - i * down.dilation, output = reached / down.stride;
            if (reached < 0 || output * down.stride != reached || output >= down.outputs) continue;
            for (int64_t j = 0; j < across.kernel; j++) {
                const Range columns = reading(across, j);
                const int64_t tap = (i * across.kernel + j) * channels, first = columns.begin * across.stride + j * across.dilation - across.padding;
                T weight[block], sum[block] = {};
                for (int64_t c = 0; c < block; c++) weight[c] = weights[tap + c];
                const X *__restrict value = x + (row * across.inputs + first) * channels;
                const X *__restrict gradient = gy + (output * across.outputs + columns.begin) * channels;
                T *__restrict to = line + first * block;
                for (int64_t column = columns.begin; column < columns.end; column++) {
                    for (int64_t c = 0; c < block; c++) {
                        const T g = load(gradient[c]);
                        to[c] += g * weight[c];
                        sum[c] += g * load(value[c]);
                    }
                    value += across.stride * channels;
                    gradient += channels;
                    to += across.stride * block;
                }
                for (int64_t c = 0; c < block; c++) sums[tap + c] += sum[c];
            }
        }
        for (int64_t column = 0; column < across.inputs; column++) {
            X *__restrict to = gx + (row * across.inputs + column) * channels;
            for (int64_t c = 0; c < block; c++) store(to[c], line[column * block + c]);
        }
    }
}

constexpr int64_t widest = 32;

template <class X, class T>
INLINED void backward_picture(const Plane &plane, const X *x, const T *weights, const X *gy, X *gx, T *sums, T *line) {
    int64_t c = 0;
    for (; c + widest <= plane.channels; c += widest) backward_block<widest>(plane, x + c, weights + c, gy + c, gx + c, sums + c, line);
    for (; c + 8 <= plane.channels; c += 8) backward_block<8>(plane, x + c, weights + c, gy + c, gx + c, sums + c, line);
    for (; c < plane.channels; c++) backward_block<1>(plane, x + c, weights + c, gy + c, gx + c, sums + c, line);
}

VECTORIZED void backward_part(const Plane &plane, const float *x, const float *weights, const float *gy, float *gx, float *sums, float *line) {
    backward_picture(plane, x, weights, gy, gx, sums, line);
}
VECTORIZED void backward_part(const Plane &plane, const double *x, const double *weights, const double *gy, double *gx, double *sums, double *line) {
    backward_picture(plane, x, weights, gy, gx, sums, line);
}
VECTORIZED void backward_part(const Plane &plane, const BFloat *x, const float *weights, const BFloat *gy, BFloat *gx, float *sums, float *line) {
    backward_picture(plane, x, weights, gy, gx, sums, line);
}

struct Depthwise : public torch::autograd::Function<Depthwise> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation) {
        const at::Tensor dense = x.contiguous(at::MemoryFormat::ChannelsLast);
        context->save_for_backward({dense, weight});
        context->saved_data["steps"] = std::vector<int64_t>{stride[0], stride[1], padding[0], padding[1], dilation[0], dilation[1]};
        return at::convolution(dense, weight, {}, stride, padding, dilation, false, {0, 0}, weight.size(0));
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1];
        const at::Tensor gy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
        const auto steps = context->saved_data["steps"].toIntVector();
        const auto axis = [&](size_t i) {
            const auto d = static_cast<int64_t>(i) + 2;
            return Axis{x.size(d), gy.size(d), weight.size(d), steps[i], steps[i + 2], steps[i + 4]};
        };
        const Plane plane{x.size(1), axis(0), axis(1)};
        const int64_t pictures = x.size(0), ins = plane.channels * plane.down.inputs * plane.across.inputs, outs = plane.channels * plane.down.outputs * plane.across.outputs;
        const auto size = static_cast<size_t>(plane.taps() * plane.channels);
        at::Tensor gx = at::empty_like(x), gweight;
        dispatched(x, [&](auto stored, auto computed) {
            using X = decltype(stored);
            using T = decltype(computed);
            const auto type = c10::CppTypeToScalarType<T>::value;
            const at::Tensor taps = weight.detach().to(type).reshape({plane.channels, plane.taps()}).t().contiguous();
            // Sums go by a fixed number of pieces, so that they do not depend on threads.
            constexpr int64_t pieces = 16;
            const int64_t piece = (pictures + pieces - 1) / pieces;
            std::vector<T> partial(pieces * size, T(0));
            at::parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
                std::vector<T> line(static_cast<size_t>(plane.across.inputs * widest));
                for (int64_t p = first; p < last; p++) {
                    for (int64_t n = p * piece; n < std::min(pictures, (p + 1) * piece); n++) {
                        backward_part(plane, elements<X>(x) + n * ins, elements<T>(taps), elements<X>(gy) + n * outs, elements<X>(gx) + n * ins,
                            partial.data() + static_cast<size_t>(p) * size, line.data());
                    }
                }
            });
            at::Tensor sums = at::empty({plane.taps(), plane.channels}, weight.options().dtype(type).memory_format(at::MemoryFormat::Contiguous));
            for (size_t i = 0; i < size; i++) {
                double sum = 0;
                for (size_t p = 0; p < pieces; p++) sum += partial[p * size + i];
                elements<T>(sums)[i] = static_cast<T>(sum);
            }
            gweight = sums.t().reshape(weight.sizes()).to(weight.scalar_type());
        });
        return {gx, gweight, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

}  // namespace

bool shim::is_slow_depthwise(const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef padding, bool transposed, int64_t groups) {
    const bool floats = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble || x.scalar_type() == at::kBFloat16;
    if (!floats || !x.is_cpu() || !weight.is_cpu() || x.scalar_type() != weight.scalar_type() || x.dim() != 4 || weight.dim() != 4 || transposed || groups < 2
        || x.size(1) != groups || weight.size(0) != groups || weight.size(1) != 1 || x.numel() == 0 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
        return false;
    }
    const bool is_whole = x.size(2) == weight.size(2) && x.size(3) == weight.size(3) && padding[0] == 0 && padding[1] == 0;
    return is_whole || (x.size(2) == 1 && weight.size(2) == 1);
}

at::Tensor shim::depthwise(const at::Tensor &x, const at::Tensor &weight, at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation) {
    return Depthwise::apply(x, weight, stride, padding, dilation);
}
