import CTorch
import ModelBundle
import Tensors

extension OperatorTable {
    static let recurrences: [String: Evaluation] = [
        "LSTM": { try RecurrentCall($0, gates: 4, defaults: ["Sigmoid", "Tanh", "Tanh"]).outputs() },
        "GRU": { try RecurrentCall($0, gates: 3, defaults: ["Sigmoid", "Tanh"]).outputs() },
        "RNN": { try RecurrentCall($0, gates: 1, defaults: ["Tanh"]).outputs() },
    ]
}

/// `LSTM`, `GRU` and `RNN` with all that ONNX lets them have. Plain layers run as libtorch's own; what those lack (peepholes, lengths, other activations,
/// clipping, a reset before the product) is a loop over time of recorded operations.
private struct RecurrentCall {
    typealias Activation = (TorchTensor) throws -> TorchTensor

    let node: NodeCall
    let gates: Int
    let isBatchFirst: Bool
    let directions: Int, isFirstReversed: Bool
    let steps: Int, batch: Int, hidden: Int
    let clip: Double
    let activations: [[Activation]]
    let isPlain: Bool
    /// [steps, batch, features]
    let x: TorchTensor
    let w: TorchTensor, r: TorchTensor
    let bias: TorchTensor?
    let resetsLast: Bool, couples: Bool
    let lengths: [Int]?

    init(_ node: NodeCall, gates: Int, defaults: [String]) throws {
        self.node = node
        self.gates = gates
        isBatchFirst = try node.int("layout", default: 0) != 0
        let direction = try node.string("direction", default: "forward")
        guard ["forward", "reverse", "bidirectional"].contains(direction) else { throw node.malformed("direction '\(direction)'") }
        directions = direction == "bidirectional" ? 2 : 1
        isFirstReversed = direction == "reverse"
        let given = try node.input(0)
        guard given.rank == 3 else { throw node.malformed("x of shape \(given.shape); expected three dimensions") }
        x = isBatchFirst ? try given.permuted([1, 0, 2]) : given
        (steps, batch) = (x.shape[0], x.shape[1])
        w = try node.input(1)
        r = try node.input(2)
        bias = node.optional(3)
        guard let size = r.shape.last, r.shape == [directions, gates * size, size], w.shape == [directions, gates * size, x.shape[2]] else {
            throw node.malformed("w of shape \(w.shape) and r of \(r.shape) for x of \(x.shape) in \(directions) directions and \(gates) gates")
        }
        hidden = size
        clip = try node.float("clip", default: 0)
        resetsLast = try node.int("linear_before_reset", default: 0) != 0
        couples = try node.int("input_forget", default: 0) != 0
        lengths = node.hasInput(4) ? try node.integers(4) : nil
        var names = (0..<directions).flatMap { _ in defaults }
        if case .strings(let own)? = node.node.attributes["activations"] {
            guard own.count == names.count else { throw node.malformed("\(own.count) activations for \(directions) directions, expected \(names.count)") }
            names = own
        }
        let isUsual = zip(names, (0..<directions).flatMap { _ in defaults }).allSatisfy { $0.lowercased() == $1.lowercased() }
        isPlain = isUsual && clip == 0 && !couples && !node.hasInput(7) && (lengths ?? []).allSatisfy { [steps] in $0 == steps }
            && (gates != 3 || resetsLast) && steps > 0
        var alphas = try Self.floats(node, "activation_alpha"), betas = try Self.floats(node, "activation_beta")
        var all: [[Activation]] = []
        for start in stride(from: 0, to: names.count, by: defaults.count) {
            all.append(try (start..<start + defaults.count).map { try Self.activation(node, names[$0], &alphas, &betas) })
        }
        activations = all
    }

    private static func floats(_ node: NodeCall, _ name: String) throws -> ArraySlice<Float> {
        switch node.node.attributes[name] {
        case .floats(let values)?: return values[...]
        case nil: return []
        default: throw node.malformed("attribute '\(name)' is not a list of floats")
        }
    }

