import ModelBundle
import Tensors

extension Program {
    /// Moves convolutions and what lies between them to channels-last layout.
    mutating func useChannelsLast(options: NetworkOptions, weights: WeightStore) throws(InferenceError) {
        var pass = ChannelsLastPass(self)
        try pass.run()
        self = pass.result
    }
}

/// Rewrites a program so that convolutions see [batch, spatial…, channels].
///
/// A value may exist in several forms, each with its axes in another order. An operation is emitted in the order that its inputs
/// are there in already; a `Transpose` node costs nothing, it only renames the orders; a real transposition is emitted where an
/// operation needs an order that is not there yet.
private struct ChannelsLastPass {
    typealias ValueID = Program.ValueID

    /// A value whose axis `i` is axis `order[i]` of the original one.
    private struct Form {
        var order: [Int]
        var id: ValueID
    }

    private let source: Program
    private(set) var result: Program
    private var forms: [[Form]]

    /// Most channels of an input that the first convolution reads as it is.
    private static let maximumPlanarChannels = 4

    init(_ program: Program) {
        source = program
        result = program
        result.operations = []
        forms = [[Form]](repeating: [], count: program.values.count)
        for (id, value) in program.values.enumerated() where value.constant != nil { forms[id] = [Form(order: Array(0..<value.type.rank), id: id)] }
        for id in program.inputs { forms[id] = [Form(order: Array(0..<program.values[id].type.rank), id: id)] }
    }

    mutating func run() throws(InferenceError) {
        for operation in source.operations { try emit(operation) }
        var outputs: [ValueID] = []
        for output in source.outputs { outputs.append(natural(output)) }
        result.outputs = outputs
    }

    // MARK: Forms

    private func shape(_ id: ValueID) -> [Int] { source.values[id].type.shape }
    private func rank(_ id: ValueID) -> Int { source.values[id].type.rank }
    private func last(_ rank: Int) -> [Int] { [0] + Array(2..<rank) + [1] }

    private func form(_ id: ValueID, _ order: [Int]) -> ValueID? { forms[id].first { $0.order == order }?.id }

    /// An order, not the natural one, in which the value is there.
    private func rearranged(_ id: ValueID) -> [Int]? {
        guard source.values[id].constant == nil else { return nil }
        return forms[id].first { !$0.order.isIdentityPermutation }?.order
    }

    /// The value in this order, transposed now if it is not there.
    private mutating func realize(_ id: ValueID, _ order: [Int]) -> ValueID {
        if let known = form(id, order) { return known }
        let sizes = shape(id)
        let value = source.values[id]
        let target = order.isIdentityPermutation ? id : result.add(value)
        result.values[target].type = TensorType(rearranged: order.map { sizes[$0] }, value.type.elementType)
        if order.isIdentityPermutation { result.values[target] = value }
        if let constant = value.constant {
            result.values[target].constant = constant.transposed(order)
        } else {
            // The cheapest start: one from which only axes of size 1 move.
            let plain = order.filter { sizes[$0] != 1 }
            let start = forms[id].first { $0.order.filter { sizes[$0] != 1 } == plain } ?? forms[id][0]
            let relative = order.map { axis in start.order.firstIndex(of: axis)! }
            result.operations.append(
                Program.Operation(
                    kind: "Transpose", name: value.name, opset: 13, attributes: ["perm": .ints(relative)], inputs: [start.id], outputs: [target]))
        }
        forms[id].append(Form(order: order, id: target))
        return target
    }

    private mutating func natural(_ id: ValueID) -> ValueID { realize(id, Array(0..<rank(id))) }

    /// A new form of an output.
    private mutating func define(_ id: ValueID, _ order: [Int]) -> ValueID {
        let value = source.values[id]
        if order.isIdentityPermutation {
            forms[id].append(Form(order: order, id: id))
            return id
        }
        let target = result.add(value)
        result.values[target].type = TensorType(rearranged: order.map { value.type.shape[$0] }, value.type.elementType)
        forms[id].append(Form(order: order, id: target))
        return target
    }

