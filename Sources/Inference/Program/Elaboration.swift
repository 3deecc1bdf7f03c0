import ModelBundle
import Tensors

/// Turns a graph and its bindings into a ``Program``: every shape known, everything computed that is known at load.
///
/// Shape arithmetic (`Shape`, `Gather`, `Concat` …) disappears here because it is computed from known shapes. An `If` whose
/// condition is known becomes its branch.
final class Elaboration {
    private let options: NetworkOptions
    private let weights: WeightStore
    private let parent: Elaboration?
    private let budget: Budget
    private(set) var program = Program()
    /// Values by name, innermost graph last.
    private var scopes: [[String: Program.ValueID]] = [[:]]
    /// Values of the enclosing graph that this one reads, in the order of the program's inputs.
    private(set) var captures: [Program.ValueID] = []

    private final class Budget {
        var operations: Int
        var foldedBytes: Int
        init(_ options: NetworkOptions) {
            operations = options.maximumOperations
            foldedBytes = options.maximumFoldedBytes
        }
    }

    /// Multiply-accumulates that computing one constant may cost.
    private static let maximumFoldedWork = 1 << 32

    init(options: NetworkOptions, weights: WeightStore) {
        self.options = options
        self.weights = weights
        parent = nil
        budget = Budget(options)
    }

    private init(inside parent: Elaboration) {
        options = parent.options
        weights = parent.weights
        self.parent = parent
        budget = parent.budget
    }

    // MARK: Values

    func addInput(_ name: String, type: TensorType) throws(InferenceError) {
        let id = program.add(Program.Value(name: name, type: type, constant: nil, origin: name))
        program.inputs.append(id)
        try define(name, id)
    }

    func addConstant(_ name: String, _ tensor: Tensor) throws(InferenceError) {
        guard TensorType(tensor.shape, tensor.elementType, limit: min(options.maximumTensorBytes, NodeContext.bound)) != nil else {
            throw InferenceError(.tooLarge, "constant '\(name)' of shape \(tensor.shape) is larger than \(options.maximumTensorBytes) bytes")
        }
        try define(name, program.addConstant(tensor, name: name))
    }

    func setOutputs(_ names: [String]) throws(InferenceError) {
        var outputs: [Program.ValueID] = []
        for name in names {
            guard let id = lookup(name) else { throw InferenceError(.binding, "the graph has no value '\(name)' to be an output") }
            outputs.append(id)
        }
        program.outputs = outputs
    }

    private func define(_ name: String, _ id: Program.ValueID) throws(InferenceError) {
        guard scopes[scopes.count - 1].updateValue(id, forKey: name) == nil else {
            throw InferenceError(.malformed, "value '\(name)' is made twice")
        }
    }

    private func lookup(_ name: String) -> Program.ValueID? {
        for scope in scopes.reversed() {
            if let id = scope[name] { return id }
        }
        guard let parent, let outer = parent.lookup(name) else { return nil }
        let value = parent.program.values[outer]
        let id = program.add(value)
        if value.constant == nil {
            program.inputs.append(id)
            captures.append(outer)
        }
        scopes[0][name] = id
        return id
    }

    // MARK: Nodes

    /// - Parameter isDefined: values already bound, whose producers are left out.
    func add(_ nodes: [Node], opset: Int) throws(InferenceError) {
        for (index, node) in nodes.enumerated() { try add(node, index: index, opset: opset) }
    }

