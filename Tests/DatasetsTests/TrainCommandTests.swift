import Foundation
import ModelBundle
import Tensors
import Testing

/// `evaluate` and `quantize` as people call them.
@Suite struct TrainCommandTests {
    /// Embeddings of six people, five each: a direction of the person's own, and noise. One line has none.
    private static func lines(noise: Float, model: String = "test@1") -> String {
        var state: UInt64 = 5
        func number() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
        let people = (0..<6).map { _ in (0..<16).map { _ in number() } }
        var text = ""
        for (person, centre) in people.enumerated() {
            for shot in 0..<5 {
                let embedding = centre.map { "\($0 + noise * number())" }.joined(separator: ",")
                text += #"{"file":"people/p\#(person)/\#(shot).jpg","role":"face","model":"\#(model)","encoder":"e","embedding":[\#(embedding)],"dimension":16,"quality":1}"# + "\n"
            }
        }
        return text + #"{"file":"people/p0/dark.jpg","role":"face","model":"\#(model)","encoder":"e","cause":"noFace","reason":"no face"}"# + "\n"
    }

    @Test func `evaluate measures what embed printed, and draws it`() throws {
        let folder = try ScratchFolder()
        let clear = try folder.file("clear.jsonl"), blurred = try folder.file("blurred.jsonl"), page = try folder.file("report.html")
        try Self.lines(noise: 0.1).write(toFile: clear, atomically: true, encoding: .utf8)
        try Self.lines(noise: 2).write(toFile: blurred, atomically: true, encoding: .utf8)
        let outcome = try Programs.run(Programs.train, ["evaluate", clear, "--condition", "blurred=\(blurred)", "--html", page, "--json"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        struct Report: Decodable {
            struct Metric: Decodable {
                var name: String
                var value: Double?
            }
            struct Section: Decodable {
                var condition: String
                var samples: Int
                var metrics: [Metric]
                var refused: [String: Int]
                func value(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
            }
            var model: String
            var sections: [Section]
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        #expect(report.model == "test@1")
        #expect(report.sections.map(\.condition) == ["face", "blurred"])
        #expect(report.sections.map(\.samples) == [30, 30])
        #expect(report.sections[0].refused == ["no face": 1])
        #expect(report.sections[0].value("auc") == 1 && report.sections[0].value("eer") == 0)
        #expect(try #require(report.sections[1].value("auc")) < 0.95)
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("<svg") && html.contains("blurred"))
        // The same trials from a list of one's own; the same answer twice.
        let trials = try folder.file("trials.csv")
        try "a,b,label\npeople/p0/0.jpg,people/p0/1.jpg,1\npeople/p0/0.jpg,people/p1/1.jpg,0\n".write(toFile: trials, atomically: true, encoding: .utf8)
        let listed = try Programs.run(Programs.train, ["evaluate", clear, "--trials", trials])
        #expect(listed.status == 0 && listed.output.contains("auc"), "\(listed.errors)")
        #expect(try Programs.run(Programs.train, ["evaluate", clear, "--condition", "blurred=\(blurred)", "--json"]).output == outcome.output)
    }

    @Test func `evaluate refuses what cannot be compared`() throws {
        let folder = try ScratchFolder()
        let one = try folder.file("one.jsonl"), other = try folder.file("other.jsonl"), broken = try folder.file("broken.jsonl")
        try Self.lines(noise: 0.1).write(toFile: one, atomically: true, encoding: .utf8)
        try Self.lines(noise: 0.1, model: "test@2").write(toFile: other, atomically: true, encoding: .utf8)
        try (Self.lines(noise: 0.1) + "{\"file\": 7}\n").write(toFile: broken, atomically: true, encoding: .utf8)
        let mixed = try Programs.run(Programs.train, ["evaluate", one, "--condition", "b=\(other)"])
        #expect(mixed.status == 65 && mixed.errors.contains("several models"), "\(mixed.errors)")
        let damaged = try Programs.run(Programs.train, ["evaluate", broken])
        #expect(damaged.status == 65 && damaged.errors.contains("broken.jsonl:32"), "\(damaged.errors)")
        #expect(try Programs.run(Programs.train, ["evaluate", folder.path + "/none.jsonl"]).status == 66)
        #expect(try Programs.run(Programs.train, ["evaluate"]).status == 64)
    }

    @Test func `quantize writes a model that is smaller and nearly the same`() throws {
        let folder = try ScratchFolder()
        let weights = (0..<216).map { index -> Float in
            let step: Int = (index * 37) % 101
            return Float(step) / 101 - 0.5
        }
        let graph = Graph(
            name: "small", opset: 13,
            nodes: [
                Node(operation: "Conv", name: "first", inputs: ["x", "w"], outputs: ["c"]), Node(operation: "Relu", inputs: ["c"], outputs: ["y"]),
            ],
            inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(3), .fixed(9), .fixed(7)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, shape: nil)], initializers: ["w": Tensor(shape: [8, 3, 3, 3], values: weights)])
        let model = try folder.file("model.onnx"), small = try folder.file("small.onnx")
        try graph.write(onnxFile: URL(fileURLWithPath: model))
        // NumPy's format, version 1: a header of 64 bytes, then the values.
        for sample in 0..<5 {
            let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 9, 7), }"
            var data = Data([0x93])
            data += Data("NUMPY".utf8)
            data += Data([1, 0, 118, 0])
            data += Data(header.utf8)
            data += Data(repeating: 0x20, count: 127 - data.count)
            data.append(0x0A)
            let values = (0..<189).map { index -> Float in
                let step: Int = ((index + 31 * sample) * 53) % 97
                return Float(step) / 48 - 1
            }
            data += Data(Tensor(shape: [189], values: values).bytes)
            try data.write(to: URL(fileURLWithPath: try folder.file("samples/\(sample).npy")))
        }
        let outcome = try Programs.run(Programs.train, ["quantize", model, "--samples", folder.path + "/samples", "-o", small])
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("1 layers quantized") && outcome.output.contains("Conv first"), "\(outcome.output)")
        let written = try Graph(onnxFile: URL(fileURLWithPath: small))
        #expect(written.initializers["w quantized"]?.elementType == .int8)
        #expect(written.nodes.contains { $0.operation == "QuantizeLinear" })

        let none = try Programs.run(Programs.train, ["quantize", model, "--samples", folder.path + "/nowhere", "-o", small])
        #expect(none.status == 66 && none.errors.contains("NumPy"), "\(none.errors)")
        let unknown = try Programs.run(Programs.train, ["quantize", model, "--samples", folder.path + "/samples", "-o", small, "--exclude", "zz"])
        #expect(unknown.status == 65 && unknown.errors.contains("no such node"), "\(unknown.errors)")
        let text = try folder.file("text.onnx")
        try "no model".write(toFile: text, atomically: true, encoding: .utf8)
        #expect(try Programs.run(Programs.train, ["quantize", text, "--samples", folder.path + "/samples", "-o", small]).status == 65)
        #expect(try Programs.run(Programs.train, ["quantize", model, "--samples", folder.path + "/samples", "-o", small, "--method", "best"]).status == 64)

        let given = ["quantize", model, "--samples", folder.path + "/samples", "-o", small]
        let tuned = try Programs.run(Programs.train, given + ["--aware", "worst:1", "--steps", "5"])
        #expect(tuned.status == 0 && tuned.output.contains("fine-tuned: first (5 steps, 3 samples, seed 1)"), "\(tuned.output)\(tuned.errors)")
        let nameless = try Programs.run(Programs.train, given + ["--aware", "zz"])
        #expect(nameless.status == 65 && nameless.errors.contains("no quantized layer 'zz'; it has first"), "\(nameless.errors)")
        #expect(try Programs.run(Programs.train, given + ["--aware", "worst:0"]).status == 64)
        #expect(try Programs.run(Programs.train, given + ["--aware", "all", "--rate", "0"]).status == 64)
        let part = try Programs.run(Programs.train, given + ["--part", "face"])
        #expect(part.status == 78 && part.errors.contains("for a run's folder"), "\(part.errors)")
        #expect(try Programs.run(Programs.train, ["quantize", model, "-o", small]).errors.contains("a model needs --samples"))
        let stranger = try Programs.run(Programs.train, ["quantize", folder.path, "-o", small])
        #expect(stranger.status == 66 && stranger.errors.contains("no run.json"), "\(stranger.errors)")
    }
}