    private mutating func append(
        _ kind: String, like operation: Program.Operation, attributes: [String: Attribute]? = nil, inputs: [ValueID?], output: ValueID, opset: Int? = nil
    ) {
        result.operations.append(
            Program.Operation(
                kind: kind, name: operation.name, opset: opset ?? operation.opset, attributes: attributes ?? operation.attributes, inputs: inputs,
                outputs: [output]))
    }

    // MARK: Operations

    private mutating func emit(_ operation: Program.Operation) throws(InferenceError) {
        guard operation.outputs.count == 1, let output = operation.outputs[0], let first = operation.inputs.first, let input = first else {
            return emitNatural(operation)
        }
        switch operation.kind {
        case "Conv" where emitConvolution(operation, input, output): return
        case "fwoc.QuantizedConv": emitQuantizedConvolution(operation, input, output)
        case "MaxPool", "AveragePool":
            let order = last(rank(input))
            let x = realize(input, order)
            append("fwoc.\(operation.kind)Last", like: operation, inputs: [x], output: define(output, order))
        case "GlobalAveragePool", "GlobalMaxPool":
            guard rank(input) <= 5 else { return emitNatural(operation) }
            let order = last(rank(input))
            let kernel = Array(shape(input).dropFirst(2))
            guard kernel.allSatisfy({ $0 > 0 }) else { return emitNatural(operation) }
            let x = realize(input, order)
            append(
                operation.kind == "GlobalMaxPool" ? "fwoc.MaxPoolLast" : "fwoc.AveragePoolLast", like: operation,
                attributes: ["kernel_shape": .ints(kernel)], inputs: [x], output: define(output, order))
        case "Transpose":
            var permutation = Array((0..<rank(input)).reversed())
            if case .ints(let given)? = operation.attributes["perm"] { permutation = given }
            let inverse = permutation.inversePermutation
            if source.values[input].constant != nil { return emitNatural(operation) }
            forms[output] = forms[input].map { Form(order: $0.order.map { inverse[$0] }, id: $0.id) }
        case "Concat" where emitConcatenation(operation, output): return
        case "fwoc.TimeBuffer":
            guard let order = rearranged(input), case .int(let axis)? = operation.attributes["axis"], let position = order.firstIndex(of: axis) else {
                return emitNatural(operation)
            }
            var attributes = operation.attributes
            attributes["axis"] = .int(position)
            append("fwoc.TimeBuffer", like: operation, attributes: attributes, inputs: [realize(input, order)], output: define(output, order))
        case "Pad" where emitPadding(operation, input, output): return
        case "Resize" where emitResize(operation, input, output), "Upsample" where emitResize(operation, input, output): return
        case "Reshape" where emitReshape(operation, input, output), "Flatten" where emitReshape(operation, input, output),
            "Squeeze" where emitReshape(operation, input, output), "Unsqueeze" where emitReshape(operation, input, output):
            return
        case let kind where kind.hasPrefix("Reduce") && emitReduction(operation, input, output): return
        case let kind where ElementwiseKinds.maps.contains(kind) && emitMap(operation, input, output): return
        case let kind where (ElementwiseKinds.combinations.contains(kind) || kind == "fwoc.QuantizedAdd") && emitCombination(operation, output): return
        default: emitNatural(operation)
        }
    }

    private mutating func emitNatural(_ operation: Program.Operation) {
        var operation = operation
        for (position, input) in operation.inputs.enumerated() {
            if let input { operation.inputs[position] = natural(input) }
        }
        for case let output? in operation.outputs { forms[output].append(Form(order: Array(0..<rank(output)), id: output)) }
        result.operations.append(operation)
    }

    private mutating func emitConvolution(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) -> Bool {
        let rank = rank(input)
        guard (3...5).contains(rank), let weights = operation.inputs[1], source.values[weights].constant != nil, shape(input).allSatisfy({ $0 > 0 }) else { return false }
        let bias = operation.inputs.count > 2 ? operation.inputs[2] : nil
        if let bias, source.values[bias].constant == nil { return false }
        let order = last(rank)
        var groups = 1
        if case .int(let value)? = operation.attributes["group"] { groups = value }
        let channels = shape(input)[1]
        var attributes = operation.attributes
        let x: ValueID
        if form(input, order) == nil, channels > 1, channels <= Self.maximumPlanarChannels, groups == 1, let plain = form(input, Array(0..<rank)) {
            attributes["planar"] = .int(1)
            x = plain
        } else {
            x = realize(input, order)
        }
        append("fwoc.Conv", like: operation, attributes: attributes, inputs: [x, weights, bias], output: define(output, order))
        return true
    }

