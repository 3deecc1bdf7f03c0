import Gallery
import MediaTypes

extension Recognizer {
    /// Appearances shorter than this that gave nothing to compare are not worth a word.
    static let briefAppearance = TimeSpan.milliseconds(500)
    /// Even without new evidence an appearance is looked at again after this long.
    static let reconsideration = TimeSpan.milliseconds(200)

    /// Looks at every appearance with something new about it and says what changed.
    func decide() {
        timings.measure(.matching) {
            for appearance in appearances where !appearance.isEnded { consider(appearance) }
        }
    }

    private func consider(_ appearance: Appearance) {
        let isDue = appearance.lastConsidered.map { now - $0 >= Self.reconsideration } ?? true
        guard appearance.isDirty || isDue else { return }
        appearance.lastConsidered = now
        appearance.isDirty = false
        guard let result = match(appearance) else {
            if let last = lastEvidence(appearance), now - last > settings.hold + settings.lostAfter {
                if appearance.hasFace { tracker.end(appearance.id) }
                conclude(appearance)
            }
            return
        }
        appearance.lastMatch = result
        let candidate = candidate(result)
        guard let stage = appearance.filter.consider(candidate, at: now) else { return }
        emit(appearance, stage, candidate)
    }

    private func candidate(_ result: MatchResult) -> Candidate {
        Candidate(verdict: result.verdict, person: result.verdict == .identified ? result.best : nil, modality: result.modality)
    }

    private func lastEvidence(_ appearance: Appearance) -> Instant? {
        let face = appearance.face.last.map { max($0, lastVideo ?? $0) }
        guard let voice = appearance.voice?.last else { return face }
        return face.map { max($0, voice) } ?? voice
    }

    /// Compares what is live of an appearance with the gallery; `nil` where nothing is.
    private func match(_ appearance: Appearance) -> MatchResult? {
        var face: (embedding: [Float], quality: Float)?
        if appearance.hasFace, isVideoLive, appearance.face.count > 0 {
            face = (appearance.face.mean, appearance.face.quality)
        }
        var voice: (embedding: [Float], seconds: Float)?
        if let evidence = appearance.voice, evidence.isKnown, isAudioLive {
            // With the face in view the voice stays the face's; without it only what was just said counts.
            let isRecent = evidence.last.map { now - $0 <= settings.hold } ?? false
            if face != nil || isRecent { voice = (evidence.mean, evidence.seconds) }
        }
        return matcher.match(face: face, voice: voice, holder: appearance.filter.published?.person)
    }

    /// Ends an appearance: says what is left to say about it.
    func conclude(_ appearance: Appearance) {
        guard !appearance.isEnded else { return }
        appearance.isEnded = true
        if appearance === offScreen {
            offScreen = nil
            offScreenHasIdentifier = false
        }
        if appearance.filter.published == nil {
            let last: Candidate
            if let result = appearance.lastMatch ?? match(appearance) {
                appearance.lastMatch = result
                last = candidate(result)
            } else {
                // A face in a crowd's depth is nobody's appearance.
                guard now - appearance.start >= Self.briefAppearance,
                    !appearance.hasFace || appearance.largestHeight >= FaceQuality.smallestFace
                else { return }
                last = Candidate(verdict: .rejected, person: nil, modality: nil)
            }
            if appearance.filter.conclude(with: last) { emit(appearance, .new, last) }
        }
        guard var last = appearance.filter.published else { return }
        // Evidence that came too late for an update of its own still says what the same decision rests on in the end.
        if let result = match(appearance) {
            let newest = candidate(result)
            if newest.verdict == last.verdict, newest.person == last.person {
                appearance.lastMatch = result
                last = newest
            }
        }
        emit(appearance, .end, last)
    }

    private func emit(_ appearance: Appearance, _ stage: DecisionStage, _ candidate: Candidate) {
        let result = appearance.lastMatch
        // A score belongs to the person it was computed for; a decision that is held names an older one's.
        let isCurrent = result != nil && (candidate.person == nil || candidate.person?.id == result?.best?.id)
        var runnerUp: (Person, Float)?
        if isCurrent, let person = result?.runnerUp, let score = result?.runnerUpScore { runnerUp = (person, score) }
        var face: IdentityDecision.Face?
        if appearance.face.count > 0, candidate.modality != .voice {
            face = IdentityDecision.Face(
                score: isCurrent ? result?.faceScore : nil, pixels: appearance.face.pixels, quality: appearance.face.quality,
                yaw: appearance.face.yaw)
        }
        var voice: IdentityDecision.Voice?
        if let evidence = appearance.voice, evidence.isKnown, candidate.modality != .face {
            voice = IdentityDecision.Voice(
                score: isCurrent ? result?.voiceScore : nil, speech: .milliseconds(evidence.frames * 10), signalToNoise: evidence.signalToNoise)
        }
        let age = lastEvidence(appearance).map { now - $0 } ?? .zero
        pendingDecisions.append(
            IdentityDecision(
                stage: stage, instant: now, track: appearance.id, verdict: candidate.verdict, person: candidate.person,
                score: isCurrent ? result?.score : nil, threshold: result?.threshold ?? 0,
                margin: isCurrent ? result.flatMap { r in r.runnerUpScore.flatMap { s in r.score.map { $0 - s } } } : nil,
                runnerUp: runnerUp, modality: candidate.modality, face: face, voice: voice, speaking: speaking(appearance),
                box: appearance.hasFace ? appearance.box : nil, evidenceAge: max(age, .zero),
                falseAcceptEstimate: isCurrent && candidate.verdict == .identified ? result?.falseAcceptEstimate : nil))
    }
}
