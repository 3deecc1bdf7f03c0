import Tensors

extension Program {
    /// Bytes of a value between two layers from which they run together: more than this leaves the second cache before it is read.
    private static let chainedBytes = 160 << 10

    /// Joins layers that follow each other into chains that run row by row.
    mutating func chainLayers(options: NetworkOptions, weights: WeightStore) {
        let uses = useCounts
        var result: [Operation?] = []
        var producer = [Int?](repeating: nil, count: values.count)
        func canBeStage(_ operation: Operation) -> Bool {
            guard ChainKernel.canBeStage(operation, in: self) else { return false }
            guard operation.kind == "fwoc.Conv" else { return true }
            return (try? FusedConvOperator.isFiltered(context(operation, options: options, weights: weights))) != true
        }
        for operation in operations {
            if canBeStage(operation), let input = operation.inputs[0], let output = operation.outputs[0],
                uses[input] == 1, let index = producer[input], let before = result[index],
                values[input].type.byteCount >= Self.chainedBytes, operation.attributes["planar"] == nil,
                before.kind == "fwoc.Chain" || canBeStage(before),
                before.stages.count < ChainKernel.maximumStages
            {
                var chain = before
                if before.kind != "fwoc.Chain" {
                    chain = Operation(
                        kind: "fwoc.Chain", name: before.name, opset: before.opset, inputs: ChainKernel.inputs(of: before, isFirst: true), outputs: [],
                        stages: [before])
                }
                chain.stages.append(operation)
                chain.inputs += ChainKernel.inputs(of: operation, isFirst: false)
                chain.outputs = [output]
                // It runs where its last layer did: everything that its layers read is there by then.
                result[index] = nil
                producer[output] = result.count
                result.append(chain)
                continue
            }
            for case let output? in operation.outputs { producer[output] = result.count }
            result.append(operation)
        }
        operations = result.compactMap { $0 }
    }
}
