import Articulation
import Biometrics
import Foundation
import Glibc
public import GroundTruth
import MediaFiles
import MediaTypes
import SyntheticFaces
import SyntheticVoices

/// Makes clips of scenes, with their truth beside them. Thread-bound; several may work at the same time on the same parts.
public final class ClipMaker {
    /// Seconds of the processor that each kind of work took; of its own thread, encoders' helpers not counted.
    public struct Cost: Sendable {
        public var speech = 0.0
        public var drawing = 0.0
        public var camera = 0.0
        public var encoding = 0.0

        public init() {}
    }

    private let parts: SynthesisParts
    /// Of everything so far.
    public private(set) var cost = Cost()

    public init(parts: SynthesisParts) { self.parts = parts }

    /// Makes a clip.
    ///
    /// - Parameters:
    ///   - path: of the clip, which appears when it is whole.
    ///   - progress: called now and then with the seconds done, and how many there are.
    /// - Returns: what is true in it.
    public func make(_ scene: Scene, to path: String, progress: (Double, Double) -> Void = { _, _ in }) throws -> ClipTruth {
        if let (part, reason) = scene.format.impossibility { throw ClipError(.configuration, "format.\(part): \(reason)") }
        var start = ThreadTime.now
        let speech = try SceneSpeech(scene, parts: parts)
        let recording = scene.hasSound ? speech.recording(scene) : []
        cost.speech += ThreadTime.now - start
        let times = FrameTimes(scene, duration: speech.duration)
        guard !times.times.isEmpty else { throw ClipError(.configuration, "changes: the picture is lost from beginning to end; leave a frame") }

        var options = ClipWriter.Options()
        options.quality = scene.quality
        options.nominalRate = scene.frameRate
        options.format = scene.format
        options.keepsSoundGaps = true
        let writer = try ClipWriter(path: path, width: scene.width, height: scene.height, sound: scene.hasSound ? .blocks : .none, options: options)
        var sound = SoundFeed(recording, gaps: scene.ranges({ $0 == .dropSound(.gap) }, within: TimeRange(0, speech.duration)))

        let stage = try Stage(scene, speech: speech, parts: parts)
        let camera = CameraImage(width: scene.width, height: scene.height, seed: scene.seed)
        let frame = VideoFrame(width: scene.width, height: scene.height)
        var frames: [ClipTruth.Frame] = []
        var isStale = false
        for time in times.times {
            try sound.feed(until: time, to: writer)
            start = ThreadTime.now
            let isFrozen = times.frozen.contains(time)
            // Frozen where there was a frame before: the truth goes on, the picture does not.
            isStale = isFrozen && !frames.isEmpty
            if isStale {
                frames.append(ClipTruth.Frame(time: Self.rounded(time), faces: stage.faces(at: time)))
            } else {
                let picture = stage.draw(at: time)
                frames.append(ClipTruth.Frame(time: Self.rounded(time), faces: picture.faces))
                cost.drawing += ThreadTime.now - start
                start = ThreadTime.now
                camera.take(picture.picture, camera: scene.camera(at: time), frameSeed: StableSeed.of("frame \(Int((time * 60000).rounded()))", seed: scene.seed), into: frame)
                cost.camera += ThreadTime.now - start
            }
            start = ThreadTime.now
            frame.instant = .seconds(time)
            try writer.append(frame)
            cost.encoding += ThreadTime.now - start
            progress(time, speech.duration)
        }
        start = ThreadTime.now
        try sound.feed(until: .infinity, to: writer)
        try writer.finish()
        cost.encoding += ThreadTime.now - start
        progress(speech.duration, speech.duration)
        return truth(scene, speech: speech, times: times, stage: stage, frames: frames, path: path)
    }

    private func truth(_ scene: Scene, speech: SceneSpeech, times: FrameTimes, stage: Stage, frames: [ClipTruth.Frame], path: String) -> ClipTruth {
        let whole = TimeRange(0, speech.duration)
        let sound = scene.hasSound ? scene.ranges({ if case .dropSound = $0 { true } else { false } }, within: whole) : [whole]
        return ClipTruth(
            clip: (path as NSString).lastPathComponent, seed: scene.seed, width: scene.width, height: scene.height, frameRate: scene.frameRate, duration: speech.duration,
            soundOffset: scene.soundOffset, soundDrift: scene.soundDrift,
            people: scene.people.map { .init(id: $0.id, name: $0.name, seed: $0.faceSeed, voice: $0.voiceSeed, onScreen: stage.onScreen($0.id, duration: speech.duration)) },
            // What is cut off by the clip's end ends there.
            speech: speech.turns.filter { $0.range.start < speech.duration }.map { turn in
                let range = TimeRange(turn.range.start, min(turn.range.end, speech.duration))
                return .init(
                    person: turn.person, start: Self.rounded(range.start), end: Self.rounded(range.end), text: turn.utterance.text, kind: turn.kind,
                    heard: turn.kind == .silent || !scene.hasSound ? nil : turn.dubbing?.person ?? turn.person,
                    heardEnd: turn.dubbing.map { Self.rounded(min(speech.duration, SceneSpeech.Turn.range(of: $0.utterance, from: turn.start).end)) },
                    phonemes: turn.utterance.phonemes.filter { !$0.isPause && turn.start + $0.start < speech.duration }.map {
                        .init(symbol: $0.symbol, start: Self.rounded(turn.start + $0.start), end: Self.rounded(turn.start + $0.end))
                    })
            }.sorted { ($0.start, $0.person) < ($1.start, $1.person) },
            lost: .init(video: times.lost, sound: sound, frozen: times.frozen), frames: frames)
    }

    /// Microseconds.
    static func rounded(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }
}

/// What the calling thread has used of a processor, in seconds: what else runs on the machine is not in it.
private enum ThreadTime {
    static var now: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Sound in blocks, as much as belongs before each frame, and none where there are gaps.
private struct SoundFeed {
    private static let block = 1600

    private let samples: [Float]
    private let gaps: [Range<Int>]
    private var next = 0

    init(_ samples: [Float], gaps: [TimeRange]) {
        self.samples = samples
        self.gaps = gaps.map { Int(($0.start * 16000).rounded())..<Int(($0.end * 16000).rounded()) }
    }

    mutating func feed(until time: Double, to writer: ClipWriter) throws {
        let limit = time.isFinite ? min(samples.count, Int(time * 16000)) : samples.count
        while next < limit {
            if let gap = gaps.first(where: { $0.contains(next) }) {
                next = gap.upperBound
                continue
            }
            let end = min(limit, next + Self.block, gaps.map(\.lowerBound).filter { $0 > next }.min() ?? limit)
            try writer.append(AudioBlock(start: .seconds(Double(next) / 16000), samples: Array(samples[next..<end])))
            next = end
        }
    }
}
