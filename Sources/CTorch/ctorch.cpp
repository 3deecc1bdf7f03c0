// SPDX-License-Identifier: Apache-2.0

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "shim.h"

using namespace shim;

namespace {

thread_local std::string last_error;

at::ScalarType scalar_type(ctorch_type type) {
    switch (type) {
    case CTORCH_FLOAT32: return at::kFloat;
    case CTORCH_FLOAT64: return at::kDouble;
    case CTORCH_INT8: return at::kChar;
    case CTORCH_UINT8: return at::kByte;
    case CTORCH_INT16: return at::kShort;
    case CTORCH_INT32: return at::kInt;
    case CTORCH_INT64: return at::kLong;
    case CTORCH_BOOL: return at::kBool;
    default: TORCH_CHECK(false, "element type ", static_cast<int>(type), " is not one of ctorch_type");
    }
}

at::Device device_of(int32_t device) { return device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)); }

at::TensorOptions options(ctorch_type type, int32_t device) { return at::TensorOptions().dtype(scalar_type(type)).device(device_of(device)); }

std::vector<at::Tensor> list(const ctorch_tensor *const *tensors, int32_t count) {
    std::vector<at::Tensor> result;
    result.reserve(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; i++) result.push_back(in(tensors[i]));
    return result;
}

at::Generator generator(int32_t device) {
    return device < 0 ? at::detail::getDefaultCPUGenerator() : at::globalContext().defaultGenerator(device_of(device));
}

bool is_integral(const at::Tensor &x) { return at::isIntegralType(x.scalar_type(), true); }

}  // namespace

void shim::set_error(const char *message) noexcept {
    try {
        last_error = message ? message : "";
    } catch (...) {
        last_error.clear();
    }
}

// MARK: The library

const char *ctorch_last_error(void) { return last_error.c_str(); }
const char *ctorch_version(void) { return TORCH_VERSION; }

int32_t ctorch_cuda_device_count(void) {
    int32_t count = 0;
    guarded([&] { count = at::hasCUDA() ? static_cast<int32_t>(at::getNumGPUs()) : 0; });
    return count;
}

int32_t ctorch_thread_count(void) { return at::get_num_threads(); }

ctorch_status ctorch_set_thread_count(int32_t count) {
    return guarded([&] {
        TORCH_CHECK(count >= 1, count, " threads; expected at least 1");
        at::set_num_threads(count);
    });
}

ctorch_status ctorch_seed(uint64_t seed) {
    return guarded([&] { at::manual_seed(seed); });
}

ctorch_status ctorch_generator_state(int32_t device, ctorch_tensor **out) {
    return making(out, [&] { return generator(device).get_state(); });
}

ctorch_status ctorch_set_generator_state(int32_t device, const ctorch_tensor *state) {
    return guarded([&] { generator(device).set_state(in(state)); });
}

// MARK: Making and reading

void ctorch_release(ctorch_tensor *tensor) { delete reinterpret_cast<at::Tensor *>(tensor); }

ctorch_status ctorch_from_bytes(ctorch_type type, const int64_t *shape, int32_t rank, const void *bytes, int64_t byte_count, ctorch_tensor **out) {
    return making(out, [&] {
        at::Tensor result = at::empty(ints(shape, rank), options(type, CTORCH_CPU));
        TORCH_CHECK(static_cast<int64_t>(result.nbytes()) == byte_count, byte_count, " bytes for a tensor of ", result.nbytes());
        if (byte_count > 0) std::memcpy(result.data_ptr(), bytes, static_cast<size_t>(byte_count));
        return result;
    });
}

ctorch_status ctorch_full(ctorch_type type, const int64_t *shape, int32_t rank, double value, int32_t device, ctorch_tensor **out) {
    return making(out, [&] { return at::full(ints(shape, rank), value, options(type, device)); });
}

ctorch_status ctorch_arange(ctorch_type type, double start, double step, int64_t count, int32_t device, ctorch_tensor **out) {
    return making(out, [&] {
        const bool is_float = type == CTORCH_FLOAT32 || type == CTORCH_FLOAT64;
        at::Tensor steps = at::arange(count, options(is_float ? CTORCH_FLOAT64 : CTORCH_INT64, device));
        if (is_float) return steps.mul(step).add(start).to(scalar_type(type));
        return steps.mul(static_cast<int64_t>(step)).add(static_cast<int64_t>(start)).to(scalar_type(type));
    });
}

ctorch_status ctorch_like(ctorch_fill fill, const ctorch_tensor *x, ctorch_tensor **out) {
    return making(out, [&] {
        at::NoGradGuard guard;
        switch (fill) {
        case CTORCH_UNIFORM: return at::rand_like(in(x));
        case CTORCH_NORMAL: return at::randn_like(in(x));
        default: return at::zeros_like(in(x));
        }
    });
}

