import ModelBundle
import Tensors

/// Rewrites a program for one chunk of frames so that every layer that looks along time sees the frames before the chunk too.
///
/// Frames are counted from the start of the stream. In step m a value with n frames a step holds frames m·n − d … (m+1)·n − d − 1,
/// where d is its delay. A layer with kernel k, dilation e, stride s and padding p before reads frames o·s − p … o·s − p + (k−1)·e
/// for its frame o; the last frame of a step must have been read, so that its delay is d′ = ⌈(d + (k−1)·e − p − s + 1) / s⌉.
struct TimeRewriting {
    private let source: Program
    private let tracing: TimeTracing
    private let chunk: Int
    private let memory: StreamMemory
    private let limit: Int
    private(set) var result: Program
    /// Units by which all outputs are late.
    private(set) var delay = 0
    private(set) var outputAxes: [Int] = []

    private struct Timing {
        var axis: Int
        /// Frames in a step.
        var frames: Int
        var delay: Int
        /// Frames in a stream of so many units.
        var length: (Int) -> Int
    }
    private var timings: [Program.ValueID: Timing] = [:]

    init(_ program: Program, tracing: TimeTracing, chunk: Int, memory: StreamMemory, limit: Int) throws(InferenceError) {
        guard tracing.axes.count == program.values.count else {
            throw InferenceError(.unsupported, "the graph has another structure for one frame than for two; use a chunk of at least 2")
        }
        source = program
        self.tracing = tracing
        self.chunk = chunk
        self.memory = memory
        self.limit = limit
        result = program
        result.operations = []
    }

    mutating func run() throws(InferenceError) {
        for id in source.inputs {
            guard let axis = tracing.axes[id] else { continue }
            let frames = source.values[id].type.shape[axis]
            guard frames >= chunk, frames % chunk == 0 else {
                throw InferenceError(.binding, "input '\(source.values[id].name)': \(frames) frames in \(chunk) units")
            }
            let rate = frames / chunk
            timings[id] = Timing(axis: axis, frames: frames, delay: 0, length: { $0 * rate })
        }
        for operation in source.operations { try rewrite(operation) }
        var ends: [(id: Program.ValueID, timing: Timing, rate: Int)] = []
        for output in source.outputs {
            guard let timing = timings[output] else {
                if let reason = tracing.failures[output] { throw InferenceError(.unsupported, reason) }
                throw InferenceError(.binding, "output '\(source.values[output].name)' does not change with time")
            }
            guard timing.frames >= chunk, timing.frames % chunk == 0 else {
                throw InferenceError(.unsupported, "output '\(source.values[output].name)' has \(timing.frames) frames in \(chunk) units; choose a larger chunk")
            }
            let rate = timing.frames / chunk
            ends.append((output, timing, rate))
            delay = max(delay, (timing.delay + rate - 1) / rate)
        }
        // All outputs are late by the same time.
        for (position, end) in ends.enumerated() {
            result.outputs[position] = try delayed(end.id, by: delay * end.rate - end.timing.delay, name: "output")
            outputAxes.append(end.timing.axis)
        }
    }

    private mutating func rewrite(_ operation: Program.Operation) throws(InferenceError) {
        guard case let output?? = operation.outputs.first, tracing.axes[output] != nil else {
            result.operations.append(operation)
            return
        }
        if let reason = tracing.failures[output] { throw InferenceError(.unsupported, reason) }
        let axis = tracing.axes[output]!
        let timed = operation.inputs.compactMap { $0 }.filter { timings[$0] != nil }
        guard let first = timed.first, let timing = timings[first] else { throw InferenceError(.unsupported, "node '\(operation.name)' has no timed input") }
        if ["Conv", "MaxPool", "AveragePool"].contains(operation.kind), timing.axis >= 2,
            try rewriteWindow(operation, first, timing, output)
        {
            return
        }
        // Everything else works on each frame alone: its inputs must hold the same frames.
        var operation = operation
        let latest = timed.map { timings[$0]!.delay }.max()!
        for (position, input) in operation.inputs.enumerated() {
            guard let input, let own = timings[input] else { continue }
            guard own.frames == timing.frames else {
                throw InferenceError(.unsupported, "node '\(operation.name)' joins \(own.frames) and \(timing.frames) frames of the same time")
            }
            operation.inputs[position] = try delayed(input, by: latest - own.delay, name: operation.name)
        }
        timings[output] = Timing(axis: axis, frames: timing.frames, delay: latest, length: timing.length)
        result.operations.append(operation)
    }

