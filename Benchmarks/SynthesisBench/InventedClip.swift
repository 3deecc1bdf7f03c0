import Articulation
import Foundation
import GroundTruth
import SyntheticClips
import SyntheticFaces
import SyntheticVoices

/// Somebody who does not exist, alone in the picture, who says one sentence within three seconds: as large as GRID's people are, with as much silence around it.
struct InventedClip {
    static let seconds = 3.0
    /// From the first sound to the last, s, and where its middle is: as GRID's sentences lie in their clips.
    private static let length = 1.6...2.1, middle = 1.4

    let seed: UInt64

    /// A microphone near the mouth, as people who are filmed for their speech have one, and a noise of 20 to 40 dB. Each voice has a small room of its own besides.
    static func acoustics(seed: UInt64) -> SoundScene {
        var scene = SoundScene(seed: seed, signalToNoise: 20...40)
        scene.reverberation = nil
        scene.distance = 1
        scene.line = .wide
        return scene
    }

    /// The first sentence of the seed's that is neither too short nor too long, and when it begins.
    private func sentence(_ speech: SpeechSynthesizer) throws -> (text: String, start: Double) {
        var phrases = PhraseList(seed: seed)
        while true {
            let text = phrases.next()
            let sounds = try speech.speak(text, as: VoiceIdentity(seed: seed, traits: voice)).phonemes.filter { !$0.isPause }
            guard let first = sounds.first, let last = sounds.last, Self.length.contains(last.end - first.start) else { continue }
            return (text, max(0, Self.middle - (first.start + last.end) / 2))
        }
    }

    private var voice: VoiceTraits { VoiceTraits(sex: VoiceIdentity(seed: seed).sex) }

    /// - Parameter isStill: the same person says nothing; the same voice is heard from somewhere else.
    func scene(isStill: Bool = false, speech: SpeechSynthesizer) throws -> Scene {
        var seen = Scene.Person(
            id: "seen", name: "seen", faceSeed: seed, voiceSeed: seed, places: [Scene.Place(x: 0.5, y: 0.42, size: 0.17)], presence: [.init(.init(0, Self.seconds + 1))])
        seen.voice = voice
        seen.face.sex = voice.sex == .female ? .female : .male
        var unseen = seen
        unseen.id = "unseen"
        unseen.presence = []
        let (text, start) = try sentence(speech)
        var scene = Scene(seed: seed, people: [seen, unseen], talk: [.init(person: isStill ? "unseen" : "seen", start: start, text: text, seed: seed)])
        scene.duration = Self.seconds
        scene.acoustics = Self.acoustics(seed: seed)
        return scene
    }
}

/// Invented clips in a folder, which is removed with it unless somebody named it.
final class InventedFilms {
    private let folder: URL
    private let isKept: Bool
    private let parts: SynthesisParts
    private let maker: ClipMaker

    init(models: String?, keep: String?) throws {
        parts = try SynthesisParts(folder: ModelFolder.find(models))
        maker = ClipMaker(parts: parts)
        isKept = keep != nil
        folder = keep.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? FileManager.default.temporaryDirectory.appendingPathComponent("synthesis-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { if !isKept { try? FileManager.default.removeItem(at: folder) } }

    /// - Returns: where the clip is, and what is true in it.
    func make(_ clip: InventedClip, isStill: Bool = false) throws -> (path: String, truth: ClipTruth) {
        let path = folder.appendingPathComponent("\(clip.seed)\(isStill ? "-still" : "").mp4").path
        return (path, try maker.make(clip.scene(isStill: isStill, speech: parts.speech), to: path))
    }
}
