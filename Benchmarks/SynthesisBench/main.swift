// How far invented voices are apart, judged by a speaker encoder: what the card of the synthesis quotes. Contains espeak-ng, and is therefore under the GNU
// General Public License, version 3 or later, like fwoc-synth.
//
//     synthesis-bench voices ENCODER.onnx [--count 100] [--seed 1] [--wav DIR]
//
// Each voice says four texts of its own; every pair of utterances is a trial. Clean, and in a scene of its own each: a room and noise of 5 to 20 dB.
//
//     synthesis-bench mouths MODEL --detector YUNET.onnx --landmarks FACE_MESH.onnx [--cache DIR] [--count 120] [--seed 1] CLIPS...
//
// Sound and lips both ways: lags of invented mouths found by MODEL, which learnt from real ones, and lags of the real mouths of CLIPS found by what learns from
// invented ones alone. A stretch has three seconds.
import Articulation
import Biometrics
import Datasets
import Foundation
import FrontEnd
import ModelBundle
import Recognition
import SyntheticVoices
import Tensors

func option(_ name: String) -> String? {
    guard let index = CommandLine.arguments.firstIndex(of: "--" + name), index + 1 < CommandLine.arguments.count else { return nil }
    return CommandLine.arguments[index + 1]
}

/// What is neither an option nor an option's value.
let operands = CommandLine.arguments.indices.dropFirst().filter { index in
    !CommandLine.arguments[index].hasPrefix("--") && !CommandLine.arguments[index - 1].hasPrefix("--")
}.map { CommandLine.arguments[$0] }
guard operands.count > 1, ["voices", "mouths"].contains(operands[0]) else {
    print("synthesis-bench voices ENCODER.onnx [--count 100] [--seed 1] [--wav DIR]\nsynthesis-bench mouths MODEL --detector FILE --landmarks FILE [--cache DIR] [--count 120] [--seed 1] CLIPS...")
    exit(64)
}
let seed = option("seed").flatMap(UInt64.init) ?? 1
let synthesizer = try SpeechSynthesizer()
if operands[0] == "mouths" {
    try compareMouths()
    exit(0)
}

/// Mouths as they are drawn, not as they are found again in pictures.
@MainActor func compareMouths() throws {
    let model = try MouthModel(contentsOf: operands[1])
    let drawn = try (0..<(option("count").flatMap(Int.init) ?? 120)).map { index in
        let id = seed &* 15_485_863 &+ UInt64(index)
        var phrases = PhraseList(seed: id)
        let utterance = try synthesizer.speak(phrases.text(words: 12), as: VoiceIdentity(seed: id))
        let mouths = try model.mouths(for: utterance.samples, phonemes: utterance.phonemes, frameRate: 25, seed: id)
        return MouthRecording(
            path: "\(id)", speaker: "invented", times: mouths.indices.map { Double($0) / 25 }, openings: mouths.map(\.opening), corners: mouths.map(\.width),
            samples: SoundScene(seed: id, signalToNoise: 15...30).apply(to: utterance.samples))
    }
    func say(_ name: String, _ model: MouthModel, _ recordings: [MouthRecording]) throws {
        let score = try MouthFit.score(model, recordings)
        print(String(format: "%@: correlation of the opening %.3f, of the width %.3f; lag within one picture on %d of %d stretches (%.1f %%)",
            name, score.opening, score.width, score.foundLags, score.lags, 100 * Double(score.foundLags) / Double(max(1, score.lags))))
    }
    try say("learnt from real mouths, tried on invented ones", model, drawn)
    guard operands.count > 2, let detector = option("detector"), let landmarks = option("landmarks") else { return }
    var shelf = try RecordingShelf(folder: option("cache"), detector: detector, landmarks: landmarks)
    let real = try operands.dropFirst(2).map { try shelf.recording($0) }
    try say("learnt from real mouths, tried on real ones", model, real)
    try say("learnt from invented mouths, tried on real ones", try MouthFit.fit(drawn), real)
}

/// As enrolment does it: windows of three seconds, averaged by length.
final class Judge {
    private let encoder: VoiceEncoder

