import Foundation
import Inference
import ModelBundle
import Tensors
import Testing

/// Whatever a file says, loading it gives a network or a typed error; what loads can be run.
@Suite struct HostileGraphTests {
    private static let options: NetworkOptions = {
        var options = NetworkOptions()
        options.maximumArenaBytes = 1 << 24
        options.maximumTensorBytes = 1 << 24
        options.maximumFoldedBytes = 1 << 24
        options.maximumMultiplyAccumulates = 1 << 26
        return options
    }()

    /// Loads and runs; only errors of the types that are promised pass.
    private static func attempt(_ graph: Graph, _ loaded: inout Int, _ refused: inout Int) {
        for isOptimized in [true, false] {
            var options = options
            options.isOptimized = isOptimized
            do {
                let network = try Network(graph, options: options)
                try network.run()
                loaded += 1
            } catch {
                #expect(!error.description.isEmpty)
                refused += 1
            }
        }
    }

    /// A graph that uses most of what has attributes and shapes.
    private static func sample() -> Graph {
        var builder = GraphBuilder(opset: 13)
        let x = builder.input("x", [1, 4, 9, 8])
        var value = builder.node(
            "Conv", [x, builder.weight(noise([6, 2, 3, 3], seed: 1)), builder.weight(noise([6], seed: 2))],
            ["group": .int(2), "strides": .ints([1, 2]), "pads": .ints([1, 1, 1, 1]), "dilations": .ints([1, 1]), "kernel_shape": .ints([3, 3])])
        value = builder.node("PRelu", [value, builder.weight(noise([6, 1, 1], seed: 3))])
        value = builder.node("Conv", [value, builder.weight(noise([6, 1, 3, 3], seed: 4))], ["group": .int(6), "pads": .ints([1, 1, 1, 1])])
        let pooled = builder.node("MaxPool", [value], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        let mean = builder.node("AveragePool", [value], ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]), "ceil_mode": .int(1)])
        value = builder.node("Concat", [pooled, builder.node("Slice", [mean, builder.ints([0, 0]), builder.ints([4, 2]), builder.ints([2, 3])])], ["axis": .int(1)])
        value = builder.node(
            "Resize", [value, "", builder.weight(Tensor(shape: [4], values: [Float(1), 1, 2, 2]))],
            ["mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"), "nearest_mode": .string("floor")])
        value = builder.node("Pad", [value, builder.ints([0, 1, 0, 1, 0, 1, 2, 0])], ["mode": .string("constant")])
        value = builder.node("Transpose", [value], ["perm": .ints([0, 2, 3, 1])])
        let shape = builder.node("Concat", [builder.node("Slice", [builder.node("Shape", [value]), builder.ints([0]), builder.ints([1])]), builder.ints([-1, 14])], ["axis": .int(0)])
        value = builder.node("Reshape", [value, shape])
        value = builder.node("Softmax", [value], ["axis": .int(-1)])
        value = builder.node("MatMul", [value, builder.weight(noise([14, 5], seed: 6))])
        value = builder.node("ReduceMean", [value], ["axes": .ints([1]), "keepdims": .int(0)])
        value = builder.node("Gemm", [value, builder.weight(noise([3, 5], seed: 7)), builder.weight(noise([3], seed: 8))], ["transB": .int(1), "alpha": .float(1)])
        value = builder.node("Unsqueeze", [builder.node("Clip", [value, builder.weight(Tensor(scalar: Float(0)))]), builder.ints([0])])
        value = builder.node("Gather", [value, builder.ints([0, 0])], ["axis": .int(0)])
        builder.output(builder.node("Flatten", [builder.node("Squeeze", [builder.node("Cast", [value], ["to": .int(11)])])], ["axis": .int(1)]))
        return builder.graph
    }

    @Test func theSampleItselfRuns() throws {
        var loaded = 0, refused = 0
        Self.attempt(Self.sample(), &loaded, &refused)
        #expect(loaded == 2 && refused == 0)
    }

    private static let absurd = [Int.min, Int.min + 1, -(1 << 40), -(1 << 31), -3, -1, 0, 1, 2, 3, 5, 17, 1000, 1 << 16, 1 << 20, (1 << 31) - 1, 1 << 31, 1 << 33, 1 << 62, Int.max]

    private static func mutate(_ attribute: Attribute, _ generator: inout SplitMix) -> Attribute {
        switch attribute {
        case .int: return .int(absurd.randomElement(using: &generator)!)
        case .ints(var values):
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: return .ints([])
            case 1: return .ints(values + [absurd.randomElement(using: &generator)!])
            case 2: return .ints(values.map { _ in absurd.randomElement(using: &generator)! })
            default:
                if !values.isEmpty { values[Int.random(in: values.indices, using: &generator)] = absurd.randomElement(using: &generator)! }
                return .ints(values)
            }
        case .float: return .float([Float.nan, .infinity, -1e38, 0].randomElement(using: &generator)!)
        case .string: return .string(["", "reflect", "edge", "linear", "SAME_UPPER", "nonsense"].randomElement(using: &generator)!)
        default: return .string("another type")
        }
    }

    @Test(arguments: 0..<8) func absurdAttributesAndShapesAreRefused(_ seed: Int) {
        var generator = SplitMix(seed: UInt64(seed) &+ 1000)
        var loaded = 0, refused = 0
        for _ in 0..<250 {
            var graph = Self.sample()
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                let index = Int.random(in: graph.nodes.indices, using: &generator)
                switch Int.random(in: 0..<9, using: &generator) {
                case 0...2:
                    if let name = graph.nodes[index].attributes.keys.sorted().randomElement(using: &generator) {
                        graph.nodes[index].attributes[name] = Self.mutate(graph.nodes[index].attributes[name]!, &generator)
                    }
                case 3:
                    if let name = graph.nodes[index].attributes.keys.sorted().randomElement(using: &generator) { graph.nodes[index].attributes[name] = nil }
                case 4:
                    let names = graph.initializers.keys.sorted()
                    let name = names.randomElement(using: &generator)!
                    let tensor = graph.initializers[name]!
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: graph.initializers[name] = Tensor(shape: [], values: [Float(1)])
                    case 1: graph.initializers[name] = Tensor(zeros: tensor.shape.map { _ in 0 }, elementType: tensor.elementType)
                    case 2: graph.initializers[name] = tensor.reshaped([tensor.count])
                    default:
                        if tensor.elementType == .int64 {
                            graph.initializers[name] = Tensor(shape: tensor.shape, values: tensor.values(as: Int64.self).map { _ in Int64(Self.absurd.randomElement(using: &generator)!) })
                        } else {
                            graph.initializers[name] = Tensor(shape: [tensor.count, 1], elementType: tensor.elementType, bytes: tensor.bytes)
                        }
                    }
                case 5:
                    let sizes = [0, 1, 2, 3, 8, 17, 1 << 20, 1 << 40, Int.max]
                    let rank = Int.random(in: 0...6, using: &generator)
                    graph.inputs[0].shape = (0..<rank).map { _ in .fixed(sizes.randomElement(using: &generator)!) }
                case 6: graph.nodes[index].inputs = Array(graph.nodes[index].inputs.dropLast())
                case 7:
                    let names = graph.nodes.flatMap(\.outputs) + graph.initializers.keys.sorted() + ["", "nobody"]
                    if !graph.nodes[index].inputs.isEmpty {
                        graph.nodes[index].inputs[Int.random(in: graph.nodes[index].inputs.indices, using: &generator)] = names.randomElement(using: &generator)!
                    }
                default:
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: graph.nodes[index].outputs = []
                    case 1: graph.nodes[index].outputs += ["more", "and more"]
                    case 2: graph.nodes[index].operation = graph.nodes.randomElement(using: &generator)!.operation
                    default: graph.opset = [1, 6, 9, 10, 11, 18, 1000].randomElement(using: &generator)!
                    }
                }
            }
            Self.attempt(graph, &loaded, &refused)
        }
        // Both happen, or the mutations are not what they are meant to be.
        #expect(loaded > 10 && refused > 100)
    }

    @Test func namesThatRunInCirclesAreRefused() {
        let graph = Graph(
            name: "circle", opset: 13,
            nodes: [
                Node(operation: "Relu", inputs: ["b"], outputs: ["a"]), Node(operation: "Relu", inputs: ["a"], outputs: ["b"]),
            ], inputs: [], outputs: [ValueInfo(name: "b", elementType: .float32, shape: nil)], initializers: [:])
        #expect(throws: InferenceError.self) { _ = try Network(graph) }
        var twice = GraphBuilder()
        let x = twice.input("x", [2])
        twice.output(twice.node("Relu", [x], name: "y"))
        twice.graph.nodes.append(twice.graph.nodes[0])
        #expect(throws: InferenceError.self) { _ = try Network(twice.graph) }
    }

    /// Bytes flipped and cut off in a real file.
    @Test func damagedFilesAreRefused() throws {
        let url = try #require(Bundle.module.url(forResource: "small_network", withExtension: "onnx", subdirectory: "Fixtures"))
        let data = try Data(contentsOf: url)
        var loaded = 0, refused = 0
        Self.attempt(try Graph(onnx: data), &loaded, &refused)
        #expect(loaded == 2 && refused == 0)
        var generator = SplitMix(seed: 77)
        for round in 0..<1500 {
            var damaged = data
            if round % 5 == 0 {
                damaged = damaged.prefix(Int.random(in: 0..<data.count, using: &generator))
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &generator) { damaged[Int.random(in: damaged.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator) }
            }
            guard let graph = try? Graph(onnx: damaged) else {
                refused += 1
                continue
            }
            Self.attempt(graph, &loaded, &refused)
        }
        #expect(loaded > 100 && refused > 300)
    }
}
