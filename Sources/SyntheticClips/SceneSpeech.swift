import Articulation
import Foundation
import GroundTruth
import SyntheticFaces
import SyntheticVoices

/// What is said in a scene, placed in time: each turn with its sound, phonemes and mouth, and the whole as one recording.
struct SceneSpeech {
    static let sampleRate = 16_000.0

    struct Turn {
        var person: String
        /// When the recording of it begins, pauses before the first sound included.
        var start: Double
        var utterance: Utterance
        var kind: ClipTruth.SpeechKind
        var gain: Double
        var origin: String
        /// Whose voice is heard, and what it says, where it is not the speaker's own.
        var dubbing: (person: String, utterance: Utterance)?
        var mouth: MouthTrack

        /// First sound to last.
        var range: TimeRange { Self.range(of: utterance, from: start) }

        static func range(of utterance: Utterance, from start: Double) -> TimeRange {
            let sounds = utterance.phonemes.filter { !$0.isPause }
            return TimeRange(start + (sounds.first?.start ?? 0), start + (sounds.last?.end ?? utterance.duration))
        }

        func phoneme(at time: Double) -> Phoneme? { utterance.phonemes.first { $0.start <= time - start && time - start < $0.end && !$0.isPause } }
    }

    let turns: [Turn]
    let duration: Double

    init(_ scene: Scene, parts: SynthesisParts) throws {
        var turns: [Turn] = []
        // Who was to begin when, and is not done before when: a phrase that waited begins later than it was to, and the next one waits for it all the same.
        var begun: [(person: String, asked: Double, end: Double)] = []
        let voices = Dictionary(uniqueKeysWithValues: scene.people.map { ($0.id, VoiceIdentity(seed: $0.voiceSeed, traits: $0.voice)) })
        for talk in scene.talk {
            guard let voice = voices[talk.person] else { throw ClipError(.configuration, "\(talk.origin).person: ‘\(talk.person)’ is nobody in this scene") }
            func add(_ text: String, at start: Double, number: Int) throws -> Utterance {
                let utterance = try parts.speech.speak(text, as: voice)
                var dubbing: (String, Utterance)?
                if talk.kind == .dubbed, let other = talk.voice, let otherVoice = voices[other] { dubbing = (other, try parts.speech.speak(text, as: otherVoice)) }
                let mouth = try MouthTrack(utterance, model: parts.mouth, seed: StableSeed.of("mouth \(number)", seed: talk.seed))
                let turn = Turn(person: talk.person, start: start, utterance: utterance, kind: talk.kind, gain: talk.gain, origin: talk.origin, dubbing: dubbing, mouth: mouth)
                turns.append(turn)
                begun.append((turn.person, talk.start, turn.range.end))
                return utterance
            }
            if let text = talk.text {
                _ = try add(text, at: talk.start, number: 0)
                continue
            }
            var phrases = PhraseList(seed: talk.seed), pauses = SeededPauses(seed: talk.seed)
            // Phrases wait for what the person is still saying; a text has its time.
            var start = max(talk.start, (begun.filter { $0.person == talk.person && $0.asked <= talk.start }.map(\.end).max() ?? -1) + 0.15), number = 0
            if number == 0, let limit = scene.duration, start >= limit - 0.3 { continue }
            repeat {
                // What does not fit is not begun, unless it is the first; of a few phrases the first that fits, else the shortest, is said.
                var text = phrases.next()
                if let end = talk.end {
                    var shortest = try parts.speech.speak(text, as: voice).duration
                    for _ in 0..<3 where start + shortest > end + 0.2 {
                        let other = phrases.next(), duration = try parts.speech.speak(other, as: voice).duration
                        if duration < shortest { (text, shortest) = (other, duration) }
                    }
                    if number > 0, start + shortest > end + 0.2 { break }
                }
                start += try add(text, at: start, number: number).duration + pauses.next()
                number += 1
            } while talk.end.map { start + 0.8 < $0 } ?? false
        }
        for (index, turn) in turns.enumerated() {
            if let other = turns[..<index].first(where: { $0.person == turn.person && $0.range.intersection(turn.range) != nil }) {
                throw ClipError(
                    .configuration,
                    turn.origin + String(format: ".time: %@ says two things at once: ‘%@’ is not over before %.2f s, but ‘%@’ begins at %.2f s", turn.person, other.utterance.text, other.range.end, turn.utterance.text, turn.range.start))
            }
        }
        var end = turns.map { max($0.range.end, $0.dubbing.map { $0.utterance.duration } ?? 0) }.max() ?? 0
        for person in scene.people { end = max(end, person.places.last?.time ?? 0, person.presence.map(\.range.end).filter { $0 < 1e6 }.max() ?? 0) }
        end = max(end, scene.changes.map(\.range.end).max() ?? 0)
        duration = scene.duration ?? max(1, ((end + 0.5) * 25).rounded(.up) / 25)
        self.turns = turns
    }

