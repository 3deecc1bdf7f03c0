import MediaTypes

/// The parts that recognition's time goes to.
public enum Stage: Int, Sendable, CaseIterable {
    case decoding, detection, tracking, landmarks, faceEncoding, speakingFace, soundFeatures, voiceActivity, voiceEncoding, matching
    case annotation, other

    /// As in a table.
    public var label: String {
        switch self {
        case .decoding: "decode"
        case .detection: "face detection"
        case .tracking: "tracking"
        case .landmarks: "landmarks"
        case .faceEncoding: "face embedding"
        case .speakingFace: "speaking face"
        case .soundFeatures: "sound features"
        case .voiceActivity: "voice activity"
        case .voiceEncoding: "voice embedding"
        case .matching: "match and decide"
        case .annotation: "annotate"
        case .other: "other"
        }
    }
}

/// Wall time spent in each stage, and how often. Shared by reference between the stages of one thread; thread-bound.
public final class StageTimings {
    private var nanoseconds = [Int64](repeating: 0, count: Stage.allCases.count)
    private var counts = [Int](repeating: 0, count: Stage.allCases.count)

    public init() {}

    public func seconds(_ stage: Stage) -> Double { Double(nanoseconds[stage.rawValue]) / 1e9 }
    public func count(_ stage: Stage) -> Int { counts[stage.rawValue] }

    public func measure<R, E: Error>(_ stage: Stage, _ body: () throws(E) -> R) throws(E) -> R {
        let start = Self.now()
        defer {
            nanoseconds[stage.rawValue] += Self.now() - start
            counts[stage.rawValue] += 1
        }
        return try body()
    }

    static func now() -> Int64 {
        MonotonicClock.now().nanoseconds
    }
}
