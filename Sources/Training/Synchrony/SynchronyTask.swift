import Datasets
import RunRecords
import Tensors

/// Learns to tell which sound a mouth made, and when: ``SynchronyLoss`` over windows of talking people.
final class SynchronyTask: LearningTask {
    static let name = SynchronySettings.name
    private let settings: SynchronySettings
    private let data: TalkSet
    private let mouth: TrainableGraph
    private let sound: TrainableGraph
    private let device: TorchDevice
    private let ahead: AheadOfTime<SynchronyWindows.Samples>
    /// Of each part of the split, by person.
    private let people: [Split.Subset: [(identity: String, talks: [TalkSet.Talk])]]

    init(_ settings: SynchronySettings, seed: UInt64, device: TorchDevice) throws {
        self.settings = settings
        self.device = device
        data = try TalkSet(settings.data.shards, least: settings.frames[0])
        var options = TrainableGraph.Options()
        options.device = device
        mouth = try TrainableGraph(try SequenceArchitecture.mouthStream.graph(dimension: settings.dimension, seed: seed), options: options)
        sound = try TrainableGraph(try SequenceArchitecture.soundStream.graph(dimension: settings.dimension, seed: seed &+ 1), options: options)
        var byIdentity: [String: [TalkSet.Talk]] = [:]
        for talk in data.talks { byIdentity[talk.identity, default: []].append(talk) }
        var people: [Split.Subset: [(identity: String, talks: [TalkSet.Talk])]] = [:]
        for (identity, talks) in byIdentity.sorted(by: { $0.key < $1.key }) { people[settings.data.split.subset(of: identity), default: []].append((identity, talks)) }
        self.people = people
        let training = people[.train] ?? []
        guard training.count >= 2 else {
            throw DatasetError(.badData, "\(training.count) people with \(settings.frames[0]) frames of mouth and sound to learn from (\(byIdentity.count) in all), at least 2 are needed; prepare clips with --mouths lips")
        }
        let noise = try settings.noise.map { try NoiseBank(folder: $0) }
        // As many frames in each step, whatever the length.
        let talks = data
        let kinds = settings.frames.map { frames in
            SynchronyWindows(
                talks, training.map(\.talks), noise: noise, frames: frames, windows: max(2, settings.windows * settings.frames[0] / frames / settings.ofEach) * settings.ofEach, ofEach: settings.ofEach)
        }.filter { $0.people.count >= 2 }
        ahead = AheadOfTime { seed in
            var random = SeededGenerator(seed: seed, 0x1E9)
            return try kinds[random.index(below: kinds.count)].samples(seed: seed)
        }
    }

    var networks: [(name: String, graph: TrainableGraph)] { [("mouth", mouth), ("sound", sound)] }
    var modalities: [RunRecord.Modality] {
        networks.map { name, graph in
            RunRecord.Modality(
                name: name, encoder: (name == "mouth" ? SequenceArchitecture.mouthStream : .soundStream).rawValue, dimension: settings.dimension, isTrainable: true,
                parameters: graph.parameters.reduce(0) { $0 + $1.tensor.count })
        }
    }
    var subsets: [RunRecord.Subset] {
        [(Split.Subset.train, "training"), (.validation, "validation"), (.test, "test"), (.heldOut, "held out")].compactMap { subset, name in
            people[subset].map { people in RunRecord.Subset(name: name, people: people.count, rows: people.reduce(0) { $0 + $1.talks.count }) }
        }
    }
    var dataDigest: String { data.sets.map(\.digest).joined(separator: "\n") }
    var notes: [String] {
        let seconds = (people[.train] ?? []).reduce(0) { $0 + $1.talks.reduce(0) { $0 + $1.frames } } / 25
        return ["\(seconds / 60) min \(seconds % 60) s of talk to learn from"] + (people[.validation] == nil ? ["nobody to validate with: the weights of the last epoch count as the best ones"] : [])
    }
    var stepsPerEpoch: Int { settings.steps }
    var samplesPerStep: Int { settings.windows }
    var metric: (name: String, isHigherBetter: Bool) { ("rows_in_step", true) }

    // MARK: Learning

    func loss(seed: UInt64, next: UInt64?) throws -> TorchTensor {
        let samples = try ahead.samples(seed, next: next)
        let count = samples.windows, side = TalkSet.side, size = side * side, frames = samples.frames, time = frames * TalkSet.melsPerFrame
        // Some of the mouths again, standing still as one of their pictures.
        var random = SeededGenerator(seed: seed, 0x5711)
        var pictures = samples.mouths
        let stills = min(settings.stills, count)
        for window in 0..<stills {
            let start = (window * frames + random.index(below: frames)) * size
            for _ in 0..<frames { pictures += samples.mouths[start..<start + size] }
        }
        let mouths = try mouth(TorchTensor(pictures, shape: [count + stills, frames, side, side], device: device))
        let sounds = try sound(TorchTensor(samples.features, shape: [count, time, samples.features.count / (count * time)], device: device))
        let inner = SequenceArchitecture.margin..<frames - SequenceArchitecture.margin
        return try settings.loss(mouths.sliced(1, inner.lowerBound, inner.upperBound), sounds.sliced(1, inner.lowerBound, inner.upperBound))
    }

    // MARK: Measuring

    /// Both streams over whole rows, compared.
    func measure(_ subset: Split.Subset, isQuick: Bool, advance: (Int, Int) -> Void) throws -> [RunValue] {
        var measurement = SynchronyMeasurement()
        let margin = SequenceArchitecture.margin
        let talks = (people[subset] ?? []).flatMap { $0.talks.prefix(isQuick ? 12 : .max) }
        for (done, talk) in talks.enumerated() {
            let range = 0..<talk.frames, side = TalkSet.side
            let features = TalkSet.features(try data.sound(talk, range), frames: talk.frames)
            let pictures = try data.mouths(talk, range)
            let made = try TorchRuntime.withoutGradients {
                let still = Array(pictures.prefix(side * side))
                let mouths = try mouth(TorchTensor(pictures, shape: [1, talk.frames, side, side], device: device))
                let stills = try mouth(TorchTensor((0..<talk.frames).flatMap { _ in still }, shape: [1, talk.frames, side, side], device: device))
                let sounds = try sound(TorchTensor(features, shape: [1, talk.frames * TalkSet.melsPerFrame, features.count / (talk.frames * TalkSet.melsPerFrame)], device: device))
                return try [mouths, sounds, stills].map { try $0.sliced(1, margin, talk.frames - margin).doubles().map(Float.init) }
            }
            measurement.add(SynchronyMeasurement.Talk(identity: talk.identity, mouths: made[0], sounds: made[1], stillMouths: made[2], dimension: settings.dimension))
            advance(done + 1, talks.count)
        }
        return measurement.values
    }
}
