public import FrontEnd
public import Gallery
public import MediaTypes

/// Who is in front of camera and microphone: takes frames and sound as they come and says who appears, who they are, on what
/// evidence, and when they are gone.
///
/// The same for a live device and for a file: time is what the frames and blocks carry, never the clock on the wall, so the same
/// input gives the same decisions. One thread; nothing is allocated for a frame or block once the most faces have been seen.
public final class Recognizer {
    public struct Settings: Sendable {
        /// Frames closer together than this to the last one searched are not searched for faces, only tracked.
        public var detectionInterval = TimeSpan.milliseconds(60)
        /// The same while every face has been found again and again in its place: the tracker carries them that long.
        public var settledDetectionInterval = TimeSpan.milliseconds(120)
        /// How long an identity outlives its last evidence, and an unseen voice its last word.
        public var hold = TimeSpan.seconds(2)
        /// A modality that delivers nothing for so long is lost.
        public var lostAfter = TimeSpan.milliseconds(600)
        /// Probability from which a sound counts as speech.
        public var speechThreshold: Float = 0.5
        /// Speech that no visible face spoke gets an appearance of its own from this many frames (10 ms) on.
        public var offScreenFrames = 200
        /// Speech that stands out of the noise by less than this, in dB, is degraded: what is heard of it is compared, but known not to be reliable.
        public var degradedSignalToNoise: Float = 8
        /// Find the landmarks of every detected face, and not only of those that are embedded: for a picture of them.
        public var landmarksEverywhere = false
        /// Measure how much later the sound is than the picture; costs the landmarks of who speaks, for a while.
        public var measuresSync = false
        public var tracker = FaceTracker.Settings()
        public var filter = DecisionFilter.Settings()

        public init() {}
    }

    public private(set) var settings: Settings
    /// Factor on the intervals between searches for faces; more than 1 while there is too little time for every frame.
    public var detectionStretch = 1
    public let timings: StageTimings
    /// Gets every embedding; `nil` (the default) for everything but enrolment.
    public var collector: (any EvidenceCollector)?
    /// Gets who speaks when; `nil` (the default) for everything but the preparation of data.
    public var speechCollector: (any SpeechCollector)?
    let models: RecognitionModels
    private(set) var matcher: OpenSetMatcher
    let sampler = CropSampler(maximumSize: 192)
    let sound: SoundStream?
    var tracker: FaceTracker
    var sceneCut = SceneCut()
    var isAfterCut = false
    var appearances: [Appearance] = []
    var pool: [Appearance] = []
    /// The voice that is heard while no visible face speaks; an appearance once it has an identifier.
    var offScreen: Appearance?
    var offScreenHasIdentifier = false
    /// Next grid frame whose speech is to be credited; `nil` before the first sound.
    var creditFrontier: Int?
    var lastSpeech: Instant?
    var sync = SyncEstimator()
    var syncFrames = 0
    var syncTrack: TrackID?
    var syncFrontier = 0
    var syncCepstrum: [Float]
    var embedding: [Float]
    var greyCrop: [UInt8]
    var lastDetection: Instant?
    var lastTile: Instant?
    var nextTile = 0
    var frameWidth = 1
    var frameHeight = 1
    public internal(set) var lastVideo: Instant?
    /// The newest instant that anything was delivered for.
    public internal(set) var now = Instant.zero
    /// Decisions since the owner last took them, in order.
    var pendingDecisions: [IdentityDecision] = []
    /// Faces of the newest frame.
    public internal(set) var observations: [FaceObservation] = []
    /// Speech frames (10 ms) by what became of them.
    public internal(set) var creditedFrames = 0
    public internal(set) var offScreenFrames = 0
    public internal(set) var contestedFrames = 0
    /// Frames searched for faces.
    public internal(set) var searchedFrames = 0

    public init(
        models: RecognitionModels, logMel: LogMelContract?, gallery: GallerySnapshot, match: MatchSettings,
        settings: Settings = Settings(), timings: StageTimings = StageTimings()
    ) throws(RecognitionError) {
        self.models = models
        self.settings = settings
        self.timings = timings
        matcher = OpenSetMatcher(gallery: gallery, settings: match)
        tracker = FaceTracker(settings: settings.tracker)
        sound = try SoundStream(logMel: logMel, voiceActivity: models.voiceActivity, timings: timings)
        embedding = [Float](repeating: 0, count: models.faceEncoder?.dimension ?? 1)
        let side = models.speakingFace?.cropSize ?? 1
        syncCepstrum = [Float](repeating: 0, count: MFCCContract().coefficients)
        greyCrop = [UInt8](repeating: 0, count: side * side)
        pendingDecisions.reserveCapacity(64)
        observations.reserveCapacity(settings.tracker.capacity)
    }

    /// Takes the next frame. Frames come in order of time.
    public func consume(_ frame: VideoFrame) throws(RecognitionError) {
        now = max(now, frame.instant)
        lastVideo = frame.instant
        frameWidth = frame.width
        frameHeight = frame.height
        try look(at: frame)
        try advance()
        observe()
    }

    /// Takes the next sound. Blocks come in order of time; a gap between two is a loss.
    public func consume(_ block: AudioBlock) throws(RecognitionError) {
        now = max(now, block.end)
        try sound?.append(block)
        try advance()
    }

