import Tensors

/// `RNN` (Elman 1990): h′ = f(x·W + h·R + b).
struct RNNOperator: Operator {
    static let names = ["RNN"]

    private static func layer(_ node: NodeContext) throws(InferenceError) -> RecurrentLayer {
        try RecurrentLayer(node, gates: 1, defaults: ["Tanh"])
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        guard node.inputs.count <= 6 else { throw node.malformed("\(node.inputs.count) inputs, expected at most 6") }
        return try Self.layer(node).outputTypes(node, stateCount: 1)
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let layer = try Self.layer(node)
        let (steps, batch, hidden) = (layer.steps, layer.batch, layer.hidden)
        var scratch = ScratchLayout(node)
        var fromInput: [RecurrentMatrix] = [], fromState: [RecurrentMatrix] = []
        for direction in 0..<layer.directions {
            fromInput.append(try RecurrentMatrix(node, layer, input: 1, direction: direction, rows: 0..<hidden, scratch: &scratch))
            fromState.append(try RecurrentMatrix(node, layer, input: 2, direction: direction, rows: 0..<hidden, scratch: &scratch))
        }
        let projected = try scratch.add(node.makeType([steps, batch, hidden], .float32).count)
        let recurrent = try scratch.add(hidden)
        let hiddenState = try scratch.add(layer.directions * batch * hidden)
        let inputMatrices = fromInput, stateMatrices = fromState

        var kernel = Kernel { arguments in
            let base = unsafe arguments.scratchPointer(as: Float.self)
            let h = unsafe layer.state(arguments, output: 1, input: 5, scratch: base + hiddenState.offset)
            let bias = unsafe arguments.optionalInputPointer(3, as: Float.self)
            let all = unsafe arguments.hasOutput(0) ? arguments.outputPointer(0, as: Float.self) : nil
            if let all = unsafe all { unsafe all.update(repeating: 0, count: steps * layer.directions * batch * hidden) }
            for direction in 0..<layer.directions {
                unsafe inputMatrices[direction].prepare(arguments)
                unsafe stateMatrices[direction].prepare(arguments)
                unsafe inputMatrices[direction].multiply(arguments, rows: steps * batch, arguments.inputPointer(0), base + projected.offset, stride: hidden)
                for sequence in 0..<batch {
                    let length = layer.length(arguments, sequence: sequence)
                    let state = unsafe h + layer.stateOffset(direction: direction, sequence: sequence)
                    let value = unsafe base + recurrent.offset
                    for step in 0..<length {
                        let time = layer.isReversed(direction) ? length - 1 - step : step
                        unsafe stateMatrices[direction].multiply(arguments, rows: 1, state, value, stride: hidden)
                        let given = unsafe base + projected.offset + layer.row(step: time, sequence: sequence) * hidden
                        for index in 0..<hidden { unsafe value[index] += given[index] }
                        if let bias = unsafe bias {
                            let own = unsafe bias + direction * 2 * hidden
                            for index in 0..<hidden { unsafe value[index] += own[index] + own[hidden + index] }
                        }
                        unsafe layer.activate(layer.activations[direction][0], value)
                        unsafe state.update(from: value, count: hidden)
                        if let all = unsafe all {
                            unsafe (all + layer.outputOffset(step: time, direction: direction, sequence: sequence)).update(from: state, count: hidden)
                        }
                    }
                }
            }
        }
        if inputMatrices.allSatisfy(\.isPacked) { kernel.unreadInputs.insert(1) }
        if stateMatrices.allSatisfy(\.isPacked) { kernel.unreadInputs.insert(2) }
        kernel.scratchBytes = scratch.byteCount
        kernel.multiplyAccumulates = try layer.work(node)
        return kernel
    }
}
