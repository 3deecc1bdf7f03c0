public import ModelBundle
public import Tensors

/// What an input of a network is at load.
public enum InputBinding: Sendable {
    /// Its shape; its values are given before each run.
    case shape([Int])
    /// Its value, the same for every run; it is folded into the network and is no longer an input.
    case constant(Tensor)
}

/// Name, type and shape of an input or output of a ``Network``.
public struct Port: Sendable, Equatable {
    public let name: String
    public let elementType: ElementType
    public let shape: [Int]
    /// Elements.
    public var count: Int { shape.reduce(1, *) }
}

/// An ONNX graph made ready to run: shapes known, constants folded, weights packed, one arena planned.
///
/// Loading checks everything, so that a run only computes: it does not allocate. Runs on the calling thread alone.
/// Thread-bound: use one network per thread; networks made by ``replanned(inputs:)`` share their packed weights.
public final class Network {
    public let inputs: [Port]
    public let outputs: [Port]

    let plan: ExecutionPlan
    private let program: Program
    private let graph: Graph
    private let bindings: [String: InputBinding]
    private let outputNames: [String]?
    private let options: NetworkOptions
    private let weights: WeightStore

    /// Makes a graph ready to run.
    ///
    /// - Parameters:
    ///   - inputs: by name; an input without one has the sizes that the graph gives. An inner value that is bound becomes an
    ///     input itself (of type `float32`), and what made it is left out.
    ///   - outputs: names of values, inner ones too; only what they need is run, and an input that none of them needs is
    ///     dropped. `nil`: the graph's outputs.
    /// - Throws: an error that names the node or input where an operator is not supported, shapes do not fit, a free
    ///   dimension is not bound, or a bound of `options` would be passed.
    public convenience init(
        _ graph: Graph, inputs: [String: InputBinding] = [:], outputs: [String]? = nil, options: NetworkOptions = .init()
    ) throws(InferenceError) {
        try self.init(graph, bindings: inputs, outputs: outputs, options: options, weights: WeightStore())
    }

    /// The same graph for other input shapes or constants; bindings that are not given stay. Weights that are packed already
    /// are shared, not copied.
    public func replanned(inputs: [String: InputBinding]) throws(InferenceError) -> Network {
        try Network(
            graph, bindings: bindings.merging(inputs) { $1 }, outputs: outputNames, options: options, weights: weights)
    }

    private init(
        _ graph: Graph, bindings: [String: InputBinding], outputs: [String]?, options: NetworkOptions, weights: WeightStore
    ) throws(InferenceError) {
        self.graph = graph
        self.bindings = bindings
        outputNames = outputs
        self.options = options
        self.weights = weights

        var program = try GraphCut(graph, bindings: bindings, outputs: outputs).elaborated(options: options, weights: weights)
        program.removeDeadOperations()
        if options.isOptimized { try program.optimize(options: options, weights: weights) }
        plan = try ExecutionPlan(program, options: options, weights: weights)
        let names = outputs ?? graph.outputs.map(\.name)
        self.inputs = program.inputs.map { Port(program.values[$0], name: program.values[$0].name) }
        self.outputs = zip(program.outputs, names).map { Port(program.values[$0], name: $1) }
        // The values' types and places are needed from here on, their constants are not.
        for index in program.values.indices { program.values[index].constant = nil }
        program.operations = []
        self.program = program
    }

    public func inputIndex(_ name: String) -> Int? { inputs.firstIndex { $0.name == name } }
    public func outputIndex(_ name: String) -> Int? { outputs.firstIndex { $0.name == name } }

    /// Writes an input where the network reads it, row-major in the port's shape. What is written stays until it is written
    /// again.
    /// - Precondition: the input holds elements of that type (`UInt8` for boolean ones).
    public func withInput<E: TensorElement, R>(_ index: Int, as type: E.Type = E.self, _ body: (inout MutableSpan<E>) -> R) -> R {
        checkType(inputs[index], E.self)
        let location = unsafe plan.location(of: program.inputs[index])
        let buffer = unsafe UnsafeMutableBufferPointer(start: location.base.assumingMemoryBound(to: E.self), count: inputs[index].count)
        var span = unsafe MutableSpan(_unsafeElements: buffer)
        return body(&span)
    }

    /// Copies a tensor into an input.
    /// - Throws: where type or shape is not the port's.
    public func setInput(_ index: Int, _ tensor: Tensor) throws(InferenceError) {
        let port = inputs[index]
        guard tensor.elementType == port.elementType, tensor.shape == port.shape else {
            throw InferenceError(
                .binding, "input '\(port.name)': got \(tensor.elementType)\(tensor.shape), expected \(port.elementType)\(port.shape)")
        }
        let location = unsafe plan.location(of: program.inputs[index])
        unsafe tensor.bytes.withUnsafeBytes { source in
            if source.count > 0 { unsafe location.base.copyMemory(from: source.baseAddress!, byteCount: source.count) }
        }
    }

    /// Computes all outputs from the inputs. Does not allocate.
    public func run() throws(InferenceError) {
        plan.run()
    }

    /// Reads an output in place, row-major in the port's shape; valid until the next run.
    /// - Precondition: the output holds elements of that type (`UInt8` for boolean ones).
    public func withOutput<E: TensorElement, R>(_ index: Int, as type: E.Type = E.self, _ body: (Span<E>) -> R) -> R {
        checkType(outputs[index], E.self)
        let location = unsafe plan.location(of: program.outputs[index])
        let buffer = unsafe UnsafeBufferPointer(start: UnsafePointer(location.base.assumingMemoryBound(to: E.self)), count: outputs[index].count)
        return body(unsafe Span(_unsafeElements: buffer))
    }

    /// An output, copied out.
    public func outputTensor(_ index: Int) -> Tensor {
        let location = unsafe plan.location(of: program.outputs[index])
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: location.base, count: location.type.byteCount))
        return Tensor(shape: outputs[index].shape, elementType: outputs[index].elementType, bytes: bytes)
    }

    /// Cost and memory; times where ``NetworkOptions/isProfiled`` is set.
    public var profile: NetworkProfile {
        NetworkProfile(
            runs: plan.runs, arenaBytes: plan.arenaBytes, weightBytes: weights.byteCount,
            steps: plan.steps.map { step in
                NetworkProfile.Step(
                    operation: step.kind, name: step.name, multiplyAccumulates: step.multiplyAccumulates,
                    nanosecondsPerRun: plan.runs > 0 ? step.nanoseconds / plan.runs : 0)
            })
    }

    /// Starts the profile's averages again.
    public func resetProfile() { plan.resetProfile() }

    private func checkType<E: TensorElement>(_ port: Port, _ type: E.Type) {
        precondition(
            port.elementType == E.elementType || (port.elementType == .bool && E.elementType == .uint8),
            "'\(port.name)' holds \(port.elementType), not \(E.elementType)")
    }
}

extension Port {
    init(_ value: Program.Value, name: String) {
        self.init(name: name, elementType: value.type.elementType, shape: value.type.shape)
    }
}
