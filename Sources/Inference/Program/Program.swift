import ModelBundle
import Tensors

/// A graph with every shape known: what passes rewrite and the plan is made from.
struct Program {
    typealias ValueID = Int

    struct Value {
        var name: String
        var type: TensorType
        /// Known at load.
        var constant: Tensor?
        /// A run-time input of the network that the value depends on.
        var origin: String?
        /// What a constant was made from, where it was stored in integers.
        var quantized: QuantizedConstant?
    }

    /// A constant stored as integers: value = steps · scale.
    struct QuantizedConstant {
        var steps: Tensor
        /// One, or one for each position along ``axis``.
        var scales: [Float]
        var axis: Int
    }

    struct Operation {
        /// A name in ``OperatorRegistry``: ONNX's, or one of the engine's own after a pass (`fwoc.…`).
        var kind: String
        var name: String
        var opset: Int
        var attributes: [String: Attribute] = [:]
        /// `nil` where an optional input is left out.
        var inputs: [ValueID?]
        /// `nil` where nobody reads an optional output.
        var outputs: [ValueID?]
        /// The two branches of a run-time `If`; their inputs follow the condition in ``inputs``.
        var branches: [Branch] = []
        /// The layers of a `fwoc.Chain`, in order; the first reads the chain's first input, each other one its predecessor.
        var stages: [Operation] = []
    }

    struct Branch {
        var program: Program
        /// Which of the operation's inputs each input of the program is.
        var captures: [Int]
    }

    var values: [Value] = []
    /// In an order in which they can run.
    var operations: [Operation] = []
    var inputs: [ValueID] = []
    var outputs: [ValueID] = []

    mutating func add(_ value: Value) -> ValueID {
        values.append(value)
        return values.count - 1
    }

    mutating func addConstant(_ tensor: Tensor, name: String) -> ValueID {
        add(Value(name: name, type: TensorType(rearranged: tensor.shape, tensor.elementType), constant: tensor, origin: nil))
    }

    /// How often each value is read, by operations and as an output of the network.
    var useCounts: [Int] {
        var counts = [Int](repeating: 0, count: values.count)
        for operation in operations {
            for case let input? in operation.inputs { counts[input] += 1 }
        }
        for output in outputs { counts[output] += 1 }
        return counts
    }

    /// The operation that makes each value.
    var producers: [Int?] {
        var producers = [Int?](repeating: nil, count: values.count)
        for (index, operation) in operations.enumerated() {
            for case let output? in operation.outputs { producers[output] = index }
        }
        return producers
    }

    /// Removes operations none of whose outputs is read.
    mutating func removeDeadOperations() {
        var isNeeded = [Bool](repeating: false, count: values.count)
        for output in outputs { isNeeded[output] = true }
        var kept: [Operation] = []
        for operation in operations.reversed() {
            guard operation.outputs.contains(where: { $0.map { isNeeded[$0] } ?? false }) else { continue }
            var operation = operation
            for (position, output) in operation.outputs.enumerated() {
                if let output, !isNeeded[output], position > 0 { operation.outputs[position] = nil }
            }
            for case let input? in operation.inputs { isNeeded[input] = true }
            kept.append(operation)
        }
        operations = kept.reversed()
    }

    func context(_ operation: Operation, options: NetworkOptions, weights: WeightStore) -> NodeContext {
        NodeContext(
            operation: operation.kind, name: operation.name, opset: operation.opset,
            inputs: operation.inputs.map { id in
                id.map { NodeContext.Input(name: values[$0].name, type: values[$0].type, constant: values[$0].constant, origin: values[$0].origin) }
            },
            outputs: [], outputCount: operation.outputs.count, attributes: operation.attributes, options: options, weights: weights)
    }
}
