import ModelBundle
import Tensors
import Training

/// Gradients of a graph against central finite differences, in double precision.
///
/// The loss is a fixed random weighting of every floating-point output; it is differentiated along random directions of each input and weight:
/// (loss(x + h d) − loss(x − h d)) / 2h against the gradient · d. A wrong element of a gradient shows in almost every direction.
struct GradientCheck {
    /// One input or weight in one direction.
    struct Finding {
        let name: String
        let analytic: Double, numeric: Double
        /// In units of the larger, or of the rounding noise of the quotient where both are smaller.
        var error: Double { abs(analytic - numeric) / max(abs(analytic), abs(numeric), 1e-4) }
    }

    let graph: TrainableGraph
    var step = 1e-6
    var directions = 2

    /// - Parameter inputs: floats are converted to double precision; `varied` names those that the gradient is taken of.
    func findings(_ inputs: [String: Tensor], varied: Set<String>) throws -> [Finding] {
        var tensors: [String: TorchTensor] = [:]
        for (name, tensor) in inputs { tensors[name] = try TorchTensor(tensor) }
        for name in varied { tensors[name] = try tensors[name]?.converted(to: .float64).clone() }
        var leaves: [(name: String, tensor: TorchTensor)] = []
        for name in varied.sorted() {
            guard let tensor = tensors[name] else { continue }
            try tensor.setRequiresGradient(true)
            leaves.append((name, tensor))
        }
        leaves += graph.parameters.map { ($0.name, $0.tensor) }
        func loss() throws -> TorchTensor {
            let outputs = try graph.run(tensors)
            var sum = try TorchTensor.zeros([], .float64)
            for (position, info) in graph.outputs.enumerated() {
                guard let output = outputs[info.name], output.isFloat, output.count > 0 else { continue }
                let weights = try TorchTensor(TestData.noise(output.shape, seed: UInt64(100 + position))).converted(to: .float64)
                sum = try sum + (output * weights).sum()
            }
            return sum
        }
        let first = try loss()
        guard first.requiresGradient else { return leaves.map { Finding(name: $0.name, analytic: 0, numeric: 0) } }
        try first.backward()
        var result: [Finding] = []
        for (position, leaf) in leaves.enumerated() {
            let gradient = try leaf.tensor.gradient() ?? leaf.tensor.zerosLike()
            let origin = try leaf.tensor.detached().clone()
            for direction in 0..<directions {
                let way = try TorchTensor(TestData.noise(leaf.tensor.shape, seed: UInt64(1000 * position + direction + 7))).converted(to: .float64)
                let analytic = try (gradient * way).sum().item()
                let values = try [step, -step].map { h in
                    try leaf.tensor.copyInPlace(origin)
                    try leaf.tensor.blendInPlace(keep: 1, add: h, way)
                    return try TorchRuntime.withoutGradients { try loss().item() }
                }
                try leaf.tensor.copyInPlace(origin)
                result.append(Finding(name: leaf.name, analytic: analytic, numeric: (values[0] - values[1]) / (2 * step)))
            }
        }
        return result
    }
}
