import FrontEnd
import MediaTypes

extension Recognizer {
    /// ``ScoreFusion/Scale/samePersonCosine`` of this bundle's faces.
    public var samePersonCosine: Float { matcher.settings.fusion.face.samePersonCosine }

    /// Pictures of one face after which it is known well enough to be looked at less often.
    static let wellKnown = 8
    /// How often a search of the whole frame gives way to one of a quarter, where frames are large.
    static let settledTileInterval = TimeSpan.milliseconds(480)
    static let tileInterval = TimeSpan.milliseconds(700)
    /// Such pictures in a row before the track is split; one is enough after a cut.
    static let strangersToSplit = 3

    /// Finds, follows, cuts out and embeds the faces of one frame.
    func look(at frame: VideoFrame) throws(RecognitionError) {
        guard let detector = models.faceDetector else { return }
        if sceneCut.isCut(frame) {
            isAfterCut = true
            lastDetection = nil
        }
        // Half a millisecond of slack: presentation times are rounded.
        let interval = (tracker.isSettled ? settings.settledDetectionInterval : settings.detectionInterval) * detectionStretch
        let isDue = lastDetection.map { frame.instant - $0 + TimeSpan(nanoseconds: 500_000) >= interval } ?? true
        let tileInterval = tracker.isSettled ? Self.settledTileInterval : Self.tileInterval
        let isTileTurn =
            isDue && detector.hasTiles && lastDetection != nil && (lastTile.map { frame.instant - $0 >= tileInterval } ?? true)
        if isTileTurn {
            lastDetection = frame.instant
            lastTile = frame.instant
            searchedFrames += 1
            let detections = try timings.measure(.detection) { () throws(RecognitionError) in try detector.detect(frame, tile: nextTile) }
            nextTile = (nextTile + 1) % FrameTile.count
            timings.measure(.tracking) { tracker.supplement(detections, at: frame.instant) }
        } else if isDue {
            lastDetection = frame.instant
            searchedFrames += 1
            let detections = try timings.measure(.detection) { () throws(RecognitionError) in try detector.detect(frame) }
            timings.measure(.tracking) { tracker.update(detections, at: frame.instant) }
        } else {
            timings.measure(.tracking) { tracker.advance(to: frame.instant) }
        }
        for id in tracker.ended {
            if let appearance = appearances.first(where: { $0.id == id }) { conclude(appearance) }
        }
        for track in tracker.tracks {
            let appearance: Appearance
            if let known = appearances.first(where: { $0.id == track.id }) {
                appearance = known
            } else {
                appearance = takeAppearance(track.id, at: frame.instant, hasFace: true)
                appearances.append(appearance)
            }
            appearance.box = BoundingBox(
                x: track.box.x / Float(frame.width), y: track.box.y / Float(frame.height),
                width: track.box.width / Float(frame.width), height: track.box.height / Float(frame.height))
            appearance.largestHeight = max(appearance.largestHeight, track.box.height)
            try timings.measure(.speakingFace) { () throws(RecognitionError) in try feedSpeakingFace(track, appearance, frame) }
            try watchMouth(track, appearance, frame)
            if isDue && track.isMeasured { try embed(track, appearance, frame) }
        }
        if isDue { isAfterCut = false }
    }

    /// Fills the grid frames that this picture stands for.
    private func feedSpeakingFace(_ track: FaceTrack, _ appearance: Appearance, _ frame: VideoFrame) throws(RecognitionError) {
        guard let scorer = models.speakingFace, track.box.height >= FaceQuality.smallestFace else { return }
        let upTo = SpeakingGrid.index(at: frame.instant)
        // After an interruption the faces in between are unknown: begin anew.
        if let slot = appearance.slot, upTo - appearance.nextGridFrame > 12 {
            scorer.close(slot)
            appearance.slot = nil
        }
        if appearance.slot == nil {
            appearance.nextGridFrame = upTo
            appearance.slot = scorer.open(at: upTo)
            appearance.speaking.reset(at: upTo)
        }
        guard let slot = appearance.slot, appearance.nextGridFrame <= upTo else { return }
        guard let transform = scorer.crop(box: track.box, landmarks: track.landmarks) else { return }
        greyCrop.withMutableSpan {
            sampler.writeGrey(frame, transform, width: scorer.cropSize, height: scorer.cropSize, border: scorer.border, into: &$0)
        }
        while appearance.nextGridFrame <= upTo {
            try greyCrop.withSpan { (crop) throws(RecognitionError) in try scorer.append(crop, to: slot) }
            appearance.nextGridFrame += 1
        }
    }

    private func embed(_ track: FaceTrack, _ appearance: Appearance, _ frame: VideoFrame) throws(RecognitionError) {
        guard let encoder = models.faceEncoder, track.box.height >= FaceQuality.smallestFace else { return }
        let isKnown = appearance.face.count >= Self.wellKnown
        let isSettled = isKnown && (appearance.filter.published?.verdict == .identified || appearance.face.count >= 2 * Self.wellKnown)
        let interval: TimeSpan = isSettled ? .milliseconds(800) : isKnown ? .milliseconds(300) : .milliseconds(110)
        let isDue =
            appearance.lastFaceAttempt.map { frame.instant - $0 >= interval || isAfterCut || appearance.face.strangers > 0 } ?? true
        if let landmarker = models.denseLandmarker, isDue || settings.landmarksEverywhere {
            appearance.shape = try timings.measure(.landmarks) { () throws(RecognitionError) in
                try landmarker.shape(frame, box: track.box, landmarks: track.landmarks, with: sampler)
            }
        }
        guard isDue else { return }
        appearance.lastFaceAttempt = frame.instant
        let shape = appearance.shape.flatMap { $0.confidence > 0.5 ? $0 : nil }
        let cut = timings.measure(.faceEncoding) { encoder.cut(frame, track.landmarks, with: sampler) }
        guard cut else { return }
        let pose = try? HeadPose(track.landmarks)
        let yaw = shape?.yaw ?? pose?.yaw ?? 0
        let quality = FaceQuality.quality(
            pixels: track.box.height, sharpness: encoder.sharpness, yaw: yaw, pitch: shape?.pitch ?? 0, detection: track.score)
        guard quality > 0.02 else { return }
        try timings.measure(.faceEncoding) { () throws(RecognitionError) in try encoder.encode(into: &embedding) }

        var owner = appearance
        if appearance.face.count >= 3, quality > 0.15, appearance.face.agreement(embedding) < matcher.settings.fusion.face.strangerCosine {
            appearance.face.noteStranger()
            guard isAfterCut || appearance.face.strangers >= Self.strangersToSplit else { return }
            guard let id = tracker.split(track.id, at: frame.instant) else { return }
            conclude(appearance)
            owner = takeAppearance(id, at: frame.instant, hasFace: true)
            owner.box = appearance.box
            owner.shape = appearance.shape
            owner.lastFaceAttempt = frame.instant
            appearances.append(owner)
        }
        owner.face.add(embedding, quality: quality, yaw: yaw, pixels: Int(track.box.height.rounded()), at: frame.instant)
        owner.isDirty = true
        collector?.collectFace(embedding, quality: quality, track: owner.id, at: frame.instant)
    }
}
