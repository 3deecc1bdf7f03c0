import Datasets
import Foundation
import RunRecords
import Testing

/// `report` and `compare` as people call them.
@Suite struct ReportCommandTests {
    private static func record(_ name: String, seed: UInt64) -> RunRecord {
        var record = RunRecord(
            name: name, seed: seed, recipe: "seed: \(seed)\n",
            modalities: [RunRecord.Modality(name: "face", encoder: "small", dimension: 16, isTrainable: true, parameters: 1000)],
            losses: [RunRecord.Loss(name: "triplet", on: "face")], device: "cpu", threads: 1, libtorch: "1.13.0", program: "0.1.0",
            data: [RunRecord.Subset(name: "training", people: 4, rows: 20)])
        record.end(.finished)
        return record
    }

    /// Embeddings that tell nobody apart, so that people are mistaken, measured by `evaluate`.
    private func run(_ name: String, seed: UInt64, in folder: ScratchFolder) throws -> RunFolder {
        let run = RunFolder(folder.path + "/runs/" + name)
        let recorder = try RunRecorder(run, record: Self.record(name, seed: seed))
        try recorder.append(StepRow(epoch: 1, batch: 1, step: 1, seconds: 1, loss: 0.5, learningRate: 0.1, samplesPerSecond: 10))
        try recorder.append(EpochRow(epoch: 1, step: 1, seconds: 1, trainingLoss: 0.5, metrics: [RunValue("auc", 0.5)]))
        var state = seed
        var lines = ""
        for person in 0..<4 {
            for shot in 0..<4 {
                let embedding = (0..<4).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return "\(Float(state >> 40) / Float(1 << 23) - 1)"
                }
                lines += #"{"file":"p\#(person)/\#(shot).jpg","role":"face","model":"m@1","encoder":"e","embedding":[\#(embedding.joined(separator: ","))],"dimension":4,"quality":1}"# + "\n"
            }
        }
        let embeddings = try folder.file("\(name).jsonl")
        try ScratchFolder.write(Array(lines.utf8), embeddings)
        let outcome = try Programs.run(Programs.train, ["evaluate", embeddings, "--json"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        try ScratchFolder.write(Array(outcome.output.utf8), run.evaluation)
        return run
    }

    /// Shards with a face of each of these people: red, green and blue planes of one value each.
    private func shards(_ people: [String], _ path: String, side: Int = 112) throws {
        let writer = try ShardWriter(
            path: path, description: ShardDescription(columns: [ColumnDeclaration("identity", .uint8), ColumnDeclaration("face", .uint8, shape: [3, side, side])]))
        for person in people {
            // The first row of a person has no face.
            try writer.append(ShardRow(["identity": ShardValue(person)]))
            let face = (0..<3 * side * side).map { $0 < side * side ? UInt8(200) : $0 < 2 * side * side ? 100 : 50 }
            try writer.append(ShardRow(["identity": ShardValue(person), "face": ShardValue(face + face, entries: 2)]))
        }
        try writer.finish()
    }

    @Test func `report shows a run, and faces out of shards of those who are mistaken`() throws {
        let folder = try ScratchFolder()
        let run = try run("one <run>", seed: 1, in: folder), page = try folder.file("report.html")
        try shards(["p0", "p1", "p2", "p3", "somebody else"], try folder.file("shards/a.shard"))
        let outcome = try Programs.run(Programs.train, ["report", run.path, "-o", page, "--shards", folder.path + "/shards"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("<h1>one &lt;run&gt;</h1>") && html.contains("taken for p") && !html.contains("somebody else"))
        let start = "src=\"data:image/png;base64,"
        let pictures = html.components(separatedBy: start).dropFirst().compactMap { Data(base64Encoded: String($0.prefix { $0 != "\"" })) }
        #expect(pictures.count >= 2 && pictures.allSatisfy { $0.starts(with: [0x89, 0x50, 0x4E, 0x47]) })
        // Without shards nobody is shown.
        #expect(try Programs.run(Programs.train, ["report", run.path, "-o", page]).status == 0)
        #expect(try !String(contentsOfFile: page, encoding: .utf8).contains("<img"))
    }

    @Test func `compare writes a page, charts and tables`() throws {
        let folder = try ScratchFolder()
        let runs = [try run("a", seed: 1, in: folder), try run("b", seed: 2, in: folder)].map(\.path)
        let page = try folder.file("compare.html"), study = folder.path + "/models/study"
        let outcome = try Programs.run(Programs.train, ["compare"] + runs + ["-o", page, "--study", study])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: study).sorted()
        #expect(names.contains("auc.svg") && names.contains("eer.svg") && names.contains("det-face.svg") && names.contains("tables.md"))
        for name in names where name.hasSuffix(".svg") {
            let svg = try String(contentsOfFile: study + "/" + name, encoding: .utf8)
            #expect(svg.hasPrefix("<svg xmlns=") && svg.hasSuffix("</svg>\n") && !svg.contains("<image"))
        }
        let tables = try String(contentsOfFile: study + "/tables.md", encoding: .utf8)
        #expect(tables.contains("| face only | triplet | face | 1, 2 |") && tables.contains("### face\n"))
        #expect(try String(contentsOfFile: page, encoding: .utf8).contains("2 runs, 1 without counting seeds"))
    }

    @Test func `Bad runs are errors with their codes`() throws {
        let folder = try ScratchFolder()
        let run = try run("a", seed: 1, in: folder), page = try folder.file("report.html")
        func outcome(_ arguments: [String]) throws -> (Int32, String) {
            let outcome = try Programs.run(Programs.train, arguments)
            return (outcome.status, outcome.errors)
        }
        for verb in ["report", "compare"] {
            let none = try outcome([verb, "-o", page])
            #expect(none.0 == 64 && none.1.contains("run"), "\(none)")
            let missing = try outcome([verb, folder.path + "/nothing", "-o", page])
            #expect(missing.0 == 66 && missing.1.contains("no such folder; expected the folder of a run"), "\(missing)")
            let other = try outcome([verb, run.path, folder.path, "-o", page])
            #expect(other.0 == 66 && other.1.contains("no run.json in this folder"), "\(other)")
            let unwritable = try outcome([verb, run.path, "-o", folder.path + "/no/where.html"])
            #expect(unwritable.0 == 74 && unwritable.1.contains("no/where.html: cannot be written"), "\(unwritable)")
        }
        try shards(["p0"], try folder.file("flat/a.shard"), side: 1)
        #expect(try outcome(["report", run.path, "-o", page, "--shards", folder.path + "/flat"]).0 == 0)
        #expect(try outcome(["report", run.path, "-o", page, "--shards", folder.path + "/none"]).0 == 66)
        try ScratchFolder.write(Array("{\"schema\": \"fwoc.run/1\" x".utf8), run.run)
        let damaged = try outcome(["report", run.path, "-o", page])
        #expect(damaged.0 == 65 && damaged.1.contains("run.json: not JSON, byte 24 of 25"), "\(damaged)")
    }
}
