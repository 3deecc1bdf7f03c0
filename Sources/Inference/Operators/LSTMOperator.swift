import Tensors

/// `LSTM` (Hochreiter and Schmidhuber 1997) with peepholes (Gers 2000), as ONNX writes it; the gates i, o, f, c in this order:
///
///     i = f(x·Wi + h·Ri + Pi∘c + b)     o = f(x·Wo + h·Ro + Po∘c′ + b)     f = f(x·Wf + h·Rf + Pf∘c + b)
///     c′ = f∘c + i∘g(x·Wc + h·Rc + b)   h′ = o∘h(c′)
struct LSTMOperator: Operator {
    static let names = ["LSTM"]

    private static func layer(_ node: NodeContext) throws(InferenceError) -> RecurrentLayer {
        try RecurrentLayer(node, gates: 4, defaults: ["Sigmoid", "Tanh", "Tanh"])
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        try Self.layer(node).outputTypes(node, stateCount: 2)
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let layer = try Self.layer(node)
        let (steps, batch, hidden) = (layer.steps, layer.batch, layer.hidden)
        let width = 4 * hidden
        let couples = try node.int("input_forget", default: 0) != 0
        var scratch = ScratchLayout(node)
        var fromInput: [RecurrentMatrix] = [], fromState: [RecurrentMatrix] = []
        for direction in 0..<layer.directions {
            fromInput.append(try RecurrentMatrix(node, layer, input: 1, direction: direction, rows: 0..<width, scratch: &scratch))
            fromState.append(try RecurrentMatrix(node, layer, input: 2, direction: direction, rows: 0..<width, scratch: &scratch))
        }
        let projected = try scratch.add(node.makeType([steps, batch, width], .float32).count)
        let recurrent = try scratch.add(batch * width)
        let squashed = try scratch.add(hidden)
        let hiddenState = try scratch.add(layer.directions * batch * hidden)
        let cellState = try scratch.add(layer.directions * batch * hidden)
        // The states of one direction, one sequence after the other.
        let rowsOfState = try scratch.add(batch * hidden)
        let inputMatrices = fromInput, stateMatrices = fromState

        var kernel = Kernel { arguments in
            let base = unsafe arguments.scratchPointer(as: Float.self)
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let h = unsafe layer.state(arguments, output: 1, input: 5, scratch: base + hiddenState.offset)
            let c = unsafe layer.state(arguments, output: 2, input: 6, scratch: base + cellState.offset)
            let bias = unsafe arguments.optionalInputPointer(3, as: Float.self)
            let peepholes = unsafe arguments.optionalInputPointer(7, as: Float.self)
            let all = unsafe arguments.hasOutput(0) ? arguments.outputPointer(0, as: Float.self) : nil
            if let all = unsafe all { unsafe all.update(repeating: 0, count: steps * layer.directions * batch * hidden) }
            for direction in 0..<layer.directions {
                unsafe inputMatrices[direction].prepare(arguments)
                unsafe stateMatrices[direction].prepare(arguments)
                unsafe inputMatrices[direction].multiply(arguments, rows: steps * batch, x, base + projected.offset, stride: width)
                let rows = unsafe base + rowsOfState.offset
                for step in 0..<steps {
                    for sequence in 0..<batch {
                        unsafe (rows + sequence * hidden).update(from: h + layer.stateOffset(direction: direction, sequence: sequence), count: hidden)
                    }
                    unsafe stateMatrices[direction].multiply(arguments, rows: batch, rows, base + recurrent.offset, stride: width)
                    for sequence in 0..<batch {
                        let length = layer.length(arguments, sequence: sequence)
                        if step >= length { continue }
                        let time = layer.isReversed(direction) ? length - 1 - step : step
                        let gate = unsafe base + recurrent.offset + sequence * width
                        let given = unsafe base + projected.offset + layer.row(step: time, sequence: sequence) * width
                        for index in 0..<width { unsafe gate[index] += given[index] }
                        if let bias = unsafe bias {
                            let own = unsafe bias + direction * 2 * width
                            for index in 0..<width { unsafe gate[index] += own[index] + own[width + index] }
                        }
                        let cell = unsafe c + layer.stateOffset(direction: direction, sequence: sequence)
                        let state = unsafe h + layer.stateOffset(direction: direction, sequence: sequence)
                        let functions = layer.activations[direction]
                        if let peepholes = unsafe peepholes {
                            let own = unsafe peepholes + direction * 3 * hidden
                            for index in 0..<hidden {
                                unsafe gate[index] += own[index] * cell[index]
                                unsafe gate[2 * hidden + index] += own[2 * hidden + index] * cell[index]
                            }
                        }
                        unsafe layer.activate(functions[0], gate)
                        if couples {
                            for index in 0..<hidden { unsafe gate[2 * hidden + index] = unsafe 1 - gate[index] }
                        } else {
                            unsafe layer.activate(functions[0], gate + 2 * hidden)
                        }
                        unsafe layer.activate(functions[1], gate + 3 * hidden)
                        for index in 0..<hidden {
                            unsafe cell[index] = unsafe gate[2 * hidden + index] * cell[index] + gate[index] * gate[3 * hidden + index]
                        }
                        if let peepholes = unsafe peepholes {
                            let own = unsafe peepholes + direction * 3 * hidden + hidden
                            for index in 0..<hidden { unsafe gate[hidden + index] += own[index] * cell[index] }
                        }
                        unsafe layer.activate(functions[0], gate + hidden)
                        let value = unsafe base + squashed.offset
                        unsafe value.update(from: cell, count: hidden)
                        unsafe layer.activate(functions[2], value)
                        for index in 0..<hidden { unsafe state[index] = unsafe gate[hidden + index] * value[index] }
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
