import ModelBundle
import Tensors
import Testing

@Suite struct FloatActivationsTests {
    private static func node(_ operation: String, _ inputs: [String], _ output: String) -> Node { Node(operation: operation, inputs: inputs, outputs: [output]) }

    private static func graph(_ nodes: [Node], outputs: [String]) -> Graph {
        let scale = Tensor(shape: [], values: [Float(0.5)]), zero = Tensor(shape: [], values: [Int8(0)]), weights = Tensor(shape: [2, 2], values: [Int8(1), 2, 3, 4])
        return Graph(
            name: "g", opset: 17, nodes: nodes, inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(2), .fixed(2)])],
            outputs: outputs.map { ValueInfo(name: $0, elementType: .float32, shape: nil) }, initializers: ["s": scale, "z": zero, "w": weights])
    }

    @Test func `Rounding between layers goes, and weights stay as they are stored`() {
        let graph = Self.graph(
            [
                Self.node("QuantizeLinear", ["x", "s", "z"], "xq"), Self.node("DequantizeLinear", ["xq", "s", "z"], "xd"), Self.node("DequantizeLinear", ["w", "s", "z"], "wd"),
                Self.node("MatMul", ["xd", "wd"], "y"), Self.node("QuantizeLinear", ["y", "s", "z"], "yq"), Self.node("DequantizeLinear", ["yq", "s", "z"], "yd"),
                Self.node("Relu", ["yd"], "a"), Self.node("Add", ["yd", "a"], "b"),
            ], outputs: ["b"])
        let made = graph.withFloatActivations()
        #expect(made.nodes.map(\.operation) == ["DequantizeLinear", "MatMul", "Relu", "Add"])
        #expect(made.nodes[1].inputs == ["x", "wd"] && made.nodes[2].inputs == ["y"] && made.nodes[3].inputs == ["y", "a"])
        #expect(made.initializers == graph.initializers && made.inputs == graph.inputs && made.outputs == graph.outputs)
        #expect(made.withFloatActivations() == made)
    }

    @Test func `What the graph gives, and what others read in eight bits, stays`() {
        let nodes = [
            Self.node("QuantizeLinear", ["x", "s", "z"], "q"), Self.node("DequantizeLinear", ["q", "s", "z"], "d"), Self.node("DequantizeLinear", ["q", "s", "z"], "e"),
            Self.node("Relu", ["e"], "r"), Self.node("Cast", ["q"], "c"),
        ]
        let made = Self.graph(nodes, outputs: ["d", "r", "c"]).withFloatActivations()
        #expect(made.nodes.map(\.operation) == ["QuantizeLinear", "DequantizeLinear", "Relu", "Cast"])
        #expect(made.nodes[2].inputs == ["x"])
        #expect(Self.graph(Array(nodes.prefix(2)), outputs: ["d"]).withFloatActivations().nodes.count == 2)
    }
}
