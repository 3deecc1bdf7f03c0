public import Tensors

/// How a new weight is drawn. Uniform distributions only: their numbers need no library function, and are the same on every machine.
public enum WeightInitializer: Sendable, Equatable {
    /// He et al. 2015: variance gain² / inputs, for layers before a rectifier (gain² 2) or before nothing (1).
    case kaiming(gain: Float = 1.4142135)
    /// Glorot and Bengio 2010: variance 2 / (inputs + outputs).
    case xavier
    /// In −bound … bound.
    case uniform(bound: Float)
    case constant(Float)

    /// - Parameters:
    ///   - inputs: numbers that go into one output of the layer; `outputs`: outputs that one input goes to.
    ///   - seed: of the network; the weight's name decides its place in it.
    public func tensor(_ shape: [Int], inputs: Int, outputs: Int, seed: UInt64, name: String) -> Tensor {
        let bound: Float
        switch self {
        case .kaiming(let gain): bound = gain * (3 / Float(max(inputs, 1))).squareRoot()
        case .xavier: bound = (6 / Float(max(inputs + outputs, 1))).squareRoot()
        case .uniform(let given): bound = given
        case .constant(let value): return Tensor(shape: shape, values: [Float](repeating: value, count: Tensor.elementCount(shape)))
        }
        var generator = SplitMix64(seed: seed, name: name)
        return Tensor(shape: shape, values: (0..<Tensor.elementCount(shape)).map { _ in (2 * generator.unit() - 1) * bound })
    }
}