    private func add(_ node: Node, index: Int, opset: Int) throws(InferenceError) {
        let name = node.name.isEmpty ? (node.outputs.first ?? "\(index)") : node.name
        budget.operations -= 1
        guard budget.operations >= 0 else {
            throw InferenceError(.tooLarge, "more than \(options.maximumOperations) operations after nested graphs are expanded")
        }
        var inputs: [Program.ValueID?] = []
        for input in node.inputs {
            guard !input.isEmpty else {
                inputs.append(nil)
                continue
            }
            guard let id = lookup(input) else {
                throw InferenceError(.malformed, "\(node.operation) node '\(name)' reads '\(input)', which nothing before it makes")
            }
            inputs.append(id)
        }
        if node.operation == "If" && node.domain.isEmpty {
            try addBranch(node, name: name, condition: inputs.first ?? nil)
            return
        }
        let kind = node.domain.isEmpty ? node.operation : "\(node.domain).\(node.operation)"
        guard let implementation = OperatorRegistry.shared[kind], !kind.hasPrefix("fwoc.") else {
            throw InferenceError(
                .unsupportedOperator(kind), "node '\(name)': operator '\(kind)' (operator set \(opset)) is not supported by this engine")
        }
        var operation = Program.Operation(
            kind: kind, name: name, opset: opset, attributes: node.attributes, inputs: inputs,
            outputs: node.outputs.map { _ in nil })
        var context = program.context(operation, options: options, weights: weights)
        let types = try implementation.outputTypes(context)
        guard types.count >= node.outputs.count else {
            throw context.malformed("has \(node.outputs.count) outputs, expected at most \(types.count)")
        }
        context.outputs = types
        if let known = try knownOutputs(of: implementation, context) {
            let quantized = QuantizedOrigin.of(context)
            for (output, tensor) in zip(node.outputs, known) where !output.isEmpty {
                budget.foldedBytes -= tensor.bytes.count
                let id = program.addConstant(tensor, name: output)
                program.values[id].quantized = quantized
                try define(output, id)
            }
            return
        }
        let origin = inputs.lazy.compactMap { $0 }.compactMap { self.program.values[$0].origin }.first
        for (position, output) in node.outputs.enumerated() where !output.isEmpty {
            let id = program.add(Program.Value(name: output, type: types[position], constant: nil, origin: origin))
            operation.outputs[position] = id
            try define(output, id)
        }
        program.operations.append(operation)
    }

    /// The outputs, where they do not depend on anything that only a run knows.
    private func knownOutputs(of implementation: any Operator, _ context: NodeContext) throws(InferenceError) -> [Tensor]? {
        if let shapes = implementation as? any ShapeOnlyOperator { return try shapes.outputs(context) }
        var tensors: [Tensor?] = []
        for input in context.inputs {
            guard let input else {
                tensors.append(nil)
                continue
            }
            guard let constant = input.constant else { return nil }
            tensors.append(constant)
        }
        guard context.outputs.reduce(0, { $0 + $1.byteCount }) <= budget.foldedBytes else {
            throw InferenceError(.tooLarge, "\(context.label): constants computed at load take more than \(options.maximumFoldedBytes) bytes")
        }
        let kernel = try implementation.kernel(context)
        guard kernel.multiplyAccumulates <= Self.maximumFoldedWork, kernel.scratchBytes <= options.maximumTensorBytes else {
            throw InferenceError(.tooLarge, "\(context.label): a constant takes \(kernel.multiplyAccumulates) multiply-accumulates to compute")
        }
        return kernel.evaluate(tensors, outputs: context.outputs)
    }

    // MARK: If

    private func addBranch(_ node: Node, name: String, condition: Program.ValueID?) throws(InferenceError) {
        guard let condition, case .graph(let thenGraph)? = node.attributes["then_branch"],
            case .graph(let elseGraph)? = node.attributes["else_branch"]
        else { throw InferenceError(.malformed, "If node '\(name)' lacks its condition or a branch") }
        let value = program.values[condition]
        guard value.type.elementType == .bool, value.type.count == 1 else {
            throw InferenceError(.malformed, "If node '\(name)': condition of type \(value.type.elementType)\(value.type.shape), expected one bool")
        }
        if let known = value.constant {
            let graph = known.bytes[0] != 0 ? thenGraph : elseGraph
            let ids = try inline(graph, node: node, name: name)
            for (output, id) in zip(node.outputs, ids) where !output.isEmpty { try define(output, id) }
            return
        }
        var operation = Program.Operation(
            kind: "If", name: name, opset: thenGraph.opset, inputs: [condition], outputs: node.outputs.map { _ in nil })
        for graph in [thenGraph, elseGraph] {
            let nested = Elaboration(inside: self)
            let ids = try nested.inline(graph, node: node, name: name)
            nested.program.outputs = ids
            let first = operation.inputs.count
            operation.inputs += nested.captures.map { $0 }
            operation.branches.append(
                Program.Branch(program: nested.program, captures: Array(first..<operation.inputs.count)))
        }
        for (position, output) in node.outputs.enumerated() where !output.isEmpty {
            let types = operation.branches.map { $0.program.values[$0.program.outputs[position]].type }
            guard types[0] == types[1] else {
                throw InferenceError(
                    .valueNeeded(input: value.origin ?? value.name),
                    "If node '\(name)': output '\(output)' is \(types[0].elementType)\(types[0].shape) in one branch and \(types[1].elementType)\(types[1].shape) in the other; bind '\(value.origin ?? value.name)', which decides, as .constant")
            }
            let id = program.add(Program.Value(name: output, type: types[0], constant: nil, origin: value.origin))
            operation.outputs[position] = id
            try define(output, id)
        }
        program.operations.append(operation)
    }

