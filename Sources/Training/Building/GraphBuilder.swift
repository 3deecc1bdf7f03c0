public import ModelBundle
public import Tensors

/// Builds a network as an ONNX ``Graph``, layer by layer, with seeded weights.
///
///     var net = GraphBuilder(name: "face", seed: 1)
///     var x = net.input("picture", [.free("batch"), .fixed(3), .fixed(112), .fixed(112)])
///     x = net.convolution(x, 64, kernel: 3, stride: 2, padding: .same, bias: false)
///     x = net.prelu(net.batchNormalization(x))
///     x = net.scope("head") { $0.linear($0.flatten($0.globalAveragePool(x)), 256) }
///     let graph = try net.graph(outputs: ["embedding": x])
///
/// Values carry their shapes, so that a layer knows its inputs. Weights and nodes are named after their scope and kind: `head.linear1.weight`; what a
/// weight is drawn as depends on the seed and that name only. A layer that does not fit is remembered, and thrown by ``graph(outputs:)``: lines in
/// between need no `try`. The graphs keep to operators that `Inference` and ``TrainableGraph`` run.
public struct GraphBuilder: Sendable {
    /// A value in the making.
    public struct Value: Sendable {
        public let name: String
        public let shape: [ValueInfo.Dimension]
        public let elementType: ElementType

        public var rank: Int { shape.count }

        /// The size of an axis where it is fixed; negative axes count from the back.
        public func size(_ axis: Int) -> Int? {
            let index = axis < 0 ? axis + rank : axis
            guard shape.indices.contains(index), case .fixed(let size) = shape[index] else { return nil }
            return size
        }

        /// Channels of [batch, channels, …].
        public var channels: Int? { size(1) }
    }

    public let name: String
    public let seed: UInt64
    /// The operator set that the graphs are written in.
    public static let opset = 17

    private var nodes: [Node] = []
    private var inputs: [ValueInfo] = []
    private var initializers: [String: Tensor] = [:]
    private var path: [String] = []
    private var counts: [String: Int] = [:]
    private var failure: GraphBuilderError?

    public init(name: String, seed: UInt64) {
        self.name = name
        self.seed = seed
    }

    // MARK: Frame

    public mutating func input(_ name: String, _ shape: [ValueInfo.Dimension], _ elementType: ElementType = .float32) -> Value {
        if inputs.contains(where: { $0.name == name }) { fail("there are two inputs '\(name)'") }
        inputs.append(ValueInfo(name: name, elementType: elementType, shape: shape))
        return Value(name: name, shape: shape, elementType: elementType)
    }

    /// Names what `body` adds `name.…`.
    public mutating func scope<R>(_ name: String, _ body: (inout GraphBuilder) -> R) -> R {
        path.append(name)
        defer { path.removeLast() }
        return body(&self)
    }

    /// The network, with its outputs in the order given. Mutating only so that layers may be added within the call.
    /// - Throws: ``GraphBuilderError``, the first layer that did not fit.
    public mutating func graph(outputs: KeyValuePairs<String, Value>) throws(GraphBuilderError) -> Graph { try graph(outputs: Array(outputs)) }

    /// The same, for outputs that are counted up.
    public mutating func graph(outputs: [(key: String, value: Value)]) throws(GraphBuilderError) -> Graph {
        if let failure { throw failure }
        guard !outputs.isEmpty else { throw GraphBuilderError(description: "network '\(name)' has no outputs") }
        var nodes = nodes
        var infos: [ValueInfo] = []
        for (name, value) in outputs {
            guard !infos.contains(where: { $0.name == name }) else { throw GraphBuilderError(description: "network '\(self.name)' has two outputs '\(name)'") }
            nodes.append(Node(operation: "Identity", name: "output.\(name)", inputs: [value.name], outputs: [name]))
            infos.append(ValueInfo(name: name, elementType: value.elementType, shape: value.shape))
        }
        return Graph(name: name, opset: Self.opset, nodes: nodes, inputs: inputs, outputs: infos, initializers: initializers)
    }

    /// Remembers the first thing that does not fit.
    public mutating func fail(_ message: String) {
        if failure == nil { failure = GraphBuilderError(description: "network '\(name)'\(path.isEmpty ? "" : ", \(path.joined(separator: "."))"): \(message)") }
    }

    // MARK: Any operator

    /// A name of its own in this scope: `scope.kind1`.
    public mutating func unique(_ kind: String) -> String {
        let base = (path + [kind]).joined(separator: ".")
        counts[base, default: 0] += 1
        return "\(base)\(counts[base] ?? 1)"
    }

    /// A node of any operator with one output.
    public mutating func node(
        _ operation: String, _ inputs: [String], _ attributes: [String: Attribute] = [:], shape: [ValueInfo.Dimension], elementType: ElementType = .float32,
        name: String? = nil
    ) -> Value {
        let name = name ?? unique(operation.lowercased())
        nodes.append(Node(operation: operation, name: name, inputs: inputs, outputs: [name], attributes: attributes))
        return Value(name: name, shape: shape, elementType: elementType)
    }

    /// A weight that learns: `name` is its whole name. See ``WeightInitializer/tensor(_:inputs:outputs:seed:name:)``.
    public mutating func weight(_ name: String, _ shape: [Int], _ initializer: WeightInitializer, inputs: Int = 1, outputs: Int = 1) -> String {
        guard shape.allSatisfy({ $0 >= 1 }), shape.reduce(1.0, { $0 * Double($1) }) < 1e9 else {
            fail("weight '\(name)' would have shape \(shape)")
            return name
        }
        initializers[name] = initializer.tensor(shape, inputs: inputs, outputs: outputs, seed: seed, name: name)
        return name
    }

    /// A constant.
    public mutating func constant(_ tensor: Tensor) -> String {
        let name = unique("constant")
        initializers[name] = tensor
        return name
    }

    public mutating func constant(_ values: [Int]) -> String { constant(Tensor(shape: [values.count], values: values.map { Int64($0) })) }

    var scopePath: [String] { path }
}