    private static func activation(_ node: NodeCall, _ name: String, _ alphas: inout ArraySlice<Float>, _ betas: inout ArraySlice<Float>) throws -> Activation {
        func alpha(_ fallback: Float) -> Double { Double(alphas.popFirst() ?? fallback) }
        func beta(_ fallback: Float) -> Double { Double(betas.popFirst() ?? fallback) }
        switch name.lowercased() {
        case "sigmoid": return { try $0.sigmoid() }
        case "tanh": return { try $0.tanh() }
        case "relu": return { try $0.relu() }
        case "softsign": return { try $0.unary(CTORCH_SOFTSIGN, "softsign") }
        case "softplus": return { try $0.softplus() }
        case "leakyrelu":
            let a = alpha(0.01)
            return { try $0.unary(CTORCH_LEAKY_RELU, "leaky relu", a) }
        case "thresholdedrelu":
            let a = alpha(1)
            return { try $0.unary(CTORCH_THRESHOLDED_RELU, "thresholded relu", a) }
        case "elu":
            let a = alpha(1)
            return { try $0.unary(CTORCH_ELU, "elu", a) }
        case "hardsigmoid":
            let a = alpha(0.2), b = beta(0.5)
            return { try $0.unary(CTORCH_HARD_SIGMOID, "hard sigmoid", a, b) }
        case "affine":
            let a = alpha(1), b = beta(0)
            return { try $0 * a + b }
        case "scaledtanh":
            let a = alpha(1), b = beta(1)
            return { try ($0 * b).tanh() * a }
        default: throw node.unsupported("activation '\(name)'")
        }
    }

    /// A state [directions, batch, hidden].
    private func state(_ index: Int) throws -> TorchTensor {
        guard let given = node.optional(index) else { return try TorchTensor.zeros([directions, batch, hidden], x.elementType, device: x.device) }
        return isBatchFirst ? try given.permuted([1, 0, 2]) : given
    }

    func outputs() throws -> [TorchTensor?] {
        let (y, states) = isPlain ? try plain() : try loop()
        // y [steps, directions, batch, hidden], states [directions, batch, hidden]
        guard isBatchFirst else { return [y] + states }
        return [try y.permuted([2, 0, 1, 3])] + (try states.map { try $0.permuted([1, 0, 2]) })
    }

    /// libtorch's layer. Its gates are in another order: i f g o where ONNX has i o f c, and r z n where ONNX has z r h.
    private func plain() throws -> (TorchTensor, [TorchTensor]) {
        let order = gates == 4 ? [0, 2, 3, 1] : gates == 3 ? [1, 0, 2] : [0]
        func reordered(_ matrix: TorchTensor) throws -> TorchTensor {
            let pieces = try matrix.split([Int](repeating: hidden, count: gates), axis: 0)
            return gates == 1 ? pieces[0] : try TorchTensor.concatenated(order.map { pieces[$0] }, axis: 0)
        }
        var weights: [TorchTensor] = []
        for direction in 0..<directions {
            func own(_ tensor: TorchTensor) throws -> TorchTensor { try tensor.sliced(0, direction, direction + 1).squeezed(0) }
            weights += [try reordered(own(w)), try reordered(own(r))]
            if let bias {
                for half in try own(bias).split([gates * hidden, gates * hidden], axis: 0) { weights.append(try reordered(half)) }
            } else {
                let zeros = try TorchTensor.zeros([gates * hidden], x.elementType, device: x.device)
                weights += [zeros, zeros]
            }
        }
        let source = isFirstReversed ? try x.flipped([0]) : x
        let kind = gates == 4 ? CTORCH_LSTM : gates == 3 ? CTORCH_GRU : CTORCH_RNN_TANH
        let made = try source.recurrent(kind, h: state(5), c: gates == 4 ? state(6) : nil, weights: weights, isBidirectional: directions == 2)
        var y = made.y
        if isFirstReversed { y = try y.flipped([0]) }
        y = try y.reshaped([steps, batch, directions, hidden]).permuted([0, 2, 1, 3])
        return (y, [made.h] + (made.c.map { [$0] } ?? []))
    }

