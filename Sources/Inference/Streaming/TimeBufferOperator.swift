import CKernels
import ModelBundle
import Tensors

/// Frames of a stream before a step's own frames, which then join them: `fwoc.TimeBuffer`.
///
/// Frames that lie before the start or after the end of the stream are replaced by the fill value.
struct TimeBufferOperator: Operator {
    static let names = ["fwoc.TimeBuffer"]

    /// Attributes of a buffer, which the engine itself has written.
    struct Buffer {
        let axis: Int, history: Int, skipped: Int, count: Int, slot: Int, delay: Int
        let fill: Float
        let memory: StreamMemory
        /// Frames in a step.
        let frames: Int

        init(_ node: NodeContext) throws(InferenceError) {
            axis = try node.int("axis")
            history = try node.int("history")
            skipped = try node.int("skipped")
            count = try node.int("count")
            slot = try node.int("slot")
            delay = try node.int("delay")
            fill = try node.float("fill")
            guard let memory = node.options.stream else { throw node.unsupported("only in a streaming network") }
            self.memory = memory
            frames = try node.shape(0)[axis]
        }

        /// The buffer's memory in the stream that runs now.
        @unsafe var base: UnsafeMutablePointer<Float> {
            let state = memory.current!
            return unsafe (state.storage.base + memory.slots[slot].offset).assumingMemoryBound(to: Float.self)
        }

        /// Which of a step's frames exist.
        func existing() -> Range<Int> {
            let state = memory.current!
            let first = state.steps * frames - delay
            let lower = min(max(-first, 0), frames)
            let length = state.bufferLengths[slot]
            return lower..<max(lower, min(frames, length == .max ? frames : length - first))
        }
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let buffer = try Buffer(node)
        var shape = try node.type(0, among: [.float32]).shape
        shape[buffer.axis] = buffer.count
        return [try node.makeType(shape, .float32)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let buffer = try Buffer(node)
        let shape = try node.shape(0)
        let outer = shape[..<buffer.axis].reduce(1, *), inner = shape[(buffer.axis + 1)...].reduce(1, *)
        let frames = buffer.frames, history = buffer.history, total = history + frames
        return Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            let state = unsafe buffer.base
            let existing = buffer.existing()
            for block in 0..<outer {
                // [history, step] of this block; the step's end is the next history.
                let line = unsafe state + block * total * inner
                for frame in 0..<frames {
                    let target = unsafe line + (history + frame) * inner
                    if existing.contains(frame) {
                        unsafe target.update(from: x + (block * frames + frame) * inner, count: inner)
                    } else {
                        unsafe target.update(repeating: buffer.fill, count: inner)
                    }
                }
                unsafe (y + block * buffer.count * inner).update(from: line + buffer.skipped * inner, count: buffer.count * inner)
                unsafe line.update(from: line + frames * inner, count: history * inner)
            }
        }
    }
}

/// A buffer and the convolution over time that reads it, without copying the frames together: `fwoc.TimeConv`.
///
/// The frames are in a ring; the kernel takes them from there. Attributes and inputs are those of `fwoc.Conv` on the input of
/// the buffer, with the buffer's beside them; time is the first spatial axis, the batch is 1.
struct TimeConvOperator: Operator {
    static let names = ["fwoc.TimeConv"]

    /// The convolution as it looks at all frames of the ring.
    private static func wholeContext(_ node: NodeContext) throws(InferenceError) -> NodeContext {
        let buffer = try TimeBufferOperator.Buffer(node)
        let input = try node.input(0)
        var shape = input.type.shape
        shape[buffer.axis] = buffer.count
        var inputs = node.inputs
        inputs[0] = NodeContext.Input(name: input.name, type: try node.makeType(shape, .float32), constant: nil, origin: input.origin)
        return NodeContext(
            operation: "fwoc.Conv", name: node.name, opset: node.opset, inputs: inputs, outputs: node.outputs, outputCount: 1,
            attributes: node.attributes, options: node.options, weights: node.weights)
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        try FusedConvOperator().outputTypes(Self.wholeContext(node))
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let buffer = try TimeBufferOperator.Buffer(node)
        let whole = try Self.wholeContext(node)
        let prepared = try FusedConvOperator.joined(whole)
        let variant = node.options.variant
        let frame = try node.type(0).count / buffer.frames
        let frames = buffer.frames, ring = buffer.history + buffer.frames
        var kernel = Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let state = unsafe buffer.base
            let existing = buffer.existing()
            // Step m writes its frames at m·n … of the ring; the oldest frame follows the newest.
            let start = buffer.memory.current!.steps * frames % ring
            for index in 0..<frames {
                let target = unsafe state + (start + index) % ring * frame
                if existing.contains(index) {
                    unsafe target.update(from: x + index * frame, count: frame)
                } else {
                    unsafe target.update(repeating: buffer.fill, count: frame)
                }
            }
            var description = prepared.description
            description.depth_ring = Int64(ring)
            description.depth_shift = Int64((start + frames + buffer.skipped) % ring)
            unsafe inference_conv_run(
                variant, &description, state, prepared.weights, arguments.optionalInputPointer(3), arguments.optionalInputPointer(4),
                arguments.outputPointer(0), UnsafeMutableRawPointer(arguments.scratchPointer(as: UInt8.self)))
        }
        kernel.unreadInputs = [1, 2]
        kernel.scratchBytes = prepared.scratchBytes(variant)
        kernel.multiplyAccumulates = prepared.work
        return kernel
    }
}

extension Program {
    /// Joins buffers of frames with the convolutions that read them.
    mutating func joinTimeBuffers() {
        let uses = useCounts
        var buffers: [ValueID: Int] = [:]
        for (index, operation) in operations.enumerated() where operation.kind == "fwoc.TimeBuffer" {
            if let output = operation.outputs[0], uses[output] == 1 { buffers[output] = index }
        }
        var removed: Set<Int> = []
        for index in operations.indices where operations[index].kind == "fwoc.Conv" {
            guard let input = operations[index].inputs[0], let position = buffers[input], operations[index].attributes["planar"] == nil,
                operations[index].attributes["group"] == nil || operations[index].attributes["group"] == .int(1),
                let source = operations[position].inputs[0], case .int(1)? = operations[position].attributes["axis"],
                values[source].type.rank == 5, values[source].type.shape[0] == 1
            else { continue }
            operations[index].kind = "fwoc.TimeConv"
            operations[index].inputs[0] = source
            for (name, value) in operations[position].attributes { operations[index].attributes[name] = value }
            removed.insert(position)
        }
        operations = operations.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
    }
}