ctorch_status ctorch_multinomial(const ctorch_tensor *weights, int64_t count, bool replacement, ctorch_tensor **out) {
    return making(out, [&] { return at::multinomial(in(weights), count, replacement); });
}

int32_t ctorch_rank(const ctorch_tensor *x) { return static_cast<int32_t>(in(x).dim()); }

void ctorch_shape(const ctorch_tensor *x, int64_t *sizes) {
    const auto shape = in(x).sizes();
    std::copy(shape.begin(), shape.end(), sizes);
}

ctorch_type ctorch_element_type(const ctorch_tensor *x) {
    switch (in(x).scalar_type()) {
    case at::kFloat: case at::kBFloat16: return CTORCH_FLOAT32;
    case at::kDouble: return CTORCH_FLOAT64;
    case at::kChar: return CTORCH_INT8;
    case at::kByte: return CTORCH_UINT8;
    case at::kShort: return CTORCH_INT16;
    case at::kInt: return CTORCH_INT32;
    case at::kLong: return CTORCH_INT64;
    case at::kBool: return CTORCH_BOOL;
    default: return CTORCH_OTHER_TYPE;
    }
}

int32_t ctorch_device(const ctorch_tensor *x) {
    if (!in(x).is_cuda()) return CTORCH_CPU;
    const auto index = in(x).device().index();
    return index < 0 ? 0 : index;
}

bool ctorch_is_channels_last(const ctorch_tensor *x) {
    return in(x).dim() == 4 && in(x).is_contiguous(at::MemoryFormat::ChannelsLast) && !in(x).is_contiguous();
}

ctorch_status ctorch_read(const ctorch_tensor *x, void *bytes, int64_t byte_count) {
    return guarded([&] {
        at::Tensor source = in(x).detach().to(at::kCPU).contiguous();
        if (source.scalar_type() == at::kBFloat16) source = source.to(at::kFloat);
        TORCH_CHECK(static_cast<int64_t>(source.nbytes()) == byte_count, "room for ", byte_count, " bytes of a tensor of ", source.nbytes());
        if (byte_count > 0) std::memcpy(bytes, source.data_ptr(), static_cast<size_t>(byte_count));
    });
}

ctorch_status ctorch_convert(const ctorch_tensor *x, ctorch_type type, int32_t device, ctorch_layout layout, ctorch_tensor **out) {
    return making(out, [&] {
        at::Tensor result = in(x).to(device_of(device), scalar_type(type));
        if (layout == CTORCH_ROW_MAJOR) return result.contiguous();
        if (layout == CTORCH_CHANNELS_LAST && result.dim() == 4) return result.contiguous(at::MemoryFormat::ChannelsLast);
        return result;
    });
}

