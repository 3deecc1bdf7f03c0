public import ModelBundle
public import Tensors

/// An input of a ``StreamingNetwork``.
public struct TimeInput: Sendable {
    /// Its shape for one unit of time: `[1, 1, 112, 112]` for one face crop, `[1, 4, 13]` for the four audio frames that go with it.
    public var shape: [Int]
    /// Which axis is time.
    public var axis: Int

    public init(shape: [Int], axis: Int) {
        self.shape = shape
        self.axis = axis
    }
}

/// A network of convolutions over time, run a few frames at a time: what a step shares with the one before is not computed again.
///
/// Each layer that looks along time keeps the last frames of its input; branches that are delayed differently are aligned. The
/// outputs are those of the whole clip, ``delay`` units late: before the first frame and after the last every layer sees
/// the padding that it would see at the ends of the clip. Layers that need all of the clip at once (a recurrent layer that
/// runs backwards, a mean over time) are refused by name: cut the graph before them.
///
/// Use: fill the inputs, ``run(_:units:)``, read the units ``Step/range`` of the outputs; at the end of the stream ``run(_:units:)`` with
/// fewer units than a chunk, until ``isDrained(_:)``. Thread-bound.
public final class StreamingNetwork {
    /// What one step has made.
    public struct Step: Sendable, Equatable {
        /// Units of the stream that the outputs hold, empty while the delay is not filled.
        public let range: Range<Int>
        /// Where the first of them is in the outputs, in units.
        public let offset: Int
    }

    /// Units in one step.
    public let chunk: Int
    /// Units that must follow a unit before its outputs are there.
    public let delay: Int
    /// For each output, which axis is time.
    public let outputAxes: [Int]

    private let network: Network
    private let memory: StreamMemory

    /// - Parameters:
    ///   - inputs: those that change with time. Inner values of the graph may be inputs, as with ``Network``.
    ///   - constants: bindings of the others.
    ///   - outputs: names of values, inner ones too.
    ///   - chunk: units in one step, at least 1. Larger steps cost less for each unit, and come later.
    public init(
        _ graph: Graph, inputs: [String: TimeInput], constants: [String: InputBinding] = [:], outputs: [String], chunk: Int,
        options: NetworkOptions = .init()
    ) throws(InferenceError) {
        guard (1...4096).contains(chunk) else { throw InferenceError(.binding, "a chunk of \(chunk) units; expected 1 to 4096") }
        self.chunk = chunk
        let memory = StreamMemory()
        self.memory = memory
        var options = options
        options.stream = memory
        let weights = WeightStore()

        func elaborate(_ units: Int) throws(InferenceError) -> Program {
            var bindings = constants
            for (name, input) in inputs {
                guard input.shape.indices.contains(input.axis) else {
                    throw InferenceError(.binding, "input '\(name)': axis \(input.axis) of shape \(input.shape)")
                }
                var shape = input.shape
                let (size, overflow) = shape[input.axis].multipliedReportingOverflow(by: units)
                guard !overflow else { throw InferenceError(.tooLarge, "input '\(name)': shape \(input.shape)") }
                shape[input.axis] = size
                bindings[name] = .shape(shape)
            }
            var program = try GraphCut(graph, bindings: bindings, outputs: outputs).elaborated(options: options, weights: weights)
            program.removeDeadOperations()
            return program
        }
        var program = try elaborate(chunk)
        // Where an axis of one frame is time cannot be seen: it is traced with two.
        let tracing = TimeTracing(chunk > 1 ? program : try elaborate(2), inputs: inputs, units: max(chunk, 2))
        var rewriting = try TimeRewriting(program, tracing: tracing, chunk: chunk, memory: memory, limit: options.maximumArenaBytes)
        try rewriting.run()
        program = rewriting.result
        delay = rewriting.delay
        outputAxes = rewriting.outputAxes
        network = try Network(program, outputNames: outputs, options: options, weights: weights)
    }

    /// The inputs of one step.
    public var inputs: [Port] { network.inputs }
    /// The outputs of one step.
    public var outputs: [Port] { network.outputs }
    public var profile: NetworkProfile { network.profile }
    /// Bytes of one ``StreamState``.
    public var stateBytes: Int { memory.byteCount }

    public func inputIndex(_ name: String) -> Int? { network.inputIndex(name) }
    public func outputIndex(_ name: String) -> Int? { network.outputIndex(name) }

    /// Memory for one more stream.
    public func makeState() -> StreamState { StreamState(memory) }

    /// Writes an input of the next step in place, as ``Network/withInput(_:as:_:)``.
    public func withInput<E: TensorElement, R>(_ index: Int, as type: E.Type = E.self, _ body: (inout MutableSpan<E>) -> R) -> R {
        network.withInput(index, as: type, body)
    }

    /// Reads an output of the last step in place, as ``Network/withOutput(_:as:_:)``.
    public func withOutput<E: TensorElement, R>(_ index: Int, as type: E.Type = E.self, _ body: (Span<E>) -> R) -> R {
        network.withOutput(index, as: type, body)
    }

    public func outputTensor(_ index: Int) -> Tensor { network.outputTensor(index) }

    /// One step of one stream. Does not allocate, except where the stream ends.
    ///
    /// - Parameter units: how many units of the inputs belong to the stream, from the first on. Fewer than ``chunk`` ends the
    ///   stream; from then on nothing more is read.
    /// - Precondition: `state` was made by this network.
    public func run(_ state: StreamState, units: Int? = nil) throws(InferenceError) -> Step {
        let units = units ?? chunk
        precondition((0...chunk).contains(units), "\(units) units in a chunk of \(chunk)")
        precondition(state.byteCount == memory.byteCount, "a state of another network")
        if state.length == nil && units < chunk { state.end(at: state.steps * chunk + units) }
        memory.current = state
        try network.run()
        memory.current = nil
        let first = state.steps * chunk - delay
        state.advance()
        let lower = max(first, 0)
        let upper = max(lower, min(first + chunk, state.length ?? .max))
        return Step(range: lower..<upper, offset: lower - first)
    }

    /// Whether an ended stream has given all its outputs.
    public func isDrained(_ state: StreamState) -> Bool {
        guard let length = state.length else { return false }
        return state.steps * chunk - delay >= length
    }
}
