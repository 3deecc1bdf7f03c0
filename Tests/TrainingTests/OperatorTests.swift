import Foundation
import Inference
import ModelBundle
import NodeTestCases
import Tensors
import Testing
import Training

/// Every operator on libtorch against ONNX's own node tests, against `Inference`, and its gradients against finite differences.
@Suite struct OperatorTests {
    /// Single precision on both sides, sums in another order.
    static let forwardTolerance = 2e-5
    /// Of a directional derivative in double precision with a step of 1e-6: its truncation and rounding are below 1e-8 of it for these operators.
    static let gradientTolerance = 1e-5

    /// Cases that the executor does not pass, by choice.
    static let exclusions: [String: String] = {
        let reasons: [(String, [String])] = [
            (
                "training is the executor's own mode, not the node's",
                [
                    "test_batchnorm_example_training_mode", "test_batchnorm_epsilon_training_mode", "test_training_dropout", "test_training_dropout_default",
                    "test_training_dropout_mask", "test_training_dropout_default_mask",
                ]
            ),
            (
                "MaxPool is for floats and without its second output, as in Inference",
                ["test_maxpool_2d_uint8", "test_maxpool_with_argmax_2d_precomputed_pads", "test_maxpool_with_argmax_2d_precomputed_strides"]
            ),
            (
                "align_corners divides by the output length before it is rounded down; this divides by the length that the output has, as Inference does",
                ["test_resize_downsample_scales_linear_align_corners", "test_resize_downsample_scales_cubic_align_corners"]
            ),
            (
                "one grid for a tensor or for each channel, not for blocks",
                ["test_dequantizelinear_blocked", "test_quantizelinear_blocked_asymmetric", "test_quantizelinear_blocked_symmetric"]
            ),
        ]
        return Dictionary(uniqueKeysWithValues: reasons.flatMap { reason, names in names.map { ($0, reason) } })
    }()

    static let archive = try! NodeTestArchive()

    /// The operators that are left to `Inference`: integer arithmetic of quantized graphs, of which gradients mean nothing.
    static let integerOperators: Set<String> = ["ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul", "DynamicQuantizeLinear"]

    private static func graph(_ test: NodeTestArchive.Case, _ options: TrainableGraph.Options = .init()) throws -> TrainableGraph {
        try TrainableGraph(Graph(onnx: archive.model(test)), options: options)
    }

