public import Gallery
public import MediaTypes

/// What the evidence of this instant alone would say about an appearance.
public struct Candidate: Sendable, Hashable {
    public var verdict: Verdict
    public var person: Person?
    public var modality: ModalitySet?

    public init(verdict: Verdict, person: Person?, modality: ModalitySet?) {
        self.verdict = verdict
        self.person = person
        self.modality = modality
    }
}

/// Turns a stream of momentary candidates into few decisions: a decision is made when it has been seen often enough, and
/// unmade only when another has held for a while (hysteresis in time; the hysteresis in score is ``OpenSetMatcher``'s).
///
/// One per appearance. All times are the media's.
public struct DecisionFilter: Sendable {
    public struct Settings: Sendable, Hashable {
        /// Candidates in a row that agree before somebody is named.
        public var agreement = 2
        /// How long an appearance is looked at before `unknown` or `ambiguous` is said: naming may need a better picture.
        public var consideration = TimeSpan.milliseconds(800)
        /// How long another candidate must hold before it replaces a published decision.
        public var persistence = TimeSpan.milliseconds(600)
        /// The same for a change of modality alone.
        public var modalityPersistence = TimeSpan.milliseconds(300)

        public init() {}
    }

    public let settings: Settings
    public let start: Instant
    /// What was last published.
    public private(set) var published: Candidate?
    private var pending: Candidate?
    private var pendingSince: Instant
    private var pendingCount = 0

    public init(settings: Settings = Settings(), start: Instant) {
        self.settings = settings
        self.start = start
        pendingSince = start
    }

    /// Takes the candidate of this instant.
    /// - Returns: the stage to publish, or `nil` where nothing is to be said.
    public mutating func consider(_ candidate: Candidate, at instant: Instant) -> DecisionStage? {
        if candidate == pending {
            pendingCount += 1
        } else {
            pending = candidate
            pendingSince = instant
            pendingCount = 1
        }
        guard let published else {
            let isReady =
                switch candidate.verdict {
                case .identified: pendingCount >= settings.agreement
                case .unknown, .ambiguous:
                    pendingCount >= settings.agreement && instant - start >= settings.consideration
                case .rejected: false
                }
            guard isReady else { return nil }
            self.published = candidate
            return .new
        }
        guard candidate != published, candidate.verdict != .rejected else { return nil }
        let sameIdentity = candidate.verdict == published.verdict && candidate.person == published.person
        // Somebody who was not known and now is gets named as quickly as somebody new.
        let isNaming = published.verdict != .identified && candidate.verdict == .identified
        let wait = sameIdentity ? settings.modalityPersistence : isNaming ? .zero : settings.persistence
        guard pendingCount >= settings.agreement, instant - pendingSince >= wait else { return nil }
        self.published = candidate
        return .update
    }

    /// What is left to say when the appearance ends: a decision that was never made is made now from the last candidate.
    /// - Returns: true where a `new` has to go out before the `end`.
    public mutating func conclude(with candidate: Candidate) -> Bool {
        guard published == nil else { return false }
        published = candidate
        return true
    }
}
