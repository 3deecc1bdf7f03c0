import CAllocationCounter
import Foundation
import Inference
import ModelBundle
import Testing

/// A run allocates nothing: not the first one of a planned network, nor any later one.
@Suite struct RunAllocationTests {
    private static let canCount = fwoc_allocation_count() >= 0

    private func allocations(_ runs: Int = 3, _ body: () throws -> Void) rethrows -> Int64 {
        let before = fwoc_allocation_count()
        for _ in 0..<runs { try body() }
        return fwoc_allocation_count() - before
    }

    // Elsewhere than on glibc, or under a sanitizer, nothing can be counted.
    @Test(.enabled(if: canCount, "allocations cannot be counted here"))
    func theCounterCounts() {
        var kept: [[Int]] = []
        #expect(allocations { kept.append([kept.count, 2, 3]) } >= 3)
    }

    @Test(.enabled(if: canCount, "allocations cannot be counted here"), arguments: [true, false])
    func smallNetwork(isOptimized: Bool) throws {
        var builder = GraphBuilder()
        let x = builder.input("x", [1, 16, 12, 20])
        func conv(_ input: String, _ to: Int, _ kernel: Int, group: Int = 1, seed: Int) -> String {
            builder.node(
                "Conv", [input, builder.weight(noise([to, 16 / group, kernel, kernel], seed: seed, scale: 0.4))],
                ["pads": .ints([Int](repeating: kernel / 2, count: 4)), "group": .int(group)])
        }
        var value = builder.node("Relu", [conv(x, 16, 3, seed: 1)])
        value = builder.node("Add", [conv(value, 16, 3, group: 16, seed: 2), x])
        value = builder.node("Softmax", [builder.node("Sigmoid", [conv(value, 16, 1, seed: 3)])], ["axis": .int(1)])
        value = builder.node("MaxPool", [builder.node("Tanh", [value])], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        builder.output(builder.node("Transpose", [value], ["perm": .ints([0, 2, 3, 1])]))
        var options = NetworkOptions()
        options.isOptimized = isOptimized
        let network = try Network(builder.graph, options: options)
        let count = try allocations { try network.run() }
        #expect(count == 0)
    }

    @Test(
        .enabled(if: canCount && TestData.referenceModels != nil, "needs glibc and the public reference models; set FWOC_REFERENCE_MODELS"),
        arguments: ReferenceFixtureTests.fixtures.cases.map(\.name))
    func referenceModel(name: String) throws {
        let models = try #require(TestData.referenceModels)
        let test = try #require(ReferenceFixtureTests.fixtures.cases.first { $0.name == name })
        let network = try ReferenceFixtureTests.fixtures.network(test, models: models)
        let count = try allocations { try network.run() }
        #expect(count == 0, "\(name)")
    }
}
