import Biometrics
import Foundation
import SyntheticVoices

/// How far invented voices are apart, judged by a speaker encoder. Each says four texts of its own; every pair of utterances is a trial. Clean, and in a scene of its own each:
/// a room and noise of 5 to 20 dB.
@MainActor func compareVoices(encoder: String) throws {
    let (count, judge, synthesizer) = (number(else: 100), try VoiceJudge(encoder), try SpeechSynthesizer())
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
    print(String(format: "%d voices, %.0f s of speech, made %.0f times as fast as spoken", count, seconds, seconds / (work / .seconds(1))))
    try reportVoices("clean", clean)
    try reportVoices("room and noise of 5 to 20 dB", roomy)
}

private func reportVoices(_ name: String, _ embeddings: [(person: Int, embedding: [Float])]) throws {
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

private func writeWAV(_ samples: [Float], to path: String) throws {
    var data = Data()
    func add<T: FixedWidthInteger>(_ value: T) { for shift in stride(from: 0, to: T.bitWidth, by: 8) { data.append(UInt8(truncatingIfNeeded: value >> T(shift))) } }
    data.append(contentsOf: Array("RIFF".utf8)); add(UInt32(36 + 2 * samples.count)); data.append(contentsOf: Array("WAVEfmt ".utf8))
    add(UInt32(16)); add(UInt16(1)); add(UInt16(1)); add(UInt32(16000)); add(UInt32(32000)); add(UInt16(2)); add(UInt16(16))
    data.append(contentsOf: Array("data".utf8)); add(UInt32(2 * samples.count))
    for sample in samples { add(UInt16(bitPattern: Int16(max(-32768, min(32767, (sample * 32768).rounded()))))) }
    try data.write(to: URL(fileURLWithPath: path))
}
