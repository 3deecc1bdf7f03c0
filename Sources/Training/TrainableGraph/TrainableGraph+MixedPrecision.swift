import Tensors

/// What the forward and the backward pass of training multiply in.
public enum Precision: String, Sendable, CaseIterable, Hashable {
    /// `float32` throughout.
    case single
    /// Convolutions and what lies between them in `bfloat16`, sums and weights in `float32` (Micikevicius et al., "Mixed Precision Training", 2018;
    /// bfloat16 has the range of `float32`, so that losses need no scaling). A processor that does not multiply in it computes in `float32`, as do CUDA devices.
    case mixed

    /// What somebody who asked for more than the device has wants to know.
    func note(on device: TorchDevice) -> String? {
        guard self == .mixed, !TrainableGraph.hasBFloat16(device) else { return nil }
        return "precision: mixed – \(device == .cpu ? "this processor" : "'\(device)'") does not multiply in bfloat16 here; float32 is used"
    }
}

extension TrainableGraph {
    /// Whether ``Precision/mixed`` makes a difference on a device.
    public static func hasBFloat16(_ device: TorchDevice) -> Bool { device == .cpu && TorchTensor.hasBFloat16 }

    /// Operators that multiply in bfloat16.
    private static let narrowing: Set<String> = ["Conv"]

    /// Operators that go on in whatever type the values come in, by the inputs of which that is so. Parameters of batch normalisation and slopes stay `float32`.
    private static let keeping: [String: Set<Int>] = [
        "BatchNormalization": [0], "PRelu": [0], "Relu": [0], "LeakyRelu": [0], "Add": [0, 1], "Mul": [0, 1], "Sigmoid": [0], "MaxPool": [0], "GlobalAveragePool": [0], "Identity": [0],
        "Transpose": [0], "Reshape": [0], "Flatten": [0], "Squeeze": [0], "Unsqueeze": [0],
    ]

    /// The inputs of a node in the types that it computes with.
    static func mixed(_ operation: String, _ inputs: [TorchTensor?]) throws(TorchError) -> [TorchTensor?] {
        var result = inputs
        if narrowing.contains(operation) {
            for index in result.indices where result[index]?.elementType == .float32 { result[index] = try result[index]?.narrowed() }
            return result
        }
        let kept = keeping[operation] ?? []
        let stays = inputs.indices.allSatisfy { !kept.contains($0) || inputs[$0]?.isNarrow ?? true }
        for index in result.indices where !(stays && kept.contains(index)) { result[index] = try result[index]?.widened() }
        return result
    }
}
