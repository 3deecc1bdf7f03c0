import CKernels
import ModelBundle
import Tensors

/// Sizes and attributes that `LSTM`, `GRU` and `RNN` share, checked against their inputs.
///
/// Inputs: x [steps, batch, features], w [directions, gates · hidden, features], r [directions, gates · hidden, hidden],
/// b [directions, 2 · gates · hidden], lengths [batch], initial hidden state [directions, batch, hidden]; then those of the LSTM.
/// With `layout` 1 the batch comes first in x, the states and the outputs.
struct RecurrentLayer {
    let gates: Int
    let steps: Int, batch: Int, features: Int, hidden: Int, directions: Int
    let isBatchFirst: Bool
    let clip: Float
    let variant: Int32
    /// For each direction, the activations in ONNX's order.
    let activations: [[RecurrentActivation]]
    private let isFirstReversed: Bool

    init(_ node: NodeContext, gates: Int, defaults: [String]) throws(InferenceError) {
        self.gates = gates
        isBatchFirst = try node.int("layout", default: 0) != 0
        let x = try node.type(0, among: [.float32]).shape
        guard x.count == 3 else { throw node.malformed("x of shape \(x); expected three dimensions") }
        steps = isBatchFirst ? x[1] : x[0]
        batch = isBatchFirst ? x[0] : x[1]
        features = x[2]
        let direction = try node.string("direction", default: "forward")
        guard ["forward", "reverse", "bidirectional"].contains(direction) else { throw node.malformed("direction '\(direction)'") }
        directions = direction == "bidirectional" ? 2 : 1
        isFirstReversed = direction == "reverse"
        let r = try node.shape(2)
        hidden = try node.int("hidden_size", default: r.last ?? 0)
        guard hidden >= 1, features >= 1 else { throw node.malformed("\(hidden) hidden units over \(features) features; expected at least one each") }
        func check(_ index: Int, _ shape: [Int], _ type: ElementType = .float32) throws(InferenceError) {
            guard node.hasInput(index) else { return }
            guard try node.type(index, among: [type]).shape == shape else {
                throw node.malformed("input \(index) of shape \(try node.shape(index)), expected \(shape)")
            }
        }
        _ = try node.type(1, among: [.float32])
        try check(1, [directions, gates * hidden, features])
        try check(2, [directions, gates * hidden, hidden])
        try check(3, [directions, 2 * gates * hidden])
        try check(4, [batch], .int32)
        let state = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        try check(5, state)
        try check(6, state)
        try check(7, [directions, 3 * hidden])
        clip = try node.float("clip", default: 0)
        variant = node.options.variant
        activations = try RecurrentActivation.parse(node, defaults: defaults, directions: directions)
    }

    func outputTypes(_ node: NodeContext, stateCount: Int) throws(InferenceError) -> [TensorType] {
        let all = isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
        let last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        var types = [try node.makeType(all, .float32)]
        for _ in 0..<stateCount { types.append(try node.makeType(last, .float32)) }
        return types
    }

    /// Multiply-accumulates of one run.
    func work(_ node: NodeContext) throws(InferenceError) -> Int {
        let rows = try node.makeType([max(steps, 1), max(batch, 1), directions, gates, hidden], .float32).count
        let (work, overflow) = rows.multipliedReportingOverflow(by: features + hidden)
        guard !overflow else { throw InferenceError(.tooLarge, "\(node.label): more multiply-accumulates than can be counted") }
        return work
    }

    func isReversed(_ direction: Int) -> Bool { direction == 1 || isFirstReversed }

    /// The row of x, and of what is computed from it, that holds one step of one sequence.
    func row(step: Int, sequence: Int) -> Int { isBatchFirst ? sequence * steps + step : step * batch + sequence }

    /// Element offset in the output of all steps.
    func outputOffset(step: Int, direction: Int, sequence: Int) -> Int {
        isBatchFirst
            ? ((sequence * steps + step) * directions + direction) * hidden
            : ((step * directions + direction) * batch + sequence) * hidden
    }

    /// Element offset in a state.
    func stateOffset(direction: Int, sequence: Int) -> Int {
        (isBatchFirst ? sequence * directions + direction : direction * batch + sequence) * hidden
    }

