import Biometrics
import Datasets
import FrontEnd
import ModelBundle
import RunRecords
import Tensors

/// Learns to tell speech from noise, from a teacher that hears the speech alone.
final class VoiceActivityTask: LearningTask {
    static let name = VoiceActivitySettings.name
    /// Rows that are looked at before anything is measured, at most.
    private static let mostMeasured = 400
    private let settings: VoiceActivitySettings
    private let sets: [ShardSet]
    private let network: TrainableGraph
    private let device: TorchDevice
    private let noise: NoiseBank
    private let teacher: SpeechTeacher
    /// Rows with sound, of each part of the split.
    private let rows: [Split.Subset: [(identity: String, set: Int, row: Int)]]
    private var ahead: AheadOfTime<SpokenStretches.Samples>?

    init(_ settings: VoiceActivitySettings, seed: UInt64, device: TorchDevice) throws {
        self.settings = settings
        self.device = device
        var options = TrainableGraph.Options()
        options.device = device
        network = try TrainableGraph(try SequenceArchitecture.voiceActivity.graph(seed: seed), options: options)
        noise = try NoiseBank(folder: settings.noise)
        teacher = try SpeechTeacher(path: settings.teacher, seconds: settings.seconds)
        var sets: [ShardSet] = [], rows: [Split.Subset: [(identity: String, set: Int, row: Int)]] = [:]
        for path in settings.data.shards {
            let set = try ShardSet(path: path)
            let sound = try set.column(SampleColumns.sound), identity = try set.column(SampleColumns.identity)
            for row in 0..<set.rowCount where set.entries(row: row, column: sound) >= 16000 {
                let name = try set.text(row: row, column: identity)
                rows[settings.data.split.subset(of: name), default: []].append((name, sets.count, row))
            }
            sets.append(set)
        }
        (self.sets, self.rows) = (sets, rows)
        guard !(rows[.train] ?? []).isEmpty else {
            throw DatasetError(.badData, "no row with a second of sound to learn from (\(rows.values.reduce(0) { $0 + $1.count }) in all); prepare recordings of speech")
        }
    }

    var networks: [(name: String, graph: TrainableGraph)] { [("voice-activity", network)] }
    var modalities: [RunRecord.Modality] {
        [
            RunRecord.Modality(
                name: "voice-activity", encoder: SequenceArchitecture.voiceActivity.rawValue, dimension: 1, isTrainable: true, parameters: network.parameters.reduce(0) { $0 + $1.tensor.count })
        ]
    }
    var subsets: [RunRecord.Subset] {
        [(Split.Subset.train, "training"), (.validation, "validation"), (.test, "test"), (.heldOut, "held out")].compactMap { subset, name in
            rows[subset].map { rows in RunRecord.Subset(name: name, people: Set(rows.map(\.identity)).count, rows: rows.count) }
        }
    }
    var dataDigest: String { sets.map(\.digest).joined(separator: "\n") + noise.description }
    var notes: [String] { rows[.validation] == nil ? ["nobody to validate with: the weights of the last epoch count as the best ones"] : [] }
    var stepsPerEpoch: Int { settings.steps }
    var samplesPerStep: Int { settings.stretches }
    var metric: (name: String, isHigherBetter: Bool) { ("auc", true) }

    /// What the teacher says of rows as they are.
    private func stretches(_ rows: [(identity: String, set: Int, row: Int)], noise: NoiseBank) throws -> SpokenStretches {
        let talks = try rows.map { _, number, row in
            let set = sets[number], sound = try set.elements(Int16.self, row: row, column: set.column(SampleColumns.sound))
            let samples = (0..<min(sound.count, settings.seconds * 16000)).map { Float(sound[$0]) * (1 / 32768) }
            return SpokenStretches.Talk(set: number, row: row, speech: try teacher.probabilities(samples))
        }
        return SpokenStretches(sets: sets, talks: talks, noise: noise, units: settings.seconds * 50, stretches: settings.stretches)
    }

    // MARK: Learning