bool ctorch_has_narrow(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

bool ctorch_is_narrow(const ctorch_tensor *x) { return in(x).scalar_type() == at::kBFloat16; }

ctorch_status ctorch_narrow(const ctorch_tensor *x, ctorch_tensor **out) {
    return making(out, [&] { return in(x).to(at::kBFloat16); });
}

ctorch_status ctorch_clone(const ctorch_tensor *x, ctorch_tensor **out) {
    return making(out, [&] { return in(x).clone(); });
}

// MARK: Elementwise

ctorch_status ctorch_unary(ctorch_unary_op op, const ctorch_tensor *tensor, double a, double b, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(tensor);
        switch (op) {
        case CTORCH_NEG: return at::neg(x);
        case CTORCH_ABS: return at::abs(x);
        case CTORCH_EXP: return at::exp(x);
        case CTORCH_LOG: return at::log(x);
        case CTORCH_LOG1P: return at::log1p(x);
        case CTORCH_SQRT: return at::sqrt(x);
        case CTORCH_RSQRT: return at::rsqrt(x);
        case CTORCH_RECIPROCAL: return at::reciprocal(x);
        case CTORCH_SQUARE: return at::mul(x, x);
        case CTORCH_ERF: return at::erf(x);
        case CTORCH_FLOOR: return is_integral(x) ? x : at::floor(x);
        case CTORCH_CEIL: return is_integral(x) ? x : at::ceil(x);
        case CTORCH_ROUND: return is_integral(x) ? x : at::round(x);
        case CTORCH_SIGN: return at::sign(x);
        case CTORCH_SIN: return at::sin(x);
        case CTORCH_COS: return at::cos(x);
        case CTORCH_TAN: return at::tan(x);
        case CTORCH_ASIN: return at::asin(x);
        case CTORCH_ACOS: return at::acos(x);
        case CTORCH_ATAN: return at::atan(x);
        case CTORCH_SINH: return at::sinh(x);
        case CTORCH_COSH: return at::cosh(x);
        case CTORCH_ASINH: return at::asinh(x);
        case CTORCH_ACOSH: return at::acosh(x);
        case CTORCH_ATANH: return at::atanh(x);
        case CTORCH_RELU: return at::relu(x);
        case CTORCH_SIGMOID: return at::sigmoid(x);
        case CTORCH_TANH: return at::tanh(x);
        case CTORCH_SOFTPLUS: return at::softplus(x);
        case CTORCH_SOFTSIGN: return at::div(x, at::abs(x).add(1));
        case CTORCH_MISH: return at::mish(x);
        case CTORCH_SILU: return at::silu(x);
        case CTORCH_HARD_SWISH: return at::hardswish(x);
        case CTORCH_LOG_SIGMOID: return at::log_sigmoid(x);
        case CTORCH_GELU: return at::gelu(x, a != 0 ? "tanh" : "none");
        case CTORCH_LEAKY_RELU: return at::leaky_relu(x, a);
        case CTORCH_ELU: return at::elu(x, a);
        // elu(x, alpha, scale): scale · (x for x > 0, alpha (eˣ - 1) otherwise).
        case CTORCH_SELU: return at::elu(x, a, b);
        case CTORCH_CELU: return at::celu(x, a);
        case CTORCH_THRESHOLDED_RELU: return at::threshold(x, a, 0);
        case CTORCH_HARD_SIGMOID: return at::clamp(x.mul(a).add(b), 0, 1);
        case CTORCH_CLAMP: {
            // One side at a time: an integer type has no infinities.
            const auto scalar = [&](double bound) { return is_integral(x) ? at::Scalar(static_cast<int64_t>(bound)) : at::Scalar(bound); };
            const bool has_lower = !std::isinf(a) || a > 0, has_upper = !std::isinf(b) || b < 0;
            if (has_lower && has_upper) return at::clamp(x, scalar(a), scalar(b));
            return has_lower ? at::clamp_min(x, scalar(a)) : has_upper ? at::clamp_max(x, scalar(b)) : x;
        }
        case CTORCH_LOGICAL_NOT: return at::logical_not(x);
        case CTORCH_IS_NAN: return at::isnan(x);
        case CTORCH_IS_INF: {
            at::Tensor result = at::zeros_like(x, at::kBool);
            if (a != 0) result = at::logical_or(result, at::isposinf(x));
            if (b != 0) result = at::logical_or(result, at::isneginf(x));
            return result;
        }
        default: TORCH_CHECK(false, "no unary operation ", static_cast<int>(op));
        }
    });
}

namespace {

template <class Right>
at::Tensor binary(ctorch_binary_op op, const at::Tensor &x, const Right &y) {
    switch (op) {
    case CTORCH_ADD: return x.add(y);
    case CTORCH_SUB: return x.sub(y);
    case CTORCH_MUL: return x.mul(y);
    case CTORCH_DIV: return is_integral(x) ? x.div(y, "trunc") : x.div(y);
    case CTORCH_POW: return x.pow(y);
    case CTORCH_REMAINDER: return x.remainder(y);
    case CTORCH_FMOD: return x.fmod(y);
    case CTORCH_EQ: return x.eq(y);
    case CTORCH_NE: return x.ne(y);
    case CTORCH_LT: return x.lt(y);
    case CTORCH_LE: return x.le(y);
    case CTORCH_GT: return x.gt(y);
    case CTORCH_GE: return x.ge(y);
    default: TORCH_CHECK(false, "no binary operation ", static_cast<int>(op), " for these operands");
    }
}

}  // namespace

ctorch_status ctorch_binary(ctorch_binary_op op, const ctorch_tensor *left, const ctorch_tensor *right, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(left), &y = in(right);
        switch (op) {
        case CTORCH_MAXIMUM: return at::maximum(x, y);
        case CTORCH_MINIMUM: return at::minimum(x, y);
        case CTORCH_AND: return at::logical_and(x, y);
        case CTORCH_OR: return at::logical_or(x, y);
        case CTORCH_XOR: return at::logical_xor(x, y);
        default: return binary(op, x, y);
        }
    });
}

ctorch_status ctorch_binary_scalar(ctorch_binary_op op, const ctorch_tensor *left, double y, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(left);
        const at::Scalar scalar = is_integral(x) ? at::Scalar(static_cast<int64_t>(y)) : at::Scalar(y);
        switch (op) {
        case CTORCH_MAXIMUM: return at::clamp_min(x, scalar);
        case CTORCH_MINIMUM: return at::clamp_max(x, scalar);
        default: return binary(op, x, scalar);
        }
    });
}

ctorch_status ctorch_where(const ctorch_tensor *condition, const ctorch_tensor *x, const ctorch_tensor *y, ctorch_tensor **out) {
    return making(out, [&] { return at::where(in(condition), in(x), in(y)); });
}

ctorch_status ctorch_prelu(const ctorch_tensor *x, const ctorch_tensor *slope, ctorch_tensor **out) {
    return making(out, [&] { return shim::prelu(in(x), in(slope)); });
}