    private static func inputs(_ test: NodeTestArchive.Case) throws -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for piece in test.inputs { inputs[piece.name] = try archive.tensor(piece) }
        return inputs
    }

    /// Types that libtorch lacks.
    private static func isForeign(_ test: NodeTestArchive.Case) throws -> Bool {
        let foreign: Set<ElementType> = [.uint16, .uint32, .uint64]
        return try (test.inputs + test.outputs).contains { foreign.contains(try archive.tensor($0).elementType) }
    }

    private static func failure(_ test: NodeTestArchive.Case, _ options: TrainableGraph.Options) -> String? {
        do {
            let graph = try graph(test, options)
            let given = try inputs(test).filter { name, _ in graph.inputs.contains { $0.name == name } }
            let outputs = try TorchRuntime.withoutGradients { try graph.run(given.mapValues { try TorchTensor($0) }) }
            for piece in test.outputs {
                let expected = try archive.tensor(piece)
                guard let output = outputs[piece.name] else { return "no output '\(piece.name)'" }
                // Double precision of the case is single precision of the graph.
                let got = try output.converted(to: expected.elementType).tensor()
                if let difference = got.difference(from: expected, rtol: test.rtol, atol: test.atol) { return "output '\(piece.name)': \(difference)" }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// All cases for operators that the executor has, in both layouts.
    @Test func forwardAgreesWithONNX() throws {
        var passed = 0, unsupported: [String: Int] = [:], foreign = 0
        var rowMajor = TrainableGraph.Options()
        rowMajor.usesChannelsLast = false
        for test in Self.archive.cases {
            do { _ = try Self.graph(test) } catch let error as TrainableGraphError {
                if case .unsupportedOperator(let name) = error.cause {
                    unsupported[name, default: 0] += 1
                    continue
                }
            }
            if try Self.isForeign(test) {
                foreign += 1
                continue
            }
            let failure = Self.failure(test, .init()) ?? Self.failure(test, rowMajor).map { "row-major: \($0)" }
            switch (failure, Self.exclusions[test.name]) {
            case (let failure?, nil): Issue.record("\(test.name) (\(test.operator), operator set \(test.opset)): \(failure)")
            case (nil, let reason?): Issue.record("\(test.name) passes now, but is excluded: \(reason)")
            case (nil, nil): passed += 1
            default: break
            }
        }
        TestData.say("ONNX node tests on libtorch \(TorchRuntime.version): \(passed) of \(Self.archive.cases.count) pass; \(foreign) have unsigned types that libtorch lacks; no operator for \(unsupported)")
        #expect(Set(unsupported.keys).isSubset(of: Self.integerOperators))
        #expect(passed > 900)
    }

    /// Forward on libtorch equals forward in `Inference`, on the same cases.
    @Test func forwardAgreesWithInference() throws {
        var compared = 0, worst = 0.0
        for test in Self.archive.cases where Self.exclusions[test.name] == nil {
            guard try !Self.isForeign(test), let expected = try Self.inferenceOutputs(test), let graph = try? Self.graph(test) else { continue }
            let given = try Self.inputs(test).filter { name, _ in graph.inputs.contains { $0.name == name } }
            guard let outputs = try? TorchRuntime.withoutGradients({ try graph.run(given.mapValues { try TorchTensor($0) }) }) else { continue }
            for (name, tensor) in expected where tensor.elementType == .float32 {
                let error = relativeError(try #require(outputs[name]).doubles(), tensor.doubles)
                #expect(error <= Self.forwardTolerance, "\(test.name), output '\(name)': libtorch departs from Inference by \(error)")
                worst = max(worst, error)
                compared += 1
            }
        }
        TestData.say("libtorch and Inference: \(compared) outputs of node tests, largest relative difference \(worst)")
        #expect(compared > 600)
    }

    /// `nil` where `Inference` does not run the case.
    private static func inferenceOutputs(_ test: NodeTestArchive.Case) throws -> [String: Tensor]? {
        let given = try inputs(test)
        var bindings = given.mapValues { InputBinding.shape($0.shape) }
        guard let graph = try? Graph(onnx: archive.model(test)) else { return nil }
        while true {
            do {
                let network = try Network(graph, inputs: bindings)
                for (index, port) in network.inputs.enumerated() { if let tensor = given[port.name] { try network.setInput(index, tensor) } }
                try network.run()
                return Dictionary(uniqueKeysWithValues: network.outputs.enumerated().map { ($1.name, network.outputTensor($0)) })
            } catch {
                guard case .valueNeeded(let name) = error.cause, let tensor = given[name], case .shape? = bindings[name] else { return nil }
                bindings[name] = .constant(tensor)
            }
        }
    }

    /// Inputs of these operators that are no quantities to be varied: scales that round to sizes, bounds, steps.
    private static let fixedInputs: [String: Set<Int>] = [
        "Resize": [1, 2, 3], "Upsample": [1], "Range": [0, 1, 2], "OneHot": [0, 1], "Clip": [1, 2], "Pad": [2], "Dropout": [1, 2], "QuantizeLinear": [1, 2],
        "DequantizeLinear": [1, 2], "Pow": [1], "Mod": [0, 1], "IsInf": [0], "IsNaN": [0], "CastLike": [1],
    ]
    /// Whose values jump: the derivative is 0 almost everywhere, and a finite difference may meet a jump.
    private static let steps: Set<String> = ["Floor", "Ceil", "Round", "Sign", "Mod", "QuantizeLinear", "DequantizeLinear", "Cast", "CastLike", "IsInf", "IsNaN"]

    @Test func gradientsAreFiniteDifferences() throws {
        var options = TrainableGraph.Options()
        options.floatType = .float64
        var checked: [String: Int] = [:], worst = 0.0, worstName = ""
        for test in Self.archive.cases where Self.exclusions[test.name] == nil && !Self.steps.contains(test.operator) {
            guard try !Self.isForeign(test), let source = try? Graph(onnx: Self.archive.model(test)), source.nodes.count <= 40,
                let graph = try? TrainableGraph(source, options: options)
            else { continue }
            var given = try Self.inputs(test).filter { name, _ in graph.inputs.contains { $0.name == name } }
            var varied: Set<String> = []
            for (name, tensor) in given where tensor.elementType == .float32 || tensor.elementType == .float64 {
                let isFixed = source.nodes.contains { node in node.inputs.enumerated().contains { $1 == name && Self.fixedInputs[node.operation]?.contains($0) == true } }
                if isFixed || tensor.count == 0 || tensor.doubles.contains(where: { !$0.isFinite }) { continue }
                // Away from kinks, ties and the ends of domains: towards 0.1, and each element by an amount of its own.
                let shifts = TestData.noise(tensor.shape, seed: 11, scale: 0.02).doubles
                given[name] = Tensor(shape: tensor.shape, values: zip(tensor.doubles, shifts).map { Float($0 * 0.97 + 0.003 * ($0 < 0 ? -1 : 1) + $1 * max(abs($0), 0.05)) })
                varied.insert(name)
            }
            if varied.isEmpty { continue }
            let findings: [GradientCheck.Finding]
            do { findings = try GradientCheck(graph: graph).findings(given, varied: varied) } catch {
                Issue.record("\(test.name) (\(test.operator)): \(error)")
                continue
            }
            for finding in findings where finding.analytic.isFinite && finding.numeric.isFinite {
                #expect(
                    finding.error <= Self.gradientTolerance,
                    "\(test.name) (\(test.operator)): along '\(finding.name)' the gradient gives \(finding.analytic), finite differences \(finding.numeric)")
                if finding.error > worst { (worst, worstName) = (finding.error, test.name) }
            }
            if findings.contains(where: { $0.analytic != 0 && $0.analytic.isFinite }) { checked[test.operator, default: 0] += 1 }
        }
        let total = checked.values.reduce(0, +)
        TestData.say("gradients: \(total) node tests of \(checked.count) operators, largest error \(worst) (\(worstName))")
        #expect(total > 400)
        // Every operator that has a gradient was asked at least once.
        let without: Set<String> = [
            "And", "Or", "Xor", "Not", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "ArgMax", "ArgMin", "Shape", "Size", "Constant", "ConstantOfShape",
            "Range", "If", "Scatter", "Upsample", "OneHot",
        ]
        let expected = Set(TrainableGraph.operators).subtracting(without).subtracting(Self.steps)
        #expect(expected.subtracting(checked.keys).sorted() == [])
    }

    @Test func hasEveryFloatOperatorOfTheNodeTests() {
        let all = Set(Self.archive.cases.map(\.operator))
        let own = Set(TrainableGraph.operators)
        #expect(all.subtracting(own).subtracting(Self.integerOperators).sorted() == [])
    }
}
