import Foundation
import GroundTruth
import MediaFiles
import MediaTypes
import SyntheticClips
import Testing

/// Small clips, made and read back: what the truth says is what a decoder finds.
@Suite struct ClipTests {
    private static let head = "size: 96x72\nrate: 10\npeople:\n  ann: {seed: 3, size: 0.2}\n"

    private static func make(_ yaml: String, _ name: String = "clip.mp4", in folder: Scratch) throws -> (truth: ClipTruth, clip: DecodedClip) {
        let path = folder.file(name)
        let truth = try ClipMaker(parts: TestParts.parts()).make(Scene(yaml: yaml, file: "scene.yaml", output: path), to: path)
        return (truth, try DecodedClip(path))
    }

    @Test func framesTimesAndLostPicture() throws {
        let folder = try Scratch()
        let (truth, clip) = try Self.make(Self.head + "duration: 2.5s\njitter: 20ms\nchanges:\n  - {time: 500ms..1s, drop: video}\n  - {time: 1.5s..2s, rate: 4}\n", in: folder)
        #expect(truth.duration == 2.5 && truth.lost.video == [TimeRange(0.5, 1)] && truth.lost.sound.isEmpty)
        #expect(clip.frames.count == truth.frames.count && truth.frames.count >= 16 && truth.frames.count <= 18)
        for (decoded, frame) in zip(clip.times, truth.frames) { #expect(abs(decoded - frame.time) < 2e-5) }
        #expect(!clip.times.contains { 0.5 <= $0 && $0 < 1 })
        // Two at most fall into half a second at 4 a second.
        #expect(truth.frames.count { (1.5..<2).contains($0.time) } <= 3)
        #expect(truth.people[0].onScreen == [TimeRange(0, 2.5)])
    }

    @Test func sameSeedSameTruthAndFrames() throws {
        let folder = try Scratch()
        let yaml = Self.head + "seed: 5\nduration: 1.2s\ntalk: {person: ann, time: 0.1s, say: Yes}\nsound: {noise: pink}\ncamera: {blur: 3, resolution: 0.7, motion: 25, shake: 5}\n"
        let (first, firstClip) = try Self.make(yaml, "a.mp4", in: folder), (second, secondClip) = try Self.make(yaml, "b.mp4", in: folder)
        var renamed = second
        renamed.clip = "a.mp4"
        #expect(try first.json() == renamed.json())
        #expect(firstClip.frames == secondClip.frames && firstClip.sound == secondClip.sound && firstClip.times == secondClip.times)
        let (other, otherClip) = try Self.make(yaml.replacing("seed: 5", with: "seed: 6"), "c.mp4", in: folder)
        #expect(otherClip.frames != firstClip.frames && other.frames != first.frames)
    }

    /// Phrases of one person wait for one another, also where the one before has waited itself.
    @Test(arguments: 1...4)
    func phrasesWaitInTurn(seed: Int) throws {
        let folder = try Scratch()
        let times = [("0.2s", "0.9s"), ("1s", "1.4s"), ("1.5s", "1.9s"), ("2s", "2.4s")]
        let talk = times.map { "  - {person: ann, time: \($0)..\($1)}\n" }.joined()
        let (truth, _) = try Self.make(Self.head + "seed: \(seed)\nduration: 14s\ntalk:\n\(talk)", in: folder)
        let spoken = truth.speech.sorted { $0.start < $1.start }
        #expect(spoken.count == times.count)
        for (one, next) in zip(spoken, spoken.dropFirst()) { #expect(one.end < next.start) }
    }

    @Test func soundIsWhereTheTruthSays() throws {
        let folder = try Scratch()
        func yaml(_ sound: String) -> String { Self.head + "duration: 2s\ntalk: {person: ann, time: 0.4s, say: \"Take it\"}\nsound: {\(sound)}\n" }
        let (truth, clip) = try Self.make(yaml("offset: 0s"), in: folder)
        let speech = try #require(truth.speech.first)
        #expect(truth.speech.count == 1 && speech.kind == .own && speech.heard == "ann" && speech.start >= 0.4 && speech.end < 2)
        let onset = try #require(clip.onset)
        #expect(abs(onset - speech.start) < 0.08)
        #expect(clip.level(TimeRange(0, 0.3)) < 0.003 && clip.level(speech.range) > 0.02)
        #expect(truth.heard("ann") == [speech.range])
        // The phonemes fill the speech in order.
        let phonemes = try #require(speech.phonemes)
        #expect(phonemes.count >= 4 && phonemes.first?.start == speech.start && phonemes.last?.end == speech.end)
        #expect(zip(phonemes, phonemes.dropFirst()).allSatisfy { $0.start <= $1.start })
        for frame in truth.frames {
            #expect(frame.faces.count == 1 && frame.faces[0].person == "ann")
            #expect((frame.faces[0].speech == .own) == speech.range.contains(frame.time))
        }

        for (text, offset) in [("250ms", 0.25), ("-150ms", -0.15)] {
            let (moved, other) = try Self.make(yaml("offset: \(text)"), in: folder)
            #expect(moved.soundOffset == offset && moved.speech[0].start == speech.start)
            // The lag at which the two recordings fit best.
            #expect(abs(Self.lag(clip.sound, other.sound) - offset) < 0.002)
        }
        // A drift of 50 ms a second has made the word late by 50 ms for each second that has passed.
        let (drifting, late) = try Self.make(yaml("drift: 50ms"), in: folder)
        #expect(drifting.soundDrift == 0.05)
        let (onset0, ending0, onset1, ending1) = (try #require(clip.onset), try #require(clip.ending), try #require(late.onset), try #require(late.ending))
        #expect(abs(onset1 - onset0 - 0.05 * onset0) < 0.012 && abs(ending1 - ending0 - 0.05 * ending0) < 0.012, "\(onset0) \(ending0) \(onset1) \(ending1)")
    }

    private static func lag(_ a: [Float], _ b: [Float]) -> Double {
        func value(_ lag: Int) -> Float {
            var sum: Float = 0
            for index in stride(from: 0, to: a.count, by: 3) where b.indices.contains(index + lag) { sum += a[index] * b[index + lag] }
            return sum
        }
        return Double((-4800...4800).max { value($0) < value($1) } ?? 0) / 16000
    }

    @Test func lostSound() throws {
        let folder = try Scratch()
        func yaml(_ how: String) -> String { Self.head + "duration: 3s\ntalk: {person: ann, time: 0.1s, say: \"We will all be there on Monday afternoon\"}\nsound: {noise: white, signal_to_noise: 20}\nchanges: {time: 800ms..1.5s, drop: sound, as: \(how)}\n" }
        for name in ["gap.mp4", "gap.mkv", "gap.webm"] {
            let (truth, clip) = try Self.make(yaml("gap"), name, in: folder)
            #expect(truth.lost.sound == [TimeRange(0.8, 1.5)])
            let gap = try #require(clip.gaps.first, "\(name)")
            // Codecs end a frame of up to 64 ms before they stop.
            #expect(clip.gaps.count == 1 && abs(gap.start - 0.8) < 0.07 && abs(gap.end - 1.5) < 0.03, "\(name): \(clip.gaps)")
            #expect(clip.level(TimeRange(0.2, 0.7)) > 0.01)
        }
        let (truth, clip) = try Self.make(yaml("silence"), in: folder)
        #expect(truth.lost.sound == [TimeRange(0.8, 1.5)] && clip.gaps.isEmpty)
        #expect(clip.level(TimeRange(0.9, 1.4)) < 1e-4 && clip.level(TimeRange(1.6, 2)) > 1e-3)
        let (mute, muteClip) = try Self.make(yaml("gap").replacing("{noise", with: "{recorded: false, noise"), in: folder)
        #expect(muteClip.sound.isEmpty && mute.lost.sound == [TimeRange(0, 3)] && mute.speech.allSatisfy { $0.heard == nil })
    }

    @Test func silentDubbedAndUnseenSpeakers() throws {
        let folder = try Scratch()
        let (truth, clip) = try Self.make(
            """
            size: 128x72
            rate: 10
            duration: 6s
            people:
              ann: {seed: 3, size: 0.2}
              bob: {seed: 4, size: 0.2}
              carl: {seed: 5, on_screen: false}
            talk:
              - {person: ann, time: 0.2s, say: "Nobody hears me", kind: silent}
              - {person: bob, time: 2s, say: "This is not mine", kind: dubbed, voice: carl}
              - {person: carl, time: 4.2s, say: "But this is"}
            """, in: folder)
        #expect(truth.speech.map(\.kind) == [.silent, .dubbed, .own] && truth.speech.map(\.heard) == [nil, "carl", "carl"])
        #expect(clip.level(truth.speech[0].range) < 1e-4 && clip.level(truth.speech[1].range) > 0.02 && clip.level(truth.speech[2].range) > 0.02)
        #expect(truth.heard("ann").isEmpty && truth.heard("bob").isEmpty && truth.heard("carl").count == 2)
        #expect(truth.people.map { $0.onScreen.isEmpty } == [false, false, true])
        #expect(truth.frames.allSatisfy { $0.faces.map(\.person).sorted() == ["ann", "bob"] })
        // The lips move, sound or not.
        func widest(_ person: String, _ range: TimeRange) -> Double {
            truth.frames.filter { range.contains($0.time) }.compactMap { frame in frame.faces.first { $0.person == person }?.mouth?[0] }.max() ?? 0
        }
        #expect(widest("ann", truth.speech[0].range) > 0.02 && widest("bob", truth.speech[1].range) > 0.02)
        #expect(widest("ann", truth.speech[2].range) < 0.02 && widest("bob", TimeRange(0, 1.8)) < 0.02)
    }

    @Test func frozenAndCovered() throws {
        let folder = try Scratch()
        let (truth, clip) = try Self.make(
            Self.head + "duration: 2s\nformat: {video: ffv1}\nchanges:\n  - {time: 500ms..1s, freeze: true}\n  - {time: 1.2s..1.6s, cover: {person: ann, at: [0, 0.3], size: [3, 2]}}\n  - {time: 1.7s..1.9s, light: 0.1}\n", "clip.mkv",
            in: folder)
        #expect(truth.lost.frozen == [TimeRange(0.5, 1)] && clip.frames.count == 20)
        for index in 5..<10 { #expect(clip.frames[index] == clip.frames[4]) }
        #expect(clip.frames[10] != clip.frames[9] && clip.frames[3] != clip.frames[4])
        // The scene went on behind the frozen picture.
        #expect(truth.frames[9].faces[0].box != truth.frames[4].faces[0].box)
        #expect(truth.frames[3].faces[0].visible > 0.9)
        #expect(truth.frames[13].faces.isEmpty)
        func mean(_ index: Int) -> Double { Double(clip.frames[index].reduce(0) { $0 + Int($1) }) / Double(clip.frames[index].count) }
        #expect(mean(18) < mean(3) * 0.7)
    }

    @Test func comingAndGoing() throws {
        let folder = try Scratch()
        let (truth, _) = try Self.make(
            "size: 128x72\nrate: 10\nduration: 5s\npeople:\n  ann: {seed: 3, at: [0.3, 0.4], size: 0.2, liveliness: 0, moves: [{time: 2s}, {time: 3s, at: [0.6, 0.4]}]}\n  bob: {seed: 4, at: [0.7, 0.4], size: 0.2, present: [{time: 1s..4s, from: right, to: left}]}\n",
            in: folder)
        let bob = try #require(truth.people[1].onScreen.first)
        #expect(truth.people[1].onScreen.count == 1 && bob.start > 1 && bob.start < 1.7 && bob.end > 3.3 && bob.end < 4)
        #expect(truth.people[0].onScreen == [TimeRange(0, 5)])
        func centre(_ person: String, _ time: Double) -> Double? {
            truth.frames.min { abs($0.time - time) < abs($1.time - time) }?.faces.first { $0.person == person }.map { $0.box[0] + $0.box[2] / 2 }
        }
        #expect(centre("bob", 0.5) == nil && centre("bob", 4.5) == nil)
        let (before, after, leaving) = (try #require(centre("ann", 1)), try #require(centre("ann", 4.5)), try #require(centre("bob", 3.7)))
        #expect(abs(before - 0.3 * 128) < 6 && abs(after - 0.6 * 128) < 6)
        #expect(leaving < 0.5 * 128)
    }

    @Test func whoIsInFrontHidesWhoIsBehind() throws {
        let folder = try Scratch()
        let (truth, _) = try Self.make(
            "size: 96x72\nrate: 5\nduration: 400ms\npeople:\n  far: {seed: 3, at: [0.5, 0.4], size: 0.15, liveliness: 0}\n  near: {seed: 4, at: [0.6, 0.45], size: 0.25, liveliness: 0}\n", in: folder)
        let faces = truth.frames[0].faces
        let near = try #require(faces.first { $0.person == "near" })
        #expect(near.visible > 0.85 && (faces.first { $0.person == "far" }?.visible ?? 0) < 0.6)
    }

    @Test(arguments: [
        ("a.mp4", "", 18, 2e-5), ("b.mkv", "{video: vp9, sound: flac}", 18, 2e-3), ("c.webm", "", 18, 2e-3), ("d.avi", "", 18, 1e-3), ("e.mov", "{video: mjpeg, sound: pcm}", 18, 1e-3), ("f.ts", "{video_bits: 200k, sound_bits: 32k}", 18, 1e-3),
        ("g.mkv", "{video: h265, sound: vorbis}", 18, 2e-3),
    ])
    func containersAndCodecs(name: String, format: String, frames: Int, tolerance: Double) throws {
        let folder = try Scratch()
        // 25 a second: what AVI and MPEG count in.
        let yaml = Self.head.replacing("rate: 10", with: "rate: 25").replacing("96x72", with: "97x71") + "duration: 720ms\ntalk: {person: ann, say: Yes}\n" + (format.isEmpty ? "" : "format: \(format)\n")
        let (truth, clip) = try Self.make(yaml, name, in: folder)
        #expect(truth.frames.count == frames && clip.frames.count == frames, "\(name)")
        // Only MPEG's transport streams do not begin at zero.
        let first = name.hasSuffix(".ts") ? try #require(clip.times.first) : 0
        for (decoded, frame) in zip(clip.times, truth.frames) { #expect(abs(decoded - first - frame.time) < tolerance, "\(name)") }
        #expect(clip.sound.count > 9000 && clip.level(truth.speech[0].range) > 0.02, "\(name)")
        // The same scene without loss: what was written is what was made, whatever the range of its levels.
        let (_, lossless) = try Self.make(yaml.replacing("format: \(format)\n", with: "") + "format: {video: ffv1}\n", "same.mkv", in: folder)
        let difference = zip(clip.frames[9], lossless.frames[9]).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(difference < 5 * lossless.frames[9].count, "\(name): \(difference / max(1, lossless.frames[9].count)) levels a pixel")
    }

    @Test func whatTheSceneCannotKnow() throws {
        let folder = try Scratch()
        let error = #expect(throws: ClipError.self) {
            try Self.make(Self.head + "talk:\n  - {person: ann, time: 0s, say: \"This takes a good deal longer than a second to say\"}\n  - {person: ann, time: 1s, say: No}\n", in: folder)
        }
        #expect(error?.category == .configuration && error?.description.hasPrefix("scene.yaml:7: talk.1.time: ann says two things at once") == true, "\(String(describing: error))")
        let lost = #expect(throws: ClipError.self) { try Self.make(Self.head + "duration: 1s\nchanges: {time: 0s..1s, drop: video}\n", in: folder) }
        #expect(lost?.description.contains("lost from beginning to end") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
