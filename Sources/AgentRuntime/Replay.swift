import Foundation
import MediaFiles
public import MediaTypes
public import Publishing
public import Recognition

/// Runs recognition on a clip instead of on devices: the same code, fed by a file, on the clip's own time.
///
/// The same clip, models, gallery and options give the same bytes of events, at full speed and in real time. One thread.
public final class Replay {
    public struct Options: Sendable {
        /// Deliver frames and sound when they are due on the wall clock, as devices would.
        public var isRealtime = false
        public var drops = DropSchedule()
        /// Where to write the clip with what was recognised drawn on it.
        public var annotated: String?
        public var node = "replay"

        public init() {}
    }

    private let reader: MediaReader
    public let recognizer: Recognizer
    public let options: Options
    private let identity: Identity
    private var identifiers: EventIdentifierSequence
    private var droppedFrames = 0
    private var droppedSamples = 0
    private var frames = 0
    private var samples = 0
    private var events = 0

    /// What every event says about its origin.
    public struct Identity: Sendable {
        public var model: String
        public var galleryRevision: Int

        public init(model: String, galleryRevision: Int) {
            self.model = model
            self.galleryRevision = galleryRevision
        }
    }

    /// A clip that can be read; opened before anything expensive is done for it.
    public struct Clip {
        let reader: MediaReader
        let seed: UInt64

        public init(path: String) throws(AgentError) {
            do { reader = try MediaReader(path: path) } catch { throw AgentError(error) }
            seed = try Replay.seed(path)
        }
    }

    public init(clip: Clip, recognizer: Recognizer, identity: Identity, options: Options = Options()) {
        reader = clip.reader
        self.recognizer = recognizer
        self.identity = identity
        self.options = options
        identifiers = EventIdentifierSequence(seed: clip.seed)
    }

    public var hasPicture: Bool { reader.streams.video != nil }
    public var hasSound: Bool { reader.streams.audio != nil }
    /// Length that the file declares, where it does.
    public var duration: TimeSpan? { reader.streams.duration }

    /// Plays the clip to its end.
    /// - Parameters:
    ///   - progress: called now and then with the media time reached.
    ///   - observe: gets the faces followed at each frame that was not withheld, after the frame's events.
    ///   - emit: gets each event in order.
    public func run(
        progress: (Instant) -> Void = { _ in }, observe: ((FrameObservation) throws -> Void)? = nil, emit: (IdentityEvent) throws -> Void
    ) throws -> ReplaySummary {
        let start = ContinuousClock.now
        let annotator = try options.annotated.map { try AnnotatedClip(path: $0, source: reader) }
        let epoch = epoch()
        while let item = recognizer.timings.measure(.decoding, { reader.next() }) {
            var observed: FrameObservation?
            switch item {
            case .video(let frame):
                pace(frame.instant, since: start)
                frames += 1
                let isDropped = options.drops.drops(.video, at: frame.instant)
                if isDropped { droppedFrames += 1 } else { try recognizer.consume(frame) }
                if observe != nil, !isDropped { observed = FrameObservation(recognizer, frame: frame) }
                if let annotator {
                    try recognizer.timings.measure(.annotation) {
                        try annotator.draw(frame, recognizer: recognizer, isDropped: isDropped)
                    }
                }
                progress(frame.instant)
            case .audio(let block):
                pace(block.end, since: start)
                samples += block.samples.count
                let isDropped = options.drops.drops(.audio, at: block.start)
                if isDropped { droppedSamples += block.samples.count } else { try recognizer.consume(block) }
                if reader.streams.video == nil { progress(block.end) }
            }
            try drain(epoch, emit)
            if let observed { try observe?(observed) }
        }
        try recognizer.finish()
        try drain(epoch, emit)
        try recognizer.timings.measure(.annotation) { try annotator?.finish() }
        return summary(wall: ContinuousClock.now - start)
    }

    private func drain(_ epoch: Date, _ emit: (IdentityEvent) throws -> Void) throws {
        try recognizer.takeDecisions { decision in
            events += 1
            let time = epoch.addingTimeInterval(decision.instant.seconds)
            let milliseconds = Int64((time.timeIntervalSince1970 * 1000).rounded())
            try emit(
                IdentityEvent(
                    decision, eventID: identifiers.next(milliseconds: milliseconds), time: time, node: options.node,
                    model: identity.model, galleryRevision: identity.galleryRevision, replay: true))
        }
    }

    /// The wall-clock time of the clip's first instant: when it was recorded, where it says so, else the beginning of 1970. Never
    /// the time of the replay, which would make every run different.
    private func epoch() -> Date {
        guard let text = reader.streams.creationTime else { return Date(timeIntervalSince1970: 0) }
        for includesFraction in [true, false] {
            if let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: includesFraction)) { return date }
        }
        return Date(timeIntervalSince1970: 0)
    }

    private func pace(_ instant: Instant, since start: ContinuousClock.Instant) {
        guard options.isRealtime else { return }
        let due = start + .nanoseconds(instant.nanoseconds)
        let wait = due - ContinuousClock.now
        if wait > .zero { Thread.sleep(forTimeInterval: Double(wait.components.seconds) + Double(wait.components.attoseconds) * 1e-18) }
    }

    private func summary(wall: Duration) -> ReplaySummary {
        let seconds = Double(wall.components.seconds) + Double(wall.components.attoseconds) * 1e-18
        return ReplaySummary(
            mediaSeconds: max(recognizer.now.seconds, 1e-9), wallSeconds: seconds, frames: frames,
            searchedFrames: recognizer.searchedFrames, droppedFrames: droppedFrames,
            samples: samples, droppedSamples: droppedSamples + recognizer.droppedSamples,
            droppedDetections: recognizer.droppedDetections, appearances: recognizer.appearanceCount,
            creditedSeconds: Double(recognizer.creditedFrames) / 100,
            offScreenSeconds: Double(recognizer.offScreenFrames) / 100, contestedSeconds: Double(recognizer.contestedFrames) / 100,
            soundOffsetMs: recognizer.soundOffset?.milliseconds, damageCount: reader.damageCount, damage: reader.damage.map { "\($0)" },
            stages: Stage.allCases.compactMap { stage in
                let count = recognizer.timings.count(stage)
                return count == 0 ? nil : ReplaySummary.StageCost(label: stage.label, seconds: recognizer.timings.seconds(stage), count: count)
            }, peakMemoryBytes: ProcessMemory.peakBytes, events: events)
    }

    /// FNV-1a over the clip's first 64 KiB and its size: the clip decides the identifiers of its events, not its name or the day.
    private static func seed(_ path: String) throws(AgentError) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            for byte in try handle.read(upToCount: 65_536) ?? Data() { mix(byte) }
            let size = try handle.seekToEnd()
            for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: size >> UInt64(shift))) }
        } catch {
            throw AgentError(.inputOutput, "\(path): reading failed: \(error.localizedDescription)")
        }
        return hash
    }
}
