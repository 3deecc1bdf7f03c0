import Inference
import ModelBundle
import NodeTestCases
import Tensors

extension NodeTestArchive {
    /// Runs one case; `nil` where every output agrees, otherwise what went wrong.
    ///
    /// Inputs are given at run time; those whose values decide a shape are bound as constants, as the engine asks for them.
    /// - Parameter isFolded: all inputs are bound as constants, so that everything is computed at load.
    func failure(_ test: Case, options: NetworkOptions = .init(), isFolded: Bool = false) -> String? {
        do {
            let graph = try Graph(onnx: model(test))
            var given: [String: Tensor] = [:]
            var bindings: [String: InputBinding] = [:]
            for piece in test.inputs {
                let tensor = try tensor(piece)
                given[piece.name] = tensor
                bindings[piece.name] = isFolded ? .constant(tensor) : .shape(tensor.shape)
            }
            let network = try Self.network(graph, &bindings, given, options)
            for (index, port) in network.inputs.enumerated() {
                guard let tensor = given[port.name] else { return "the network wants '\(port.name)', which the case does not give" }
                try network.setInput(index, tensor)
            }
            try network.run()
            for piece in test.outputs {
                guard let index = network.outputIndex(piece.name) else { return "no output '\(piece.name)'" }
                let expected = try tensor(piece)
                if let difference = network.outputTensor(index).difference(from: expected, rtol: test.rtol, atol: test.atol) {
                    return "output '\(piece.name)': \(difference)"
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func network(
        _ graph: Graph, _ bindings: inout [String: InputBinding], _ given: [String: Tensor], _ options: NetworkOptions
    ) throws -> Network {
        while true {
            do {
                return try Network(graph, inputs: bindings, options: options)
            } catch {
                guard case .valueNeeded(let name) = error.cause, let tensor = given[name], case .shape? = bindings[name] else { throw error }
                bindings[name] = .constant(tensor)
            }
        }
    }
}
