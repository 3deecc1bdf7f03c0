import Figures
import Biometrics
import Evaluation
import Foundation
import RunRecords

/// Folders of runs that nobody trained, written by what writes real ones.
struct MadeUpRuns {
    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-reports-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    struct Options {
        var fuser: String? = "linear"
        var loss = "triplet"
        var seed: UInt64 = 1
        var epochs = 6
        var stepsPerEpoch = 20
        var isEvaluated = true
        var isQuantized = true
        /// Spread of the embeddings around a person's.
        var noise: Float = 1
        var people = 8
        /// The step whose loss is not a number.
        var lostStep: Int?
        /// Of a single modality's run.
        var modality = "face"
    }

    static func record(_ name: String, _ options: Options) -> RunRecord {
        let all = [
            RunRecord.Modality(
                name: "face", encoder: "mobilefacenet", dimension: 256, isTrainable: true, parameters: 1_012_345, multiplyAccumulates: 221_000_123, milliseconds: 7.25),
            RunRecord.Modality(name: "voice", encoder: "depthwise", dimension: 256, isTrainable: false, parameters: 543_210, multiplyAccumulates: options.fuser == nil ? nil : 33_000_000, milliseconds: 1.5),
        ]
        var record = RunRecord(
            name: name, seed: options.seed, recipe: "name: \(name)\nseed: \(options.seed)\nepochs: \(options.epochs)\n",
            modalities: options.fuser == nil ? all.filter { $0.name == options.modality } : all,
            fuser: options.fuser.map { RunRecord.Fuser(name: $0, dimension: 256, parameters: 131_328, toleratesMissingModality: $0 != "gated", multiplyAccumulates: 131_072, milliseconds: 0.03125) },
            losses: [RunRecord.Loss(name: options.loss, on: options.fuser == nil ? options.modality : "fused", weight: 0.75)], device: "cpu", threads: 2, libtorch: "1.13.0",
            program: "0.1.0", data: [RunRecord.Subset(name: "training", people: 80, rows: 12_345), RunRecord.Subset(name: "validation", people: 20, rows: 678)],
            started: Date(timeIntervalSince1970: 1_700_000_000))
        record.epochs = options.epochs
        record.steps = options.epochs * options.stepsPerEpoch
        record.seconds = 4321.5 + Double(options.seed)
        record.samplesPerSecond = 123.45
        record.peakMemoryMiB = 987.6
        if options.epochs > 0 {
            record.selectionMetric = "fused auc"
            record.bestEpoch = (options.epochs + 1) / 2
            record.bestValue = 0.98764
        }
        record.end(.finished, at: Date(timeIntervalSince1970: 1_700_004_321))
        return record
    }

    @discardableResult func make(_ name: String, in folderName: String? = nil, _ options: Options) throws -> RunFolder {
        let folder = RunFolder(self.folder + "/" + (folderName ?? name))
        let recorder = try RunRecorder(folder, record: Self.record(name, options), tensorBoard: false)
        var generator = SeededGenerator(seed: options.seed &* 77)
        func jitter() -> Double { Double(generator.below(1000)) / 1000 }
        for step in 0..<options.epochs * options.stepsPerEpoch {
            let share = Double(step) / Double(options.stepsPerEpoch), loss = exp(-share / 3) * (1 + 0.3 * jitter()) + Double(options.noise) / 10
            try recorder.append(
                StepRow(
                    epoch: step / options.stepsPerEpoch + 1, batch: step % options.stepsPerEpoch + 1, step: step + 1, seconds: Double(step), loss: step + 1 == options.lostStep ? .nan : loss,
                    learningRate: 1e-3 * (1 + cos(share / Double(options.epochs) * .pi)) / 2, gradientNorm: 1 + 10 * jitter() * exp(-share), samplesPerSecond: 120 + 5 * jitter(),
                    terms: [RunValue(options.loss, loss), RunValue("distillation", loss * 0.4)]))
            if (step + 1) % options.stepsPerEpoch == 0 {
                let epoch = (step + 1) / options.stepsPerEpoch
                try recorder.append(
                    EpochRow(
                        epoch: epoch, step: step + 1, seconds: Double(step) + 0.5, trainingLoss: exp(-Double(epoch) / 3) + Double(options.noise) / 10 + 0.02 * jitter(),
                        metrics: [RunValue("fused auc", 1 - 0.4 * exp(-Double(epoch) / Double(options.noise) / 2) - 0.01 * jitter()), RunValue("fused eer", 0.3 * exp(-Double(epoch) / 3))]))
            }
        }
        if options.isEvaluated { try folder.write(try evaluation(options), to: folder.evaluation) }
        if options.isQuantized { try Self.quantization.write(toFile: folder.quantization, atomically: true, encoding: .utf8) }
        return folder
    }

    func evaluation(_ options: Options) throws -> EvaluationReport {
        var generator = SeededGenerator(seed: options.seed)
        func normal() -> Float { (0..<12).reduce(Float(-6)) { sum, _ in sum + Float(generator.below(1 << 20)) / Float(1 << 20) } }
        var table = EmbeddingTable()
        for person in 0..<options.people {
            let centre = (0..<12).map { _ in normal() }
            for sample in 0..<6 {
                func add(_ condition: Condition, _ role: EmbeddingRole, _ spread: Float) throws {
                    try table.append(
                        EmbeddingTable.Row(item: "\(person)/\(sample)", identity: "person <\(person)> & \"co\"", condition: condition, role: role), centre.map { $0 + spread * normal() })
                }
                let role = options.fuser == nil ? EmbeddingRole(rawValue: options.modality) : .fused
                try add(.both, role, options.noise)
                try add(.blurred, role, 1.5 * options.noise)
                if options.fuser != nil { try add(.voice, role, 2 * options.noise) }
            }
        }
        try table.refuse(EmbeddingTable.Row(item: "dark", identity: "p", condition: .both, role: options.fuser == nil ? EmbeddingRole(rawValue: options.modality) : .fused), reason: "no face <in> it")
        var settings = EvaluationProtocol(seed: 1)
        settings.trialsPerKind = 80
        settings.replicates = 20
        settings.episodes = 2
        return try EvaluationReport(table, settings: settings, model: "face@1 & voice@2")
    }

    /// A `QuantizationReport`.
    static let quantization: String = {
        let layers = (0..<15).map { index in
            "{\"node\":\"conv<\(index)>\",\"operation\":\"Conv\",\"value\":\"v\(index)\",\"signalToNoise\":\(index == 3 ? 999 : 40 - 1.25 * Double(index)),\"weightSignalToNoise\":\(45 - Double(index) / 2),\"inputScale\":0.01,\"clipped\":0.00012}"
        }
        return """
            {"method":"mse","samples":48,"layers":[\(layers.joined(separator: ","))],"outputs":[{"name":"embedding","signalToNoise":27.375,"leastCosine":0.98765,"meanCosine":0.99876}],
            "left":{"softmax":"not <an> operator that runs in eight bits"},"floatBytes":4194304,"quantizedBytes":1123456}
            """
    }()
}