ctorch_status ctorch_channel_mean(const ctorch_tensor *x, ctorch_tensor **out) {
    return making(out, [&] { return shim::channel_mean(in(x)); });
}

ctorch_status ctorch_channel_scale(const ctorch_tensor *x, const ctorch_tensor *gate, ctorch_tensor **out) {
    return making(out, [&] { return shim::channel_scale(in(x), in(gate)); });
}

ctorch_status ctorch_dropout(const ctorch_tensor *x, double p, bool training, ctorch_tensor **out) {
    return making(out, [&] { return at::dropout(in(x), p, training); });
}

// MARK: Reductions, orders

ctorch_status ctorch_reduce(ctorch_reduce_op op, const ctorch_tensor *tensor, const int64_t *dims, int32_t dim_count, bool keeps_dims, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(tensor);
        const auto over = ints(dims, dim_count);
        if (dim_count == 0) {
            switch (op) {
            case CTORCH_NORM1: case CTORCH_NORM2: return x.abs();
            case CTORCH_VARIANCE: return x.sub(x);
            case CTORCH_LOG_SUM_EXP: case CTORCH_SUM: case CTORCH_MEAN: case CTORCH_PROD: case CTORCH_MAX: case CTORCH_MIN: return x;
            default: return x.to(at::kBool);
            }
        }
        // One after the other, for what libtorch reduces over one dimension only.
        auto each = [&](auto &&reduce) {
            std::vector<int64_t> sorted;
            for (int64_t d : over) sorted.push_back(d < 0 ? d + x.dim() : d);
            std::sort(sorted.rbegin(), sorted.rend());
            at::Tensor result = x;
            for (int64_t d : sorted) result = reduce(result, d);
            return result;
        };
        switch (op) {
        case CTORCH_SUM: return x.sum(over, keeps_dims, x.scalar_type());
        case CTORCH_MEAN: return is_integral(x) ? x.to(at::kDouble).mean(over, keeps_dims).floor().to(x.scalar_type()) : x.mean(over, keeps_dims);
        case CTORCH_MAX: return x.amax(over, keeps_dims);
        case CTORCH_MIN: return x.amin(over, keeps_dims);
        case CTORCH_NORM1: return x.abs().sum(over, keeps_dims, x.scalar_type());
        case CTORCH_NORM2: return at::norm(x, c10::optional<at::Scalar>(2), over, keeps_dims);
        case CTORCH_LOG_SUM_EXP: return at::logsumexp(x, over, keeps_dims);
        case CTORCH_VARIANCE: return at::var(x, over, false, keeps_dims);
        case CTORCH_PROD: return each([&](const at::Tensor &y, int64_t d) { return y.prod(d, keeps_dims, y.scalar_type()); });
        case CTORCH_ALL: return each([&](const at::Tensor &y, int64_t d) { return y.all(d, keeps_dims); });
        case CTORCH_ANY: return each([&](const at::Tensor &y, int64_t d) { return y.any(d, keeps_dims); });
        default: TORCH_CHECK(false, "no reduction ", static_cast<int>(op));
        }
    });
}

ctorch_status ctorch_arg_extreme(bool largest, const ctorch_tensor *x, int64_t dim, bool keeps_dim, ctorch_tensor **out) {
    return making(out, [&] { return largest ? at::argmax(in(x), dim, keeps_dim) : at::argmin(in(x), dim, keeps_dim); });
}

ctorch_status ctorch_cumulative_sum(const ctorch_tensor *x, int64_t dim, ctorch_tensor **out) {
    return making(out, [&] { return at::cumsum(in(x), dim, in(x).scalar_type()); });
}

ctorch_status ctorch_softmax(const ctorch_tensor *x, int64_t dim, bool logarithm, ctorch_tensor **out) {
    return making(out, [&] { return logarithm ? at::log_softmax(in(x), dim) : at::softmax(in(x), dim); });
}

namespace {

ctorch_status pair(std::tuple<at::Tensor, at::Tensor> made, ctorch_tensor **first, ctorch_tensor **second) {
    std::unique_ptr<at::Tensor> a(new at::Tensor(std::move(std::get<0>(made))));
    *second = owned(std::move(std::get<1>(made)));
    *first = reinterpret_cast<ctorch_tensor *>(a.release());
    return CTORCH_OK;
}

}  // namespace

ctorch_status ctorch_top_k(const ctorch_tensor *x, int64_t k, int64_t dim, bool largest, bool sorted, ctorch_tensor **values, ctorch_tensor **indices) {
    return guarded([&] { pair(at::topk(in(x), k, dim, largest, sorted), values, indices); });
}

