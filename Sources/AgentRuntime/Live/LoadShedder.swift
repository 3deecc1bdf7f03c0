public import MediaTypes

/// Keeps the agent within its latency budget: does less where the time does not suffice, and more again where it does.
///
/// First faces are searched less often, then frames are left out. The rule:
///
/// - One step down after a second above the budget. After a quarter of a second where the ring has dropped frames within ``dropMemory``:
///   then more comes than can be looked at, every frame is late by the whole ring, and waiting would only lose more of them at random.
/// - One step up after ten seconds below half of the budget and without a drop: hasty relief would swing. A step that was taken in haste is given back
///   after two: a burst that is over, such as the first seconds after a start, must not cost a minute. Where that was wrong, and the next step down follows
///   within five seconds, ten it is.
/// - Drops alone are no reason to do less: one slow search may fill the ring, and a budget above what the ring holds says that late frames
///   do not matter.
///
/// A value, fed by the inference thread; time is a parameter.
public struct LoadShedder: Sendable {
    /// One way to do less.
    public struct Step: Hashable, Sendable {
        /// Factor on the intervals between searches.
        public let detectionStretch: Int
        /// Every n-th frame is looked at.
        public let frameDivisor: Int

        /// Whether enough frames are left to see from lips who speaks: every fifth frame is 5 a second of 25, and a syllable takes less
        /// time than from one to the next.
        public var allowsLipAndVoiceFusion: Bool { frameDivisor < 5 }
    }

    public static let steps = [
        Step(detectionStretch: 1, frameDivisor: 1), Step(detectionStretch: 2, frameDivisor: 1), Step(detectionStretch: 4, frameDivisor: 1),
        Step(detectionStretch: 4, frameDivisor: 2), Step(detectionStretch: 4, frameDivisor: 3), Step(detectionStretch: 4, frameDivisor: 5),
    ]
    static let patience = TimeSpan.seconds(1)
    static let patienceWithDrops = TimeSpan.milliseconds(250)
    static let dropMemory = TimeSpan.seconds(1)
    static let relief = TimeSpan.seconds(10)
    static let quickRelief = TimeSpan.seconds(2)
    static let relapse = TimeSpan.seconds(5)

    public var budget: TimeSpan
    public private(set) var level = 0
    private var overSince: Instant?
    private var underSince: Instant?
    /// Smoothed over about eight frames, so that one slow search is no overload.
    private var smoothed: Double?
    /// As told last; `nil` before the first frame.
    private var dropped: Int?
    private var lastDrop: Instant?
    /// How many of the steps were taken in haste and may be given back soon.
    private var hastySteps = 0
    private var lastRelief: Instant?

    public init(budget: TimeSpan) { self.budget = budget }

    public var step: Step { Self.steps[level] }

    /// Takes the latency of one frame, from its capture to the end of its recognition.
    /// - Parameter dropped: frames that the ring has refused since it was made.
    /// - Returns: whether ``step`` changed.
    public mutating func note(_ latency: TimeSpan, dropped: Int = 0, at now: Instant) -> Bool {
        if dropped > self.dropped ?? dropped { lastDrop = now }
        self.dropped = dropped
        let isDropping = lastDrop.map { now - $0 <= Self.dropMemory } ?? false
        let value = smoothed.map { $0 + (latency.seconds - $0) / 8 } ?? latency.seconds
        smoothed = value
        if value > budget.seconds {
            underSince = nil
            let since = overSince ?? now
            overSince = since
            guard now - since >= (isDropping ? Self.patienceWithDrops : Self.patience), level + 1 < Self.steps.count else { return false }
            level += 1
            if now - since < Self.patience { hastySteps += 1 }
            if let lastRelief, now - lastRelief < Self.relapse { hastySteps = 0 }
            overSince = now
            return true
        }
        overSince = nil
        guard value < budget.seconds / 2, !isDropping, level > 0 else {
            underSince = nil
            return false
        }
        let since = underSince ?? now
        underSince = since
        guard now - since >= (hastySteps > 0 ? Self.quickRelief : Self.relief) else { return false }
        level -= 1
        hastySteps = max(0, hastySteps - 1)
        lastRelief = now
        underSince = now
        return true
    }

    /// What `status` says about it; `nil` at full rate.
    public var text: String? { Self.text(level: level) }

    public static func text(level: Int) -> String? {
        guard level > 0, level < steps.count else { return nil }
        let step = steps[level]
        let searches = "overloaded: faces searched \(step.detectionStretch) times less often"
        guard step.frameDivisor > 1 else { return searches }
        let frames = searches + ", every \(step.frameDivisor == 2 ? "second" : step.frameDivisor == 3 ? "third" : "fifth") frame looked at"
        return step.allowsLipAndVoiceFusion ? frames : frames + "; too few for lips, so lip and voice fusion is unavailable"
    }
}
