import Capture
import Foundation
import Gallery
public import MediaTypes
public import Recognition
import Synchronization

/// A decision on its way out of the inference thread.
public struct LiveDecision: Sendable {
    public var decision: IdentityDecision
    /// Capture instant of the frame or sound that it followed from, by the driver.
    public var captured: Instant
    /// What it was matched with.
    public var galleryRevision: Int
}

/// A face of the newest frame that began or stopped to speak.
public struct SpeakingChange: Sendable {
    public var track: TrackID
    public var person: Person?
    public var isSpeaking: Bool
    public var confidence: Float
    public var instant: Instant
}

/// The thread that recognises: takes sound and frames as the devices deliver them, and hands decisions on.
///
/// Nothing on its way takes a lock or waits but for the next frame or block. Changes from outside (another gallery, other settings, a
/// pause) come through a ring and take effect between two frames, so none is lost.
///
/// The recognizer belongs to the thread once ``start()`` was called; everything else here is atomic or a ring, hence `@unchecked`.
final class InferenceLoop: @unchecked Sendable {
    enum Change: Sendable {
        case gallery(GallerySnapshot, MatchSettings)
        case recognizer(Handover, galleryRevision: Int)
        case intervals(hold: TimeSpan, detection: TimeSpan, settled: TimeSpan)
        case budget(TimeSpan)
        case paused(Bool)
    }

    /// A recognizer that changes hands: made on one thread, used on another from then on.
    final class Handover: @unchecked Sendable {
        let recognizer: Recognizer
        init(_ recognizer: Recognizer) { self.recognizer = recognizer }
    }

    let statistics = LiveStatistics()
    /// Decisions for the publishing thread.
    let decisions = HandoverRing<LiveDecision>(capacity: 1024)
    let speaking = HandoverRing<SpeakingChange>(capacity: 256)
    let changes = HandoverRing<Change>(capacity: 64)
    let progress: ProgressMark
    private let wake: WakeSignal
    private let outlet: WakeSignal
    private let camera: Camera?
    private let microphone: Microphone?
    private let placement: ThreadPlacement
    private var recognizer: Recognizer
    private var galleryRevision: Int
    private var shedder: LoadShedder
    private var isPaused = false
    private var nextOffset = Instant.zero
    private var speakers: [(track: TrackID, isSpeaking: Bool)] = []
    private let isStopping = Atomic<Bool>(false)
    private let failureText = Mutex<String?>(nil)
    private let finished = DispatchSemaphore(value: 0)
    /// Milliseconds that the loop is to stand still: for tests of the watchdog alone.
    let hang = Atomic<Int>(0)

    /// Sound may arrive this much later than a picture of the same instant; time does not run ahead of it while nothing is delivered.
    static let patience = TimeSpan.milliseconds(300)
    /// Blocks of sound between two frames, so that sound that piled up does not keep pictures waiting.
    private static let blocksAtOnce = 16

    init(
        camera: Camera?, microphone: Microphone?, wake: WakeSignal, outlet: WakeSignal, recognizer: Recognizer, galleryRevision: Int,
        budget: TimeSpan, progress: ProgressMark, placement: ThreadPlacement
    ) {
        self.camera = camera
        self.microphone = microphone
        self.wake = wake
        self.outlet = outlet
        self.recognizer = recognizer
        self.galleryRevision = galleryRevision
        self.progress = progress
        self.placement = placement
        shedder = LoadShedder(budget: budget)
        speakers.reserveCapacity(64)
    }

    /// Why the loop ended by itself; `nil` while it runs and after ``stop()``.
    var failure: String? { failureText.withLock { $0 } }

