import Inference
import ModelBundle
import Tensors
import Testing

@Suite struct NetworkTests {
    private func failure(_ body: () throws -> Void) -> InferenceError? {
        do {
            try body()
            return nil
        } catch let error as InferenceError {
            return error
        } catch {
            return nil
        }
    }

    @Test func anUnknownOperatorIsNamed() {
        var builder = GraphBuilder()
        builder.output(builder.node("Frobnicate", [builder.input("x", [2])], name: "here"))
        let error = failure { _ = try Network(builder.graph) }
        #expect(error?.cause == .unsupportedOperator("Frobnicate"))
        #expect(error?.description.contains("here") == true)
    }

    @Test func theEnginesOwnOperatorsAreNotForFiles() {
        var builder = GraphBuilder()
        builder.output(builder.node("fwoc.TimeBuffer", [builder.input("x", [2])]))
        #expect(failure { _ = try Network(builder.graph) }?.cause == .unsupportedOperator("fwoc.TimeBuffer"))
    }

    @Test func aFreeDimensionIsNamedAndCanBeBound() throws {
        var builder = GraphBuilder()
        builder.graph.inputs = [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .free("t")])]
        builder.output(builder.node("Relu", ["x"]))
        let error = failure { _ = try Network(builder.graph) }
        #expect(error?.cause == .freeDimension(input: "x"))
        #expect(error?.description.contains("'t'") == true)
        #expect(try Network(builder.graph, inputs: ["x": .shape([1, 7])]).outputs[0].shape == [1, 7])
        #expect(failure { _ = try Network(builder.graph, inputs: ["x": .shape([2, 7])]) }?.cause == .binding)
        #expect(failure { _ = try Network(builder.graph, inputs: ["y": .shape([2, 7])]) }?.cause == .binding)
    }

    @Test func aShapeThatNeedsAValueNamesTheInput() throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [6])
        let rows = builder.input("rows", [1], .int64)
        let shape = builder.node("Concat", [rows, builder.ints([-1])], ["axis": .int(0)])
        builder.output(builder.node("Reshape", [x, shape]))
        #expect(failure { _ = try Network(builder.graph) }?.cause == .valueNeeded(input: "rows"))
        let network = try Network(builder.graph, inputs: ["rows": .constant(Tensor(shape: [1], values: [Int64(2)]))])
        #expect(network.outputs[0].shape == [2, 3])
        #expect(network.inputs.map(\.name) == ["x"])
    }

    @Test func shapeArithmeticIsFolded() throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [2, 3, 4])
        let batch = builder.node("Gather", [builder.node("Shape", [x]), builder.weight(Tensor(scalar: Int64(0)))])
        let doubled = builder.node("Mul", [batch, builder.weight(Tensor(scalar: Int64(3)))])
        let shape = builder.node("Concat", [builder.node("Unsqueeze", [doubled, builder.ints([0])]), builder.ints([-1])], ["axis": .int(0)])
        builder.output(builder.node("Reshape", [x, shape]))
        let network = try Network(builder.graph)
        #expect(network.outputs[0].shape == [6, 4])
        #expect(network.profile.steps.isEmpty)
        let tensor = noise([2, 3, 4], seed: 3)
        try network.setInput(0, tensor)
        try network.run()
        #expect(network.outputTensor(0).bytes == tensor.bytes)
    }

    @Test func innerValuesCutTheGraph() throws {
        var builder = GraphBuilder()
        let a = builder.node("Relu", [builder.input("x", [4])], name: "a")
        let b = builder.node("Neg", [a], name: "b")
        builder.output(builder.node("Exp", [b], name: "c"))
        let head = try Network(builder.graph, outputs: ["b"])
        try head.setInput(0, Tensor(shape: [4], values: [Float(-1), 0, 1, 2]))
        try head.run()
        #expect(head.outputTensor(0).values(as: Float.self) == [0, 0, -1, -2])
        let tail = try Network(builder.graph, inputs: ["b": .shape([4])])
        #expect(tail.inputIndex("b") == tail.inputs.count - 1)
        try tail.setInput(tail.inputIndex("b")!, Tensor(shape: [4], values: [Float](repeating: 0, count: 4)))
        try tail.run()
        #expect(tail.outputTensor(0).values(as: Float.self) == [1, 1, 1, 1])
        #expect(failure { _ = try Network(builder.graph, outputs: ["nothing"]) }?.cause == .binding)
    }

    @Test(arguments: [false, true]) func anIfRunsOneBranch(_ isConstant: Bool) throws {
        func branch(_ operation: String) -> Graph {
            Graph(
                name: operation, opset: 17, nodes: [Node(operation: operation, inputs: ["shared"], outputs: ["r"])], inputs: [],
                outputs: [ValueInfo(name: "r", elementType: .float32, shape: nil)], initializers: [:])
        }
        var builder = GraphBuilder()
        let shared = builder.node("Relu", [builder.input("x", [3])], name: "shared")
        let condition = builder.input("condition", [], .bool)
        let chosen = builder.node("If", [condition], ["then_branch": .graph(branch("Neg")), "else_branch": .graph(branch("Exp"))])
        builder.output(builder.node("Add", [chosen, shared]))
        for isTrue in [true, false] {
            let value = Tensor(shape: [], elementType: .bool, bytes: [isTrue ? 1 : 0])
            let network = try Network(builder.graph, inputs: isConstant ? ["condition": .constant(value)] : [:])
            try network.setInput(network.inputIndex("x")!, Tensor(shape: [3], values: [Float(-1), 0, 2]))
            if !isConstant { try network.setInput(network.inputIndex("condition")!, value) }
            #expect(network.profile.steps.contains { $0.operation == "If" } == !isConstant)
            for _ in 0..<2 {
                try network.run()
                let got = network.outputTensor(0).values(as: Float.self)
                let expected: [Float] = isTrue ? [0, 0, 0] : [1, 1, 7.389056 + 2]
                #expect(zip(got, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(got)")
            }
        }
    }

    @Test func inputsStayUntilTheyAreWritten() throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [64]), y = builder.input("y", [64])
        var value = builder.node("Add", [x, y])
        for _ in 0..<4 { value = builder.node("Relu", [builder.node("Add", [value, x])]) }
        builder.output(value)
        let network = try Network(builder.graph)
        let first = try run(network)[0]
        network.withInput(1, as: Float.self) { span in for index in span.indices { span[index] += 0 } }
        for _ in 0..<3 {
            try network.run()
            #expect(network.outputTensor(0) == first)
        }
    }

    @Test func aValueReadTwiceIsNotOverwritten() throws {
        // x feeds two sums and an activation that could work in place.
        var builder = GraphBuilder()
        let x = builder.node("Neg", [builder.input("i", [33])])
        let relu = builder.node("Relu", [x])
        let view = builder.node("Reshape", [x, builder.ints([11, 3])])
        let negated = builder.node("Neg", [view])
        builder.output(builder.node("Sub", [relu, builder.node("Reshape", [negated, builder.ints([33])])]))
        builder.output(x)
        let network = try Network(builder.graph)
        let values = noise(33, seed: 5)
        try network.setInput(0, Tensor(shape: [33], values: values))
        try network.run()
        #expect(network.outputTensor(0).values(as: Float.self) == values.map { max(-$0, 0) - $0 })
        #expect(network.outputTensor(1).values(as: Float.self) == values.map { -$0 })
    }

    @Test func replannedNetworksShareWeights() throws {
        var builder = GraphBuilder()
        builder.graph.inputs = [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(32), .free("t")])]
        let y = builder.node("Conv", ["x", builder.weight(noise([64, 32, 3], seed: 1)), builder.weight(noise([64], seed: 2))], ["pads": .ints([1, 1])])
        builder.output(builder.node("Relu", [y]))
        let network = try Network(builder.graph, inputs: ["x": .shape([1, 32, 10])])
        let bytes = network.profile.weightBytes
        #expect(bytes >= 64 * 32 * 3 * 4)
        let longer = try network.replanned(inputs: ["x": .shape([1, 32, 25])])
        #expect(longer.profile.weightBytes == bytes)
        #expect(longer.outputs[0].shape == [1, 64, 25])
        // Zeros after the tenth frame: the first nine outputs agree.
        let frames = noise([1, 32, 10], seed: 4).values(as: Float.self)
        try network.setInput(0, Tensor(shape: [1, 32, 10], values: frames))
        longer.withInput(0, as: Float.self) { span in
            for channel in 0..<32 { for t in 0..<25 { span[channel * 25 + t] = t < 10 ? frames[channel * 10 + t] : 0 } }
        }
        try network.run()
        try longer.run()
        let a = network.outputTensor(0).values(as: Float.self), b = longer.outputTensor(0).values(as: Float.self)
        for channel in 0..<64 { for t in 0..<10 { #expect(a[channel * 10 + t] == b[channel * 25 + t]) } }
    }

    @Test func batchNormsAndTransposesDisappear() throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [1, 8, 12, 10])
        var value = builder.node("Conv", [x, builder.weight(noise([16, 8, 3, 3], seed: 1))], ["pads": .ints([1, 1, 1, 1])])
        value = builder.node(
            "BatchNormalization",
            [value] + (2..<5).map { builder.weight(noise([16], seed: $0)) } + [builder.weight(Tensor(shape: [16], values: noise(16, seed: 5).map { abs($0) + 0.1 }))])
        value = builder.node("Sigmoid", [value])
        value = builder.node("Reshape", [builder.node("Transpose", [value], ["perm": .ints([0, 2, 3, 1])]), builder.ints([1, -1, 16])])
        builder.output(value)
        let network = try Network(builder.graph)
        #expect(network.profile.steps.map(\.operation) == ["Transpose", "fwoc.Conv"])
        var plain = NetworkOptions()
        plain.isOptimized = false
        #expect(relativeError(try run(network)[0], try run(Network(builder.graph, options: plain))[0]) < 1e-5)
    }

    @Test func limitsAreRefusedBeforeMemoryIsTaken() throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [1 << 20, 64])
        builder.output(builder.node("Exp", [builder.node("MatMul", [x, builder.weight(noise([64, 512], seed: 1))])]))
        #expect(failure { _ = try Network(builder.graph) }?.cause == .tooLarge)
        var small = NetworkOptions()
        small.maximumArenaBytes = 1000
        var other = GraphBuilder()
        other.output(other.node("Exp", [other.input("x", [300])]))
        #expect(failure { _ = try Network(other.graph, options: small) }?.cause == .tooLarge)
        var huge = GraphBuilder()
        huge.output(huge.node("ConstantOfShape", [huge.ints([1 << 40, 1 << 40])]))
        #expect(failure { _ = try Network(huge.graph) }?.cause == .tooLarge)
        var budget = NetworkOptions()
        budget.maximumMultiplyAccumulates = 100
        var work = GraphBuilder()
        work.output(work.node("MatMul", [work.input("x", [10, 10]), work.weight(noise([10, 10], seed: 1))]))
        #expect(failure { _ = try Network(work.graph, options: budget) }?.cause == .tooLarge)
    }

    @Test func aTensorOfAnotherShapeIsRefused() throws {
        var builder = GraphBuilder()
        builder.output(builder.node("Relu", [builder.input("x", [3])]))
        let network = try Network(builder.graph)
        #expect(failure { try network.setInput(0, noise([4], seed: 1)) }?.cause == .binding)
        #expect(failure { try network.setInput(0, Tensor(shape: [3], values: [Int64(1), 2, 3])) }?.cause == .binding)
    }

    @Test func profilesCountTheWork() throws {
        var builder = GraphBuilder()
        builder.output(builder.node("Conv", [builder.input("x", [1, 4, 6, 6]), builder.weight(noise([5, 4, 3, 3], seed: 1))]))
        var options = NetworkOptions()
        options.isProfiled = true
        let network = try Network(builder.graph, options: options)
        _ = try run(network)
        #expect(network.profile.multiplyAccumulates == 5 * 4 * 9 * 16)
        #expect(network.profile.runs == 1 && network.profile.nanosecondsPerRun > 0)
    }
}
