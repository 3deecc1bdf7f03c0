public import Biometrics
public import Gallery

/// When somebody counts as identified.
public struct MatchSettings: Sendable, Hashable {
    /// Fused score that a person must reach, by what it rests on.
    public var thresholds: [ModalitySet: Float]
    /// By how much the best person must lead the second.
    public var margin: Float
    /// Who is identified already stays so down to this much below the threshold, and at half the margin.
    public var hysteresis: Float
    /// Speech in seconds that a voice must have to identify somebody alone.
    public var voiceAloneSeconds: Float
    public var fusion: ScoreFusion
    /// What a fused score says about strangers, by what it rests on. Fitted to scores as they are published, clipped to 0…1, so that an event's
    /// estimate follows from the score it shows. Nothing is estimated for what is not here.
    public var falseAccepts: [ModalitySet: FalseAcceptEstimate]

    public init(
        thresholds: [ModalitySet: Float], margin: Float, hysteresis: Float = 0.06, voiceAloneSeconds: Float = 2, fusion: ScoreFusion,
        falseAccepts: [ModalitySet: FalseAcceptEstimate] = [:]
    ) {
        self.thresholds = thresholds
        self.margin = margin
        self.hysteresis = hysteresis
        self.voiceAloneSeconds = voiceAloneSeconds
        self.fusion = fusion
        self.falseAccepts = falseAccepts
    }
}

/// What the gallery says about one appearance.
public struct MatchResult: Sendable, Hashable {
    public var verdict: Verdict
    /// The best person, whatever the verdict; `nil` where there was nobody to compare with.
    public var best: Person?
    public var score: Float?
    public var runnerUp: Person?
    public var runnerUpScore: Float?
    /// Cosines with the best person.
    public var faceScore: Float?
    public var voiceScore: Float?
    public var threshold: Float
    public var modality: ModalitySet
    /// How probably a stranger reaches ``score`` with one of the people compared, 0…1; `nil` where ``modality`` is not calibrated.
    public var falseAcceptEstimate: Double?
}

/// Open-set identification over a gallery: the best person is named only above a threshold and with a margin to the second.
///
/// Scratch is allocated with the gallery; matching allocates nothing. Thread-bound.
public final class OpenSetMatcher {
    public let settings: MatchSettings
    public private(set) var gallery: GallerySnapshot
    private var faceScores: [Float]
    private var voiceScores: [Float]
    private var fused: [Float]

    public init(gallery: GallerySnapshot, settings: MatchSettings) {
        self.gallery = gallery
        self.settings = settings
        faceScores = [Float](repeating: 0, count: gallery.people.count)
        voiceScores = faceScores
        fused = faceScores
    }

    /// Takes a newer gallery.
    public func replace(_ gallery: GallerySnapshot) {
        self.gallery = gallery
        faceScores = [Float](repeating: 0, count: gallery.people.count)
        voiceScores = faceScores
        fused = faceScores
    }

    /// - Parameters:
    ///   - face: embedding of unit length and its quality 0…1, where there is a face.
    ///   - voice: embedding of unit length and its seconds of speech, where there is a voice.
    ///   - holder: who the appearance is identified as already.
    /// - Returns: `nil` where there is neither face nor voice.
    public func match(
        face: (embedding: [Float], quality: Float)?, voice: (embedding: [Float], seconds: Float)?, holder: Person?
    ) -> MatchResult? {
        let modality: ModalitySet
        switch (face != nil, voice != nil) {
        case (true, true): modality = .both
        case (true, false): modality = .face
        case (false, true): modality = .voice
        case (false, false): return nil
        }
        if let face { fill(&faceScores, face.embedding, .face) }
        if let voice { fill(&voiceScores, voice.embedding, .voice) }
        var people = 0
        for index in fused.indices {
            let faceScore = face.flatMap { value in comparable(faceScores[index]).map { ($0, value.quality) } }
            let voiceScore = voice.flatMap { value in comparable(voiceScores[index]).map { ($0, value.seconds) } }
            let score = settings.fusion.score(face: faceScore, voice: voiceScore)
            if score != nil { people += 1 }
            fused[index] = score ?? GallerySnapshot.noScore
        }
        guard let ranking = GallerySnapshot.Ranking(scores: fused.span) else {
            return MatchResult(verdict: .unknown, threshold: settings.thresholds[modality] ?? 1, modality: modality)
        }
        let best = gallery.people[ranking.best]
        let bestFace = face != nil ? comparable(faceScores[ranking.best]) : nil
        let bestVoice = voice != nil ? comparable(voiceScores[ranking.best]) : nil
        // A person without a voice in the gallery is compared by face alone, and must pass what a face alone must.
        let compared: ModalitySet = bestFace != nil && bestVoice != nil ? .both : bestFace != nil ? .face : .voice
        let isHolder = holder?.id == best.id
        var threshold = settings.thresholds[compared] ?? 1
        if isHolder {
            // Who was named by their face is not named again by their voice: it has to fit, no more.
            threshold = compared == .voice && voice != nil ? threshold / 2 : threshold - settings.hysteresis
        }
        let margin = isHolder ? settings.margin / 2 : settings.margin
        var verdict: Verdict
        if ranking.score < threshold || (compared == .voice && !isHolder && (voice?.seconds ?? 0) < settings.voiceAloneSeconds) {
            verdict = .unknown
        } else if let second = ranking.runnerUpScore, ranking.score - second < margin {
            verdict = .ambiguous
        } else {
            verdict = .identified
        }
        return MatchResult(
            verdict: verdict, best: best, score: ranking.score, runnerUp: ranking.runnerUp.map { gallery.people[$0] },
            runnerUpScore: ranking.runnerUpScore, faceScore: bestFace, voiceScore: bestVoice, threshold: threshold,
            modality: compared, falseAcceptEstimate: settings.falseAccepts[compared]?.rate(score: ranking.score, people: people))
    }

    private func fill(_ scores: inout [Float], _ embedding: [Float], _ modality: Modality) {
        var span = scores.mutableSpan
        gallery.match(embedding.span, modality: modality, scores: &span)
    }

    private func comparable(_ score: Float) -> Float? { score == GallerySnapshot.noScore ? nil : score }
}
