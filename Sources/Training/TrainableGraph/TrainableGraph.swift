public import ModelBundle
public import Tensors

/// An ONNX graph on libtorch: runs it, records it for gradients, holds its weights, and gives it back with what they have become.
///
/// The same graph that `Inference` runs. Its weights are the initialisers that layers learn (``Parameter``); running statistics of batch normalisation
/// move in training and are no parameters; everything else is constant, and computed once where it depends on nothing that changes.
///
/// While ``isTraining``, batch normalisation uses the batch's statistics and `Dropout` drops. Values of `int64` stay on the processor whatever the
/// device: they are shapes and indices, and follow where they are used.
///
/// Thread-bound, as the tensors are.
public final class TrainableGraph {
    public struct Options: Sendable {
        public var device = TorchDevice.cpu
        /// `float32`, or `float64` for numerical checks: weights, inputs and casts of the graph that are `float32` become that.
        public var floatType = ElementType.float32
        /// Pictures ([batch, channels, height, width]) and convolution weights lie channels-last in memory: twice as fast on the processor.
        public var usesChannelsLast = true
        /// Which weights learn, by name.
        public var isTrainable: @Sendable (String) -> Bool = { _ in true }

        public init() {}
    }

    /// A weight of the graph.
    public struct Parameter {
        /// The initialiser's name.
        public let name: String
        public let tensor: TorchTensor

        public var isTrainable: Bool { tensor.requiresGradient }
    }

    /// Weights, in the order in which the graph's nodes first use them; the same graph gives the same order.
    public let parameters: [Parameter]
    /// Running means and variances, in that order too.
    public let statistics: [Parameter]
    public let inputs: [ValueInfo]
    public let outputs: [ValueInfo]
    public let options: Options
    public var isTraining = false
    /// Whether batch normalisation keeps to its running statistics in training as well: fine-tuning with few samples.
    public var freezesStatistics = false
    /// What is multiplied in while ``isTraining``. Weights, statistics, gradients and outputs are of ``Options/floatType`` all the same.
    public var precision = Precision.single

    private let graph: Graph
    private let nodes: [Node]
    private let statisticNames: Set<String>
    /// Weights, statistics and constants by value name.
    private var known: [String: TorchTensor] = [:]
    /// What must run for a set of outputs, and which values end with it.
    private var plans: [[String]: [Step]] = [:]

    private struct Step {
        let node: Node
        let releases: [String]
    }

    /// Loads the weights and computes what is constant.
    ///
    /// - Throws: ``TrainableGraphError``: an operator that the executor does not have (with its node), weights of a type that libtorch does not have.
    public init(_ graph: Graph, options: Options = Options()) throws(TrainableGraphError) {
        guard options.floatType == .float32 || options.floatType == .float64 else {
            throw TrainableGraphError(.binding, "a graph is computed in float32 or float64, not \(options.floatType)")
        }
        guard options.device.isAvailable else {
            throw TrainableGraphError(.binding, "libtorch \(TorchRuntime.version) sees no device '\(options.device)' (\(TorchDevice.cudaCount) CUDA devices)")
        }
        let graph = Self.hoistingConstants(graph)
        try Self.checkOperators(graph)
        self.graph = graph
        self.options = options
        inputs = graph.inputs
        outputs = graph.outputs
        let survey = ParameterSurvey(graph)
        statisticNames = survey.statistics
        nodes = Self.pairingQuantization(graph)

        var order: [String] = [], seen: Set<String> = []
        for node in graph.nodes { for name in node.inputs where graph.initializers[name] != nil && seen.insert(name).inserted { order.append(name) } }
        // What only nested graphs or nothing reads.
        order += graph.initializers.keys.filter { !seen.contains($0) }.sorted()
        var parameters: [Parameter] = [], statistics: [Parameter] = []
        for name in order {
            guard let tensor = graph.initializers[name] else { continue }
            do {
                let made = try Self.loaded(tensor, options)
                known[name] = made
                if survey.weights.contains(name) {
                    try made.setRequiresGradient(options.isTrainable(name))
                    parameters.append(Parameter(name: name, tensor: made))
                } else if survey.statistics.contains(name) {
                    statistics.append(Parameter(name: name, tensor: made))
                }
            } catch {
                throw TrainableGraphError(.torch, "initialiser '\(name)': \(error)")
            }
        }
        self.parameters = parameters
        self.statistics = statistics
        try foldConstants()
    }

    // MARK: Running

