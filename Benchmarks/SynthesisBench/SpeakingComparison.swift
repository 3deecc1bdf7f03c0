import Biometrics
import Foundation

/// Whether an active-speaker network finds invented lips as hard as real ones: own sound against a still mouth with the same sound, against sound that is 12 pictures early or
/// late, and against somebody else's. A trial is a clip, its score the mean over its pictures. The same for real clips, where they are named; those have no still mouth.
@MainActor func compareSpeaking(network: String, clips: [String]) throws {
    guard let detector = option("detector") else { throw BenchError("name a face detector (YuNet) with --detector") }
    let judge = try SpeakingJudge(network: network, detector: detector)
    let films = try InventedFilms(models: option("models"), keep: option("keep"))
    let invented = (0..<number(else: 40)).map { InventedClip(seed: seed &* 49_979_687 &+ UInt64($0)) }
    try reportSpeaking("invented", judge, try invented.map { try judge.film(films.make($0).path) }, still: try invented.map { try judge.film(films.make($0, isStill: true).path) })
    if !clips.isEmpty { try reportSpeaking("real", judge, try clips.map { try judge.film($0) }, still: []) }
}

private func reportSpeaking(_ name: String, _ judge: SpeakingJudge, _ films: [SpeakingJudge.Film], still: [SpeakingJudge.Film]) throws {
    func mean(_ scores: [Float]) -> Float? { scores.isEmpty ? nil : scores.reduce(0, +) / Float(scores.count) }
    let own = try films.compactMap { mean(try judge.scores($0, sound: $0.samples)) }
    func say(_ other: String, _ scores: [Float]) throws {
        guard !own.isEmpty, !scores.isEmpty else { return }
        let curve = OperatingCurve(try ScoredTrials(scores: own + scores, isSame: own.map { _ in true } + scores.map { _ in false }))
        print(String(format: "%@, own sound against %@: AUC %.3f (%d and %d clips, mean %.2f and %.2f)", name, other, curve.areaUnderCurve, own.count, scores.count, mean(own) ?? 0, mean(scores) ?? 0))
    }
    try say("a still mouth", try still.compactMap { mean(try judge.scores($0, sound: $0.samples)) })
    let early = try films.compactMap { mean(try judge.scores($0, sound: $0.samples, late: -SpeakingJudge.margin)) }
    let late = try films.compactMap { mean(try judge.scores($0, sound: $0.samples, late: SpeakingJudge.margin)) }
    try say("sound \(SpeakingJudge.margin) pictures early or late", early + late)
    try say("sound \(SpeakingJudge.margin) pictures early", early)
    try say("sound \(SpeakingJudge.margin) pictures late", late)
    try say("another's sound", try films.indices.compactMap { mean(try judge.scores(films[$0], sound: films[($0 + 1) % films.count].samples)) })
}

struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