    /// Adds a nested graph's nodes and returns its outputs.
    private func inline(_ graph: Graph, node: Node, name: String) throws(InferenceError) -> [Program.ValueID] {
        scopes.append([:])
        defer { scopes.removeLast() }
        for (name, tensor) in graph.initializers { try addConstant(name, tensor) }
        try add(graph.nodes, opset: graph.opset)
        guard graph.inputs.isEmpty, graph.outputs.count >= node.outputs.count else {
            throw InferenceError(.malformed, "If node '\(name)': a branch with \(graph.inputs.count) inputs and \(graph.outputs.count) outputs, expected none and \(node.outputs.count)")
        }
        var ids: [Program.ValueID] = []
        for output in graph.outputs {
            guard let id = lookup(output.name) else {
                throw InferenceError(.malformed, "If node '\(name)': branch output '\(output.name)' is made by nothing")
            }
            ids.append(id)
        }
        return ids
    }
}

/// An operator whose outputs follow from the shapes of its inputs alone.
protocol ShapeOnlyOperator: Operator {
    func outputs(_ node: NodeContext) throws(InferenceError) -> [Tensor]
}

extension ShapeOnlyOperator {
    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let tensors = try outputs(node)
        return Kernel { arguments in
            for (index, tensor) in tensors.enumerated() where arguments.hasOutput(index) {
                unsafe tensor.bytes.withUnsafeBytes { bytes in
                    if bytes.count > 0 { unsafe arguments.outputPointer(index, as: UInt8.self).update(from: bytes.bindMemory(to: UInt8.self).baseAddress!, count: bytes.count) }
                }
            }
        }
    }
}

extension Kernel {
    /// Runs once on tensors of their own, at load.
    func evaluate(_ inputs: [Tensor?], outputs: [TensorType]) -> [Tensor] {
        switch body {
        case .view(let index):
            return [inputs[index]!.reshaped(outputs[0].shape)]
        case .compute(let compute):
            let sources = inputs.map { $0.map { AlignedStorage(copying: $0.bytes) } }
            let results = outputs.map { AlignedStorage(byteCount: $0.byteCount) }
            let scratch = AlignedStorage(byteCount: scratchBytes)
            let arguments = unsafe KernelArguments(
                inputs: sources.map { unsafe ($0?.base, $0?.byteCount ?? 0) },
                outputs: results.map { unsafe ($0.base, $0.byteCount) }, scratch: scratch.base, scratchBytes: scratchBytes)
            withExtendedLifetime((sources, scratch)) { compute(arguments) }
            return zip(outputs, results).map { type, storage in
                let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: storage.base, count: type.byteCount))
                return Tensor(shape: type.shape, elementType: type.elementType, bytes: bytes)
            }
        }
    }
}

/// What a constant that is computed at load was stored as.
private enum QuantizedOrigin {
    /// The integers and scales of a `DequantizeLinear` without zero points.
    static func of(_ node: NodeContext) -> Program.QuantizedConstant? {
        guard node.operation == "DequantizeLinear", let steps = node.inputs[0]?.constant, [.int8, .int32].contains(steps.elementType), node.inputs.count >= 2,
            let scale = node.inputs[1]?.constant, node.attributes["block_size"] ?? .int(0) == .int(0),
            node.inputs.count < 3 || node.inputs[2].map({ $0.constant?.bytes.allSatisfy { $0 == 0 } ?? false }) ?? true
        else { return nil }
        var axis = 1
        if case .int(let given)? = node.attributes["axis"] { axis = given < 0 ? given + steps.shape.count : given }
        return Program.QuantizedConstant(steps: steps, scales: scale.values(as: Float.self), axis: axis)
    }
}
