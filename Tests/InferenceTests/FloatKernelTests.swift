import Foundation
import Inference
import ModelBundle
import Tensors
import Testing

/// Functions of floats and matrix products of every variant, at all lengths around a vector.
@Suite struct FloatKernelTests {
    private static let functions: [(name: String, function: @Sendable (Double) -> Double, tolerance: Double)] = [
        ("Relu", { max($0, 0) }, 0),
        ("Sigmoid", { 1 / (1 + exp(-$0)) }, 3e-7),
        ("Tanh", { tanh($0) }, 3e-7),
        ("Exp", { exp($0) }, 3e-7),
        ("Abs", { abs($0) }, 0),
        ("Neg", { -$0 }, 0),
        ("HardSigmoid", { min(max(0.2 * $0 + 0.5, 0), 1) }, 1e-6),
        ("HardSwish", { $0 * min(max($0 / 6 + 0.5, 0), 1) }, 1e-6),
        ("LeakyRelu", { $0 < 0 ? 0.01 * $0 : $0 }, 1e-6),
        ("Reciprocal", { 1 / $0 }, 1e-6),
    ]

    @Test(arguments: InstructionSet.available) func mapsAreAccurate(_ instructionSet: InstructionSet) throws {
        var options = NetworkOptions()
        options.instructionSet = instructionSet
        for (name, function, tolerance) in Self.functions {
            for count in [1, 3, 4, 5, 15, 16, 17, 31, 33, 100] {
                var builder = GraphBuilder()
                builder.output(builder.node(name, [builder.input("x", [count])]))
                let network = try Network(builder.graph, options: options)
                for scale: Float in [0.1, 1, 20, 80] {
                    let values = noise(count, seed: count, scale: scale)
                    try network.setInput(0, Tensor(shape: [count], values: values))
                    try network.run()
                    let got = network.outputTensor(0).values(as: Float.self)
                    for (x, y) in zip(values, got) {
                        let expected = function(Double(x))
                        #expect(abs(Double(y) - expected) <= tolerance * max(abs(expected), 1e-30), "\(name)(\(x)) = \(y), expected \(expected)")
                    }
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available) func extremesStayFinite(_ instructionSet: InstructionSet) throws {
        var options = NetworkOptions()
        options.instructionSet = instructionSet
        let values: [Float] = [-1e30, -200, -88, 0, 88, 200, 1e30]
        for (name, low, high) in [("Sigmoid", Float(0), Float(1)), ("Tanh", -1, 1)] {
            var builder = GraphBuilder()
            builder.output(builder.node(name, [builder.input("x", [values.count])]))
            let network = try Network(builder.graph, options: options)
            try network.setInput(0, Tensor(shape: [values.count], values: values))
            try network.run()
            let got = network.outputTensor(0).values(as: Float.self)
            #expect(abs(got[0] - low) < 1e-30 && got[6] == high && got.allSatisfy { $0 >= low && $0 <= high }, "\(got)")
        }
    }

    @Test(arguments: InstructionSet.available, [1, 2, 7, 16, 33, 150])
    func softmaxSumsToOneOverAnyAxis(_ instructionSet: InstructionSet, _ size: Int) throws {
        var options = NetworkOptions()
        options.instructionSet = instructionSet
        for inner in [1, 3, 16, 21, 40] {
            var builder = GraphBuilder()
            builder.output(builder.node("Softmax", [builder.input("x", [2, size, inner])], ["axis": .int(1)]))
            let network = try Network(builder.graph, options: options)
            var values = noise(2 * size * inner, seed: size + inner, scale: 30)
            // What is far below the largest is nothing, and takes nothing with it.
            if size > 2 { values[inner] = -.infinity }
            try network.setInput(0, Tensor(shape: [2, size, inner], values: values))
            try network.run()
            let got = network.outputTensor(0).values(as: Float.self)
            for start in (0..<2 * inner).map({ $0 / inner * size * inner + $0 % inner }) {
                let places = (0..<size).map { start + $0 * inner }
                let largest = places.map { values[$0] }.max()!, powers = places.map { exp(Double(values[$0] - largest)) }, sum = powers.reduce(0, +)
                for (place, power) in zip(places, powers) { #expect(abs(Double(got[place]) - power / sum) < 1e-6, "\(size)×\(inner) at \(place)") }
            }
        }
    }

    @Test(arguments: InstructionSet.available, [(1, 1, 1), (1, 300, 517), (5, 33, 31), (17, 128, 64), (29, 7, 96), (3, 5, 16)])
    func productsEqualTheReference(_ instructionSet: InstructionSet, _ sizes: (m: Int, k: Int, n: Int)) throws {
        let (m, k, n) = sizes
        let a = noise(m * k, seed: 1), b = noise(k * n, seed: 2), c = noise(n, seed: 3)
        var expected = [Double](repeating: 0, count: m * n)
        for i in 0..<m { for j in 0..<n { for p in 0..<k { expected[i * n + j] += Double(a[i * k + p]) * Double(b[p * n + j]) } } }
        var options = NetworkOptions()
        options.instructionSet = instructionSet
        func check(_ graph: Graph, inputs: [[Float]], bias: Bool, _ label: String) throws {
            let network = try Network(graph, options: options)
            for (index, values) in inputs.enumerated() { try network.setInput(index, Tensor(shape: network.inputs[index].shape, values: values)) }
            try network.run()
            for (index, value) in network.outputTensor(0).values(as: Float.self).enumerated() {
                let sum = expected[index] + (bias ? Double(c[index % n]) : 0)
                #expect(abs(Double(value) - sum) < 1e-5 * Double(k).squareRoot() + 1e-6, "\(label) element \(index)")
            }
        }
        var constant = GraphBuilder()
        constant.output(constant.node("MatMul", [constant.input("a", [m, k]), constant.weight(Tensor(shape: [k, n], values: b))]))
        try check(constant.graph, inputs: [a], bias: false, "constant")
        var dynamic = GraphBuilder()
        dynamic.output(dynamic.node("MatMul", [dynamic.input("a", [m, k]), dynamic.input("b", [k, n])]))
        try check(dynamic.graph, inputs: [a, b], bias: false, "dynamic")
        var transposed = [Float](repeating: 0, count: n * k)
        for p in 0..<k { for j in 0..<n { transposed[j * k + p] = b[p * n + j] } }
        var gemm = GraphBuilder()
        gemm.output(
            gemm.node(
                "Gemm", [gemm.input("a", [m, k]), gemm.weight(Tensor(shape: [n, k], values: transposed)), gemm.weight(Tensor(shape: [n], values: c))],
                ["transB": .int(1)]))
        try check(gemm.graph, inputs: [a], bias: true, "Gemm")
        var general = GraphBuilder()
        general.output(
            general.node(
                "Gemm", [general.input("a", [m, k]), general.input("b", [n, k]), general.weight(Tensor(shape: [n], values: c))], ["transB": .int(1)]))
        try check(general.graph, inputs: [a, transposed], bias: true, "Gemm of two inputs")
    }
}
