import ModelBundle
import Tensors

extension Program {
    /// Fewest output channels that fill a vector on any processor: convolutions with fewer waste most of one.
    private static let vectorChannels = 16

    /// Merges small convolutions of the same input, each followed by a depthwise one, into one pair; detectors have such heads.
    ///
    /// Convolutions with 1, 1, 4 and 10 outputs over the same 64 channels take four times the work of one with 16: a vector is
    /// computed for each. Their weights are put one after the other, and their outputs are slices.
    mutating func mergeSiblings() {
        let uses = useCounts
        var consumers: [ValueID: Int] = [:]
        for (index, operation) in operations.enumerated() {
            if let input = operation.inputs.first ?? nil { consumers[input] = index }
        }
        func floats(_ operation: Operation, _ position: Int) -> [Float]? {
            guard operation.inputs.count > position, let id = operation.inputs[position] else { return nil }
            return values[id].constant?.values(as: Float.self)
        }
        /// A convolution of few outputs that only a depthwise one reads.
        func head(_ index: Int) -> (depthwise: Int, channels: Int)? {
            let operation = operations[index]
            guard operation.kind == "fwoc.Conv", operation.inputs.count <= 3, operation.attributes["group"] ?? .int(1) == .int(1),
                operation.attributes["activation"] == nil, operation.attributes["planar"] == nil, let output = operation.outputs[0], uses[output] == 1,
                let channels = values[output].type.shape.last, channels < Self.vectorChannels, let next = consumers[output]
            else { return nil }
            let depthwise = operations[next]
            guard depthwise.kind == "fwoc.Conv", depthwise.inputs.count <= 3, depthwise.attributes["activation"] == nil,
                depthwise.attributes["group"] ?? .int(1) == .int(channels), depthwise.outputs.count == 1, let last = depthwise.outputs[0],
                values[last].type.shape.last == channels, floats(operation, 1) != nil, floats(depthwise, 1) != nil
            else { return nil }
            return (next, channels)
        }
        func settings(_ operation: Operation) -> [String: Attribute] {
            var attributes = operation.attributes
            attributes["group"] = nil
            return attributes
        }
        var groups: [[Int]] = []
        var isTaken = Set<Int>()
        for index in operations.indices where !isTaken.contains(index) {
            guard let first = head(index), let input = operations[index].inputs[0] else { continue }
            var members = [index]
            var channels = first.channels
            for other in operations.indices where other > index && operations[other].inputs.first == input && !isTaken.contains(other) {
                guard let next = head(other), channels + next.channels <= 2 * Self.vectorChannels, settings(operations[other]) == settings(operations[index]),
                    settings(operations[next.depthwise]) == settings(operations[first.depthwise]),
                    values[operations[other].inputs[1]!].type.shape.dropFirst() == values[operations[index].inputs[1]!].type.shape.dropFirst(),
                    values[operations[next.depthwise].inputs[1]!].type.shape.dropFirst() == values[operations[first.depthwise].inputs[1]!].type.shape.dropFirst()
                else { continue }
                members.append(other)
                channels += next.channels
            }
            guard members.count > 1 else { continue }
            groups.append(members)
            isTaken.formUnion(members)
        }
        guard !groups.isEmpty else { return }

        var replacement: [Int: [Operation]] = [:]
        var removed = Set<Int>()
        for members in groups {
            let followers = members.map { head($0)!.depthwise }
            let sizes = members.map { head($0)!.channels }
            let total = sizes.reduce(0, +)
            /// One convolution from several, over all their outputs.
            func merged(_ indices: [Int], input: ValueID?, group: Int) -> Operation {
                var operation = operations[indices[0]]
                let weights = indices.flatMap { floats(operations[$0], 1)! }
                let bias = zip(indices, sizes).flatMap { floats(operations[$0], 2) ?? [Float](repeating: 0, count: $1) }
                let shape = [total] + values[operation.inputs[1]!].type.shape.dropFirst()
                var type = values[operation.outputs[0]!].type.shape
                type[type.count - 1] = total
                operation.attributes["group"] = .int(group)
                operation.inputs = [
                    input ?? operation.inputs[0], addConstant(Tensor(shape: Array(shape), values: weights), name: operation.name + " merged"),
                    addConstant(Tensor(shape: [total], values: bias), name: operation.name + " merged bias"),
                ]
                operation.outputs = [
                    add(Value(name: operation.name + " merged", type: TensorType(rearranged: type, .float32), constant: nil, origin: values[operation.outputs[0]!].origin))
                ]
                return operation
            }
            let first = merged(members, input: nil, group: 1)
            let second = merged(followers, input: first.outputs[0], group: total)
            var list = [first, second]
            var offset = 0
            for (follower, size) in zip(followers, sizes) {
                func constant(_ value: Int) -> ValueID { addConstant(Tensor(shape: [1], values: [Int64(value)]), name: "slice") }
                list.append(
                    Operation(
                        kind: "Slice", name: operations[follower].name, opset: 13,
                        inputs: [second.outputs[0], constant(offset), constant(offset + size), constant(-1)], outputs: operations[follower].outputs))
                offset += size
            }
            // Their common input is there where the first of them was.
            replacement[members[0]] = list
            removed.formUnion(members)
            removed.formUnion(followers)
        }
        operations = operations.indices.flatMap { replacement[$0] ?? (removed.contains($0) ? [] : [operations[$0]]) }
    }
}
