import Tensors

/// One operator, or a family of operators that differ in a detail: what types it makes, and the kernel that makes the values.
///
/// Every shape is known when an operator is asked: it is asked at load only, and what it returns runs without deciding
/// anything again. Both functions may be called with input from a hostile file: they check what they use, through
/// ``NodeContext``, whose sizes are bounded so that sums and products of two of them do not overflow.
protocol Operator: Sendable {
    /// ONNX names, for example `["Add", "Sub"]`; ``NodeContext/operation`` says which one is meant.
    static var names: [String] { get }

    init()

    /// Shape and element type of each output. A shape that depends on an input's value asks ``NodeContext/constantInts(_:)``.
    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType]

    /// The computation, for the output types in ``NodeContext/outputs``.
    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel
}

/// What an operator does at run time.
struct Kernel {
    enum Body {
        /// Output 0 is the bytes of this input under another shape; nothing runs.
        case view(ofInput: Int)
        /// Reads inputs, writes every element of every output. Must not allocate.
        case compute((KernelArguments) -> Void)
    }

    var body: Body
    /// Bytes of working memory that ``KernelArguments/scratch(as:)`` gives, undefined content, 64-byte aligned.
    var scratchBytes = 0
    /// Inputs whose memory output 0 may take over: the kernel reads element `i` of them before it writes element `i`.
    var inPlaceInputs: [Int] = []
    /// Constant inputs that the kernel has packed for itself and does not read.
    var unreadInputs: Set<Int> = []
    /// Multiply-accumulates of one run, for profiles and limits.
    var multiplyAccumulates = 0

    init(_ body: Body) { self.body = body }

    init(_ compute: @escaping (KernelArguments) -> Void) { body = .compute(compute) }
}

/// The memory that a kernel works on in one run. Made at load; thread-bound.
@safe final class KernelArguments {
    private let inputs: [UnsafeMutableRawPointer?]
    private let outputs: [UnsafeMutableRawPointer?]
    private let scratchBase: UnsafeMutableRawPointer?
    private let inputBytes: [Int]
    private let outputBytes: [Int]
    private let scratchBytes: Int

    init(
        inputs: [(UnsafeMutableRawPointer?, bytes: Int)], outputs: [(UnsafeMutableRawPointer?, bytes: Int)],
        scratch: UnsafeMutableRawPointer?, scratchBytes: Int
    ) {
        unsafe self.inputs = unsafe inputs.map { unsafe $0.0 }
        unsafe self.outputs = unsafe outputs.map { unsafe $0.0 }
        inputBytes = unsafe inputs.map { unsafe $0.bytes }
        outputBytes = unsafe outputs.map { unsafe $0.bytes }
        unsafe scratchBase = scratch
        self.scratchBytes = scratchBytes
    }

    /// The elements of an input, row-major; empty where it is left out.
    @_lifetime(borrow self)
    func input<E: TensorElement>(_ index: Int, as type: E.Type = E.self) -> Span<E> {
        let bytes = unsafe inputs[index] == nil ? 0 : inputBytes[index]
        let buffer = unsafe UnsafeBufferPointer(
            start: inputs[index]?.assumingMemoryBound(to: E.self), count: bytes / MemoryLayout<E>.stride)
        return unsafe _overrideLifetime(Span(_unsafeElements: buffer), borrowing: self)
    }

    /// The elements of an output, row-major, undefined before they are written; empty where nothing reads the output.
    @_lifetime(borrow self)
    func output<E: TensorElement>(_ index: Int, as type: E.Type = E.self) -> MutableSpan<E> {
        let bytes = unsafe outputs[index] == nil ? 0 : outputBytes[index]
        let buffer = unsafe UnsafeMutableBufferPointer(
            start: outputs[index]?.assumingMemoryBound(to: E.self), count: bytes / MemoryLayout<E>.stride)
        return unsafe _overrideLifetime(MutableSpan(_unsafeElements: buffer), borrowing: self)
    }

    /// Working memory, undefined content.
    @_lifetime(borrow self)
    func scratch<E: TensorElement>(as type: E.Type = E.self) -> MutableSpan<E> {
        let buffer = unsafe UnsafeMutableBufferPointer(
            start: scratchBase?.assumingMemoryBound(to: E.self), count: scratchBytes / MemoryLayout<E>.stride)
        return unsafe _overrideLifetime(MutableSpan(_unsafeElements: buffer), borrowing: self)
    }

    func hasOutput(_ index: Int) -> Bool { unsafe index < outputs.count && outputs[index] != nil }
    func hasInput(_ index: Int) -> Bool { unsafe index < inputs.count && inputs[index] != nil }

    /// For C kernels and hot loops. Valid for the bytes of the input's type.
    @unsafe func inputPointer<E>(_ index: Int, as type: E.Type = E.self) -> UnsafePointer<E> {
        unsafe UnsafePointer(inputs[index]!.assumingMemoryBound(to: E.self))
    }

    /// For C kernels that take a missing input as a null pointer.
    @unsafe func optionalInputPointer<E>(_ index: Int, as type: E.Type = E.self) -> UnsafePointer<E>? {
        guard unsafe index < inputs.count, let base = unsafe inputs[index] else { return nil }
        return unsafe UnsafePointer(base.assumingMemoryBound(to: E.self))
    }

    @unsafe func outputPointer<E>(_ index: Int, as type: E.Type = E.self) -> UnsafeMutablePointer<E> {
        unsafe outputs[index]!.assumingMemoryBound(to: E.self)
    }

    @unsafe func scratchPointer<E>(as type: E.Type = E.self) -> UnsafeMutablePointer<E> {
        unsafe scratchBase!.assumingMemoryBound(to: E.self)
    }
}