    /// A value some frames later.
    private mutating func delayed(_ id: Program.ValueID, by frames: Int, name: String) throws(InferenceError) -> Program.ValueID {
        guard frames > 0, let timing = timings[id] else { return id }
        return try buffer(id, timing, history: frames, skipped: 0, count: timing.frames, fill: 0, name: name + " delay")
    }

    /// `history` frames before a step's own frames, of which the first `skipped` are left out and `count` taken.
    private mutating func buffer(
        _ id: Program.ValueID, _ timing: Timing, history: Int, skipped: Int, count: Int, fill: Float, name: String
    ) throws(InferenceError) -> Program.ValueID {
        var value = source.values[id]
        guard value.type.elementType == .float32 else {
            throw InferenceError(.unsupported, "node '\(name)': frames of \(value.type.elementType) are not kept; only float32")
        }
        let frame = value.type.count / timing.frames
        var shape = value.type.shape
        shape[timing.axis] = count
        // History and one step: the layers over time work on a ring of both.
        guard let slot = memory.reserve(floats: frame * (history + timing.frames), fill: fill, limit: limit, length: timing.length),
            let type = TensorType(shape, .float32, limit: min(limit, NodeContext.bound))
        else { throw InferenceError(.tooLarge, "the state of a stream is larger than \(limit) bytes") }
        value.type = type
        value.name = name
        let target = result.add(value)
        result.operations.append(
            Program.Operation(
                kind: "fwoc.TimeBuffer", name: name, opset: 1,
                attributes: [
                    "axis": .int(timing.axis), "history": .int(history), "skipped": .int(skipped), "count": .int(count), "slot": .int(slot),
                    "delay": .int(timing.delay), "fill": .float(fill),
                ], inputs: [id], outputs: [target]))
        return target
    }

    /// - Returns: false where the window does not look along time.
    private mutating func rewriteWindow(
        _ operation: Program.Operation, _ input: Program.ValueID, _ timing: Timing, _ output: Program.ValueID
    ) throws(InferenceError) -> Bool {
        let rank = source.values[input].type.rank - 2
        let axis = timing.axis - 2
        func ints(_ name: String) -> [Int]? {
            if case .ints(let values)? = operation.attributes[name] { return values }
            return nil
        }
        func refuse(_ reason: String) -> InferenceError { InferenceError(.unsupported, "\(operation.kind) node '\(operation.name)': \(reason) along time") }
        let weights = operation.kind == "Conv" ? operation.inputs[1].map { Array(source.values[$0].type.shape.dropFirst(2)) } : nil
        guard let kernel = weights ?? ints("kernel_shape") else { return false }
        let k = kernel[axis], stride = ints("strides")?[axis] ?? 1, dilation = ints("dilations")?[axis] ?? 1
        if case .string(let mode)? = operation.attributes["auto_pad"], mode != "NOTSET" { throw refuse("auto_pad \(mode) is not supported") }
        var pads = ints("pads") ?? [Int](repeating: 0, count: 2 * rank)
        let before = pads[axis], after = pads[rank + axis]
        if k == 1 && stride == 1 && before == 0 && after == 0 { return false }
        if case .int(let ceil)? = operation.attributes["ceil_mode"], ceil != 0 { throw refuse("ceil_mode is not supported") }
        if operation.kind == "AveragePool" && (before > 0 || after > 0) && operation.attributes["count_include_pad"] != .int(1) {
            throw refuse("a mean that leaves padding out is not supported")
        }
        let frames = source.values[output].type.shape[timing.axis]
        guard frames * stride == timing.frames else {
            throw refuse("\(timing.frames) frames become \(frames), expected \(timing.frames) / \(stride); padding must keep the length, and the chunk be a multiple of the strides,")
        }
        let reach = (k - 1) * dilation
        let numerator = timing.delay + reach - before - stride + 1
        let late = numerator <= 0 ? 0 : (numerator + stride - 1) / stride
        // The oldest frame read, relative to the first frame of the step.
        let history = late * stride + before - timing.delay
        let count = (frames - 1) * stride + reach + 1
        pads[axis] = 0
        pads[rank + axis] = 0
        var operation = operation
        operation.attributes["pads"] = .ints(pads)
        operation.inputs[0] = try buffer(
            input, timing, history: max(history, 0), skipped: max(-history, 0), count: count,
            fill: operation.kind == "MaxPool" ? -.infinity : 0, name: operation.name + " frames")
        let length = timing.length
        timings[output] = Timing(
            axis: timing.axis, frames: frames, delay: late,
            length: { units in Swift.max(0, (length(units) + before + after - reach - 1) / stride + 1) })
        result.operations.append(operation)
        return true
    }
}
