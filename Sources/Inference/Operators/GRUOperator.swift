import Tensors

/// `GRU` (Cho et al. 2014), as ONNX writes it; the gates z, r, h in this order:
///
///     z = f(x·Wz + h·Rz + b)    r = f(x·Wr + h·Rr + b)    h′ = (1 − z)∘n + z∘h
///     n = g(x·Wh + (r∘h)·Rh + b), or g(x·Wh + bw + r∘(h·Rh + br)) with `linear_before_reset` (as PyTorch and cuDNN have it)
struct GRUOperator: Operator {
    static let names = ["GRU"]

    private static func layer(_ node: NodeContext) throws(InferenceError) -> RecurrentLayer {
        try RecurrentLayer(node, gates: 3, defaults: ["Sigmoid", "Tanh"])
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        guard node.inputs.count <= 6 else { throw node.malformed("\(node.inputs.count) inputs, expected at most 6") }
        return try Self.layer(node).outputTypes(node, stateCount: 1)
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let layer = try Self.layer(node)
        let (steps, batch, hidden) = (layer.steps, layer.batch, layer.hidden)
        let width = 3 * hidden
        let resetsLast = try node.int("linear_before_reset", default: 0) != 0
        var scratch = ScratchLayout(node)
        var fromInput: [RecurrentMatrix] = [], gateMatrices: [RecurrentMatrix] = [], candidateMatrices: [RecurrentMatrix] = []
        for direction in 0..<layer.directions {
            fromInput.append(try RecurrentMatrix(node, layer, input: 1, direction: direction, rows: 0..<width, scratch: &scratch))
            // With the reset before the product, the candidate's part of R is multiplied on its own.
            gateMatrices.append(
                try RecurrentMatrix(node, layer, input: 2, direction: direction, rows: 0..<(resetsLast ? width : 2 * hidden), scratch: &scratch))
            if !resetsLast {
                candidateMatrices.append(
                    try RecurrentMatrix(node, layer, input: 2, direction: direction, rows: 2 * hidden..<width, scratch: &scratch))
            }
        }
        let projected = try scratch.add(node.makeType([steps, batch, width], .float32).count)
        let recurrent = try scratch.add(batch * width)
        let reset = try scratch.add(hidden)
        let hiddenState = try scratch.add(layer.directions * batch * hidden)
        let rowsOfState = try scratch.add(batch * hidden)
        let inputMatrices = fromInput, stateMatrices = gateMatrices, resetMatrices = candidateMatrices

        var kernel = Kernel { arguments in
            let base = unsafe arguments.scratchPointer(as: Float.self)
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let h = unsafe layer.state(arguments, output: 1, input: 5, scratch: base + hiddenState.offset)
            let bias = unsafe arguments.optionalInputPointer(3, as: Float.self)
            let all = unsafe arguments.hasOutput(0) ? arguments.outputPointer(0, as: Float.self) : nil
            if let all = unsafe all { unsafe all.update(repeating: 0, count: steps * layer.directions * batch * hidden) }
            for direction in 0..<layer.directions {
                unsafe inputMatrices[direction].prepare(arguments)
                unsafe stateMatrices[direction].prepare(arguments)
                if !resetsLast { unsafe resetMatrices[direction].prepare(arguments) }
                unsafe inputMatrices[direction].multiply(arguments, rows: steps * batch, x, base + projected.offset, stride: width)
                if let bias = unsafe bias {
                    // The candidate's recurrent bias is inside the reset where the product is.
                    let own = unsafe bias + direction * 2 * width
                    for row in 0..<steps * batch {
                        let target = unsafe base + projected.offset + row * width
                        for index in 0..<width { unsafe target[index] += own[index] }
                        for index in 0..<(resetsLast ? 2 * hidden : width) { unsafe target[index] += own[width + index] }
                    }
                }
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
                        let state = unsafe h + layer.stateOffset(direction: direction, sequence: sequence)
                        let functions = layer.activations[direction]
                        for index in 0..<2 * hidden { unsafe gate[index] += given[index] }
                        unsafe layer.activate(functions[0], gate)
                        unsafe layer.activate(functions[0], gate + hidden)
                        let candidate = unsafe gate + 2 * hidden
                        if resetsLast {
                            if let bias = unsafe bias {
                                let own = unsafe bias + direction * 2 * width + width + 2 * hidden
                                for index in 0..<hidden { unsafe candidate[index] += own[index] }
                            }
                            for index in 0..<hidden {
                                unsafe candidate[index] = unsafe candidate[index] * gate[hidden + index] + given[2 * hidden + index]
                            }
                        } else {
                            let value = unsafe base + reset.offset
                            for index in 0..<hidden { unsafe value[index] = unsafe gate[hidden + index] * state[index] }
                            unsafe resetMatrices[direction].multiply(arguments, rows: 1, value, candidate, stride: width)
                            for index in 0..<hidden { unsafe candidate[index] += given[2 * hidden + index] }
                        }
                        unsafe layer.activate(functions[1], candidate)
                        for index in 0..<hidden {
                            unsafe state[index] = unsafe (1 - gate[index]) * candidate[index] + gate[index] * state[index]
                        }
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