    /// Whether somebody's lips move in speech.
    func turn(of person: String, at time: Double) -> Turn? { turns.first { $0.person == person && $0.range.contains(time) } }

    /// How much somebody is in the midst of speaking, 0…1, rising and falling within 0.4 s.
    func activity(of person: String, at time: Double) -> Double {
        var activity = 0.0
        for turn in turns where turn.person == person {
            activity = max(activity, min(1, max(0, (time - turn.range.start + 0.2) / 0.4)) * min(1, max(0, (turn.range.end + 0.2 - time) / 0.4)))
        }
        return activity
    }

    func mouth(of person: String, at time: Double) -> MouthPose {
        for turn in turns where turn.person == person {
            let inside = time - turn.start
            if inside >= -0.1, inside < turn.utterance.duration + 0.1 { return turn.mouth.at(inside) }
        }
        return MouthPose()
    }

    /// One recording on the clip's time line: each voice as late as offset and drift say, in its room, with noise; lost stretches zero.
    func recording(_ scene: Scene) -> [Float] {
        let count = Int((duration * Self.sampleRate).rounded())
        var samples = [Float](repeating: 0, count: count)
        for turn in turns where turn.kind != .silent {
            let utterance = turn.dubbing?.utterance ?? turn.utterance
            Self.add(utterance.samples, gain: Self.gain(utterance) * Float(pow(10, turn.gain / 20)), at: turn.start, scene, to: &samples)
        }
        samples = scene.acoustics.apply(to: samples)
        let peak = samples.reduce(0) { max($0, abs($1)) }
        if peak > 0.98 { for index in samples.indices { samples[index] *= 0.98 / peak } }
        for range in scene.ranges({ if case .dropSound = $0 { true } else { false } }, within: TimeRange(0, duration)) {
            for index in Steps.range(range.start * Self.sampleRate, range.end * Self.sampleRate, limit: count) { samples[index] = 0 }
        }
        return samples
    }

    /// What brings the louder half of an utterance to −21 dB.
    private static func gain(_ utterance: Utterance) -> Float {
        let blocks = stride(from: 0, to: max(0, utterance.samples.count - 320), by: 320).map { start in
            utterance.samples[start..<start + 320].reduce(0) { $0 + $1 * $1 } / 320
        }.sorted()
        let loud = blocks[(blocks.count / 2)...]
        let level = (loud.reduce(0, +) / Float(max(1, loud.count))).squareRoot()
        return level > 1e-5 ? 0.09 / level : 1
    }

    private static func add(_ sound: [Float], gain: Float, at start: Double, _ scene: Scene, to samples: inout [Float]) {
        let stretch = 1 + scene.soundDrift
        let first = (start * stretch + scene.soundOffset) * sampleRate
        if scene.soundDrift == 0 {
            let begin = Int(first.rounded())
            for index in max(0, -begin)..<max(max(0, -begin), min(sound.count, samples.count - begin)) { samples[begin + index] += gain * sound[index] }
            return
        }
        let range = Steps.range(first.rounded(.up), first + Double(sound.count - 2) * stretch, limit: samples.count)
        for index in range {
            let place = (Double(index) - first) / stretch
            let whole = Int(place), t = Float(place - Double(whole))
            let (a, b) = (sound[max(0, whole - 1)], sound[min(sound.count - 1, whole)])
            let (c, d) = (sound[min(sound.count - 1, whole + 1)], sound[min(sound.count - 1, whole + 2)])
            samples[index] += gain * (b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
        }
    }
}
