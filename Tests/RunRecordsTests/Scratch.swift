import Foundation
import RunRecords

/// A folder of a test's own, removed with it.
final class ScratchFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "fwoc-runs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func run(_ name: String = "run") -> RunFolder { RunFolder(path + "/" + name) }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    static func write(_ text: String, _ path: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
}

/// Made-up rows and records.
enum Samples {
    static var record: RunRecord {
        RunRecord(
            name: "linear <&> \"triplet\"", seed: .max, recipe: "seed: 7\nname: ‘é’\n",
            modalities: [
                RunRecord.Modality(name: "face", encoder: "mobilefacenet", dimension: 256, isTrainable: true, parameters: 1_000_001, multiplyAccumulates: 220_000_000),
                RunRecord.Modality(name: "gait", encoder: "file", dimension: 3, isTrainable: false, parameters: 0),
            ],
            fuser: RunRecord.Fuser(name: "linear", dimension: 256, parameters: 131_328, toleratesMissingModality: true),
            losses: [RunRecord.Loss(name: "triplet", on: "fused"), RunRecord.Loss(name: "cross-entropy", on: "face", weight: 0.25)], device: "cpu", threads: 2,
            libtorch: "1.13.0", program: "0.1.0", data: [RunRecord.Subset(name: "training", people: 80, rows: 4001)], started: Date(timeIntervalSince1970: 1_700_000_000.75))
    }

    static func step(_ step: Int, seconds: Double = 0) -> StepRow {
        StepRow(
            epoch: (step - 1) / 3 + 1, batch: (step - 1) % 3 + 1, step: step, seconds: seconds, loss: 0.1 / Double(step), learningRate: 1e-3,
            gradientNorm: step == 2 ? nil : Double(step), samplesPerSecond: 33.25, terms: [RunValue("triplet", 1.0 / 3), RunValue("cross-entropy, \"fused\"", step == 4 ? nil : 2e-17)])
    }

    static func epoch(_ epoch: Int, seconds: Double = 0) -> EpochRow {
        EpochRow(epoch: epoch, step: 3 * epoch, seconds: seconds, trainingLoss: .pi / Double(epoch), metrics: [RunValue("both · face auc", epoch == 2 ? nil : 0.9)])
    }
}
