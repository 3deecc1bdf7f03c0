import Foundation
import Inference
import ModelBundle
import NodeTestCases
import Tensors
import Testing

/// Damaged and malicious models: an error that names the cause, or a network that runs; never a crash, never memory without
/// bound. Everything is drawn from a seed.
@Suite(.serialized) struct HostileModelTests {
    private static let seed: UInt64 = 20_261_121
    /// Growth of the process that a bounded network may cause, with room for the rest of the test run.
    private static let allowedGrowth = 1 << 29

    /// Bounds that keep what still runs small.
    private static var options: NetworkOptions {
        var options = NetworkOptions()
        options.maximumArenaBytes = 1 << 24
        options.maximumTensorBytes = 1 << 22
        options.maximumFoldedBytes = 1 << 22
        options.maximumOperations = 500
        options.maximumMultiplyAccumulates = 1 << 22
        return options
    }

    private static func archive() throws -> NodeTestArchive {
        try NodeTestArchive()
    }

    /// Outcomes, so that a run that only ever saw one of them is noticed.
    private struct Tally {
        var ran = 0, refusedFiles = 0, refusedNetworks = 0
    }

    @Test func damagedBytesAreRefusedOrRun() throws {
        let archive = try Self.archive()
        var random = SplitMix64(state: Self.seed)
        var tally = Tally()
        let before = Self.peakBytes
        for test in archive.cases where test.model.length < 2_000 {
            let model = archive.model(test)
            for round in 0..<24 {
                var bytes = [UInt8](model)
                if round % 4 == 3 {
                    bytes.removeLast(random.below(bytes.count) + 1)
                } else {
                    for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
                }
                do throws(ONNXError) {
                    let graph = try Graph(onnx: Data(bytes))
                    Self.exercise(graph, bindings: Self.shapes(archive, test), &random, &tally)
                } catch {
                    #expect(!error.description.isEmpty)
                    tally.refusedFiles += 1
                }
            }
        }
        #expect(tally.ran > 100 && tally.refusedFiles > 100 && tally.refusedNetworks > 100, "\(tally)")
        #expect(Self.peakBytes - before < Self.allowedGrowth)
    }

    @Test func maliciousGraphsAreRefusedOrRun() throws {
        let archive = try Self.archive()
        var random = SplitMix64(state: Self.seed + 1)
        var tally = Tally()
        let before = Self.peakBytes
        for test in archive.cases where test.model.length < 20_000 {
            let graph = try Graph(onnx: archive.model(test))
            for _ in 0..<48 {
                var altered = graph
                var bindings = Self.shapes(archive, test)
                for _ in 0...random.below(3) { Self.alter(&altered, &bindings, &random) }
                Self.exercise(altered, bindings: bindings, &random, &tally)
            }
        }
        #expect(tally.ran > 1_000 && tally.refusedNetworks > 1_000, "\(tally)")
        #expect(Self.peakBytes - before < Self.allowedGrowth)
    }

    private static func shapes(_ archive: NodeTestArchive, _ test: NodeTestArchive.Case) -> [String: InputBinding] {
        var bindings: [String: InputBinding] = [:]
        for piece in test.inputs { bindings[piece.name] = .shape(piece.shape) }
        return bindings
    }

    /// Plans the graph, binding what it asks for to random values, and runs it on random bytes.
    private static func exercise(_ graph: Graph, bindings: [String: InputBinding], _ random: inout SplitMix64, _ tally: inout Tally) {
        let names = Set(graph.inputs.map(\.name))
        var bindings = bindings.filter { names.contains($0.key) }
        var options = options
        options.isOptimized = random.below(3) > 0
        for _ in 0..<6 {
            do throws(InferenceError) {
                let network = try Network(graph, inputs: bindings, options: options)
                for (index, port) in network.inputs.enumerated() {
                    try network.setInput(index, value(port.shape, port.elementType, &random))
                }
                try network.run()
                for index in network.outputs.indices { _ = network.outputTensor(index) }
                tally.ran += 1
                return
            } catch {
                guard !error.description.isEmpty else {
                    Issue.record("an error without a description: \(error.cause)")
                    return
                }
                if case .valueNeeded(let name) = error.cause, case .shape(let shape)? = bindings[name],
                    let input = graph.inputs.first(where: { $0.name == name }), shape.allSatisfy({ (0...64).contains($0) }), shape.count < 4
                {
                    bindings[name] = .constant(value(shape, input.elementType, &random))
                    continue
                }
                tally.refusedNetworks += 1
                return
            }
        }
        tally.refusedNetworks += 1
    }

