/// Eight bits for a number: x ≈ scale · (q − zeroPoint), q = clamp(round(x / scale) + zeroPoint), rounded half to even.
///
/// As ONNX's QuantizeLinear and DequantizeLinear define it; Jacob et al., "Quantization and Training of Neural Networks for Efficient
/// Integer-Arithmetic-Only Inference", CVPR 2018, equation 1. Unsigned, 0…255. Zero is always met exactly, so that padding costs nothing.
public struct AffineQuantization: Sendable, Equatable {
    /// Positive.
    public let scale: Float
    public let zeroPoint: UInt8

    /// The quantization whose smallest and largest numbers are these, moved by less than a step so that zero is met.
    ///
    /// A range that does not hold zero is widened to it. An empty one, `low == high == 0`, gets a scale of 1.
    public init(low: Float, high: Float) {
        let low = min(low, 0), high = max(high, 0)
        let range = high - low
        guard range > 0, range.isFinite else {
            self.init(scale: 1, zeroPoint: 0)
            return
        }
        let scale = max(range / 255, .leastNormalMagnitude)
        self.init(scale: scale, zeroPoint: UInt8(min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)))
    }

    public init(scale: Float, zeroPoint: UInt8) {
        self.scale = scale
        self.zeroPoint = zeroPoint
    }

    public func quantize(_ x: Float) -> UInt8 {
        let q = (x / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
        return UInt8(min(max(q.isNaN ? Float(zeroPoint) : q, 0), 255))
    }

    public func dequantize(_ q: UInt8) -> Float { scale * Float(Int(q) - Int(zeroPoint)) }
}