ctorch_status ctorch_sort(const ctorch_tensor *x, int64_t dim, bool descending, ctorch_tensor **values, ctorch_tensor **indices) {
    return guarded([&] { pair(at::sort(in(x), c10::optional<bool>(true), dim, descending), values, indices); });
}

// MARK: Products and layers

ctorch_status ctorch_matmul(const ctorch_tensor *x, const ctorch_tensor *y, ctorch_tensor **out) {
    return making(out, [&] { return at::matmul(in(x), in(y)); });
}

ctorch_status ctorch_addmm(const ctorch_tensor *bias, const ctorch_tensor *x, const ctorch_tensor *y, double beta, double alpha, ctorch_tensor **out) {
    return making(out, [&] {
        if (is_integral(in(x))) return at::addmm(in(bias), in(x), in(y), static_cast<int64_t>(beta), static_cast<int64_t>(alpha));
        return at::addmm(in(bias), in(x), in(y), beta, alpha);
    });
}

namespace {

at::Tensor convolved(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias, at::IntArrayRef stride, at::IntArrayRef padding,
    at::IntArrayRef dilation, at::IntArrayRef output_padding, bool transposed, int64_t groups) {
    if (!bias && shim::is_slow_depthwise(x, weight, padding, transposed, groups)) return shim::depthwise(x, weight, stride, padding, dilation);
    return at::convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups);
}

}  // namespace

ctorch_status ctorch_convolution(const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, const int64_t *stride, const int64_t *padding,
    const int64_t *dilation, const int64_t *output_padding, int32_t n, bool transposed, int64_t groups, ctorch_tensor **out) {
    return making(out, [&] {
        // oneDNN multiplies rows in bfloat16 faster with their channels innermost, where they then stay.
        if (n == 1 && !transposed && in(x).dim() == 3 && in(x).scalar_type() == at::kBFloat16 && in(x).is_cpu()) {
            const at::Tensor rows = in(x).unsqueeze(2).contiguous(at::MemoryFormat::ChannelsLast), kernel = in(weight).unsqueeze(2);
            return convolved(rows, kernel, maybe(bias), {1, stride[0]}, {0, padding[0]}, {1, dilation[0]}, {0, 0}, false, groups).squeeze(2);
        }
        return convolved(in(x), in(weight), maybe(bias), ints(stride, n), ints(padding, n), ints(dilation, n), ints(output_padding, n), transposed, groups);
    });
}

ctorch_status ctorch_pool(ctorch_pool_kind kind, const ctorch_tensor *tensor, const int64_t *kernel, const int64_t *stride, const int64_t *padding,
    const int64_t *dilation, int32_t n, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(tensor);
        const auto k = ints(kernel, n), s = ints(stride, n), p = ints(padding, n), d = ints(dilation, n);
        if (kind == CTORCH_MAX_POOL) {
            switch (n) {
            case 1: return at::max_pool1d(x, k, s, p, d);
            case 2: return at::max_pool2d(x, k, s, p, d);
            case 3: return at::max_pool3d(x, k, s, p, d);
            }
        } else {
            switch (n) {
            case 1: return at::avg_pool1d(x, k, s, p);
            case 2: return at::avg_pool2d(x, k, s, p);
            case 3: return at::avg_pool3d(x, k, s, p);
            }
        }
        TORCH_CHECK(false, "a pool over ", n, " dimensions; expected 1 to 3");
    });
}

ctorch_status ctorch_batch_norm(const ctorch_tensor *x, const ctorch_tensor *scale, const ctorch_tensor *bias, const ctorch_tensor *mean,
    const ctorch_tensor *variance, bool training, double momentum, double epsilon, ctorch_tensor **out) {
    return making(out, [&] { return shim::batch_norm(in(x), maybe(scale), maybe(bias), maybe(mean), maybe(variance), training, momentum, epsilon); });
}

ctorch_status ctorch_layer_norm(
    const ctorch_tensor *x, const int64_t *shape, int32_t n, const ctorch_tensor *scale, const ctorch_tensor *bias, double epsilon, ctorch_tensor **out) {
    return making(out, [&] { return at::layer_norm(in(x), ints(shape, n), maybe(scale), maybe(bias), epsilon); });
}

ctorch_status ctorch_group_norm(
    const ctorch_tensor *x, int64_t groups, const ctorch_tensor *scale, const ctorch_tensor *bias, double epsilon, ctorch_tensor **out) {
    return making(out, [&] { return at::group_norm(in(x), groups, maybe(scale), maybe(bias), epsilon); });
}

