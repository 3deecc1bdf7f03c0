extension Graph {
    /// The same network with the values between its layers left as they are: pairs of `QuantizeLinear` and `DequantizeLinear`, which round them to eight bits and
    /// back, are taken out. Weights stay rounded, for they are stored so.
    ///
    /// For executors without kernels that compute in eight bits: to them the pairs are work without a gain. What comes out differs from the eight-bit network's by its
    /// rounding of activations, and is nearer to what the float network gives.
    public func withFloatActivations() -> Graph {
        var makers: [String: Node] = [:]
        for node in nodes where node.operation == "QuantizeLinear" { if let output = node.outputs.first { makers[output] = node } }
        let kept = Set(outputs.map(\.name))
        var instead: [String: String] = [:]
        func source(_ name: String) -> String { instead[name].map(source) ?? name }
        var result = self
        result.nodes = nodes.compactMap { node in
            var node = node
            if node.operation == "DequantizeLinear", let input = node.inputs.first, let output = node.outputs.first, !kept.contains(output),
                let rounded = makers[input]?.inputs.first
            {
                instead[output] = rounded
                return nil
            }
            node.inputs = node.inputs.map(source)
            return node
        }
        // Of what rounds, only what somebody still reads.
        let read = Set(result.nodes.flatMap(\.inputs)).union(kept)
        result.nodes.removeAll { $0.operation == "QuantizeLinear" && !$0.outputs.contains(where: read.contains) }
        return result
    }
}
