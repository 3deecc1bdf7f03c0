import CTorch
import Tensors

extension OperatorTable {
    static let quantization: [String: Evaluation] = [
        "QuantizeLinear": quantize, "DequantizeLinear": dequantize, fakeQuantize: roundTrip,
    ]

    /// A `QuantizeLinear` and the `DequantizeLinear` after it as one node, whose gradient passes where nothing is clipped (the straight-through
    /// estimator, Bengio et al. 2013): quantization-aware training.
    static let fakeQuantize = "fwoc.FakeQuantize"

    /// Scale and zero point, shaped to broadcast along the node's axis; and the smallest and largest integer.
    private static func grid(_ node: NodeCall, rank: Int) throws -> (scale: TorchTensor, zeroPoint: TorchTensor, range: ClosedRange<Double>, type: ElementType) {
        let scale = try node.input(1), zeroPoint = node.optional(2)
        let type = zeroPoint?.elementType ?? .uint8
        let range: ClosedRange<Double>
        switch type {
        case .uint8: range = 0...255
        case .int8: range = -128...127
        case .int16: range = -32768...32767
        case .int32: range = -2147483648...2147483647
        default: throw node.unsupported("a zero point of \(type)")
        }
        func placed(_ values: TorchTensor) throws -> TorchTensor {
            guard values.count > 1 else { return try values.reshaped([]) }
            guard values.rank == 1 else { throw node.unsupported("scales of shape \(values.shape); expected one, or one for each channel") }
            let axis = try node.axis(node.int("axis", default: 1), rank: rank)
            var shape = [Int](repeating: 1, count: rank)
            shape[axis] = values.count
            return try values.reshaped(shape)
        }
        let zeros = try zeroPoint.map { try placed($0.converted(to: scale.elementType, device: scale.device)) } ?? scale.reshaped([scale.count]).sliced(0, 0, 1).reshaped([]) * 0
        return (try placed(scale), zeros, range, type)
    }

    @Sendable private static func quantize(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let grid = try grid(node, rank: x.rank)
        let steps = try (x.detached().converted(to: grid.scale.elementType) / grid.scale).unary(CTORCH_ROUND, "round") + grid.zeroPoint
        return [try steps.clamped(grid.range.lowerBound, grid.range.upperBound).converted(to: grid.type)]
    }

    @Sendable private static func dequantize(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let grid = try grid(node, rank: x.rank)
        return [try (x.converted(to: grid.scale.elementType, device: grid.scale.device) - grid.zeroPoint) * grid.scale]
    }

    @Sendable private static func roundTrip(_ node: NodeCall) throws -> [TorchTensor?] {
        let x = try node.input(0)
        let grid = try grid(node, rank: x.rank)
        let scale = try grid.scale.detached()
        let exact = try TorchRuntime.withoutGradients { () throws(TorchError) in
            let steps = try (x / scale).unary(CTORCH_ROUND, "round") + grid.zeroPoint
            return try (steps.clamped(grid.range.lowerBound, grid.range.upperBound) - grid.zeroPoint) * scale
        }
        guard x.requiresGradient, TorchRuntime.isRecording else { return [exact] }
        // The value is exact to the last bit; the gradient is that of the clipped input.
        let lower = try (-grid.zeroPoint + grid.range.lowerBound) * scale, upper = try (-grid.zeroPoint + grid.range.upperBound) * scale
        let clipped = try x.maximum(lower).minimum(upper)
        return [try exact + (clipped - clipped.detached())]
    }
}