    /// Says that nothing more comes: answers what was waiting for more, and ends every appearance.
    public func finish() throws(RecognitionError) {
        try sound?.finish()
        try scoreSpeakers(flush: true)
        try credit(flush: true)
        try encodeVoices(isFinal: true)
        decide()
        for appearance in appearances { conclude(appearance) }
        endOffScreen()
        removeEnded()
    }

    /// Says that time went on although nothing was delivered, so that what outlived its evidence ends.
    ///
    /// - Parameter instant: no later than what may still be delivered; earlier than ``now`` changes nothing.
    public func advance(to instant: Instant) throws(RecognitionError) {
        guard instant > now else { return }
        now = instant
        try advance()
    }

    /// Ends every appearance and forgets the faces in view, because what comes next does not continue what came before. Sound and picture may go on
    /// afterwards; who is still there appears anew.
    public func interrupt() throws(RecognitionError) {
        try finish()
        tracker.endAll()
        sound?.interrupt()
        creditFrontier = nil
        lastSpeech = nil
        lastDetection = nil
        observations.removeAll(keepingCapacity: true)
    }

    /// Compares with another gallery from now on; appearances stay, and are looked at again.
    public func replace(gallery: GallerySnapshot, match: MatchSettings) {
        matcher = OpenSetMatcher(gallery: gallery, settings: match)
        for appearance in appearances { appearance.isDirty = true }
    }

    /// Takes the place of another recognizer: identifiers go on, so that none is used twice.
    public func succeed(_ other: Recognizer) { tracker.continueNumbering(after: other.appearanceCount) }

    /// Changes what may change while it runs.
    public func change(hold: TimeSpan, detectionInterval: TimeSpan, settledDetectionInterval: TimeSpan) {
        settings.hold = hold
        settings.detectionInterval = detectionInterval
        settings.settledDetectionInterval = settledDetectionInterval
    }

    /// Hands over the decisions made since the last call, in order.
    public func takeDecisions(_ body: (IdentityDecision) throws -> Void) rethrows {
        defer { pendingDecisions.removeAll(keepingCapacity: true) }
        for decision in pendingDecisions { try body(decision) }
    }

    /// Appearances so far, faces too small to be compared included.
    public var appearanceCount: Int { tracker.identifierCount }
    public var droppedDetections: Int { tracker.droppedDetections }
    /// Whether any speech was heard.
    public var lastSpeechKnown: Bool { lastSpeech != nil }
    /// Sound later than picture by so much; `nil` while not measured, or not known yet.
    public var soundOffset: TimeSpan? { models.speakingFace?.soundOffset ?? sync.offset }
    public var droppedSamples: Int { sound?.droppedSamples ?? 0 }

    public var videoState: ModalityState {
        guard isVideoLive else { return .lost }
        guard !tracker.tracks.isEmpty else { return .silent }
        return appearances.contains { $0.hasFace && ($0.face.count == 0 || $0.face.quality >= 0.12) } ? .present : .degraded
    }

    public var audioState: ModalityState {
        guard isAudioLive else { return .lost }
        guard let lastSpeech, now - lastSpeech < .seconds(1) else { return .silent }
        return (sound?.level.reading.signalToNoise ?? .infinity) < settings.degradedSignalToNoise ? .degraded : .present
    }

    var isVideoLive: Bool { lastVideo.map { now - $0 <= settings.lostAfter } ?? false }
    var isAudioLive: Bool { sound?.endInstant.map { now - $0 <= settings.lostAfter } ?? false }

    private func advance() throws(RecognitionError) {
        try scoreSpeakers(flush: false)
        try credit(flush: false)
        try encodeVoices(isFinal: false)
        decide()
        removeEnded()
    }

    func takeAppearance(_ id: TrackID, at instant: Instant, hasFace: Bool) -> Appearance {
        let appearance =
            pool.popLast()
            ?? Appearance(
                faceDimension: models.faceEncoder?.dimension ?? 1, voiceEncoder: models.voiceEncoder, filter: settings.filter)
        appearance.begin(id, at: instant, hasFace: hasFace)
        return appearance
    }

    private func removeEnded() {
        for index in appearances.indices.reversed() where appearances[index].isEnded {
            let appearance = appearances.remove(at: index)
            if let slot = appearance.slot { models.speakingFace?.close(slot) }
            pool.append(appearance)
        }
    }

    private func observe() {
        observations.removeAll(keepingCapacity: true)
        for track in tracker.tracks {
            guard let appearance = appearances.first(where: { $0.id == track.id }) else { continue }
            observations.append(
                FaceObservation(
                    track: track.id, box: track.box, landmarks: track.landmarks, detectionScore: track.score,
                    isMeasured: track.isMeasured,
                    verdict: appearance.filter.published?.verdict, person: appearance.filter.published?.person,
                    modality: appearance.filter.published?.modality, score: appearance.lastMatch?.score,
                    speaking: speaking(appearance), shape: appearance.shape))
        }
    }

    func speaking(_ appearance: Appearance) -> IdentityDecision.Speaking? {
        guard appearance.slot != nil, isAudioLive else { return nil }
        let isOutspoken = appearances.contains {
            $0 !== appearance && $0.speaking.isSpeaking && $0.slot != nil && $0.speaking.value > appearance.speaking.value + SpeakingEvidence.lead
        }
        return IdentityDecision.Speaking(
            state: appearance.speaking.isSpeaking && !isOutspoken, confidence: appearance.speaking.confidence)
    }
}
