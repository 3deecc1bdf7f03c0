import ModelBundle
import Tensors

/// One node as an operator sees it at load: attributes, types and known values, each access checked.
///
/// Integers that come out of it are within ±``bound``, and so are sizes: sums and products of two of them fit in `Int`.
struct NodeContext {
    struct Input {
        let name: String
        let type: TensorType
        /// The value, where it is known at load.
        let constant: Tensor?
        /// A run-time input of the network that the value depends on.
        let origin: String?
    }

    static let bound = 1 << 31

    let operation: String
    let name: String
    let opset: Int
    let inputs: [Input?]
    /// Output types; empty while ``Operator/outputTypes(_:)`` is asked.
    var outputs: [TensorType] = []
    /// Outputs that the node names, which may be fewer than the operator has.
    let outputCount: Int
    let attributes: [String: Attribute]
    let options: NetworkOptions
    let weights: WeightStore

    var label: String { name.isEmpty ? "\(operation) node" : "\(operation) node '\(name)'" }

    /// An error about this node.
    func malformed(_ message: String) -> InferenceError { InferenceError(.malformed, "\(label): \(message)") }
    func unsupported(_ message: String) -> InferenceError { InferenceError(.unsupported, "\(label): \(message)") }

    // MARK: Inputs

    func hasInput(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

    /// A required input.
    func input(_ index: Int) throws(InferenceError) -> Input {
        guard index < inputs.count, let input = inputs[index] else {
            throw malformed("input \(index) is missing")
        }
        return input
    }

    func type(_ index: Int) throws(InferenceError) -> TensorType { try input(index).type }
    func shape(_ index: Int) throws(InferenceError) -> [Int] { try input(index).type.shape }

    /// A required input that must hold one of `types`.
    func type(_ index: Int, among types: [ElementType]) throws(InferenceError) -> TensorType {
        let type = try input(index).type
        guard types.contains(type.elementType) else {
            throw unsupported("input \(index) holds \(type.elementType); expected \(types.map(\.rawValue).joined(separator: ", "))")
        }
        return type
    }

    /// A required input whose value must be known at load.
    func constant(_ index: Int) throws(InferenceError) -> Tensor {
        let input = try input(index)
        guard let tensor = input.constant else {
            guard let origin = input.origin else { throw unsupported("input \(index) ('\(input.name)') must be constant") }
            throw InferenceError(
                .valueNeeded(input: origin),
                "\(label): input \(index) ('\(input.name)') decides a shape and depends on the value of '\(origin)'; bind '\(origin)' as .constant")
        }
        return tensor
    }

    /// Integers of a constant input, limited to ±``bound`` (ONNX writes ±2⁶³ for "to the end").
    func constantInts(_ index: Int) throws(InferenceError) -> [Int] {
        let tensor = try constant(index)
        switch tensor.elementType {
        case .int64: return tensor.values(as: Int64.self).map { Int(max(min($0, Int64(Self.bound)), -Int64(Self.bound))) }
        case .int32: return tensor.values(as: Int32.self).map { Int($0) }
        default: throw malformed("input \(index) holds \(tensor.elementType); expected int64 or int32")
        }
    }

    /// The value of a constant input that holds one number.
    func constantFloat(_ index: Int) throws(InferenceError) -> Float {
        let tensor = try constant(index)
        guard tensor.count == 1 else { throw malformed("input \(index) has shape \(tensor.shape); expected one element") }
        switch tensor.elementType {
        case .float32: return tensor.values(as: Float.self)[0]
        case .float64: return Float(tensor.values(as: Double.self)[0])
        case .int64: return Float(tensor.values(as: Int64.self)[0])
        case .int32: return Float(tensor.values(as: Int32.self)[0])
        default: throw unsupported("input \(index) holds \(tensor.elementType); expected a number")
        }
    }

    // MARK: Attributes

    func int(_ name: String, default fallback: Int? = nil) throws(InferenceError) -> Int {
        switch attributes[name] {
        case .int(let value)?:
            guard abs(value.clamped) < Self.bound else { throw malformed("attribute '\(name)' is \(value)") }
            return value
        case nil:
            guard let fallback else { throw malformed("attribute '\(name)' is missing") }
            return fallback
        default: throw malformed("attribute '\(name)' is not an integer")
        }
    }

    func float(_ name: String, default fallback: Float? = nil) throws(InferenceError) -> Float {
        switch attributes[name] {
        case .float(let value)?: return value
        case nil:
            guard let fallback else { throw malformed("attribute '\(name)' is missing") }
            return fallback
        default: throw malformed("attribute '\(name)' is not a float")
        }
    }

    func string(_ name: String, default fallback: String) throws(InferenceError) -> String {
        switch attributes[name] {
        case .string(let value)?: return value
        case nil: return fallback
        default: throw malformed("attribute '\(name)' is not a string")
        }
    }

    /// `nil` where the attribute is absent. `count`: how many there must be.
    ///
    /// Limited to ±``bound``, as ``constantInts(_:)`` is: exporters write ±2⁶³ for "to the end".
    func ints(_ name: String, count: Int? = nil) throws(InferenceError) -> [Int]? {
        switch attributes[name] {
        case .ints(let values)?:
            if let count, values.count != count {
                throw malformed("attribute '\(name)' has \(values.count) integers, expected \(count)")
            }
            return values.map { max(min($0, Self.bound), -Self.bound) }
        case nil: return nil
        default: throw malformed("attribute '\(name)' is not a list of integers")
        }
    }

    // MARK: Types and axes

    /// A checked output type.
    func makeType(_ shape: [Int], _ elementType: ElementType) throws(InferenceError) -> TensorType {
        guard let type = TensorType(shape, elementType, limit: min(options.maximumTensorBytes, Self.bound)) else {
            if let negative = shape.first(where: { $0 < 0 }) { throw malformed("an output would have a size of \(negative) in \(shape)") }
            throw InferenceError(
                .tooLarge, "\(label): an output of shape \(shape) is larger than \(options.maximumTensorBytes) bytes or has more than \(TensorType.maximumRank) dimensions")
        }
        return type
    }

    /// `axis` counted from the front; −1 is the last of `rank` axes.
    func axis(_ axis: Int, rank: Int) throws(InferenceError) -> Int {
        let position = axis < 0 ? axis + rank : axis
        guard position >= 0, position < rank else { throw malformed("axis \(axis) of a value with \(rank) dimensions") }
        return position
    }

    /// Distinct axes counted from the front.
    func axes(_ axes: [Int], rank: Int) throws(InferenceError) -> [Int] {
        var result: [Int] = []
        for value in axes {
            let position = try axis(value, rank: rank)
            guard !result.contains(position) else { throw malformed("axis \(value) is given twice") }
            result.append(position)
        }
        return result
    }

    /// Axes from an attribute (older operator sets) or from a constant input; `nil` where neither is given.
    func axes(attribute: String = "axes", input index: Int, rank: Int) throws(InferenceError) -> [Int]? {
        if let values = try ints(attribute) { return try axes(values, rank: rank) }
        guard hasInput(index) else { return nil }
        return try axes(constantInts(index), rank: rank)
    }

    /// The broadcast of these inputs.
    func broadcast(_ indices: Range<Int>) throws(InferenceError) -> [Int] {
        var shapes: [[Int]] = []
        for index in indices { shapes.append(try shape(index)) }
        guard let shape = broadcastShape(shapes) else { throw malformed("shapes \(shapes) do not broadcast") }
        return shape
    }
}

extension Int {
    /// Within what `abs` and negation bear.
    fileprivate var clamped: Int { Swift.max(self, -Int.max) }
}
