import CTorch

/// Elementwise arithmetic, comparisons and reductions. Two operands broadcast as NumPy's do; a number takes the type of the tensor.
extension TorchTensor {
    func unary(_ operation: ctorch_unary_op, _ name: StaticString, _ a: Double = 0, _ b: Double = 0) throws(TorchError) -> TorchTensor {
        try Self.make(name) { unsafe ctorch_unary(operation, handle, a, b, $0.pointer) }
    }

    func binary(_ operation: ctorch_binary_op, _ name: StaticString, _ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make(name) { unsafe ctorch_binary(operation, handle, other.handle, $0.pointer) }
    }

    func binary(_ operation: ctorch_binary_op, _ name: StaticString, _ other: Double) throws(TorchError) -> TorchTensor {
        try Self.make(name) { unsafe ctorch_binary_scalar(operation, handle, other, $0.pointer) }
    }

    public static func + (x: TorchTensor, y: TorchTensor) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_ADD, "add", y) }
    public static func - (x: TorchTensor, y: TorchTensor) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_SUB, "subtract", y) }
    public static func * (x: TorchTensor, y: TorchTensor) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_MUL, "multiply", y) }
    /// Integers are rounded towards zero.
    public static func / (x: TorchTensor, y: TorchTensor) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_DIV, "divide", y) }
    public static func + (x: TorchTensor, y: Double) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_ADD, "add", y) }
    public static func - (x: TorchTensor, y: Double) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_SUB, "subtract", y) }
    public static func * (x: TorchTensor, y: Double) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_MUL, "multiply", y) }
    public static func / (x: TorchTensor, y: Double) throws(TorchError) -> TorchTensor { try x.binary(CTORCH_DIV, "divide", y) }
    public static prefix func - (x: TorchTensor) throws(TorchError) -> TorchTensor { try x.unary(CTORCH_NEG, "negate") }

    public func power(_ exponent: TorchTensor) throws(TorchError) -> TorchTensor { try binary(CTORCH_POW, "power", exponent) }
    public func power(_ exponent: Double) throws(TorchError) -> TorchTensor { try binary(CTORCH_POW, "power", exponent) }
    public func maximum(_ other: TorchTensor) throws(TorchError) -> TorchTensor { try binary(CTORCH_MAXIMUM, "maximum", other) }
    public func minimum(_ other: TorchTensor) throws(TorchError) -> TorchTensor { try binary(CTORCH_MINIMUM, "minimum", other) }
    public func clamped(_ lower: Double, _ upper: Double) throws(TorchError) -> TorchTensor { try unary(CTORCH_CLAMP, "clamp", lower, upper) }

    public func isEqual(to other: TorchTensor) throws(TorchError) -> TorchTensor { try binary(CTORCH_EQ, "compare", other) }
    public func isLess(than other: TorchTensor) throws(TorchError) -> TorchTensor { try binary(CTORCH_LT, "compare", other) }
    public func isGreater(than other: TorchTensor) throws(TorchError) -> TorchTensor { try binary(CTORCH_GT, "compare", other) }
    public func isLess(than other: Double) throws(TorchError) -> TorchTensor { try binary(CTORCH_LT, "compare", other) }
    public func isGreater(than other: Double) throws(TorchError) -> TorchTensor { try binary(CTORCH_GT, "compare", other) }
    public func logicalNot() throws(TorchError) -> TorchTensor { try unary(CTORCH_LOGICAL_NOT, "not") }

    public func exp() throws(TorchError) -> TorchTensor { try unary(CTORCH_EXP, "exp") }
    public func log() throws(TorchError) -> TorchTensor { try unary(CTORCH_LOG, "log") }
    public func log1p() throws(TorchError) -> TorchTensor { try unary(CTORCH_LOG1P, "log1p") }
    public func squareRoot() throws(TorchError) -> TorchTensor { try unary(CTORCH_SQRT, "square root") }
    public func square() throws(TorchError) -> TorchTensor { try unary(CTORCH_SQUARE, "square") }
    public func absolute() throws(TorchError) -> TorchTensor { try unary(CTORCH_ABS, "absolute") }
    public func sign() throws(TorchError) -> TorchTensor { try unary(CTORCH_SIGN, "sign") }
    public func cosine() throws(TorchError) -> TorchTensor { try unary(CTORCH_COS, "cosine") }
    public func sine() throws(TorchError) -> TorchTensor { try unary(CTORCH_SIN, "sine") }
    public func arcCosine() throws(TorchError) -> TorchTensor { try unary(CTORCH_ACOS, "arc cosine") }
    public func relu() throws(TorchError) -> TorchTensor { try unary(CTORCH_RELU, "relu") }
    public func sigmoid() throws(TorchError) -> TorchTensor { try unary(CTORCH_SIGMOID, "sigmoid") }
    public func logSigmoid() throws(TorchError) -> TorchTensor { try unary(CTORCH_LOG_SIGMOID, "log sigmoid") }
    public func tanh() throws(TorchError) -> TorchTensor { try unary(CTORCH_TANH, "tanh") }
    public func softplus() throws(TorchError) -> TorchTensor { try unary(CTORCH_SOFTPLUS, "softplus") }
    public func isNaN() throws(TorchError) -> TorchTensor { try unary(CTORCH_IS_NAN, "is NaN") }

    /// x where the condition (a boolean tensor, self) holds, y elsewhere.
    public func selecting(_ x: TorchTensor, else y: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.make("where") { unsafe ctorch_where(handle, x.handle, y.handle, $0.pointer) }
    }

    // MARK: Reductions

    func reduce(_ operation: ctorch_reduce_op, _ name: StaticString, _ axes: [Int]?, _ keepsAxes: Bool) throws(TorchError) -> TorchTensor {
        let dims = (axes ?? Array(0..<rank)).map { Int64($0) }
        return try Self.make(name) { unsafe ctorch_reduce(operation, handle, dims, Int32(dims.count), keepsAxes, $0.pointer) }
    }

    /// Over `axes` (negative ones from the back), or over everything.
    public func sum(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor { try reduce(CTORCH_SUM, "sum", axes, keepsAxes) }
    public func mean(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor { try reduce(CTORCH_MEAN, "mean", axes, keepsAxes) }
    public func max(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor { try reduce(CTORCH_MAX, "max", axes, keepsAxes) }
    public func min(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor { try reduce(CTORCH_MIN, "min", axes, keepsAxes) }
    /// Divided by the count, not by the count less one.
    public func variance(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce(CTORCH_VARIANCE, "variance", axes, keepsAxes)
    }
    public func norm(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor { try reduce(CTORCH_NORM2, "norm", axes, keepsAxes) }
    public func logSumExp(_ axes: [Int]? = nil, keepsAxes: Bool = false) throws(TorchError) -> TorchTensor {
        try reduce(CTORCH_LOG_SUM_EXP, "log sum exp", axes, keepsAxes)
    }
    public func all(_ axes: [Int]? = nil) throws(TorchError) -> TorchTensor { try reduce(CTORCH_ALL, "all", axes, false) }
    public func any(_ axes: [Int]? = nil) throws(TorchError) -> TorchTensor { try reduce(CTORCH_ANY, "any", axes, false) }

    /// int64 positions of the largest element along an axis.
    public func argMax(_ axis: Int, keepsAxis: Bool = false) throws(TorchError) -> TorchTensor {
        try Self.make("argmax") { unsafe ctorch_arg_extreme(true, handle, Int64(axis), keepsAxis, $0.pointer) }
    }

    public func argMin(_ axis: Int, keepsAxis: Bool = false) throws(TorchError) -> TorchTensor {
        try Self.make("argmin") { unsafe ctorch_arg_extreme(false, handle, Int64(axis), keepsAxis, $0.pointer) }
    }

    public func cumulativeSum(_ axis: Int) throws(TorchError) -> TorchTensor {
        try Self.make("cumulative sum") { unsafe ctorch_cumulative_sum(handle, Int64(axis), $0.pointer) }
    }

    public func softmax(_ axis: Int = -1) throws(TorchError) -> TorchTensor {
        try Self.make("softmax") { unsafe ctorch_softmax(handle, Int64(axis), false, $0.pointer) }
    }

    public func logSoftmax(_ axis: Int = -1) throws(TorchError) -> TorchTensor {
        try Self.make("log softmax") { unsafe ctorch_softmax(handle, Int64(axis), true, $0.pointer) }
    }

    /// Values and int64 positions of the `k` largest (or smallest) along an axis.
    public func top(_ k: Int, axis: Int = -1, isLargest: Bool = true, isSorted: Bool = true) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        try Self.makePair("top k") { unsafe ctorch_top_k(handle, Int64(k), Int64(axis), isLargest, isSorted, $0.pointer, $1.pointer) }
    }

    /// Values and int64 positions in order; equal elements keep theirs.
    public func sorted(axis: Int = -1, isDescending: Bool = false) throws(TorchError) -> (values: TorchTensor, indices: TorchTensor) {
        try Self.makePair("sort") { unsafe ctorch_sort(handle, Int64(axis), isDescending, $0.pointer, $1.pointer) }
    }

    static func makePair(
        _ operation: StaticString, _ body: (Slot, Slot) -> ctorch_status
    ) throws(TorchError) -> (TorchTensor, TorchTensor) {
        var second: OpaquePointer?
        let first = try make(operation) { first in unsafe withUnsafeMutablePointer(to: &second) { unsafe body(first, Slot(pointer: $0)) } }
        guard let second = unsafe second else { throw TorchError(operation: "\(operation)", message: "one tensor where two were expected") }
        return (first, unsafe TorchTensor(owning: second))
    }

    /// `count` draws for each row of weights [rows, classes] (not negative, with a positive sum) → int64 [rows, count].
    public func multinomial(_ count: Int, isReplaced: Bool = true) throws(TorchError) -> TorchTensor {
        try Self.make("multinomial") { unsafe ctorch_multinomial(handle, Int64(count), isReplaced, $0.pointer) }
    }
}
