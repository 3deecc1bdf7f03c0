/// Linear regression with a penalty on large weights:
///
///     W = (XᵀX + λ·n·diag(XᵀX)/n)⁻¹ XᵀY        (columns of X and Y about their means; λ relative to each column's variance)
///
/// Sums are kept, samples are not: any number can be added. Solved by Cholesky's decomposition in doubles.
public struct RidgeRegression: Sendable {
    public let inputs: Int
    public let outputs: Int
    public private(set) var count = 0
    /// `[inputs, inputs]`, the upper triangle.
    private var products: [Double]
    /// `[inputs, outputs]`.
    private var answers: [Double]
    private var inputSums: [Double]
    private var outputSums: [Double]

    public struct Solution: Sendable, Hashable {
        /// `[inputs, outputs]`.
        public var weights: [Double]
        public var bias: [Double]
    }

    public init(inputs: Int, outputs: Int) {
        precondition(inputs > 0 && outputs > 0)
        self.inputs = inputs
        self.outputs = outputs
        products = [Double](repeating: 0, count: inputs * inputs)
        answers = [Double](repeating: 0, count: inputs * outputs)
        inputSums = [Double](repeating: 0, count: inputs)
        outputSums = [Double](repeating: 0, count: outputs)
    }

    /// - Parameters:
    ///   - x: `[n, inputs]`.
    ///   - y: `[n, outputs]`.
    public mutating func add(_ x: [Float], _ y: [Float]) {
        let n = x.count / inputs
        precondition(x.count == n * inputs && y.count == n * outputs, "\(x.count) and \(y.count) numbers of samples with \(inputs) and \(outputs)")
        let (inputs, outputs) = (inputs, outputs)
        count += n
        unsafe products.withUnsafeMutableBufferPointer { products in
            unsafe x.withUnsafeBufferPointer { x in
                for row in 0..<n {
                    for i in 0..<inputs {
                        let xi = unsafe Double(x[row * inputs + i])
                        for j in i..<inputs { unsafe products[i * inputs + j] += xi * Double(x[row * inputs + j]) }
                    }
                }
            }
        }
        for row in 0..<n {
            for i in 0..<inputs {
                inputSums[i] += Double(x[row * inputs + i])
                for k in 0..<outputs { answers[i * outputs + k] += Double(x[row * inputs + i]) * Double(y[row * outputs + k]) }
            }
            for k in 0..<outputs { outputSums[k] += Double(y[row * outputs + k]) }
        }
    }

    /// - Parameter penalty: λ, above 0; an input that never varies gets no weight.
    /// - Returns: nil without samples.
    public func solve(penalty: Double) -> Solution? {
        guard count > 0 else { return nil }
        let n = Double(count)
        var matrix = products
        for i in 0..<inputs { for j in i..<inputs { matrix[i * inputs + j] -= inputSums[i] * inputSums[j] / n } }
        let varied = (0..<inputs).map { matrix[$0 * inputs + $0] > 1e-9 * n }
        for i in 0..<inputs {
            if varied[i] { matrix[i * inputs + i] *= 1 + penalty } else { for j in i..<inputs { matrix[i * inputs + j] = i == j ? 1 : 0 } }
            if !varied[i] { for j in 0..<i { matrix[j * inputs + i] = 0 } }
        }
        // Uᵀ·U, in place.
        for i in 0..<inputs {
            for k in 0..<i {
                let factor = matrix[k * inputs + i]
                if factor != 0 { for j in i..<inputs { matrix[i * inputs + j] -= factor * matrix[k * inputs + j] } }
            }
            let pivot = matrix[i * inputs + i]
            guard pivot > 0 else { return nil }
            let scale = 1 / pivot.squareRoot()
            for j in i..<inputs { matrix[i * inputs + j] *= scale }
        }
        var weights = answers
        for k in 0..<outputs {
            for i in 0..<inputs {
                var value = varied[i] ? answers[i * outputs + k] - inputSums[i] * outputSums[k] / n : 0
                for j in 0..<i { value -= matrix[j * inputs + i] * weights[j * outputs + k] }
                weights[i * outputs + k] = value / matrix[i * inputs + i]
            }
            for i in (0..<inputs).reversed() {
                var value = weights[i * outputs + k]
                for j in i + 1..<max(i + 1, inputs) { value -= matrix[i * inputs + j] * weights[j * outputs + k] }
                weights[i * outputs + k] = value / matrix[i * inputs + i]
            }
        }
        let bias = (0..<outputs).map { k in
            (outputSums[k] - (0..<inputs).reduce(0.0) { $0 + weights[$1 * outputs + k] * inputSums[$1] }) / n
        }
        return Solution(weights: weights, bias: bias)
    }
}
