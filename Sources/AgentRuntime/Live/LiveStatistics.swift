public import MediaTypes
public import Recognition
import Synchronization

/// What the inference thread lets others see of its work. Written by that thread alone, read by anybody; no lock.
public final class LiveStatistics: Sendable {
    let frames = Atomic<Int>(0)
    let samples = Atomic<Int>(0)
    let searchedFrames = Atomic<Int>(0)
    let droppedDetections = Atomic<Int>(0)
    let repeatedSamples = Atomic<Int>(0)
    let appearances = Atomic<Int>(0)
    let facesInView = Atomic<Int>(0)
    let sheddingLevel = Atomic<Int>(0)
    let busyNanoseconds = Atomic<Int64>(0)
    let newestFrame = Atomic<Int64>(0)
    let newestSound = Atomic<Int64>(0)
    /// Nanoseconds; the smallest number while not known.
    private let soundOffsetNanoseconds = Atomic<Int64>(.min)
    let stageNanoseconds: [StageCell] = Stage.allCases.map { _ in StageCell() }
    private let video = Atomic<Int>(LiveStatistics.code(.lost))
    private let audio = Atomic<Int>(LiveStatistics.code(.lost))

    final class StageCell: Sendable {
        let nanoseconds = Atomic<Int64>(0)
        let count = Atomic<Int>(0)
    }

    init() {}

    private static let states: [ModalityState] = [.present, .silent, .degraded, .lost]
    private static func code(_ state: ModalityState) -> Int { states.firstIndex(of: state) ?? 3 }

    var soundOffset: TimeSpan? {
        let value = soundOffsetNanoseconds.load(ordering: .relaxed)
        return value == .min ? nil : TimeSpan(nanoseconds: value)
    }

    var videoState: ModalityState { Self.states[video.load(ordering: .relaxed)] }
    var audioState: ModalityState { Self.states[audio.load(ordering: .relaxed)] }

    func note(soundOffset: TimeSpan?) { soundOffsetNanoseconds.store(soundOffset?.nanoseconds ?? .min, ordering: .relaxed) }

    /// Takes over what the recognizer counts.
    func update(_ recognizer: Recognizer) {
        searchedFrames.store(recognizer.searchedFrames, ordering: .relaxed)
        droppedDetections.store(recognizer.droppedDetections, ordering: .relaxed)
        repeatedSamples.store(recognizer.droppedSamples, ordering: .relaxed)
        appearances.store(recognizer.appearanceCount, ordering: .relaxed)
        // The last frame's, which say nothing once frames have stopped.
        facesInView.store(recognizer.videoState == .lost ? 0 : recognizer.observations.count, ordering: .relaxed)
        video.store(Self.code(recognizer.videoState), ordering: .relaxed)
        audio.store(Self.code(recognizer.audioState), ordering: .relaxed)
        for stage in Stage.allCases {
            let cell = stageNanoseconds[stage.rawValue]
            cell.nanoseconds.store(Int64(recognizer.timings.seconds(stage) * 1e9), ordering: .relaxed)
            cell.count.store(recognizer.timings.count(stage), ordering: .relaxed)
        }
    }
}