    /// - Parameter refused: gets what the system refused of the thread's placement.
    func start(refused: @escaping @Sendable ([String]) -> Void) {
        let thread = Thread { [self] in
            let refusals = placement.apply(name: "fwoc-inference")
            if !refusals.isEmpty { refused(refusals) }
            run()
            finished.signal()
        }
        thread.name = "fwoc-inference"
        // Deep graphs are walked by recursion nowhere, but codecs of other libraries like their megabytes.
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Ends every appearance, hands the last decisions on, and ends the thread.
    /// - Returns: whether it ended in time.
    @discardableResult
    func stop(within longest: TimeSpan) -> Bool {
        isStopping.store(true, ordering: .releasing)
        wake.raise()
        guard finished.wait(timeout: .now() + longest.seconds) == .success else { return false }
        finished.signal()
        return true
    }

    private func run() {
        do {
            while !isStopping.load(ordering: .acquiring) {
                wake.wait(.milliseconds(20))
                progress.mark()
                let pause = hang.exchange(0, ordering: .relaxed)
                if pause > 0 { Thread.sleep(forTimeInterval: Double(pause) / 1000) }
                while let change = changes.take() { try apply(change) }
                var isIdle = true
                while try turn() {
                    isIdle = false
                    progress.mark()
                    if isStopping.load(ordering: .acquiring) { break }
                    while let change = changes.take() { try apply(change) }
                }
                if isIdle && !isPaused {
                    let captured = LiveClock.now() - Self.patience
                    try recognizer.advance(to: captured)
                    emit(captured: captured)
                    statistics.update(recognizer)
                }
                // Who spoke when the camera went is not seen to speak any more. Not only when there is nothing to do: on a busy machine sound is
                // always waiting.
                if !isPaused && recognizer.videoState == .lost { noteSpeakers(at: recognizer.now) }
            }
            try recognizer.finish()
            emit(captured: recognizer.now)
        } catch {
            failureText.withLock { $0 = "\(error)" }
        }
        statistics.update(recognizer)
        outlet.raise()
    }

    /// Takes what sound there is, then one frame.
    /// - Returns: whether there was anything.
    private func turn() throws -> Bool {
        var worked = false
        if let microphone {
            for _ in 0..<Self.blocksAtOnce {
                let start = LiveClock.now()
                guard let end = try microphone.read({ block in
                    if !isPaused { try recognizer.consume(block) }
                    statistics.samples.wrappingAdd(block.samples.count, ordering: .relaxed)
                    return block.end
                }) else { break }
                worked = true
                statistics.newestSound.store(end.nanoseconds, ordering: .relaxed)
                if !isPaused { emit(captured: end) }
                statistics.busyNanoseconds.wrappingAdd((LiveClock.now() - start).nanoseconds, ordering: .relaxed)
            }
        }
        if let camera {
            let start = LiveClock.now()
            if let captured = try camera.read({ frame in
                if !isPaused { try recognizer.consume(frame) }
                return frame.instant
            }) {
                worked = true
                statistics.frames.wrappingAdd(1, ordering: .relaxed)
                statistics.newestFrame.store(captured.nanoseconds, ordering: .relaxed)
                let end = LiveClock.now()
                if !isPaused {
                    emit(captured: captured)
                    noteSpeakers(at: captured)
                    if shedder.note(end - captured, dropped: camera.droppedByRing, at: end) { shed() }
                    // Some arrays are made for it: once a second, not once a frame.
                    if end >= nextOffset {
                        nextOffset = end + .seconds(1)
                        statistics.note(soundOffset: recognizer.soundOffset)
                    }
                }
                statistics.busyNanoseconds.wrappingAdd((end - start).nanoseconds, ordering: .relaxed)
            }
        }
        if worked { statistics.update(recognizer) }
        return worked
    }

    private func shed() {
        recognizer.detectionStretch = shedder.step.detectionStretch
        camera?.setFrameDivisor(shedder.step.frameDivisor)
        statistics.sheddingLevel.store(shedder.level, ordering: .relaxed)
    }

    private func emit(captured: Instant) {
        var any = false
        recognizer.takeDecisions {
            decisions.put(LiveDecision(decision: $0, captured: captured, galleryRevision: galleryRevision))
            any = true
        }
        if any { outlet.raise() }
    }

    /// Hands on which faces began or stopped to speak since the last frame.
    private func noteSpeakers(at instant: Instant) {
        var any = false
        func tell(_ track: TrackID, _ person: Person?, _ isSpeaking: Bool, _ confidence: Float) {
            speaking.put(SpeakingChange(track: track, person: person, isSpeaking: isSpeaking, confidence: confidence, instant: instant))
            any = true
        }
        // Those of the last frame stand until the next, also where none comes.
        let observations = recognizer.videoState == .lost ? [] : recognizer.observations
        for index in speakers.indices.reversed() where !observations.contains(where: { $0.track == speakers[index].track }) {
            if speakers[index].isSpeaking { tell(speakers[index].track, nil, false, 0) }
            speakers.remove(at: index)
        }
        for observation in observations {
            guard let now = observation.speaking else { continue }
            if let index = speakers.firstIndex(where: { $0.track == observation.track }) {
                guard speakers[index].isSpeaking != now.state else { continue }
                speakers[index].isSpeaking = now.state
            } else {
                guard speakers.count < 64 else { continue }
                speakers.append((observation.track, now.state))
                guard now.state else { continue }
            }
            tell(observation.track, observation.person, now.state, now.confidence)
        }
        if any { outlet.raise() }
    }

    private func apply(_ change: Change) throws {
        switch change {
        case .gallery(let snapshot, let match):
            recognizer.replace(gallery: snapshot, match: match)
            galleryRevision = snapshot.revision
        case .recognizer(let handover, let revision):
            try recognizer.finish()
            emit(captured: recognizer.now)
            handover.recognizer.succeed(recognizer)
            recognizer = handover.recognizer
            galleryRevision = revision
            shed()
        case .intervals(let hold, let detection, let settled):
            recognizer.change(hold: hold, detectionInterval: detection, settledDetectionInterval: settled)
        case .budget(let budget):
            shedder.budget = budget
        case .paused(let paused):
            guard paused != isPaused else { return }
            isPaused = paused
            if paused {
                try recognizer.interrupt()
                emit(captured: recognizer.now)
                noteSpeakers(at: recognizer.now)
                statistics.update(recognizer)
            }
        }
    }
}