    private mutating func emitQuantizedConvolution(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) {
        let order = last(rank(output))
        var inputs = operation.inputs
        inputs[0] = operation.attributes["input_last"] != nil ? natural(input) : realize(input, order)
        if let residual = inputs[5] { inputs[5] = realize(residual, order) }
        append(operation.kind, like: operation, inputs: inputs, output: define(output, order))
    }

    private mutating func emitMap(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) -> Bool {
        guard let order = rearranged(input), rank(output) == rank(input) else { return false }
        // Parameters for each channel (quantization) are not moved.
        for parameter in operation.inputs.dropFirst() {
            if let parameter, source.values[parameter].constant?.count != 1 { return false }
        }
        append(operation.kind, like: operation, inputs: [realize(input, order)] + operation.inputs.dropFirst(), output: define(output, order))
        return true
    }

    private mutating func emitCombination(_ operation: Program.Operation, _ output: ValueID) -> Bool {
        let rank = rank(output)
        var order: [Int]?
        for case let input? in operation.inputs where self.rank(input) == rank && order == nil { order = rearranged(input) }
        guard let order, operation.inputs.allSatisfy({ $0 != nil && (self.rank($0!) == rank || source.values[$0!].constant != nil) }) else { return false }
        var inputs: [ValueID?] = []
        for case let input? in operation.inputs {
            guard self.rank(input) < rank, let constant = source.values[input].constant else {
                inputs.append(realize(input, order))
                continue
            }
            let full = [Int](repeating: 1, count: rank - constant.shape.count) + constant.shape
            inputs.append(result.addConstant(constant.reshaped(full).transposed(order), name: source.values[input].name))
        }
        append(operation.kind, like: operation, inputs: inputs, output: define(output, order))
        return true
    }

    private mutating func emitConcatenation(_ operation: Program.Operation, _ output: ValueID) -> Bool {
        guard case .int(let given)? = operation.attributes["axis"] else { return false }
        let rank = rank(output)
        let axis = given < 0 ? given + rank : given
        var order: [Int]?
        for case let input? in operation.inputs where order == nil { order = rearranged(input) }
        guard let order, let position = order.firstIndex(of: axis), operation.inputs.allSatisfy({ $0 != nil }) else { return false }
        var inputs: [ValueID?] = []
        for case let input? in operation.inputs { inputs.append(realize(input, order)) }
        append("Concat", like: operation, attributes: ["axis": .int(position)], inputs: inputs, output: define(output, order))
        return true
    }

    /// Permutes a constant with one element for each axis, or two lists of them one after the other.
    private mutating func permuted(_ id: ValueID?, _ order: [Int], lists: Int = 1) -> ValueID?? {
        guard let id else { return .some(nil) }
        guard let constant = source.values[id].constant else { return nil }
        if constant.count == 0 { return .some(id) }
        guard constant.count == order.count * lists else { return nil }
        let size = constant.elementType.size
        var bytes: [UInt8] = []
        for list in 0..<lists {
            for axis in order {
                let start = (list * order.count + axis) * size
                bytes += constant.bytes[start..<start + size]
            }
        }
        return .some(result.addConstant(Tensor(shape: constant.shape, elementType: constant.elementType, bytes: bytes), name: source.values[id].name))
    }

    private mutating func emitPadding(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) -> Bool {
        guard let order = rearranged(input) else { return false }
        if case .ints(let pads)? = operation.attributes["pads"] {
            guard pads.count == 2 * order.count else { return false }
            var attributes = operation.attributes
            attributes["pads"] = .ints(order.map { pads[$0] } + order.map { pads[order.count + $0] })
            append("Pad", like: operation, attributes: attributes, inputs: [realize(input, order)], output: define(output, order))
            return true
        }
        guard operation.inputs.count == 2 || operation.inputs.count == 3, case let pads?? = permuted(operation.inputs[1], order, lists: 2) else { return false }
        append("Pad", like: operation, inputs: [realize(input, order), pads] + operation.inputs.dropFirst(2), output: define(output, order))
        return true
    }