ctorch_status ctorch_recurrent(ctorch_recurrent_kind kind, const ctorch_tensor *x, const ctorch_tensor *h, const ctorch_tensor *c,
    const ctorch_tensor *const *weights, int32_t weight_count, bool bidirectional, ctorch_tensor **y, ctorch_tensor **last_h, ctorch_tensor **last_c) {
    return guarded([&] {
        const auto parameters = list(weights, weight_count);
        if (kind == CTORCH_LSTM) {
            TORCH_CHECK(c, "an LSTM without a first cell state");
            auto made = at::lstm(in(x), {in(h), in(c)}, parameters, true, 1, 0.0, false, bidirectional, false);
            std::unique_ptr<at::Tensor> a(new at::Tensor(std::get<0>(made))), b(new at::Tensor(std::get<1>(made)));
            *last_c = owned(std::get<2>(made));
            *y = reinterpret_cast<ctorch_tensor *>(a.release());
            *last_h = reinterpret_cast<ctorch_tensor *>(b.release());
            return;
        }
        *last_c = nullptr;
        switch (kind) {
        case CTORCH_GRU: pair(at::gru(in(x), in(h), parameters, true, 1, 0.0, false, bidirectional, false), y, last_h); return;
        case CTORCH_RNN_TANH: pair(at::rnn_tanh(in(x), in(h), parameters, true, 1, 0.0, false, bidirectional, false), y, last_h); return;
        case CTORCH_RNN_RELU: pair(at::rnn_relu(in(x), in(h), parameters, true, 1, 0.0, false, bidirectional, false), y, last_h); return;
        default: TORCH_CHECK(false, "no recurrent layer ", static_cast<int>(kind));
        }
    });
}

// MARK: Arrangement

ctorch_status ctorch_view(ctorch_view_kind kind, const ctorch_tensor *tensor, const int64_t *values, int32_t count, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(tensor);
        const auto v = ints(values, count);
        switch (kind) {
        case CTORCH_RESHAPE: return x.reshape(v);
        case CTORCH_PERMUTE: return x.permute(v);
        case CTORCH_EXPAND: return x.expand(v);
        case CTORCH_FLIP: return x.flip(v);
        case CTORCH_SQUEEZE: {
            TORCH_CHECK(count == 1, "one dimension at a time");
            return x.squeeze(v[0]);
        }
        case CTORCH_UNSQUEEZE: {
            TORCH_CHECK(count == 1, "one dimension at a time");
            return x.unsqueeze(v[0]);
        }
        default: TORCH_CHECK(false, "no view ", static_cast<int>(kind));
        }
    });
}

ctorch_status ctorch_slice(const ctorch_tensor *x, int64_t dim, int64_t start, int64_t end, int64_t step, ctorch_tensor **out) {
    return making(out, [&] { return at::slice(in(x), dim, start, end, step); });
}

ctorch_status ctorch_cat(const ctorch_tensor *const *tensors, int32_t count, int64_t dim, ctorch_tensor **out) {
    return making(out, [&] { return at::cat(list(tensors, count), dim); });
}

ctorch_status ctorch_pad(ctorch_pad_kind kind, const ctorch_tensor *tensor, const int64_t *pads, int32_t count, double value, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(tensor);
        const auto p = ints(pads, count);
        if (kind == CTORCH_PAD_CONSTANT) {
            if (is_integral(x)) return at::constant_pad_nd(x, p, static_cast<int64_t>(value));
            return at::constant_pad_nd(x, p, value);
        }
        const bool reflects = kind == CTORCH_PAD_REFLECT;
        switch (count) {
        case 2: return reflects ? at::reflection_pad1d(x, p) : at::replication_pad1d(x, p);
        case 4: return reflects ? at::reflection_pad2d(x, p) : at::replication_pad2d(x, p);
        case 6: return reflects ? at::reflection_pad3d(x, p) : at::replication_pad3d(x, p);
        default: TORCH_CHECK(false, count, " pads; expected 2, 4 or 6");
        }
    });
}

ctorch_status ctorch_interpolate(ctorch_interpolation mode, const ctorch_tensor *tensor, const int64_t *sizes, int32_t n, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        const at::Tensor &x = in(tensor);
        const auto size = ints(sizes, n);
        const bool aligned = mode == CTORCH_LINEAR_ALIGNED;
        if (mode == CTORCH_NEAREST) {
            switch (n) {
            case 1: return at::upsample_nearest1d(x, size);
            case 2: return at::upsample_nearest2d(x, size);
            case 3: return at::upsample_nearest3d(x, size);
            }
        }
        switch (n) {
        case 1: return at::upsample_linear1d(x, size, aligned);
        case 2: return at::upsample_bilinear2d(x, size, aligned);
        case 3: return at::upsample_trilinear3d(x, size, aligned);
        default: TORCH_CHECK(false, "interpolation over ", n, " dimensions; expected 1 to 3");
        }
    });
}

ctorch_status ctorch_gather(const ctorch_tensor *x, int64_t dim, const ctorch_tensor *index, ctorch_tensor **out) {
    return making(out, [&] { return at::gather(in(x), dim, in(index)); });
}

