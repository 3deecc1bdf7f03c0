import FrontEnd
import Gallery
import MediaTypes

extension Recognizer {
    /// Grid frames (40 ms) that speech may wait for an answer about who speaks.
    static let creditPatience = 100
    /// Feature frames (10 ms) in a grid frame.
    static let framesPerGridFrame = VoiceEvidence.framesAtOnce

    func scoreSpeakers(flush: Bool) throws(RecognitionError) {
        guard let scorer = models.speakingFace, let sound, sound.origin != nil else { return }
        try timings.measure(.speakingFace) { () throws(RecognitionError) in
            try scorer.score(sound, flush: flush) { slot, gridFrame, logOdds in
                guard let appearance = appearances.first(where: { $0.slot == slot && !$0.isEnded }) else { return }
                let start = sound.frame(at: SpeakingGrid.instant(gridFrame))
                // Without speech nobody speaks, whatever the lips do.
                let speech = sound.speechProbability(frame: start + 2) ?? 1
                appearance.speaking.add(speech >= settings.speechThreshold ? logOdds : min(logOdds, -1), at: gridFrame)
                speechCollector?.collectSpeaking(appearance.id, gridFrame: gridFrame, logOdds: logOdds)
            }
        }
    }

    /// Credits speech to the one face that speaks, to the voice off screen, or to nobody.
    func credit(flush: Bool) throws(RecognitionError) {
        guard let sound, let logMel = sound.logMel, sound.origin != nil, models.voiceEncoder != nil || speechCollector != nil else { return }
        let frontier = creditFrontier ?? SpeakingGrid.index(at: sound.origin ?? .zero) + 1
        var gridFrame = frontier
        let newest = SpeakingGrid.index(at: now)
        while true {
            let first = sound.frame(at: SpeakingGrid.instant(gridFrame))
            let frames = first..<first + Self.framesPerGridFrame
            guard frames.upperBound <= logMel.availableFrames.upperBound else { break }
            guard let speech = sound.speechProbability(frame: frames.upperBound - 1) ?? (flush ? 0 : nil) else { break }
            if !flush && !isAnswered(gridFrame, newest) { break }
            if frames.lowerBound >= logMel.availableFrames.lowerBound {
                try credit(gridFrame, frames, speech: speech, sound, logMel)
            }
            gridFrame += 1
        }
        creditFrontier = gridFrame
        if let offScreen, let last = offScreen.voice?.last, now - last > settings.hold { endOffScreen() }
    }

    /// Whether everything that could say who speaks in a grid frame has said it.
    private func isAnswered(_ gridFrame: Int, _ newest: Int) -> Bool {
        if newest - gridFrame > Self.creditPatience { return true }
        for appearance in appearances where appearance.slot != nil && !appearance.isEnded && appearance.speaking.answered <= gridFrame {
            // A face whose crops stopped before this grid frame has nothing to say about it.
            if appearance.nextGridFrame > gridFrame || isVideoLive { return false }
        }
        // A picture of this instant may still come.
        return newest - gridFrame > 15 || (lastVideo.map { SpeakingGrid.index(at: $0) > gridFrame } ?? false)
    }

    private func credit(
        _ gridFrame: Int, _ frames: Range<Int>, speech: Float, _ sound: SoundStream, _ logMel: LogMel
    ) throws(RecognitionError) {
        guard speech >= settings.speechThreshold, sound.isHeard(frame: frames.lowerBound) else {
            // Between two words the mouth closes and it is quiet: that tells, too.
            measureSync(gridFrame, frames.lowerBound, speaker: appearances.first { $0.id == syncTrack && $0.speaking.speaks(at: gridFrame) }, sound)
            return
        }
        let end = sound.instant(ofFrame: frames.upperBound)
        lastSpeech = end
        var speaker: Appearance?
        var best = -Float.infinity
        var second = -Float.infinity
        var isDoubtful = false
        for appearance in appearances where appearance.hasFace && !appearance.isEnded {
            guard let logOdds = appearance.speaking.logOdds(at: gridFrame) else { continue }
            if appearance.speaking.speaks(at: gridFrame) {
                second = max(second, min(best, logOdds))
                if logOdds > best {
                    best = logOdds
                    speaker = appearance
                }
            } else if logOdds > SpeakingEvidence.off {
                isDoubtful = true
            }
        }
        let isClear = speaker != nil && best - second >= SpeakingEvidence.lead
        measureSync(gridFrame, frames.lowerBound, speaker: isClear ? speaker : nil, sound)
        let signalToNoise = sound.level.reading.signalToNoise
        if let speaker, isClear {
            creditedFrames += frames.count
            speechCollector?.collectSpeech(.face(speaker.id), gridFrame: gridFrame, signalToNoise: signalToNoise)
            try append(frames, until: end, to: speaker, logMel)
        } else if speaker == nil && !isDoubtful {
            offScreenFrames += frames.count
            speechCollector?.collectSpeech(.offScreen, gridFrame: gridFrame, signalToNoise: signalToNoise)
            if offScreen == nil {
                offScreen = takeAppearance(TrackID(0), at: sound.instant(ofFrame: frames.lowerBound), hasFace: false)
                offScreenHasIdentifier = false
            }
            if let offScreen { try append(frames, until: end, to: offScreen, logMel) }
        } else {
            contestedFrames += frames.count
            speechCollector?.collectSpeech(.contested, gridFrame: gridFrame, signalToNoise: signalToNoise)
        }
    }