    /// Runs the graph.
    ///
    /// - Parameters:
    ///   - values: one tensor for each of ``inputs``, moved to the device and to the graph's float type as needed.
    ///   - outputs: names of graph outputs or of any values inside the graph; by default all outputs. Only what they need runs.
    public func run(_ values: [String: TorchTensor], outputs names: [String]? = nil) throws(TrainableGraphError) -> [String: TorchTensor] {
        let wanted = names ?? outputs.map(\.name)
        let plan = try plan(for: wanted)
        var available: [String: TorchTensor] = [:]
        for input in inputs {
            guard let given = values[input.name] else {
                // An input that nothing asked for needs may be left out.
                if plan.contains(where: { $0.node.reads(input.name) }) || wanted.contains(input.name) {
                    throw TrainableGraphError(.binding, "input '\(input.name)' of graph '\(graph.name)' is not given")
                }
                continue
            }
            available[input.name] = try bound(given, to: input)
        }
        if let unknown = values.keys.sorted().first(where: { name in !inputs.contains { $0.name == name } }) {
            throw TrainableGraphError(.binding, "graph '\(graph.name)' has no input '\(unknown)'; it has \(inputs.map(\.name).joined(separator: ", "))")
        }
        try run(plan, &available)
        var result: [String: TorchTensor] = [:]
        for name in wanted {
            do { result[name] = try (available[name] ?? known[name])?.widened() } catch { throw TrainableGraphError(.torch, "output '\(name)': \(error)") }
        }
        return result
    }

    /// Runs a graph of one input and one output.
    public func callAsFunction(_ x: TorchTensor) throws(TrainableGraphError) -> TorchTensor {
        guard inputs.count == 1, outputs.count == 1, let y = try run([inputs[0].name: x])[outputs[0].name] else {
            throw TrainableGraphError(.binding, "graph '\(graph.name)' has \(inputs.count) inputs and \(outputs.count) outputs; call run with names")
        }
        return y
    }

    private func bound(_ tensor: TorchTensor, to input: ValueInfo) throws(TrainableGraphError) -> TorchTensor {
        let isFloat = input.elementType == .float32 || input.elementType == .float64
        let type = isFloat ? options.floatType : input.elementType
        guard tensor.isFloat == isFloat else {
            throw TrainableGraphError(.binding, "input '\(input.name)' is \(input.elementType), given is \(tensor.elementType)")
        }
        if let shape = input.shape {
            let fits = shape.count == tensor.rank && zip(shape, tensor.shape).allSatisfy { dimension, size in
                if case .fixed(let expected) = dimension { return expected == size }
                return true
            }
            guard fits else { throw TrainableGraphError(.binding, "input '\(input.name)' has shape \(shape.text), given is \(tensor.shape)") }
        }
        do {
            return try tensor.converted(
                to: type, device: isFloat ? options.device : .cpu, layout: options.usesChannelsLast && tensor.rank == 4 ? .channelsLast : .preserved)
        } catch {
            throw TrainableGraphError(.torch, "input '\(input.name)': \(error)")
        }
    }

    private func run(_ plan: [Step], _ available: inout [String: TorchTensor]) throws(TrainableGraphError) {
        for step in plan {
            let outputs = try evaluate(step.node, available)
            for (name, value) in zip(step.node.outputs, outputs) where !name.isEmpty { available[name] = value }
            for name in step.releases { available[name] = nil }
        }
    }

    private func evaluate(_ node: Node, _ available: [String: TorchTensor]) throws(TrainableGraphError) -> [TorchTensor?] {
        var inputs: [TorchTensor?] = []
        for name in node.inputs {
            if name.isEmpty {
                inputs.append(nil)
            } else if let value = available[name] ?? known[name] {
                inputs.append(value)
            } else {
                throw TrainableGraphError(.malformed, "\(node.label) reads '\(name)', which nothing before it makes")
            }
        }
        do {
            if node.operation == "If" { return try branch(node, inputs, available) }
            guard let evaluation = OperatorTable.evaluations[node.operation] else { throw Self.unknown(node) }
            if options.device != .cpu { try together(node, &inputs) }
            if isTraining, precision == .mixed, options.floatType == .float32, Self.hasBFloat16(options.device) { inputs = try Self.mixed(node.operation, inputs) }
            let call = NodeCall(
                node: node,
                surroundings: NodeCall.Surroundings(
                    opset: graph.opset, isTraining: isTraining, updatesStatistics: isTraining && !freezesStatistics, floatType: options.floatType,
                    device: options.device),
                inputs: inputs, isStatistic: statisticNames.contains)
            let outputs = try evaluation(call)
            guard outputs.count >= node.outputs.count else { throw call.unsupported("\(node.outputs.count) outputs; there are \(outputs.count)") }
            return outputs
        } catch let error as TrainableGraphError {
            throw error
        } catch {
            let shapes = inputs.map { $0.map { "\($0.elementType)\($0.shape)" } ?? "none" }.joined(separator: ", ")
            throw TrainableGraphError(.torch, "\(node.label) with inputs \(shapes): \((error as? TorchError)?.message ?? "\(error)")")
        }
    }