ctorch_status ctorch_index_select(const ctorch_tensor *x, int64_t dim, const ctorch_tensor *index, ctorch_tensor **out) {
    return making(out, [&] { return at::index_select(in(x), dim, in(index)); });
}

ctorch_status ctorch_scatter(
    ctorch_scatter_kind kind, const ctorch_tensor *x, int64_t dim, const ctorch_tensor *index, const ctorch_tensor *source, ctorch_tensor **out) {
    return making(out, [&]() -> at::Tensor {
        switch (kind) {
        case CTORCH_SET: return at::scatter(in(x), dim, in(index), in(source));
        case CTORCH_SCATTER_ADD: return at::scatter_add(in(x), dim, in(index), in(source));
        case CTORCH_SCATTER_MUL: return at::scatter_reduce(in(x), dim, in(index), in(source), "prod");
        case CTORCH_SCATTER_MAX: return at::scatter_reduce(in(x), dim, in(index), in(source), "amax");
        case CTORCH_SCATTER_MIN: return at::scatter_reduce(in(x), dim, in(index), in(source), "amin");
        default: TORCH_CHECK(false, "no scatter ", static_cast<int>(kind));
        }
    });
}

// MARK: Gradients

bool ctorch_set_gradient_mode(bool enabled) {
    const bool before = at::GradMode::is_enabled();
    at::GradMode::set_enabled(enabled);
    return before;
}

bool ctorch_gradient_mode(void) { return at::GradMode::is_enabled(); }

ctorch_status ctorch_set_requires_gradient(ctorch_tensor *x, bool required) {
    return guarded([&] { mut(x).set_requires_grad(required); });
}

bool ctorch_requires_gradient(const ctorch_tensor *x) { return in(x).requires_grad(); }

ctorch_status ctorch_backward(const ctorch_tensor *x, const ctorch_tensor *gradient, bool keeps_graph) {
    return guarded([&] { in(x).backward(gradient ? in(gradient) : at::Tensor(), keeps_graph); });
}

ctorch_status ctorch_gradient(const ctorch_tensor *x, ctorch_tensor **out) {
    return guarded([&] {
        const at::Tensor &gradient = in(x).grad();
        *out = gradient.defined() ? owned(gradient) : nullptr;
    });
}

ctorch_status ctorch_set_gradient(ctorch_tensor *x, const ctorch_tensor *gradient) {
    return guarded([&] { mut(x).mutable_grad() = gradient ? in(gradient) : at::Tensor(); });
}

ctorch_status ctorch_detach(const ctorch_tensor *x, ctorch_tensor **out) {
    return making(out, [&] { return in(x).detach(); });
}

// MARK: In place, without gradient

ctorch_status ctorch_copy_into(ctorch_tensor *x, const ctorch_tensor *source) {
    return guarded([&] {
        at::NoGradGuard guard;
        TORCH_CHECK(in(x).sizes() == in(source).sizes(), "a tensor of shape ", in(source).sizes(), " into one of ", in(x).sizes());
        mut(x).copy_(in(source));
    });
}

ctorch_status ctorch_blend_into(ctorch_tensor *x, double keep, double add, const ctorch_tensor *y) {
    return guarded([&] {
        at::NoGradGuard guard;
        TORCH_CHECK(in(x).sizes() == in(y).sizes(), "a tensor of shape ", in(y).sizes(), " into one of ", in(x).sizes());
        mut(x).mul_(keep).add_(in(y), add);
    });
}

namespace {

// The gradient in the memory order of the weight; undefined where there is none.
at::Tensor gradient_like(const at::Tensor &weight) {
    at::Tensor gradient = weight.grad();
    if (!gradient.defined()) return gradient;
    TORCH_CHECK(gradient.sizes() == weight.sizes(), "a gradient of shape ", gradient.sizes(), " for a weight of ", weight.sizes());
    if (gradient.strides() == weight.strides() && gradient.scalar_type() == weight.scalar_type()) return gradient;
    return at::empty_like(weight).copy_(gradient);
}

// Whether all lie in memory as one gapless run in the same order, so that element i of one belongs to element i of another.
bool run_together(const at::Tensor &weight, std::initializer_list<at::Tensor> others) {
    if (!weight.is_cpu() || !weight.is_non_overlapping_and_dense()) return false;
    for (const at::Tensor &other : others) {
        if (!other.is_cpu() || other.strides() != weight.strides() || other.scalar_type() != weight.scalar_type()) return false;
    }
    return true;
}

// Pieces that do not depend on the number of threads.
constexpr int64_t grain = 1 << 15;

}  // namespace

