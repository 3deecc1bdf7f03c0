import Foundation
import Inference
import ModelBundle
import Tensors

/// Numbers that look random and are the same everywhere: a hash of the index (Wellons' lowbias32), in −1 … 1.
func noise(_ count: Int, seed: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { index in
        var u = UInt32(truncatingIfNeeded: index) &+ UInt32(truncatingIfNeeded: seed) &* 0x9E37_79B9
        u ^= u >> 16
        u = u &* 0x7feb_352d
        u ^= u >> 15
        u = u &* 0x846c_a68b
        u ^= u >> 16
        return (Float(Double(u) / 4_294_967_296) * 2 - 1) * scale
    }
}

func noise(_ shape: [Int], seed: Int, scale: Float = 1) -> Tensor {
    Tensor(shape: shape, values: noise(shape.reduce(1, *), seed: seed, scale: scale))
}

/// A graph in the making; every node has one output, named after it.
struct GraphBuilder {
    var graph: Graph
    private var count = 0

    init(opset: Int = 17) {
        graph = Graph(name: "test", opset: opset, nodes: [], inputs: [], outputs: [], initializers: [:])
    }

    mutating func input(_ name: String, _ shape: [Int], _ type: ElementType = .float32) -> String {
        graph.inputs.append(ValueInfo(name: name, elementType: type, shape: shape.map { .fixed($0) }))
        return name
    }

    mutating func weight(_ tensor: Tensor) -> String {
        count += 1
        graph.initializers["w\(count)"] = tensor
        return "w\(count)"
    }

    mutating func ints(_ values: [Int]) -> String { weight(Tensor(shape: [values.count], values: values.map { Int64($0) })) }

    mutating func node(_ operation: String, _ inputs: [String], _ attributes: [String: Attribute] = [:], name: String? = nil) -> String {
        count += 1
        let output = name ?? "v\(count)"
        graph.nodes.append(Node(operation: operation, name: output, inputs: inputs, outputs: [output], attributes: attributes))
        return output
    }

    mutating func output(_ name: String) {
        graph.outputs.append(ValueInfo(name: name, elementType: .float32, shape: nil))
    }
}

/// Pictures `[n, channels, height, width]` of −1…1 that are smooth, as pictures of things are and noise is not.
func smoothPictures(_ shape: [Int]) -> Tensor {
    var values: [Float] = []
    for picture in 0..<shape[0] {
        for channel in 0..<shape[1] {
            for y in 0..<shape[2] {
                for x in 0..<shape[3] {
                    var value: Float = 0
                    for k in 1...3 {
                        let phases = (0.3 * Float(channel * k) + 0.17 * Float(picture), 0.11 * Float(channel) + 0.23 * Float(picture * k))
                        let u = Float(k * x) / Float(shape[3]) + phases.0, v = Float(k * y) / Float(shape[2]) + phases.1
                        value += sin(2 * .pi * u) * cos(2 * .pi * v) / Float(k)
                    }
                    values.append(0.5 * value)
                }
            }
        }
    }
    return Tensor(shape: shape, values: values)
}

/// Runs a network once on noise, or on what is given for its first input, and returns its outputs.
func run(_ network: Network, seed: Int = 1, first: Tensor? = nil) throws -> [Tensor] {
    for (index, port) in network.inputs.enumerated() where port.elementType == .float32 {
        try network.setInput(index, index == 0 ? first ?? noise(port.shape, seed: seed) : noise(port.shape, seed: seed + index))
    }
    try network.run()
    return network.outputs.indices.map { network.outputTensor($0) }
}

/// Largest difference in units of the largest expected value.
func relativeError(_ got: Tensor, _ expected: Tensor) -> Float {
    guard got.shape == expected.shape, got.elementType == .float32, expected.elementType == .float32 else { return .infinity }
    let a = got.values(as: Float.self), b = expected.values(as: Float.self)
    var error: Float = 0, scale: Float = 1e-6
    for index in a.indices {
        if a[index].isNaN != b[index].isNaN { return .infinity }
        if a[index] == b[index] || a[index].isNaN { continue }
        error = max(error, abs(a[index] - b[index]))
        scale = max(scale, abs(b[index]))
    }
    return error / scale
}