    /// What one operator computes with lies on one device.
    private func together(_ node: Node, _ inputs: inout [TorchTensor?]) throws {
        let host = OperatorTable.hostInputs[node.operation] ?? []
        guard inputs.indices.contains(where: { !host.contains($0) && inputs[$0] != nil && inputs[$0]?.device != .cpu }) else { return }
        for index in inputs.indices where !host.contains(index) && inputs[index]?.device == .cpu {
            inputs[index] = try inputs[index]?.converted(device: options.device)
        }
    }

    private func branch(_ node: Node, _ inputs: [TorchTensor?], _ available: [String: TorchTensor]) throws -> [TorchTensor?] {
        guard let condition = inputs.first ?? nil else { throw TrainableGraphError(.malformed, "\(node.label): input 0 is missing") }
        let name = try condition.item() != 0 ? "then_branch" : "else_branch"
        guard case .graph(let inner)? = node.attributes[name] else { throw TrainableGraphError(.malformed, "\(node.label): attribute '\(name)' is missing") }
        var values = available
        for (name, tensor) in inner.initializers { values[name] = try Self.loaded(tensor, options) }
        for innerNode in inner.nodes {
            for (name, value) in zip(innerNode.outputs, try evaluate(innerNode, values)) where !name.isEmpty { values[name] = value }
        }
        return inner.outputs.map { values[$0.name] ?? known[$0.name] }
    }

    // MARK: Weights

    /// Chooses anew which weights learn. Gradients of those that do not are removed.
    public func setTrainable(_ isTrainable: (String) -> Bool) throws(TorchError) {
        for parameter in parameters {
            let learns = isTrainable(parameter.name)
            try parameter.tensor.setRequiresGradient(learns)
            if !learns { try parameter.tensor.setGradient(nil) }
        }
    }

    /// Forgets gradients, before the next backward pass.
    public func removeGradients() throws(TorchError) {
        for parameter in parameters { try parameter.tensor.setGradient(nil) }
    }

    /// Weights and running statistics by name, in the type they are computed in: what a checkpoint keeps.
    public func state() throws(TorchError) -> [String: Tensor] {
        var state: [String: Tensor] = [:]
        for parameter in parameters + statistics { state[parameter.name] = try parameter.tensor.tensor() }
        return state
    }

    /// Takes up weights and running statistics from ``state()`` or from another graph.
    ///
    /// - Parameter isPartial: whether some may be missing, for example a classifier that the fine-tuned network does not share. Names that the graph does
    ///   not have are then passed over.
    public func load(_ state: [String: Tensor], isPartial: Bool = false) throws(TrainableGraphError) {
        let own = parameters + statistics
        if !isPartial {
            let names = Set(own.map(\.name))
            if let missing = own.first(where: { state[$0.name] == nil }) {
                throw TrainableGraphError(.binding, "no value for '\(missing.name)' of graph '\(graph.name)'")
            }
            if let unknown = state.keys.sorted().first(where: { !names.contains($0) }) {
                throw TrainableGraphError(.binding, "graph '\(graph.name)' has no weight '\(unknown)'")
            }
        }
        for parameter in own {
            guard let tensor = state[parameter.name] else { continue }
            guard tensor.shape == parameter.tensor.shape else {
                throw TrainableGraphError(.binding, "weight '\(parameter.name)' has shape \(parameter.tensor.shape), given is \(tensor.shape)")
            }
        }
        do {
            for parameter in own {
                if let tensor = state[parameter.name] { try parameter.tensor.copyInPlace(TorchTensor(tensor)) }
            }
        } catch {
            throw TrainableGraphError(.torch, "\(error)")
        }
    }

    /// The graph with the weights and statistics as they are now, in the types that it had: what `Inference` runs and a bundle holds.
    public func exported() throws(TorchError) -> Graph {
        var result = graph
        for parameter in parameters + statistics {
            let type = graph.initializers[parameter.name]?.elementType ?? .float32
            result.initializers[parameter.name] = try parameter.tensor.converted(to: type).tensor()
        }
        return result
    }

    // MARK: Loading

    /// ONNX operators that the executor runs, sorted.
    public static var operators: [String] { (OperatorTable.evaluations.keys.filter { !$0.hasPrefix("fwoc.") } + ["If"]).sorted() }

    private static func unknown(_ node: Node) -> TrainableGraphError {
        TrainableGraphError(.unsupportedOperator(node.operation), "\(node.label): the trainer has no operator '\(node.domain.isEmpty ? "" : node.domain + ".")\(node.operation)'")
    }

