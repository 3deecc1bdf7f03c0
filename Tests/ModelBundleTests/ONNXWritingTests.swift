import Foundation
import ModelBundle
import NodeTestCases
import Tensors
import Testing

/// Graphs written as ONNX and read again.
@Suite struct ONNXWritingTests {
    /// Every model of ONNX's node tests: all operators, attributes of every kind, nested graphs.
    @Test func whatIsReadIsWrittenTheSame() throws {
        let archive = try NodeTestArchive()
        var compared = 0
        for test in archive.cases {
            let graph = try Graph(onnx: archive.model(test))
            let written = try graph.onnx()
            #expect(try Graph(onnx: written) == graph, "\(test.name)")
            compared += 1
        }
        #expect(compared > 900)
    }

    /// Every element type, scalars, empty tensors and free dimensions survive; the same graph gives the same bytes.
    @Test func everyKindOfValueSurvives() throws {
        var initializers: [String: Tensor] = [:]
        for (index, type) in ElementType.allCases.enumerated() {
            initializers["w\(index)"] = Tensor(shape: [2, 3], elementType: type, bytes: (0..<6 * type.size).map { type == .bool ? UInt8($0 % 2) : UInt8($0) })
        }
        initializers["scalar"] = Tensor(scalar: Float(-0.0))
        initializers["empty"] = Tensor(zeros: [0, 4], elementType: .int64)
        let inner = Graph(
            name: "branch", opset: 17, nodes: [Node(operation: "Relu", inputs: ["x"], outputs: ["z"])], inputs: [],
            outputs: [ValueInfo(name: "z", elementType: .float32, shape: nil)], initializers: [:])
        let attributes: [String: Attribute] = [
            "a": .int(Int(Int64.min)), "b": .float(.infinity), "c": .string("ü"), "d": .tensor(Tensor(shape: [1], values: [UInt8(7)])), "e": .graph(inner), "f": .ints([]),
            "g": .floats([1, -2]), "h": .strings(["", "x"]), "i": .ints([-1, 5]),
        ]
        let graph = Graph(
            name: "all", opset: 17, nodes: [Node(operation: "Everything", domain: "com.example", name: "n", inputs: ["x", "", "scalar"], outputs: ["y", ""], attributes: attributes)],
            inputs: [
                ValueInfo(name: "x", elementType: .float32, shape: [.free("batch"), .fixed(3), .free("")]), ValueInfo(name: "s", elementType: .int64, shape: []),
                ValueInfo(name: "unknown", elementType: .bool, shape: nil),
            ], outputs: [ValueInfo(name: "y", elementType: .float64, shape: [.fixed(0)])], initializers: initializers)
        let written = try graph.onnx()
        #expect(try Graph(onnx: written) == graph)
        #expect(try graph.onnx() == written)
    }

    @Test func anUnwritableFileIsNamed() throws {
        let graph = Graph(name: "g", opset: 17, nodes: [], inputs: [], outputs: [], initializers: [:])
        let url = URL(fileURLWithPath: "/nonexistent-folder/model.onnx")
        let error = try #require(throws: ONNXError.self) { try graph.write(onnxFile: url) }
        #expect(error.description.hasPrefix("/nonexistent-folder/model.onnx: cannot be written: "))
    }
}
