import Articulation
import Foundation
import GroundTruth
import SyntheticVoices

/// Sound and lips both ways: lags of invented mouths found by a model that learnt from real ones, and lags of the real mouths of clips found by what learns from invented
/// ones alone. A stretch has three seconds.
///
/// Invented mouths are those that are drawn; with `--clips`, besides, those that landmarks find again in so many clips that are made for it.
@MainActor func compareMouths(model path: String, clips: [String]) throws {
    let model = try MouthModel(contentsOf: path)
    let synthesizer = try SpeechSynthesizer()
    let drawn = try (0..<number(else: 120)).map { index in
        let id = seed &* 15_485_863 &+ UInt64(index)
        var phrases = PhraseList(seed: id)
        let utterance = try synthesizer.speak(phrases.text(words: 12), as: VoiceIdentity(seed: id))
        let mouths = try model.mouths(for: utterance.samples, phonemes: utterance.phonemes, frameRate: 25, seed: id)
        return MouthRecording(
            path: "\(id)", speaker: "invented", times: mouths.indices.map { Double($0) / 25 }, openings: mouths.map(\.opening), corners: mouths.map(\.width),
            samples: InventedClip.acoustics(seed: id).apply(to: utterance.samples))
    }
    try reportMouths("learnt from real mouths, tried on invented ones", model, drawn)
    try reportMouths("the same in rooms with a noise of 15 to 30 dB", model, drawn.enumerated().map { index, recording in
        var recording = recording
        recording.samples = SoundScene(seed: seed &* 86_028_121 &+ UInt64(index), signalToNoise: 15...30).apply(to: recording.samples)
        return recording
    })
    guard let detector = option("detector"), let landmarks = option("landmarks") else { return }
    var shelf = try RecordingShelf(folder: option("cache"), detector: detector, landmarks: landmarks)
    let real = try clips.map { try shelf.recording($0) }
    if !real.isEmpty {
        try reportMouths("learnt from real mouths, tried on real ones", model, real)
        try reportMouths("learnt from invented mouths, tried on real ones", try MouthFit.fit(drawn), real)
    }
    guard number("clips", else: 0) > 0 else { return }
    let films = try InventedFilms(models: option("models"), keep: nil)
    let reader = try MouthReader(detector: detector, landmarks: landmarks)
    var found: [MouthRecording] = []
    var (asDrawn, asFound): ([Float], [Float]) = ([], [])
    for index in 0..<number("clips", else: 0) {
        let (path, truth) = try films.make(InventedClip(seed: seed &* 32_452_843 &+ UInt64(index)))
        let recording = try reader.read(path)
        found.append(recording)
        for (time, opening) in zip(recording.times, recording.openings) {
            guard let drawn = truth.frames.first(where: { abs($0.time - time) < 0.01 })?.faces.first?.mouth?.first else { continue }
            asDrawn.append(Float(drawn))
            asFound.append(opening)
        }
    }
    func deviation(_ values: [Float]) -> Float {
        let mean = values.reduce(0, +) / Float(max(1, values.count))
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(max(1, values.count))).squareRoot()
    }
    print(String(format: "openings drawn and found again by the landmarks: deviation %.4f and %.4f face widths, correlation %.3f",
        deviation(asDrawn), deviation(asFound), LipLag.correlation(asDrawn[...], asFound[...]) ?? 0))
    try reportMouths("learnt from real mouths, tried on invented clips", model, found)
    if !real.isEmpty { try reportMouths("learnt from invented clips, tried on real ones", try MouthFit.fit(found), real) }
}

private func reportMouths(_ name: String, _ model: MouthModel, _ recordings: [MouthRecording]) throws {
    let score = try MouthFit.score(model, recordings)
    print(String(format: "%@: correlation of the opening %.3f, of the width %.3f; lag within one picture on %d of %d stretches (%.1f %%)",
        name, score.opening, score.width, score.foundLags, score.lags, 100 * Double(score.foundLags) / Double(max(1, score.lags))))
    // Of one kind of people at a time, where there are several.
    let speakers = Dictionary(grouping: recordings, by: \.speaker)
    guard speakers.count > 1 else { return }
    print("    " + (try speakers.keys.sorted().map { speaker in
        let score = try MouthFit.score(model, speakers[speaker] ?? [])
        return "\(speaker): \(score.foundLags) of \(score.lags)"
    }).joined(separator: ", "))
}
