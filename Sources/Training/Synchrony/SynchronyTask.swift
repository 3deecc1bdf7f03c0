import Datasets
import FrontEnd
import ModelBundle
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

    func validate() throws -> [RunValue] {
        func embedded(_ network: TrainableGraph) -> ([Float], [Int]) throws -> [Float] {
            { values, shape in try TorchRuntime.withoutGradients { try network(TorchTensor(values, shape: shape, device: self.device)).doubles().map(Float.init) } }
        }
        return try measured(.validation, most: 12, mouth: embedded(mouth), sound: embedded(sound), advance: { _, _ in })
    }

    func measure(_ subset: Split.Subset, _ graphs: [String: Graph], advance: (Int, Int) -> Void) throws -> [RunValue] {
        guard let mouth = graphs["mouth"], let sound = graphs["sound"] else { return [] }
        let mouths = MeasuredNetwork(mouth), sounds = MeasuredNetwork(sound)
        return try measured(subset, most: .max, mouth: { try mouths($0, shape: $1) }, sound: { try sounds($0, shape: $1) }, advance: advance)
    }

    func examples(of network: String, _ subset: Split.Subset, count: Int) throws -> [[String: Tensor]] {
        let talks = (people[subset] ?? []).flatMap(\.talks), frames = settings.frames[0], side = TalkSet.side
        return try stride(from: 0, to: talks.count, by: max(1, talks.count / count)).prefix(count).map { place in
            let talk = talks[place], start = (talk.frames - frames) / 2
            if network == "mouth" { return [mouth.inputs[0].name: Tensor(shape: [1, frames, side, side], values: try data.mouths(talk, start..<start + frames))] }
            let features = LogMel.frames(of: try data.sound(talk, start..<start + frames), count: frames * TalkSet.melsPerFrame)
            return [sound.inputs[0].name: Tensor(shape: [1, frames * TalkSet.melsPerFrame, 80], values: features)]
        }
    }

    /// Both streams over whole rows, compared.
    /// - Parameters:
    ///   - most: rows of each person.
    ///   - mouth, sound: embeddings of inputs of a shape.
    private func measured(
        _ subset: Split.Subset, most: Int, mouth: ([Float], [Int]) throws -> [Float], sound: ([Float], [Int]) throws -> [Float], advance: (Int, Int) -> Void
    ) throws -> [RunValue] {
        var measurement = SynchronyMeasurement()
        let margin = SequenceArchitecture.margin
        let talks = (people[subset] ?? []).flatMap { $0.talks.prefix(most) }
        for (done, talk) in talks.enumerated() {
            let range = 0..<talk.frames, side = TalkSet.side
            let features = LogMel.frames(of: try data.sound(talk, range), count: talk.frames * TalkSet.melsPerFrame)
            let pictures = try data.mouths(talk, range)
            let still = Array(pictures.prefix(side * side)), shape = [1, talk.frames, side, side]
            let sounds = try sound(features, [1, talk.frames * TalkSet.melsPerFrame, features.count / (talk.frames * TalkSet.melsPerFrame)])
            let made = [try mouth(pictures, shape), sounds, try mouth((0..<talk.frames).flatMap { _ in still }, shape)].map {
                Array($0[margin * settings.dimension..<(talk.frames - margin) * settings.dimension])
            }
            measurement.add(SynchronyMeasurement.Talk(identity: talk.identity, mouths: made[0], sounds: made[1], stillMouths: made[2], dimension: settings.dimension))
            advance(done + 1, talks.count)
        }
        return measurement.values
    }
}