    private func append(_ frames: Range<Int>, until end: Instant, to appearance: Appearance, _ logMel: LogMel) throws(RecognitionError) {
        guard let encoder = models.voiceEncoder else { return }
        if let room = appearance.voice?.room, room < frames.count {
            try encode(appearance, with: encoder)
        }
        appearance.voice?.append(until: end, signalToNoise: sound?.level.reading.signalToNoise) { logMel.copyFrames(frames, into: &$0) }
    }

    func encodeVoices(isFinal: Bool) throws(RecognitionError) {
        guard models.voiceEncoder != nil else { return }
        for appearance in appearances where !appearance.isEnded { try encodeVoice(appearance, isFinal: isFinal) }
        guard let offScreen else { return }
        try encodeVoice(offScreen, isFinal: isFinal)
        guard let voice = offScreen.voice, voice.isKnown else { return }
        if let owner = owner(of: voice) {
            owner.voice?.absorb(voice)
            owner.isDirty = true
            self.offScreen = nil
            pool.append(offScreen)
        } else if !offScreenHasIdentifier, voice.frames >= settings.offScreenFrames {
            offScreen.id = tracker.takeIdentifier()
            offScreenHasIdentifier = true
            appearances.append(offScreen)
        }
    }

    private func encodeVoice(_ appearance: Appearance, isFinal: Bool) throws(RecognitionError) {
        // Asked in place: a copy of the evidence that lives until the end of this scope would make the encoding copy its arrays.
        guard let encoder = models.voiceEncoder,
            appearance.voice?.needsEncoding == true || (isFinal && appearance.voice?.hasUnencodedSpeech == true)
        else { return }
        try encode(appearance, with: encoder)
    }

    private func encode(_ appearance: Appearance, with encoder: VoiceEncoder) throws(RecognitionError) {
        try timings.measure(.voiceEncoding) { () throws(RecognitionError) in try appearance.voice?.encode(with: encoder) }
        appearance.isDirty = true
        if let collector, let voice = appearance.voice {
            collector.collectVoice(
                voice.newest, seconds: Float(voice.newestFrames) / 100, track: appearance.id, run: voice.windowIndex, at: now)
        }
    }

    /// Whose face the voice off screen belongs to after all.
    ///
    /// While no picture comes, a voice that sounds like somebody who was there a moment ago is theirs. And in view of a face that is
    /// known, a voice that matches the same person is theirs, though their lips did not convince.
    private func owner(of voice: VoiceEvidence) -> Appearance? {
        guard !offScreenHasIdentifier else { return nil }
        let scale = matcher.settings.fusion.voice
        let sameVoice = scale.impostor + 0.5 * (scale.genuine - scale.impostor)
        var best: (appearance: Appearance, cosine: Float)?
        for appearance in appearances where appearance.hasFace && !appearance.isEnded {
            var cosine: Float = -1
            if !isVideoLive, let own = appearance.voice, own.isKnown { cosine = UnitLength.dot(own.mean, voice.mean) }
            if let person = appearance.filter.published?.person,
                let result = matcher.match(face: nil, voice: (voice.mean, voice.seconds), holder: person),
                result.best?.id == person.id, let score = result.voiceScore
            {
                cosine = max(cosine, score)
            }
            if cosine >= sameVoice, cosine > (best?.cosine ?? -1) { best = (appearance, cosine) }
        }
        return best?.appearance
    }

    /// Ends the voice off screen: it fell silent.
    func endOffScreen() {
        guard let offScreen else { return }
        self.offScreen = nil
        if offScreenHasIdentifier { conclude(offScreen) } else { pool.append(offScreen) }
        offScreenHasIdentifier = false
    }
}
