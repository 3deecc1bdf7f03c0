import Datasets
import Foundation
import ModelBundle
import Testing
import Training

/// What of a row's sound a voice encoder learns from, and what its teacher hears.
@Suite struct VoiceModalityTests {
    /// One row of 0.8 s, a low hum with one click in the middle.
    private static func click(_ scratch: ScratchFolder) throws -> ShardSet {
        try FileManager.default.createDirectory(atPath: scratch.file("shards"), withIntermediateDirectories: true)
        let writer = try ShardWriter(path: scratch.file("shards/0.shard"), description: SampleColumns.description(mouths: [], origin: [:]))
        let sound = (0..<12_800).map { (6400..<6560).contains($0) ? Int16($0 % 2 == 0 ? 20_000 : -20_000) : Int16(200 * sin(Float($0) / 20)) }
        let speech = [UInt8](repeating: SampleColumns.Speech.own, count: 20)
        try writer.append(
            ShardRow([
                SampleColumns.identity: ShardValue("person"), SampleColumns.file: ShardValue("person/0.wav"), SampleColumns.start: ShardValue(Int64(0)),
                SampleColumns.track: ShardValue(Int32(0)), SampleColumns.sound: ShardValue(sound, entries: sound.count), SampleColumns.speech: ShardValue(speech, entries: speech.count),
            ]))
        try writer.finish()
        return try ShardSet(path: scratch.file("shards"))
    }

    /// Runs of frames that are far louder in the highest band than the hum.
    private static func clicks(_ values: [Float], bands: Int) -> Int {
        let loudness = (0..<values.count / bands).map { values[$0 * bands + bands - 1] }, least = (loudness.min() ?? 0) + 0.6 * ((loudness.max() ?? 0) - (loudness.min() ?? 0))
        return loudness.indices.count { loudness[$0] > least && ($0 == 0 || loudness[$0 - 1] <= least) }
    }

    @Test func `Short stretches are repeated until they fill a sample`() throws {
        let scratch = try ScratchFolder()
        let set = try Self.click(scratch)
        let modality = VoiceModality(seconds: 0.75, shortest: 0.3, augmentation: SoundAugmentation.none), whole = VoiceModality(seconds: 0.75, augmentation: SoundAugmentation.none)
        let bands = modality.inputShape[1]
        var counts: Set<Int> = []
        for seed in 0..<60 {
            let short = try modality.input(from: set, row: 0, view: .augmented(seed: UInt64(seed))), long = try whole.input(from: set, row: 0, view: .augmented(seed: UInt64(seed)))
            #expect(short.values.count == modality.inputShape.reduce(1, *) && long.values.count == short.values.count)
            counts.insert(Self.clicks(short.values, bands: bands))
            #expect(Self.clicks(long.values, bands: bands) == 1)
        }
        // A stretch of 0.3 s fits two and a half times into 0.75 s.
        #expect(counts.isSuperset(of: [1, 2, 3]), "\(counts)")
        #expect(try modality.input(from: set, row: 0, view: .augmented(seed: 9)).values == modality.input(from: set, row: 0, view: .augmented(seed: 9)).values)
        // As it is, a sample is as long as it may be.
        #expect(try modality.input(from: set, row: 0, view: .clean).values == whole.input(from: set, row: 0, view: .clean).values)
    }

