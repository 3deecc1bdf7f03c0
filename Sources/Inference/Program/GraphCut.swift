import ModelBundle
import Tensors

/// The part of a graph between bound values and wanted outputs.
struct GraphCut {
    private let graph: Graph
    private let bindings: [String: InputBinding]
    private let outputs: [String]
    /// Nodes that an output needs, in the graph's order.
    private let nodes: [Node]
    /// Names that the kept nodes and the outputs read.
    private let needed: Set<String>
    private let keepsAllInputs: Bool

    init(_ graph: Graph, bindings: [String: InputBinding], outputs: [String]?) throws(InferenceError) {
        self.graph = graph
        self.bindings = bindings
        self.outputs = outputs ?? graph.outputs.map(\.name)
        keepsAllInputs = outputs == nil
        var made = Set(graph.initializers.keys)
        for input in graph.inputs { made.insert(input.name) }
        for node in graph.nodes { made.formUnion(node.outputs) }
        for name in bindings.keys where !made.contains(name) {
            throw InferenceError(
                .binding, "the graph has no value '\(name)' to bind; its inputs are \(graph.inputs.map(\.name).joined(separator: ", "))")
        }
        var needed = Set(self.outputs)
        var kept: [Node] = []
        for node in graph.nodes.reversed() {
            guard node.outputs.contains(where: { needed.contains($0) && bindings[$0] == nil }) else { continue }
            Self.collectReads(node, into: &needed)
            kept.append(node)
        }
        nodes = kept.reversed()
        self.needed = needed
    }

    /// Inputs of a node and what its nested graphs read.
    private static func collectReads(_ node: Node, into names: inout Set<String>) {
        names.formUnion(node.inputs)
        for case .graph(let nested) in node.attributes.values {
            for inner in nested.nodes { collectReads(inner, into: &names) }
            names.formUnion(nested.outputs.map(\.name))
        }
    }

    func elaborated(options: NetworkOptions, weights: WeightStore) throws(InferenceError) -> Program {
        let elaboration = Elaboration(options: options, weights: weights)
        let limit = min(options.maximumTensorBytes, NodeContext.bound)
        func add(_ name: String, _ shape: [Int], _ elementType: ElementType) throws(InferenceError) {
            guard let type = TensorType(shape, elementType, limit: limit) else {
                throw InferenceError(.tooLarge, "input '\(name)': shape \(shape) is negative or larger than \(limit) bytes")
            }
            try elaboration.addInput(name, type: type)
        }
        for (name, tensor) in graph.initializers where needed.contains(name) && bindings[name] == nil {
            try elaboration.addConstant(name, tensor)
        }
        for input in graph.inputs where keepsAllInputs || needed.contains(input.name) {
            switch bindings[input.name] {
            case .constant(let tensor)?:
                guard tensor.elementType == input.elementType else {
                    throw InferenceError(.binding, "input '\(input.name)' holds \(input.elementType), got a constant of \(tensor.elementType)")
                }
                try check(input, tensor.shape)
                try elaboration.addConstant(input.name, tensor)
            case .shape(let shape)?:
                try check(input, shape)
                try add(input.name, shape, input.elementType)
            case nil:
                guard let dimensions = input.shape else {
                    throw InferenceError(.freeDimension(input: input.name), "input '\(input.name)' has no shape in the graph; bind it with .shape")
                }
                var shape: [Int] = []
                for (axis, dimension) in dimensions.enumerated() {
                    switch dimension {
                    case .fixed(let size): shape.append(size)
                    case .free(let symbol):
                        throw InferenceError(
                            .freeDimension(input: input.name),
                            "input '\(input.name)': dimension \(axis)\(symbol.isEmpty ? "" : " ('\(symbol)')") is free; bind the input with .shape")
                    }
                }
                try add(input.name, shape, input.elementType)
            }
        }
        // Inner values in an order that does not depend on hashing.
        let graphInputs = Set(graph.inputs.map(\.name))
        for name in bindings.keys.sorted() where !graphInputs.contains(name) {
            switch bindings[name]! {
            case .constant(let tensor): try elaboration.addConstant(name, tensor)
            case .shape(let shape): try add(name, shape, .float32)
            }
        }
        // A bound value's producer may be kept for its other outputs.
        let bound = Set(bindings.keys)
        try elaboration.add(
            nodes.map { node in
                guard node.outputs.contains(where: bound.contains) else { return node }
                var node = node
                node.outputs = node.outputs.map { bound.contains($0) ? "" : $0 }
                return node
            }, opset: graph.opset)
        try elaboration.setOutputs(outputs)
        return elaboration.program
    }

    /// A bound shape must have the graph's fixed sizes.
    private func check(_ input: ValueInfo, _ shape: [Int]) throws(InferenceError) {
        guard let dimensions = input.shape else { return }
        let fits = dimensions.count == shape.count
            && zip(dimensions, shape).allSatisfy { dimension, size in
                if case .fixed(let fixed) = dimension { return fixed == size }
                return size >= 0
            }
        guard fits else {
            let expected = dimensions.map { dimension in
                switch dimension {
                case .fixed(let size): "\(size)"
                case .free(let symbol): symbol.isEmpty ? "?" : symbol
                }
            }
            throw InferenceError(.binding, "input '\(input.name)': got shape \(shape), expected [\(expected.joined(separator: ", "))]")
        }
    }
}