    private static func checkOperators(_ graph: Graph) throws(TrainableGraphError) {
        for node in graph.nodes {
            let isKnown = node.domain.isEmpty && (node.operation == "If" || OperatorTable.evaluations[node.operation] != nil)
            guard isKnown, !node.operation.hasPrefix("fwoc.") else { throw unknown(node) }
            for case .graph(let inner) in node.attributes.values { try checkOperators(inner) }
        }
    }

    private static func loaded(_ tensor: Tensor, _ options: Options) throws(TorchError) -> TorchTensor {
        let isFloat = tensor.elementType == .float32 || tensor.elementType == .float64
        let made = try TorchTensor(tensor, device: isFloat ? options.device : .cpu)
        return isFloat ? try made.converted(to: options.floatType, layout: options.usesChannelsLast && made.rank == 4 ? .channelsLast : .preserved) : made
    }

    /// Exporters write weights as `Constant` nodes too.
    private static func hoistingConstants(_ graph: Graph) -> Graph {
        var result = graph
        result.nodes = []
        for node in graph.nodes {
            if node.operation == "Constant", node.domain.isEmpty, let tensor = node.constant, let name = node.outputs.first, !graph.outputs.contains(where: { $0.name == name }) {
                result.initializers[name] = tensor
            } else {
                result.nodes.append(node)
            }
        }
        return result
    }

    /// A `QuantizeLinear` whose value only `DequantizeLinear` nodes with the same scale and zero point read becomes their straight-through round trip.
    private static func pairingQuantization(_ graph: Graph) -> [Node] {
        var consumers: [String: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() { for name in node.inputs { consumers[name, default: []].append(index) } }
        var result = graph.nodes
        for node in graph.nodes where node.operation == "QuantizeLinear" {
            guard let value = node.outputs.first, !graph.outputs.contains(where: { $0.name == value }), let readers = consumers[value] else { continue }
            let isPair = readers.allSatisfy {
                let reader = graph.nodes[$0]
                return reader.operation == "DequantizeLinear" && reader.inputs.first == value && reader.inputs.dropFirst() == node.inputs.dropFirst()
                    && reader.attributes == node.attributes
            }
            guard isPair else { continue }
            for index in readers {
                result[index].operation = OperatorTable.fakeQuantize
                result[index].inputs[0] = node.inputs[0]
            }
        }
        return result
    }

    /// Computes once what depends on constants alone.
    private func foldConstants() throws(TrainableGraphError) {
        let moving = Set((parameters + statistics).map(\.name))
        var constants = Set(known.keys).subtracting(moving)
        for node in nodes where node.operation != "If" && node.operation != "Dropout" {
            guard node.inputs.allSatisfy({ $0.isEmpty || constants.contains($0) }) else { continue }
            let made = try TorchRuntime.withoutGradients { () throws(TrainableGraphError) in try evaluate(node, [:]) }
            for (name, value) in zip(node.outputs, made) where !name.isEmpty {
                known[name] = value
                constants.insert(name)
            }
        }
    }

    private func plan(for wanted: [String]) throws(TrainableGraphError) -> [Step] {
        if let plan = plans[wanted] { return plan }
        var needed = Set(wanted.filter { known[$0] == nil })
        var chosen: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: { needed.contains($0) && !$0.isEmpty }) {
            chosen.append(node)
            for name in node.outputs { needed.remove(name) }
            for name in node.readNames where !name.isEmpty && known[name] == nil { needed.insert(name) }
        }
        let names = Set(inputs.map(\.name))
        if let missing = wanted.first(where: { needed.contains($0) && !names.contains($0) }) {
            throw TrainableGraphError(.binding, "graph '\(graph.name)' makes no value '\(missing)'")
        }
        var ended = Set(wanted), steps: [Step] = []
        // From the last node on: the first time that a name is met is its last use.
        for node in chosen {
            var releases: [String] = []
            for name in Set(node.readNames + node.outputs).sorted() where !name.isEmpty && known[name] == nil && ended.insert(name).inserted { releases.append(name) }
            steps.append(Step(node: node, releases: releases))
        }
        let plan = Array(steps.reversed())
        plans[wanted] = plan
        return plan
    }
}

extension Node {
    /// What the node reads, in nested graphs too (where names may be their own).
    fileprivate var readNames: [String] {
        inputs + attributes.values.flatMap { attribute -> [String] in
            guard case .graph(let inner) = attribute else { return [] }
            return inner.nodes.flatMap(\.readNames) + inner.outputs.map(\.name)
        }
    }

    fileprivate func reads(_ name: String) -> Bool { readNames.contains(name) }
}

extension [ValueInfo.Dimension] {
    /// For messages: `[batch, 3, 112, 112]`.
    var text: String {
        let sizes = map { dimension in
            switch dimension {
            case .fixed(let size): "\(size)"
            case .free(let name): name.isEmpty ? "?" : name
            }
        }
        return "[\(sizes.joined(separator: ", "))]"
    }
}
