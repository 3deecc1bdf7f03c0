import ModelBundle
import Tensors

/// One node in one run: its inputs' values and its attributes, each access checked.
struct NodeCall {
    /// What all nodes of a run share.
    struct Surroundings {
        let opset: Int
        let isTraining: Bool
        /// Whether batch normalisation uses and moves statistics of the batch.
        let updatesStatistics: Bool
        /// What `float32` of the graph is computed in.
        let floatType: ElementType
        let device: TorchDevice
    }

    let node: Node
    let surroundings: Surroundings
    let inputs: [TorchTensor?]
    /// Names of the inputs that are running statistics and may be moved.
    let isStatistic: (String) -> Bool

    var operation: String { node.operation }
    var opset: Int { surroundings.opset }
    var label: String { node.label }

    func malformed(_ message: String) -> TrainableGraphError { TrainableGraphError(.malformed, "\(label): \(message)") }
    func unsupported(_ message: String) -> TrainableGraphError { TrainableGraphError(.unsupported, "\(label): \(message)") }

    // MARK: Inputs

    func hasInput(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }
    func optional(_ index: Int) -> TorchTensor? { index < inputs.count ? inputs[index] : nil }

    /// A required input.
    func input(_ index: Int) throws -> TorchTensor {
        guard let tensor = optional(index) else { throw malformed("input \(index) is missing") }
        return tensor
    }

    /// Integers of an input, cut to what `Int` sums bear (ONNX writes ±2⁶³ for "to the end").
    func integers(_ index: Int) throws -> [Int] { try input(index).integers().map { max(min($0, 1 << 40), -(1 << 40)) } }

    /// The numbers of an input; `nil` where it is absent or empty.
    func numbers(_ index: Int) throws -> [Double]? {
        guard let tensor = optional(index), tensor.count > 0 else { return nil }
        return try tensor.doubles()
    }

    /// The element type that the graph's becomes in this run.
    func runType(_ type: ElementType) -> ElementType { type == .float32 || type == .float64 ? surroundings.floatType : type }

    func made(_ tensor: Tensor, onHost: Bool = false) throws -> TorchTensor {
        let isFloat = tensor.elementType == .float32 || tensor.elementType == .float64
        let made = try TorchTensor(tensor, device: isFloat && !onHost ? surroundings.device : .cpu)
        return isFloat ? try made.converted(to: surroundings.floatType) : made
    }

    // MARK: Attributes

    func int(_ name: String, default fallback: Int? = nil) throws -> Int {
        switch node.attributes[name] {
        case .int(let value)?: return max(min(value, 1 << 40), -(1 << 40))
        case nil:
            guard let fallback else { throw malformed("attribute '\(name)' is missing") }
            return fallback
        default: throw malformed("attribute '\(name)' is not an integer")
        }
    }

    func float(_ name: String, default fallback: Float? = nil) throws -> Double {
        switch node.attributes[name] {
        case .float(let value)?: return Double(value)
        case nil:
            guard let fallback else { throw malformed("attribute '\(name)' is missing") }
            return Double(fallback)
        default: throw malformed("attribute '\(name)' is not a float")
        }
    }

    func string(_ name: String, default fallback: String) throws -> String {
        switch node.attributes[name] {
        case .string(let value)?: return value
        case nil: return fallback
        default: throw malformed("attribute '\(name)' is not a string")
        }
    }

    /// `nil` where the attribute is absent. `count`: how many there must be.
    func ints(_ name: String, count: Int? = nil) throws -> [Int]? {
        switch node.attributes[name] {
        case .ints(let values)?:
            if let count, values.count != count { throw malformed("attribute '\(name)' has \(values.count) integers, expected \(count)") }
            return values.map { max(min($0, 1 << 40), -(1 << 40)) }
        case nil: return nil
        default: throw malformed("attribute '\(name)' is not a list of integers")
        }
    }

    // MARK: Axes

    /// `axis` counted from the front; −1 is the last of `rank` axes.
    func axis(_ axis: Int, rank: Int) throws -> Int {
        let own = axis < 0 ? axis + rank : axis
        guard (0..<max(rank, 1)).contains(own) else { throw malformed("axis \(axis) of \(rank)") }
        return own
    }

    func axes(_ axes: [Int], rank: Int) throws -> [Int] {
        let own = try axes.map { try axis($0, rank: rank) }
        guard Set(own).count == own.count else { throw malformed("axes \(axes) name one twice") }
        return own
    }
}

extension Node {
    /// For messages.
    var label: String { name.isEmpty ? "\(operation) node making '\(outputs.first ?? "")'" : "\(operation) node '\(name)'" }
}