ctorch_status ctorch_adam_step(const ctorch_adam *settings, ctorch_tensor *const *weights, ctorch_tensor *const *first_moments,
    ctorch_tensor *const *second_moments, int32_t count) {
    return guarded([&] {
        at::NoGradGuard guard;
        const double lr = settings->learning_rate, beta1 = settings->beta1, beta2 = settings->beta2;
        const double correction1 = 1 - std::pow(beta1, static_cast<double>(settings->step));
        const double correction2 = std::sqrt(1 - std::pow(beta2, static_cast<double>(settings->step)));
        const double keep = settings->decouples_decay ? 1 - lr * settings->weight_decay : 1;
        const double decay = settings->decouples_decay ? 0 : settings->weight_decay;
        for (int32_t i = 0; i < count; i++) {
            at::Tensor &weight = mut(weights[i]), &first = mut(first_moments[i]), &second = mut(second_moments[i]);
            const at::Tensor gradient = gradient_like(weight);
            if (!gradient.defined()) continue;
            TORCH_CHECK(first.sizes() == weight.sizes() && second.sizes() == weight.sizes(), "moments of another shape than weight ", i);
            if (!run_together(weight, {gradient, first, second})) {
                at::Tensor g = decay != 0 ? gradient.add(weight, decay) : gradient;
                first.mul_(beta1).add_(g, 1 - beta1);
                second.mul_(beta2).addcmul_(g, g, 1 - beta2);
                weight.mul_(keep).addcdiv_(first, second.sqrt().div_(correction2).add_(settings->epsilon), -lr / correction1);
                continue;
            }
            AT_DISPATCH_FLOATING_TYPES(weight.scalar_type(), "adam", [&] {
                scalar_t *w = weight.data_ptr<scalar_t>(), *m = first.data_ptr<scalar_t>(), *v = second.data_ptr<scalar_t>();
                const scalar_t *g = gradient.data_ptr<scalar_t>();
                const scalar_t b1 = beta1, b2 = beta2, c1 = 1 - beta1, c2 = 1 - beta2, wd = decay, k = keep, eps = settings->epsilon;
                const scalar_t rate = lr / correction1, root = 1 / correction2;
                at::parallel_for(0, weight.numel(), grain, [&](int64_t begin, int64_t end) {
                    for (int64_t j = begin; j < end; j++) {
                        const scalar_t slope = g[j] + wd * w[j];
                        m[j] = b1 * m[j] + c1 * slope;
                        v[j] = b2 * v[j] + c2 * slope * slope;
                        w[j] = k * w[j] - rate * m[j] / (std::sqrt(v[j]) * root + eps);
                    }
                });
            });
        }
    });
}

ctorch_status ctorch_sgd_step(const ctorch_sgd *settings, ctorch_tensor *const *weights, ctorch_tensor *const *velocities, int32_t count) {
    return guarded([&] {
        at::NoGradGuard guard;
        for (int32_t i = 0; i < count; i++) {
            at::Tensor &weight = mut(weights[i]), &velocity = mut(velocities[i]);
            const at::Tensor gradient = gradient_like(weight);
            if (!gradient.defined()) continue;
            TORCH_CHECK(velocity.sizes() == weight.sizes(), "a velocity of another shape than weight ", i);
            if (!run_together(weight, {gradient, velocity})) {
                at::Tensor g = gradient.add(weight, settings->weight_decay);
                velocity.mul_(settings->momentum).add_(g);
                weight.add_(settings->nesterov ? g.add(velocity, settings->momentum) : velocity, -settings->learning_rate);
                continue;
            }
            AT_DISPATCH_FLOATING_TYPES(weight.scalar_type(), "sgd", [&] {
                scalar_t *w = weight.data_ptr<scalar_t>(), *v = velocity.data_ptr<scalar_t>();
                const scalar_t *g = gradient.data_ptr<scalar_t>();
                const scalar_t lr = settings->learning_rate, mu = settings->momentum, wd = settings->weight_decay;
                const bool nesterov = settings->nesterov;
                at::parallel_for(0, weight.numel(), grain, [&](int64_t begin, int64_t end) {
                    for (int64_t j = begin; j < end; j++) {
                        const scalar_t slope = g[j] + wd * w[j];
                        v[j] = mu * v[j] + slope;
                        w[j] -= lr * (nesterov ? slope + mu * v[j] : v[j]);
                    }
                });
            });
        }
    });
}

ctorch_status ctorch_clip_gradients(ctorch_tensor *const *weights, int32_t count, double limit, double *norm) {
    return guarded([&] {
        at::NoGradGuard guard;
        double sum = 0;
        for (int32_t i = 0; i < count; i++) {
            const at::Tensor &gradient = in(weights[i]).grad();
            if (!gradient.defined()) continue;
            const double own = gradient.norm().item<double>();
            sum += own * own;
        }
        *norm = std::sqrt(sum);
        if (!(*norm > limit)) return;
        for (int32_t i = 0; i < count; i++) {
            at::Tensor &gradient = mut(weights[i]).mutable_grad();
            if (gradient.defined()) gradient.mul_(limit / *norm);
        }
    });
}