    func loss(seed: UInt64, next: UInt64?) throws -> TorchTensor {
        if ahead == nil {
            let stretches = try stretches(rows[.train] ?? [], noise: noise)
            ahead = AheadOfTime { try stretches.samples(seed: $0) }
        }
        guard let samples = try ahead?.samples(seed, next: next) else { preconditionFailure("made above") }
        let count = settings.stretches, units = settings.seconds * 50
        let answers = try network(TorchTensor(samples.features, shape: [count, 2 * units, 80], device: device))
        return try BinaryCrossEntropy()(answers, TorchTensor(samples.speech, shape: [count, units, 1], device: device))
    }

    // MARK: Measuring

    func validate() throws -> [RunValue] {
        try measured(.validation, count: 40, isBeside: false, advance: { _, _ in }) { features, frames in
            try TorchRuntime.withoutGradients { try network(TorchTensor(features, shape: [1, frames, 80], device: device)).doubles() }.map(Float.init)
        }
    }

    func measure(_ subset: Split.Subset, _ graphs: [String: Graph], advance: (Int, Int) -> Void) throws -> [RunValue] {
        guard let graph = graphs["voice-activity"] else { return [] }
        let network = MeasuredNetwork(graph)
        return try measured(subset, count: 300, isBeside: true, advance: advance) { try network($0, shape: [1, $1, 80]) }
    }

    func examples(of network: String, _ subset: Split.Subset, count: Int) throws -> [[String: Tensor]] {
        let own = rows[subset] ?? []
        guard !own.isEmpty else { return [] }
        let stretches = try stretches(stride(from: 0, to: own.count, by: max(1, own.count / count)).map { own[$0] }, noise: noise)
        return try (0..<count).map { index in
            var random = SeededGenerator(seed: 13, UInt64(index))
            let samples = try stretches.heard(&random).samples
            return [self.network.inputs[0].name: Tensor(shape: [1, 2 * stretches.units, 80], values: LogMel.frames(of: samples, count: 2 * stretches.units))]
        }
    }

    /// AUC over all moments, at several signal-to-noise ratios with noise that was not learnt from; what is speech is what the teacher hears without noise.
    /// - Parameters:
    ///   - isBeside: whether the teacher is measured beside it.
    ///   - answers: probabilities of features, `[frames, 80]`.
    private func measured(_ subset: Split.Subset, count: Int, isBeside: Bool, advance: (Int, Int) -> Void, answers: ([Float], Int) throws -> [Float]) throws -> [RunValue] {
        guard let own = rows[subset], !own.isEmpty else { return [RunValue("auc", nil)] }
        let some = stride(from: 0, to: own.count, by: max(1, own.count / Self.mostMeasured)).map { own[$0] }
        let stretches = try stretches(some, noise: try NoiseBank(folder: settings.unheardNoise))
        let ratios: [Float?] = [nil, 10, 5, 0]
        var scores = ratios.map { _ in [Float]() }, taught = scores, truth: [Bool] = []
        for index in 0..<count {
            var random = SeededGenerator(seed: 11, 0xEA5, UInt64(index))
            let (samples, speech) = try stretches.clean(&random)
            truth += speech.map { $0 > 0.5 }
            for (place, ratio) in ratios.enumerated() {
                var distortion = SoundDistortion()
                distortion.signalToNoise = ratio
                let heard = distortion.apply(to: samples, noise: stretches.noise, noiseSeed: random.next())
                let features = LogMel.frames(of: heard, count: 2 * stretches.units)
                scores[place] += try answers(features, 2 * stretches.units)
                if isBeside { taught[place] += try teacher.probabilities(Array(heard.prefix(stretches.units * SpokenStretches.unit))) }
            }
            advance(index + 1, count)
        }
        func auc(_ scores: [Float], _ truth: [Bool]) -> Double? { (try? ScoredTrials(scores: scores, isSame: truth)).map { OperatingCurve($0).areaUnderCurve } }
        let noisy = truth + truth + truth
        var values = [RunValue("auc", auc(scores[1...].flatMap { $0 }, noisy))]
        if isBeside { values.append(RunValue("teacher_auc", auc(taught[1...].flatMap { $0 }, noisy))) }
        for (place, ratio) in ratios.enumerated() {
            let name = ratio.map { "\(Int($0))db" } ?? "clean"
            values.append(RunValue("auc_\(name)", auc(scores[place], truth)))
            if isBeside { values.append(RunValue("teacher_auc_\(name)", auc(taught[place], truth))) }
        }
        return values
    }
}