    @Test func `Filters and frames are hidden from learning, from nobody else`() throws {
        let scratch = try ScratchFolder()
        let set = try Self.click(scratch)
        let whole = VoiceModality(seconds: 0.75, augmentation: SoundAugmentation.none), masked = VoiceModality(seconds: 0.75, augmentation: SoundAugmentation.none, masks: SpectrogramMasks(bands: 10, frames: 20))
        let frames = whole.inputShape[0], filters = whole.inputShape[1]
        var widest = (bands: 0, frames: 0), least = (bands: 80, frames: 80)
        for seed in 0..<80 {
            let before = try whole.input(from: set, row: 0, view: .augmented(seed: UInt64(seed))).values, after = try masked.input(from: set, row: 0, view: .augmented(seed: UInt64(seed))).values
            let bands = (0..<filters).filter { filter in (0..<frames).allSatisfy { after[$0 * filters + filter] == 0 } }
            let instants = (0..<frames).filter { frame in (0..<filters).allSatisfy { after[frame * filters + $0] == 0 } }
            // Neighbours, and what is not hidden is as it was.
            #expect(bands.isEmpty || bands.count == bands[bands.count - 1] - bands[0] + 1)
            #expect(instants.isEmpty || instants.count == instants[instants.count - 1] - instants[0] + 1)
            for place in 0..<frames * filters where !bands.contains(place % filters) && !instants.contains(place / filters) { #expect(after[place] == before[place]) }
            widest = (max(widest.bands, bands.count), max(widest.frames, instants.count))
            least = (min(least.bands, bands.count), min(least.frames, instants.count))
        }
        #expect(widest == (10, 20) && least == (0, 0))
        #expect(try masked.input(from: set, row: 0, view: .clean).values == whole.input(from: set, row: 0, view: .clean).values)
        #expect(masked.taught.inputShape == whole.taught.inputShape && (masked.taught as? VoiceModality)?.masks == nil)
        // Wider than all there is.
        var random = SeededGenerator(seed: 3), few: [Float] = [1, 2, 3, 4, 5, 6]
        for _ in 0..<30 { SpectrogramMasks(bands: 9, frames: 9).apply(to: &few, filters: 3, random: &random) }
        #expect(few == [0, 0, 0, 0, 0, 0])
    }

    @Test func `A teacher hears more of a row than the encoder that it teaches`() throws {
        let modality = VoiceModality(seconds: 0.4, shortest: 0.3, teacherSeconds: 0.7)
        #expect(modality.taught.inputShape[0] > modality.inputShape[0] && modality.taught.inputShape == VoiceModality(seconds: 0.7).inputShape)
        #expect(VoiceModality(seconds: 0.4).taught.inputShape == VoiceModality(seconds: 0.4).inputShape)
        #expect(FaceModality(pictures: 2).taught.piecesPerSample == 2)
    }

    private static func modality(_ text: String) throws -> Recipe.ModalityRecipe {
        let yaml = """
            data: {shards: [shards]}
            modalities: [\(text)]
            losses: [{name: triplet}]
            optimizer: {rate: 0.01}
            batch: {people: 4, samples: 2}
            epochs: 1

            """
        return try Recipe(yaml: yaml, file: "recipe.yaml", folder: URL(fileURLWithPath: "/tmp")).modalities[0]
    }

    @Test func `Effects of augmentation are set by name`() throws {
        let voice = try #require(try Self.modality("{name: voice, encoder: depthwise-tdnn, seconds: 2, shortest: 1, teacher_seconds: 6, augment: {speed: 0, noise: {probability: 0.6, strength: [0, 20]}}}").modality as? VoiceModality)
        #expect(voice.shortest == 1 && voice.teacherSeconds == 6 && voice.augmentation?.speed.probability == 0)
        #expect(voice.augmentation?.noise == Effect(0.6, 0...20) && voice.augmentation?.codec == SoundAugmentation().codec)
        let masked = try #require(try Self.modality("{name: voice, encoder: depthwise-tdnn, masks: {bands: 10, frames: 20}}").modality as? VoiceModality)
        #expect(masked.masks == SpectrogramMasks(bands: 10, frames: 20) && voice.masks == nil)
        let face = try #require(try Self.modality("{name: face, encoder: mobilefacenet-small, augment: {blur: 0.5}}").modality as? FaceModality)
        #expect(face.augmentation?.blur == Effect(0.5, PictureAugmentation().blur.strength))
        #expect(try #require(try Self.modality("{name: face, encoder: mobilefacenet-small, augment: false}").modality as? FaceModality).augmentation == nil)
        #expect(try #require(try Self.modality("{name: face, encoder: mobilefacenet-small}").modality as? FaceModality).augmentation == PictureAugmentation())
    }

    @Test(arguments: [
        ("{name: voice, encoder: depthwise-tdnn, augment: {sped: 0}}", "unknown effect 'sped', expected one of speed"),
        ("{name: voice, encoder: depthwise-tdnn, augment: {noise: {probability: 2}}}", "probability 2.0, expected 0…1"),
        ("{name: voice, encoder: depthwise-tdnn, augment: {noise: loud}}", "augment: noise: "),
        ("{name: voice, encoder: depthwise-tdnn, augment: perhaps}", "‘perhaps’ is neither true nor false"),
        ("{name: voice, encoder: depthwise-tdnn, masks: {bands: 60}}", "‘60’ is no whole number from 0 to 40"),
        ("{name: voice, encoder: depthwise-tdnn, masks: {bins: 6}}", "bins"),
        ("{name: voice, encoder: depthwise-tdnn, seconds: 2, shortest: 3}", "‘3’ is no number from 0.3 to 2"),
    ])
    func `What cannot be is refused with its line`(_ text: String, _ complaint: String) throws {
        let error = #expect(throws: BundleError.self) { try Self.modality(text) }
        #expect(error?.description.contains(complaint) == true && error?.description.contains("recipe.yaml:2") == true, "\(error?.description ?? "")")
    }
}
