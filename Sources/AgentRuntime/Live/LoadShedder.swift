public import MediaTypes

/// Keeps the agent within its latency budget: does less where the time does not suffice, and more again where it does.
///
/// First faces are searched less often, then frames are left out. One step down after a second above the budget, one up after ten below
/// half of it: hasty relief would swing. A value, fed by the inference thread; time is a parameter.
public struct LoadShedder: Sendable {
    /// One way to do less.
    public struct Step: Hashable, Sendable {
        /// Factor on the intervals between searches.
        public let detectionStretch: Int
        /// Every n-th frame is looked at.
        public let frameDivisor: Int
    }

    public static let steps = [
        Step(detectionStretch: 1, frameDivisor: 1), Step(detectionStretch: 2, frameDivisor: 1), Step(detectionStretch: 4, frameDivisor: 1),
        Step(detectionStretch: 4, frameDivisor: 2), Step(detectionStretch: 4, frameDivisor: 3), Step(detectionStretch: 4, frameDivisor: 5),
    ]
    static let patience = TimeSpan.seconds(1)
    static let relief = TimeSpan.seconds(10)

    public var budget: TimeSpan
    public private(set) var level = 0
    private var overSince: Instant?
    private var underSince: Instant?
    /// Smoothed over about eight frames, so that one slow search is no overload.
    private var smoothed: Double?

    public init(budget: TimeSpan) { self.budget = budget }

    public var step: Step { Self.steps[level] }

    /// Takes the latency of one frame, from its capture to the end of its recognition.
    /// - Returns: whether ``step`` changed.
    public mutating func note(_ latency: TimeSpan, at now: Instant) -> Bool {
        let value = smoothed.map { $0 + (latency.seconds - $0) / 8 } ?? latency.seconds
        smoothed = value
        if value > budget.seconds {
            underSince = nil
            let since = overSince ?? now
            overSince = since
            guard now - since >= Self.patience, level + 1 < Self.steps.count else { return false }
            level += 1
            overSince = now
            return true
        }
        overSince = nil
        guard value < budget.seconds / 2, level > 0 else {
            underSince = nil
            return false
        }
        let since = underSince ?? now
        underSince = since
        guard now - since >= Self.relief else { return false }
        level -= 1
        underSince = now
        return true
    }

    /// What `status` says about it; `nil` at full rate.
    public var text: String? { Self.text(level: level) }

    public static func text(level: Int) -> String? {
        guard level > 0, level < steps.count else { return nil }
        let step = steps[level]
        let searches = "overloaded: faces searched \(step.detectionStretch) times less often"
        return step.frameDivisor == 1 ? searches : searches + ", every \(step.frameDivisor == 2 ? "second" : step.frameDivisor == 3 ? "third" : "fifth") frame looked at"
    }
}
