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

    /// What the network was made from, to plan it again.
    struct Source {
        let graph: Graph
        let bindings: [String: InputBinding]
        let outputs: [String]?
    }

    let plan: ExecutionPlan
    private let inputValues: [Program.ValueID]
    private let outputValues: [Program.ValueID]
    private let source: Source?
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
        guard let source else { throw InferenceError(.unsupported, "a part of a streaming network is not planned again") }
        return try Network(
            source.graph, bindings: source.bindings.merging(inputs) { $1 }, outputs: source.outputs, options: options, weights: weights)
    }

    private convenience init(
        _ graph: Graph, bindings: [String: InputBinding], outputs: [String]?, options: NetworkOptions, weights: WeightStore
    ) throws(InferenceError) {
        var program = try GraphCut(graph, bindings: bindings, outputs: outputs).elaborated(options: options, weights: weights)
        program.removeDeadOperations()
        try self.init(
            program, outputNames: outputs ?? graph.outputs.map(\.name), options: options, weights: weights,
            source: Source(graph: graph, bindings: bindings, outputs: outputs))
    }

    /// A network from a program that is elaborated already.
    init(
        _ elaborated: Program, outputNames: [String], options: NetworkOptions, weights: WeightStore, source: Source? = nil
    ) throws(InferenceError) {
        var program = elaborated
        self.source = source
        self.options = options
        self.weights = weights
        if options.isOptimized { try program.optimize(options: options, weights: weights) }
        plan = try ExecutionPlan(program, options: options, weights: weights)
        inputs = program.inputs.map { Port(program.values[$0], name: program.values[$0].name) }
        outputs = zip(program.outputs, outputNames).map { Port(program.values[$0], name: $1) }
        inputValues = program.inputs
        outputValues = program.outputs
    }

    public func inputIndex(_ name: String) -> Int? { inputs.firstIndex { $0.name == name } }
    public func outputIndex(_ name: String) -> Int? { outputs.firstIndex { $0.name == name } }

    /// Writes an input where the network reads it, row-major in the port's shape. What is written stays until it is written
    /// again.
    /// - Precondition: the input holds elements of that type (`UInt8` for boolean ones).
    public func withInput<E: TensorElement, R>(_ index: Int, as type: E.Type = E.self, _ body: (inout MutableSpan<E>) -> R) -> R {
        checkType(inputs[index], E.self)
        let location = unsafe plan.location(of: inputValues[index])
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
        let location = unsafe plan.location(of: inputValues[index])
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
        let location = unsafe plan.location(of: outputValues[index])
        let buffer = unsafe UnsafeBufferPointer(start: UnsafePointer(location.base.assumingMemoryBound(to: E.self)), count: outputs[index].count)
        return body(unsafe Span(_unsafeElements: buffer))
    }

    /// An output, copied out.
    public func outputTensor(_ index: Int) -> Tensor {
        let location = unsafe plan.location(of: outputValues[index])
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