    /// The steps that a sequence has: all, or what input 4 says.
    func length(_ arguments: KernelArguments, sequence: Int) -> Int {
        arguments.hasInput(4) ? max(0, min(Int(arguments.input(4, as: Int32.self)[sequence]), steps)) : steps
    }

    /// Where a state is kept between steps: the output for it, or scratch where nobody reads that.
    @unsafe func state(_ arguments: KernelArguments, output: Int, input: Int, scratch: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> {
        let count = directions * batch * hidden
        let state = unsafe arguments.hasOutput(output) ? arguments.outputPointer(output, as: Float.self) : scratch
        if let initial = unsafe arguments.optionalInputPointer(input, as: Float.self) {
            unsafe state.update(from: initial, count: count)
        } else {
            unsafe state.update(repeating: 0, count: count)
        }
        return unsafe state
    }

    /// Limits to ±`clip` where there is one, then applies an activation, in place.
    @unsafe func activate(_ activation: RecurrentActivation, _ values: UnsafeMutablePointer<Float>) {
        if clip > 0 {
            for index in 0..<hidden { unsafe values[index] = unsafe min(max(values[index], -clip), clip) }
        }
        unsafe activation.apply(values, count: hidden, variant: variant)
    }
}

/// A recurrent layer's weight matrix for one direction, transposed for products with rows on the left: packed at load where
/// it is constant, at each run where it is not.
struct RecurrentMatrix {
    private let depth: Int, columns: Int, input: Int, offset: Int
    private let packed: PackedMatrix?
    private let scratch: ScratchLayout.Piece
    private let variant: Int32

    /// - Parameters:
    ///   - rows: which rows of the direction's matrix become columns of the product.
    init(_ node: NodeContext, _ layer: RecurrentLayer, input: Int, direction: Int, rows: Range<Int>, scratch layout: inout ScratchLayout) throws(InferenceError) {
        let shape = try node.shape(input)
        depth = shape[2]
        columns = rows.count
        self.input = input
        offset = (direction * shape[1] + rows.lowerBound) * depth
        variant = layer.variant
        if let tensor = node.inputs[input]?.constant {
            packed = PackedMatrix(node, tensor, depth: depth, columns: columns, rowStride: 1, columnStride: depth, offset: offset, bias: nil)
            scratch = try layout.add(0)
        } else {
            packed = nil
            scratch = try layout.add(Int(inference_matrix_packed_count(variant, Int64(depth), Int64(columns))))
        }
    }

    var isPacked: Bool { packed != nil }

    /// Packs where that was not done at load; before the products of a run.
    @unsafe func prepare(_ arguments: KernelArguments) {
        guard packed == nil else { return }
        let target = unsafe arguments.scratchPointer(as: Float.self) + scratch.offset
        unsafe inference_matrix_pack(
            variant, Int64(depth), Int64(columns), arguments.inputPointer(input, as: Float.self) + offset, 1, Int64(depth), nil, target)
    }

    /// c[m, columns] = a[m, depth] · this, the rows of c `stride` apart.
    @unsafe func multiply(_ arguments: KernelArguments, rows: Int, _ a: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, stride: Int) {
        let matrix = unsafe packed?.pointer ?? UnsafePointer(arguments.scratchPointer(as: Float.self) + scratch.offset)
        unsafe inference_matrix_multiply(
            variant, Int64(rows), Int64(depth), Int64(columns), a, Int64(depth), matrix, .identity, nil, nil, c, Int64(stride))
    }
}

/// Gives out pieces of a kernel's working memory, in floats, each at a 64-byte boundary with room to read a vector past it.
struct ScratchLayout {
    struct Piece {
        let offset: Int
    }

    private let node: NodeContext
    private var count = 0

    init(_ node: NodeContext) { self.node = node }

    var byteCount: Int { count * 4 }

    mutating func add(_ floats: Int) throws(InferenceError) -> Piece {
        let piece = Piece(offset: count)
        _ = try node.makeType([floats], .float32)
        count += (floats + 15) / 16 * 16 + 16
        _ = try node.makeType([count], .float32)
        return piece
    }
}
