public import Gallery
public import MediaTypes

/// What a decision rests on.
public enum ModalitySet: String, Sendable, Hashable, CaseIterable {
    case both, face, voice

    public var modalities: [Modality] {
        switch self {
        case .both: [.face, .voice]
        case .face: [.face]
        case .voice: [.voice]
        }
    }

    /// For people to read.
    public var label: String { self == .both ? "face and voice" : rawValue }
}

/// What is said about one appearance.
public enum Verdict: String, Sendable, Hashable {
    /// One person in the gallery matches well enough, and clearly better than any other.
    case identified
    /// Nobody in the gallery matches.
    case unknown
    /// Somebody matches, but not clearly better than somebody else.
    case ambiguous
    /// Face and voice were never good enough to compare.
    case rejected
}

/// Where an appearance stands in its life: one `new`, an `update` for each change, one `end`.
public enum DecisionStage: String, Sendable, Hashable {
    case new, update, end
}

/// A statement about who somebody is, at one instant.
public struct IdentityDecision: Sendable, Hashable {
    public struct Face: Sendable, Hashable {
        /// Cosine similarity with the named (else the best) person's templates, −1…1; `nil` where nobody has a face template.
        public var score: Float?
        /// Distance of the eyes' line to the chin, as the height of the face's box, in pixels.
        public var pixels: Int
        /// 0…1.
        public var quality: Float
        public var yaw: Float

        public init(score: Float?, pixels: Int, quality: Float, yaw: Float) {
            self.score = score
            self.pixels = pixels
            self.quality = quality
            self.yaw = yaw
        }
    }

    public struct Voice: Sendable, Hashable {
        /// Cosine similarity as in ``Face/score``.
        public var score: Float?
        /// Speech credited to this appearance and used.
        public var speech: TimeSpan
        /// Estimated signal-to-noise ratio in dB; `nil` where it was not measured.
        public var signalToNoise: Float?

        public init(score: Float?, speech: TimeSpan, signalToNoise: Float?) {
            self.score = score
            self.speech = speech
            self.signalToNoise = signalToNoise
        }
    }

    public struct Speaking: Sendable, Hashable {
        public var state: Bool
        /// 0…1 that the face is the one that speaks.
        public var confidence: Float

        public init(state: Bool, confidence: Float) {
            self.state = state
            self.confidence = confidence
        }
    }

    public var stage: DecisionStage
    public var instant: Instant
    public var track: TrackID
    public var verdict: Verdict
    /// `nil` unless ``verdict`` is `identified`.
    public var person: Person?
    /// Fused score of the best person; `nil` where there was nothing to compare with.
    public var score: Float?
    /// What the score had to reach.
    public var threshold: Float
    /// An upper estimate, 0…1, of how probably somebody who is none of the people compared reaches this score with one of them, by this comparison
    /// alone; `nil` unless somebody is identified by modalities that are calibrated. See `FalseAcceptEstimate`.
    public var falseAcceptEstimate: Double?
    /// By how much the best person leads the second; `nil` where there is no second.
    public var margin: Float?
    public var runnerUp: (Person, Float)? { runnerUpPerson.map { ($0, runnerUpScore) } }
    var runnerUpPerson: Person?
    var runnerUpScore: Float = 0
    public var modality: ModalitySet?
    public var face: Face?
    public var voice: Voice?
    public var speaking: Speaking?
    /// In fractions of the picture's width and height; `nil` for a voice without a face.
    public var box: BoundingBox?
    /// From the capture of the newest evidence to this decision, on the media time line.
    public var evidenceAge: TimeSpan

    public init(
        stage: DecisionStage, instant: Instant, track: TrackID, verdict: Verdict, person: Person? = nil,
        score: Float? = nil, threshold: Float, margin: Float? = nil, runnerUp: (Person, Float)? = nil,
        modality: ModalitySet? = nil, face: Face? = nil, voice: Voice? = nil, speaking: Speaking? = nil,
        box: BoundingBox? = nil, evidenceAge: TimeSpan = .zero, falseAcceptEstimate: Double? = nil
    ) {
        self.stage = stage
        self.instant = instant
        self.track = track
        self.verdict = verdict
        self.person = person
        self.score = score
        self.threshold = threshold
        self.margin = margin
        runnerUpPerson = runnerUp?.0
        runnerUpScore = runnerUp?.1 ?? 0
        self.modality = modality
        self.face = face
        self.voice = voice
        self.speaking = speaking
        self.box = box
        self.evidenceAge = evidenceAge
        self.falseAcceptEstimate = falseAcceptEstimate
    }
}