    private mutating func emitResize(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) -> Bool {
        guard let order = rearranged(input), operation.attributes["axes"] == nil, operation.inputs.count >= 2 else { return false }
        let hasRegion = operation.kind == "Resize" && operation.opset >= 11
        var inputs: [ValueID?] = [nil]
        for (position, parameter) in operation.inputs.enumerated().dropFirst() {
            if hasRegion && position == 1 {
                inputs.append(nil)
                continue
            }
            guard case let moved? = permuted(parameter, order) else { return false }
            inputs.append(moved)
        }
        inputs[0] = realize(input, order)
        append(operation.kind, like: operation, inputs: inputs, output: define(output, order))
        return true
    }

    private mutating func emitReduction(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) -> Bool {
        guard let order = rearranged(input) else { return false }
        let rank = rank(input)
        var axes: [Int]
        if case .ints(let given)? = operation.attributes["axes"] {
            axes = given
        } else if operation.inputs.count > 1, let id = operation.inputs[1] {
            guard let constant = source.values[id].constant, constant.elementType == .int64 else { return false }
            axes = constant.values(as: Int64.self).map { Int($0) }
        } else {
            return false
        }
        axes = axes.map { $0 < 0 ? $0 + rank : $0 }
        guard !axes.isEmpty else { return false }
        var attributes = operation.attributes
        attributes["axes"] = .ints(axes.map { axis in order.firstIndex(of: axis)! })
        var outputOrder = order
        if case .int(0)? = operation.attributes["keepdims"] {
            let kept = (0..<rank).filter { !axes.contains($0) }
            outputOrder = order.compactMap { kept.firstIndex(of: $0) }
        }
        append(operation.kind, like: operation, attributes: attributes, inputs: [realize(input, order)], output: define(output, outputOrder))
        return true
    }

    /// A reshape that leaves the trailing axes alone, or only adds or removes axes of size 1, keeps an order.
    private mutating func emitReshape(_ operation: Program.Operation, _ input: ValueID, _ output: ValueID) -> Bool {
        guard source.values[input].constant == nil, let order = rearranged(input) else { return false }
        let before = shape(input), after = shape(output)
        guard before.allSatisfy({ $0 > 0 }) else { return false }
        let outputOrder: [Int]
        let real = before.indices.filter { before[$0] != 1 }, realAfter = after.indices.filter { after[$0] != 1 }
        if real.map({ before[$0] }) == realAfter.map({ after[$0] }) {
            // The axes that are larger than 1 stay in the form's order; the others go in front.
            let moved = order.filter { before[$0] != 1 }.map { axis in realAfter[real.firstIndex(of: axis)!] }
            outputOrder = after.indices.filter { after[$0] == 1 } + moved
        } else {
            var suffix = 0
            while suffix < min(before.count, after.count) && before[before.count - 1 - suffix] == after[after.count - 1 - suffix] { suffix += 1 }
            let lead = before.count - suffix, leadAfter = after.count - suffix
            guard suffix > 0, order.prefix(lead).enumerated().allSatisfy({ $0 == $1 }) else { return false }
            outputOrder = Array(0..<leadAfter) + order.dropFirst(lead).map { $0 - lead + leadAfter }
        }
        let x = realize(input, order)
        let y = define(output, outputOrder)
        append("fwoc.Reshape", like: operation, attributes: ["shape": .ints(outputOrder.map { after[$0] })], inputs: [x], output: y)
        return true
    }
}

extension Tensor {
    /// Axis `i` of the result is axis `order[i]` of this tensor.
    func transposed(_ order: [Int]) -> Tensor {
        if order.isIdentityPermutation { return self }
        let strides = shape.rowMajorStrides
        let copy = StridedCopy(sizes: order.map { shape[$0] }, sourceStrides: order.map { strides[$0] }, elementSize: elementType.size)
        var result = [UInt8](repeating: 0, count: bytes.count)
        unsafe bytes.withUnsafeBytes { source in
            unsafe result.withUnsafeMutableBytes { target in
                if let from = source.baseAddress, let to = target.baseAddress { unsafe copy.run(from: from, to: to) }
            }
        }
        return Tensor(shape: order.map { shape[$0] }, elementType: elementType, bytes: result)
    }
}