    init(_ path: String) throws { encoder = try VoiceEncoder(Graph(onnxFile: URL(fileURLWithPath: path)), contract: .speakerTDNN512) }

    func embed(_ samples: [Float]) throws -> [Float] {
        let mel = try LogMel(capacity: samples.count / 160 + 1)
        mel.append(samples.span)
        let frames = mel.availableFrames.count
        var sum = [Float](repeating: 0, count: encoder.dimension), embedding = sum
        var start = 0
        while start == 0 || frames - start >= 150 {
            let count = min(300, frames - start)
            var window = [Float](repeating: 0, count: count * encoder.filters)
            var span = window.mutableSpan
            mel.copyFrames(start..<start + count, into: &span)
            try encoder.encode(window.span, into: &embedding)
            for i in sum.indices { sum[i] += Float(count) * embedding[i] }
            start += count
        }
        let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return sum.map { $0 / norm }
    }
}

func writeWAV(_ samples: [Float], to path: String) throws {
    var data = Data()
    func add<T: FixedWidthInteger>(_ value: T) { for shift in stride(from: 0, to: T.bitWidth, by: 8) { data.append(UInt8(truncatingIfNeeded: value >> T(shift))) } }
    data.append(contentsOf: Array("RIFF".utf8)); add(UInt32(36 + 2 * samples.count)); data.append(contentsOf: Array("WAVEfmt ".utf8))
    add(UInt32(16)); add(UInt16(1)); add(UInt16(1)); add(UInt32(16000)); add(UInt32(32000)); add(UInt16(2)); add(UInt16(16))
    data.append(contentsOf: Array("data".utf8)); add(UInt32(2 * samples.count))
    for sample in samples { add(UInt16(bitPattern: Int16(max(-32768, min(32767, (sample * 32768).rounded()))))) }
    try data.write(to: URL(fileURLWithPath: path))
}

let count = option("count").flatMap(Int.init) ?? 100
let judge = try Judge(operands[1])
var clean: [(person: Int, embedding: [Float])] = [], roomy = clean
var (seconds, work) = (0.0, Duration.zero)
for person in 0..<count {
    let voice = VoiceIdentity(seed: seed &* 1_000_003 &+ UInt64(person))
    for take in 0..<4 {
        var phrases = PhraseList(seed: seed &* 7_919 &+ UInt64(4 * person + take))
        let text = phrases.text(words: 14)
        let begin = ContinuousClock.now
        let utterance = try synthesizer.speak(text, as: voice)
        let scene = SoundScene(seed: seed &* 104_729 &+ UInt64(4 * person + take)).apply(to: utterance.samples)
        work += ContinuousClock.now - begin
        seconds += utterance.duration
        if let folder = option("wav") {
            try writeWAV(utterance.samples, to: "\(folder)/\(person)-\(take).wav")
            try writeWAV(scene, to: "\(folder)/\(person)-\(take)-scene.wav")
        }
        clean.append((person, try judge.embed(utterance.samples)))
        roomy.append((person, try judge.embed(scene)))
    }
}

func report(_ name: String, _ embeddings: [(person: Int, embedding: [Float])]) throws {
    var (scores, same): ([Float], [Bool]) = ([], [])
    for i in embeddings.indices {
        for j in 0..<i {
            scores.append(zip(embeddings[i].embedding, embeddings[j].embedding).reduce(0) { $0 + $1.0 * $1.1 })
            same.append(embeddings[i].person == embeddings[j].person)
        }
    }
    let trials = try ScoredTrials(scores: scores, isSame: same)
    func mean(_ same: Bool) -> Float { let scores = trials.scores(same: same); return scores.reduce(0, +) / Float(scores.count) }
    let rate = OperatingCurve(trials).equalErrorRate.rate
    print(String(format: "%@: EER %.2f %%, mean similarity of the same %.3f, of different voices %.3f", name, 100 * rate, mean(true), mean(false)))
}
print(String(format: "%d voices, %.0f s of speech, made %.0f times as fast as spoken", count, seconds, seconds / (work / .seconds(1))))
try report("clean", clean)
try report("room and noise of 5 to 20 dB", roomy)