    /// Random bytes: floats of every magnitude, infinities and not-a-numbers among them; integers mostly small, some extreme.
    private static func value(_ shape: [Int], _ type: ElementType, _ random: inout SplitMix64) -> Tensor {
        let count = Tensor.elementCount(shape)
        if type == .int64 || type == .int32 {
            let values = (0..<count).map { _ in integer(&random) }
            return type == .int64
                ? Tensor(shape: shape, values: values.map { Int64($0) }) : Tensor(shape: shape, values: values.map { Int32(truncatingIfNeeded: $0) })
        }
        var bytes = (0..<count * type.size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        if type == .bool { bytes = bytes.map { $0 & 1 } }
        return Tensor(shape: shape, elementType: type, bytes: bytes)
    }

    private static func integer(_ random: inout SplitMix64) -> Int {
        let extremes = [Int.min, Int.max, Int.min + 1, -1, 0, 1 << 31, -(1 << 31), (1 << 31) - 1, 1 << 40, 1 << 16, -2, 3, 7, 100]
        return random.below(3) == 0 ? extremes[random.below(extremes.count)] : random.below(9) - 3
    }

    /// One hostile change of the graph or of the shapes it is bound to.
    private static func alter(_ graph: inout Graph, _ bindings: inout [String: InputBinding], _ random: inout SplitMix64) {
        let position = random.below(max(graph.nodes.count, 1))
        switch random.below(8) {
        case 0, 1, 2:
            guard position < graph.nodes.count, !graph.nodes[position].attributes.isEmpty else { return }
            let names = graph.nodes[position].attributes.keys.sorted()
            let name = names[random.below(names.count)]
            graph.nodes[position].attributes[name] = altered(graph.nodes[position].attributes[name]!, &random)
        case 3:
            let names = ["axis", "axes", "pads", "strides", "dilations", "kernel_shape", "group", "p", "k", "blocksize", "block_size", "hidden_size",
                "num_outputs", "split", "perm", "to", "layout", "linear_before_reset", "ceil_mode", "output_padding", "output_shape", "num_groups",
                "batch_dims", "size", "antialias", "exclude_outside", "allowzero", "keepdims", "start", "end"]
            guard position < graph.nodes.count else { return }
            graph.nodes[position].attributes[names[random.below(names.count)]] =
                random.below(2) == 0 ? .int(integer(&random)) : .ints((0..<random.below(6)).map { _ in integer(&random) })
        case 4:
            guard position < graph.nodes.count, !graph.nodes[position].inputs.isEmpty else { return }
            let input = random.below(graph.nodes[position].inputs.count)
            let others = graph.nodes[position].inputs + [""]
            graph.nodes[position].inputs[input] = others[random.below(others.count)]
        case 5, 6:
            let names = bindings.keys.sorted()
            guard !names.isEmpty else { return }
            let name = names[random.below(names.count)]
            guard case .shape(var shape)? = bindings[name] else { return }
            if shape.isEmpty || random.below(4) == 0 {
                shape.insert([0, 1, 2, 1 << 20, Int.max, -1][random.below(6)], at: random.below(shape.count + 1))
            } else if random.below(4) == 0 {
                shape.remove(at: random.below(shape.count))
            } else {
                shape[random.below(shape.count)] = [0, 1, 2, 3, 17, 1 << 20, 1 << 62, -5][random.below(8)]
            }
            bindings[name] = .shape(shape)
            for index in graph.inputs.indices where graph.inputs[index].name == name { graph.inputs[index].shape = nil }
        default:
            let names = graph.initializers.keys.sorted()
            if names.isEmpty {
                guard !graph.inputs.isEmpty else { return }
                let index = random.below(graph.inputs.count)
                graph.inputs[index].elementType = ElementType.allCases[random.below(ElementType.allCases.count)]
            } else {
                let name = names[random.below(names.count)]
                let old = graph.initializers[name]!
                guard old.count < 1_000 else { return }
                graph.initializers[name] = value(random.below(2) == 0 ? old.shape : [random.below(4)], old.elementType, &random)
            }
        }
    }

    private static func altered(_ attribute: Attribute, _ random: inout SplitMix64) -> Attribute? {
        switch attribute {
        case .int: return random.below(5) == 0 ? nil : .int(integer(&random))
        case .float:
            let extremes: [Float] = [.nan, .infinity, -.infinity, 0, -1, 1e30, -1e30, .leastNonzeroMagnitude]
            return .float(extremes[random.below(extremes.count)])
        case .ints(var values):
            if values.isEmpty || random.below(4) == 0 {
                values.append(integer(&random))
            } else if random.below(4) == 0 {
                values.removeLast()
            } else {
                values[random.below(values.count)] = integer(&random)
            }
            return .ints(values)
        case .floats(var values):
            if !values.isEmpty { values[random.below(values.count)] = [.nan, -.infinity, 0, 1e30][random.below(4)] }
            return .floats(random.below(3) == 0 ? [] : values)
        case .string: return random.below(2) == 0 ? nil : .string("hostile")
        case .strings(let values): return .strings(Array(values.dropFirst()))
        case .tensor(let tensor):
            guard tensor.count < 1_000 else { return nil }
            return .tensor(value(random.below(2) == 0 ? tensor.shape : [random.below(3)], tensor.elementType, &random))
        case .graph(var graph):
            if !graph.nodes.isEmpty { graph.nodes.removeLast() }
            return .graph(graph)
        }
    }

    /// The largest memory that this process has had, in bytes.
    private static var peakBytes: Int {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}

/// Steele, Lea and Flood's generator (2014): the same numbers everywhere.
struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
