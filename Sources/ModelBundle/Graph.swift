import Tensors

/// A model: an ONNX graph as this project sees it, free of file format.
///
/// The one definition of a network: `Inference` runs it, the trainer interprets it with gradients.
public struct Graph: Sendable, Equatable {
    public var name: String
    /// Version of the default operator set (`ai.onnx`).
    public var opset: Int
    /// In topological order, as ONNX requires.
    public var nodes: [Node]
    public var inputs: [ValueInfo]
    public var outputs: [ValueInfo]
    /// Weights by value name. An initialiser that is also listed as a graph input is a weight, and not in ``inputs``.
    public var initializers: [String: Tensor]

    public init(
        name: String, opset: Int, nodes: [Node], inputs: [ValueInfo], outputs: [ValueInfo],
        initializers: [String: Tensor]
    ) {
        self.name = name
        self.opset = opset
        self.nodes = nodes
        self.inputs = inputs
        self.outputs = outputs
        self.initializers = initializers
    }

    /// Elements over all initialisers.
    public var parameterCount: Int { initializers.values.reduce(0) { $0 + $1.count } }
}

/// One operator application.
public struct Node: Sendable, Equatable {
    /// ONNX operator type, for example `Conv`.
    public var operation: String
    /// Empty for the default domain.
    public var domain: String
    public var name: String
    /// Value names; empty where an optional input is left out.
    public var inputs: [String]
    public var outputs: [String]
    public var attributes: [String: Attribute]

    public init(
        operation: String, domain: String = "", name: String = "", inputs: [String], outputs: [String],
        attributes: [String: Attribute] = [:]
    ) {
        self.operation = operation
        self.domain = domain
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }
}

public indirect enum Attribute: Sendable, Equatable {
    case int(Int)
    case float(Float)
    case string(String)
    case tensor(Tensor)
    case graph(Graph)
    case ints([Int])
    case floats([Float])
    case strings([String])
}

/// Name, type and shape of a graph input or output.
public struct ValueInfo: Sendable, Equatable {
    /// A fixed size, or a free one with its symbolic name (empty when the file gives none).
    public enum Dimension: Sendable, Equatable {
        case fixed(Int)
        case free(String)
    }

    public var name: String
    public var elementType: ElementType
    /// `nil` where the file does not even give the rank.
    public var shape: [Dimension]?

    public init(name: String, elementType: ElementType, shape: [Dimension]?) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
    }
}
