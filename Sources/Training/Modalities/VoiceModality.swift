public import Datasets
public import Foundation
import FrontEnd
public import ModelBundle

/// Log-mel frames of a stretch of somebody's own speech.
///
/// Recipe: `seconds` of a sample (2); `shortest`: learnt are stretches from so many seconds on, any length alike, which are repeated until they fill a sample (as long as a
/// sample); `teacher_seconds` that a teacher hears of a row, where it hears rows as they are (as long as a sample); `augment` (true; false; or effects of
/// ``SoundAugmentation`` that are not as usual, `{speed: 0}`); `noise`: a folder of recordings to add, synthetic noise without; `masks`: filters and frames that are hidden from
/// learning, at most so many, ``SpectrogramMasks`` `{bands: 10, frames: 20}` (none).
public struct VoiceModality: Modality {
    public static let name = "voice"
    /// Of speech. A row with less repeats what it has.
    public var seconds: Double
    /// At most ``seconds``.
    public var shortest: Double
    public var teacherSeconds: Double
    public var augmentation: SoundAugmentation?
    public var noise: NoiseBank?
    /// Of augmented looks.
    public var masks: SpectrogramMasks?
    public private(set) var files: [(key: String, path: String)] = []
    /// Speech below which a row has no voice.
    public static let leastSeconds = 0.3

    public init(
        seconds: Double = 2, shortest: Double? = nil, teacherSeconds: Double? = nil, augmentation: SoundAugmentation? = SoundAugmentation(), noise: NoiseBank? = nil,
        masks: SpectrogramMasks? = nil
    ) {
        self.seconds = seconds
        self.shortest = shortest ?? seconds
        self.teacherSeconds = teacherSeconds ?? seconds
        self.augmentation = augmentation
        self.noise = noise
        self.masks = masks
    }

    public init(recipe section: inout YAMLSection, folder: URL) throws(BundleError) {
        let seconds = try section.optionalReal("seconds", in: 0.3...30) ?? 2
        let shortest = try section.optionalReal("shortest", in: Self.leastSeconds...seconds)
        let teacherSeconds = try section.optionalReal("teacher_seconds", in: Self.leastSeconds...30)
        let augmentation = try section.augmentation(usual: SoundAugmentation())
        var noise: NoiseBank?
        var files: [(key: String, path: String)] = []
        if let path = try section.optionalText("noise").map({ Recipe.resolved($0, folder) }) {
            do { noise = try NoiseBank(folder: path) } catch { throw section.problem("noise", "\(error)") }
            files.append((key: "noise", path: path))
        }
        var masks: SpectrogramMasks?
        if var hidden = try section.optionalSection("masks") {
            masks = SpectrogramMasks(bands: try hidden.optionalInteger("bands", in: 0...Self.log.filters / 2) ?? 0, frames: try hidden.optionalInteger("frames", in: 0...200) ?? 0)
            try hidden.finish()
        }
        self.init(seconds: seconds, shortest: shortest, teacherSeconds: teacherSeconds, augmentation: augmentation, noise: noise, masks: masks)
        self.files = files
    }

    private static let log = LogMelContract()
    private var sampleCount: Int { Int((seconds * Double(Self.log.sampleRate)).rounded()) }
    private var frames: Int { (sampleCount - Self.log.frameLength) / Self.log.frameShift + 1 }

    public var column: String { SampleColumns.sound }
    public var inputShape: [Int] { [frames, Self.log.filters] }
    public var piecesPerSample: Int { 1 }
    public var isAugmented: Bool { augmentation != nil }
    public var taught: any Modality { VoiceModality(seconds: teacherSeconds) }
    public var contract: String { FrontEndContract.speakerTDNN512.fingerprint }
    public var encoderNames: [String] { [EncoderArchitecture.depthwiseTDNN, .gatedTDNN].map(\.rawValue) }

    public func encoder(named name: String, dimension: Int, seed: UInt64) throws -> Graph? {
        guard encoderNames.contains(name), let architecture = EncoderArchitecture(rawValue: name) else { return nil }
        return try architecture.graph(dimension: dimension, seed: seed)
    }

    public func isPresent(in set: ShardSet, row: Int) -> Bool {
        guard let place = set.description.index(of: SampleColumns.speech), set.description.index(of: column) != nil,
            let speech = try? set.bytes(row: row, column: place)
        else { return false }
        var own = 0
        for index in speech.indices where speech[index] == SampleColumns.Speech.own { own += 1 }
        return Double(own) * 0.04 >= Self.leastSeconds
    }

    public func input(from set: ShardSet, row: Int, view: SampleView) throws(DatasetError) -> ModalityInput {
        var speech = try ownSpeech(set, row)
        if case .degraded(.dropped, _) = view { speech = Array(speech.prefix(speech.count / 2)) }
        guard Double(speech.count) >= Self.leastSeconds * Double(Self.log.sampleRate) / 2 else { return .missing }
        var samples: [Float]
        switch view {
        case .clean: samples = stretch(speech, from: max(0, (speech.count - sampleCount) / 2))
        case .augmented(let seed):
            var generator = SeededGenerator(seed: seed)
            var length = sampleCount
            if shortest < seconds { length = Int(Double(generator.uniform(Float(shortest)...Float(seconds))) * Double(Self.log.sampleRate)) }
            let start = speech.count > length ? generator.index(below: speech.count - length + 1) : generator.index(below: speech.count)
            samples = length < speech.count ? stretch(Array(speech[start..<start + length]), from: 0) : stretch(speech, from: start)
            if let augmentation { samples = augmentation.apply(to: samples, noise: noise, random: &generator) }
            if let masks {
                var values = Self.features(samples, frames: frames)
                masks.apply(to: &values, filters: Self.log.filters, random: &generator)
                return ModalityInput(values: values)
            }
        case .degraded(let degradation, let seed):
            samples = stretch(speech, from: max(0, (speech.count - sampleCount) / 2))
            if degradation != .dropped { samples = degradation.apply(to: samples, noise: noise, seed: seed, row: row) }
        }
        return ModalityInput(values: Self.features(samples, frames: frames))
    }

    /// The 40 ms stretches in which the row's person speaks, one after the other.
    private func ownSpeech(_ set: ShardSet, _ row: Int) throws(DatasetError) -> [Float] {
        let speech = try set.bytes(row: row, column: set.column(SampleColumns.speech))
        let sound = try set.elements(Int16.self, row: row, column: set.column(column))
        let stretch = Self.log.sampleRate / 25
        var samples: [Float] = []
        samples.reserveCapacity(sound.count)
        for index in speech.indices where speech[index] == SampleColumns.Speech.own {
            for place in index * stretch..<max(index * stretch, min(sound.count, (index + 1) * stretch)) { samples.append(Float(sound[place]) * (1 / 32768)) }
        }
        return samples
    }

    /// ``sampleCount`` samples, wrapping round at the end.
    private func stretch(_ samples: [Float], from start: Int) -> [Float] {
        guard !samples.isEmpty else { return [Float](repeating: 0, count: sampleCount) }
        return (0..<sampleCount).map { samples[(start + $0) % samples.count] }
    }

    private static func features(_ samples: [Float], frames: Int) -> [Float] {
        // The contract is the preset's, which is valid.
        guard let mel = try? LogMel(contract: log, capacity: frames) else { return [] }
        mel.append(samples.span)
        var values = [Float](repeating: 0, count: frames * log.filters)
        var span = values.mutableSpan
        mel.copyFrames(0..<frames, into: &span)
        if log.subtractsMean { LogMel.subtractMean(from: &span, filters: log.filters) }
        return values
    }
}
