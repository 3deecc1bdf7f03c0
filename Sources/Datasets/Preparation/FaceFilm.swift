import FrontEnd
import MediaTypes
import Recognition

/// What is kept of one tracked face while its clip is read.
///
/// Pictures of mouths lie on ``SpeakingGrid``: a grid frame gets the picture that stands for it, and the one before where a slow camera has none.
/// Where the face is not followed for longer, a new segment begins.
final class FaceFilm {
    /// An aligned face.
    struct Face {
        var instant: Instant
        /// `[3, 112, 112]`.
        var crop: [UInt8]
        /// ``SampleColumns/faceQualityFields``.
        var quality: [Float]
    }

    /// A stretch without gaps.
    struct Segment {
        var firstGridFrame: Int
        var gridFrames = 0
        /// `[gridFrames, side, side]`.
        var lips: [UInt8] = []
        var speakingFaces: [UInt8] = []
        var faces: [Face] = []
    }

    /// Grid frames without a picture after which a stretch ends.
    private static let longestGap = 12

    private(set) var segments: [Segment] = []
    private(set) var tooSmall = 0
    private(set) var tooBlurred = 0
    /// Sums over all frames, to tell who is meant.
    private(set) var area: Float = 0
    private(set) var distanceFromMiddle: Float = 0
    private(set) var frames = 0
    private var nextFace: Instant?

    func take(_ observation: FaceObservation, _ frame: VideoFrame, _ settings: PrepareSettings, _ cutter: FaceCutter) {
        area += observation.box.area
        let centre = observation.box.centre
        let (dx, dy) = (centre.x / Float(frame.width) - 0.5, centre.y / Float(frame.height) - 0.5)
        distanceFromMiddle += (dx * dx + dy * dy).squareRoot()
        frames += 1
        // Smaller faces are not taken; half as large ones may be about to come nearer.
        guard observation.box.height >= 0.5 * settings.smallestFace else {
            tooSmall += 1
            return
        }
        let upTo = SpeakingGrid.index(at: frame.instant)
        if segments.last.map({ upTo - ($0.firstGridFrame + $0.gridFrames) > Self.longestGap }) ?? true {
            segments.append(Segment(firstGridFrame: upTo))
        }
        let last = segments.count - 1
        let missing = upTo + 1 - (segments[last].firstGridFrame + segments[last].gridFrames)
        if missing > 0 {
            if settings.mouths.contains(.lips) {
                let crop = cutter.lips(frame, observation.landmarks)
                for _ in 0..<missing { segments[last].lips += crop }
            }
            if settings.mouths.contains(.speakingFace) {
                let crop = cutter.speakingFace(frame, observation.box)
                for _ in 0..<missing { segments[last].speakingFaces += crop }
            }
            segments[last].gridFrames += missing
        }
        takeFace(observation, frame, settings, cutter, segment: last)
    }

    private func takeFace(
        _ observation: FaceObservation, _ frame: VideoFrame, _ settings: PrepareSettings, _ cutter: FaceCutter, segment: Int
    ) {
        // Landmarks that were predicted are good enough for a mouth that moves, not for an embedding.
        guard observation.isMeasured, nextFace.map({ frame.instant >= $0 }) ?? true else { return }
        switch cutter.face(frame, box: observation.box, landmarks: observation.landmarks, detection: observation.detectionScore, settings) {
        case .taken(let crop, let quality):
            segments[segment].faces.append(Face(instant: frame.instant, crop: crop, quality: quality))
            // Half a frame of slack, so that 5 a second are 5 at any frame rate.
            nextFace = frame.instant + .seconds(1 / settings.facesPerSecond - 0.02)
        case .refused(.tooSmall): tooSmall += 1
        case .refused: tooBlurred += 1
        }
    }
}