    private func loop() throws -> (TorchTensor, [TorchTensor]) {
        let firstH = try state(5), firstC = gates == 4 ? try state(6) : nil
        var outputs: [TorchTensor] = [], lastH: [TorchTensor] = [], lastC: [TorchTensor] = []
        for direction in 0..<directions {
            func own(_ tensor: TorchTensor) throws -> TorchTensor { try tensor.sliced(0, direction, direction + 1).squeezed(0) }
            let weights = try own(r).transposed()
            let biases = try bias.map { try own($0).split([gates * hidden, gates * hidden], axis: 0) }
            var projected = try x.matmul(own(w).transposed())
            if let biases { projected = try projected + biases[0] }
            let peepholes = try node.optional(7).map { try own($0).split([hidden, hidden, hidden], axis: 0) }
            var h = try own(firstH), c = try firstC.map(own)
            var steps: [TorchTensor?] = [TorchTensor?](repeating: nil, count: self.steps)
            let isReversed = direction == 1 || isFirstReversed
            for time in isReversed ? Array((0..<self.steps).reversed()) : Array(0..<self.steps) {
                let given = try projected.sliced(0, time, time + 1).squeezed(0)
                let (newH, newC) = try step(given, h, c, weights, biases?[1], peepholes, activations[direction])
                if let lengths {
                    let isAlive = try TorchTensor(lengths.map { $0 > time ? UInt8(1) : 0 }, shape: [batch, 1]).converted(to: .bool, device: x.device)
                    steps[time] = try isAlive.selecting(newH, else: newH * 0)
                    h = try isAlive.selecting(newH, else: h)
                    if let newC, let old = c { c = try isAlive.selecting(newC, else: old) }
                } else {
                    (h, c) = (newH, newC)
                    steps[time] = newH
                }
            }
            outputs.append(steps.isEmpty ? try TorchTensor.zeros([0, batch, hidden], x.elementType) : try TorchTensor.stacked(steps.compactMap { $0 }))
            lastH.append(h)
            if let c { lastC.append(c) }
        }
        let states = try [TorchTensor.stacked(lastH)] + (lastC.isEmpty ? [] : [TorchTensor.stacked(lastC)])
        return (try TorchTensor.stacked(outputs, axis: 1), states)
    }

    /// One step of one direction: what the input gives [batch, gates · hidden] and the states [batch, hidden] make new states.
    private func step(
        _ given: TorchTensor, _ h: TorchTensor, _ c: TorchTensor?, _ weights: TorchTensor, _ bias: TorchTensor?, _ peepholes: [TorchTensor]?,
        _ functions: [Activation]
    ) throws -> (TorchTensor, TorchTensor?) {
        func activated(_ index: Int, _ value: TorchTensor) throws -> TorchTensor { try functions[index](clip > 0 ? value.clamped(-clip, clip) : value) }
        let sizes = [Int](repeating: hidden, count: gates)
        switch gates {
        case 4:
            guard let c else { throw node.malformed("no cell state") }
            var all = try given + h.matmul(weights)
            if let bias { all = try all + bias }
            var (i, o, f, g) = { ($0[0], $0[1], $0[2], $0[3]) }(try all.split(sizes, axis: 1))
            if let peepholes { (i, f) = (try i + peepholes[0] * c, try f + peepholes[2] * c) }
            i = try activated(0, i)
            f = couples ? try -i + 1 : try activated(0, f)
            g = try activated(1, g)
            let cell = try f * c + i * g
            if let peepholes { o = try o + peepholes[1] * cell }
            return (try activated(0, o) * activated(2, cell), cell)
        case 3:
            let fromInput = try given.split(sizes, axis: 1), matrices = try weights.split(sizes, axis: 1)
            let biases = try bias?.split(sizes, axis: 0)
            func recurrent(_ index: Int, _ state: TorchTensor) throws -> TorchTensor {
                let product = try state.matmul(matrices[index])
                return try biases.map { try product + $0[index] } ?? product
            }
            let z = try activated(0, fromInput[0] + recurrent(0, h)), reset = try activated(0, fromInput[1] + recurrent(1, h))
            let candidate = try activated(1, resetsLast ? fromInput[2] + reset * recurrent(2, h) : fromInput[2] + recurrent(2, reset * h))
            return (try (-z + 1) * candidate + z * h, nil)
        default:
            var all = try given + h.matmul(weights)
            if let bias { all = try all + bias }
            return (try activated(0, all), nil)
        }
    }
}
