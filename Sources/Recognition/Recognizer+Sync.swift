import FrontEnd
import MediaTypes

/// Sound against picture, measured on whoever speaks.
extension Recognizer {
    /// Grid frames of speech that are measured at first, and how many of how many later: landmarks cost time.
    static let firstMeasurement = 1500
    static let measuredShare = (of: 4000, are: 500)

    /// Finds the mouth of the face that speaks, for the grid frames that this picture stands for.
    func watchMouth(_ track: FaceTrack, _ appearance: Appearance, _ frame: VideoFrame) throws(RecognitionError) {
        guard settings.measuresSync, let landmarker = models.denseLandmarker, appearance.slot != nil, track.box.height >= FaceQuality.smallestFace,
            appearance.speaking.isSpeaking, isMeasuringSync
        else {
            appearance.mouth.forget()
            return
        }
        let shape = try timings.measure(.landmarks) { () throws(RecognitionError) in
            try landmarker.shape(frame, box: track.box, landmarks: track.landmarks, with: sampler)
        }
        guard let shape, shape.confidence > 0.5 else { return appearance.mouth.forget() }
        appearance.shape = shape
        appearance.mouth.note(shape.mouthOpening, upTo: SpeakingGrid.index(at: frame.instant))
    }

    private var isMeasuringSync: Bool {
        syncFrames < Self.firstMeasurement || syncFrames % Self.measuredShare.of < Self.measuredShare.are
    }

    /// Compares mouth and sound of a grid frame for which it is known who speaks.
    func measureSync(_ gridFrame: Int, _ first: Int, speaker: Appearance?, _ sound: SoundStream) {
        guard settings.measuresSync, let speaker else { return sync.interrupt() }
        syncFrames += 1
        let frames = first..<first + Self.framesPerGridFrame
        guard let opening = speaker.mouth.opening(at: gridFrame), sound.mfcc.availableFrames.clamped(to: frames) == frames else { return sync.interrupt() }
        if syncTrack != speaker.id || syncFrontier != gridFrame { sync.interrupt() }
        syncTrack = speaker.id
        syncFrontier = gridFrame + 1
        var loudness: Float = 0
        for frame in frames {
            syncCepstrum.withMutableSpan { sound.mfcc.copyFrames(frame..<frame + 1, into: &$0) }
            loudness += syncCepstrum[0] / Float(Self.framesPerGridFrame)
        }
        sync.add(opening: opening, loudness: loudness)
    }
}

/// Openings of one mouth by grid frame, the newest few seconds. Allocates at init only.
struct MouthHistory {
    private static let capacity = 256
    private var openings = [Float](repeating: .nan, count: capacity)
    private var next: Int?

    /// The opening from the last one's grid frame up to this: a slow camera stands still in between, for a fifth of a second at most.
    mutating func note(_ opening: Float, upTo gridFrame: Int) {
        var frame = next ?? gridFrame
        if gridFrame - frame > 5 { frame = gridFrame }
        while frame <= gridFrame {
            openings[Self.slot(frame)] = opening
            frame += 1
        }
        // What lies a ring ahead is older than the ring.
        openings[Self.slot(gridFrame + 1)] = .nan
        next = gridFrame + 1
    }

    /// Nothing is known from here on.
    mutating func forget() {
        guard next != nil else { return }
        next = nil
        for index in openings.indices { openings[index] = .nan }
    }

    func opening(at gridFrame: Int) -> Float? {
        guard let next, gridFrame < next, gridFrame > next - Self.capacity else { return nil }
        let value = openings[Self.slot(gridFrame)]
        return value.isNaN ? nil : value
    }

    private static func slot(_ gridFrame: Int) -> Int { ((gridFrame % capacity) + capacity) % capacity }
}
