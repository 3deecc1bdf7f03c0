import Foundation
public import MediaTypes

/// Follows faces over time: constant-velocity Kalman prediction, minimum-cost assignment of detections to tracks (SORT,
/// Bewley et al. 2016, with a distance that also works for small and fast faces, where boxes of one face do not overlap).
///
/// Time is the frames' own. A track that no detection confirms is kept for ``Settings/patience`` of *watched* time: while
/// no frames arrive nothing is watched, and nothing is lost. Identifiers are never used again. Thread-bound; allocates
/// only while the number of faces grows.
public struct FaceTracker {
    public struct Settings: Sendable, Hashable {
        /// Detections needed before a track gets its identifier: a face that is seen once may be wallpaper.
        public var confirmation = 2
        /// How long a confirmed track survives without a detection.
        public var patience = TimeSpan.milliseconds(1500)
        /// How long a small face does, confirmed or not: a large frame is searched for them one quarter at a time.
        public var smallFacePatience = TimeSpan.milliseconds(3000)
        /// Up to this height in pixels a face is small.
        public var smallFaceHeight: Float = 30
        /// How long an unconfirmed one does.
        public var candidatePatience = TimeSpan.milliseconds(250)
        /// Frames further apart than this are an interruption: velocities are forgotten and the gap is not watched time.
        public var interruption = TimeSpan.milliseconds(500)
        /// At most so many tracks and candidates; the weakest new detections are dropped, and counted.
        public var capacity = 32

        public init() {}
    }

    public let settings: Settings
    /// Confirmed tracks in order of identifier.
    public private(set) var tracks: [FaceTrack] = []
    /// Identifiers of tracks that ended in the last call.
    public private(set) var ended: [TrackID] = []
    /// Detections that found no place because the tracker was full.
    public private(set) var droppedDetections = 0

    private struct Watch { var track: FaceTrack; var unconfirmed: TimeSpan }
    private var confirmedAges: [TimeSpan] = []
    private var candidates: [Watch] = []
    private var nextIdentifier = 1
    private var clock: Instant?
    private var assignment = Assignment()
    private var cost: [Float] = []
    private var unmatched: [Int] = []

    public init(settings: Settings = Settings()) {
        self.settings = settings
        tracks.reserveCapacity(settings.capacity)
        candidates.reserveCapacity(settings.capacity)
        cost.reserveCapacity(settings.capacity * settings.capacity)
    }

    /// Identifiers given so far.
    public var identifierCount: Int { nextIdentifier - 1 }

    /// Whether the last search found every track in its place, nothing new, and each for the tenth time at least.
    public private(set) var isSettled = false

    /// A fresh identifier from the same sequence, for appearances that begin without a face (a voice).
    public mutating func takeIdentifier() -> TrackID {
        defer { nextIdentifier += 1 }
        return TrackID(nextIdentifier)
    }

    /// Moves all tracks to the time of a frame that no detector looks at.
    public mutating func advance(to instant: Instant) {
        ended.removeAll(keepingCapacity: true)
        predict(to: instant)
        retire()
    }

    /// As ``update(_:at:)`` after a search of a part of the frame: what was not found is not missed.
    public mutating func supplement(_ detections: [FaceDetection], at instant: Instant) {
        let wasSettled = isSettled
        update(detections, at: instant)
        isSettled = wasSettled
    }

    /// Moves all tracks to the time of a frame and corrects them with what a detector found in it.
    public mutating func update(_ detections: [FaceDetection], at instant: Instant) {
        ended.removeAll(keepingCapacity: true)
        predict(to: instant)
        unmatched.removeAll(keepingCapacity: true)
        unmatched.append(contentsOf: detections.indices)

        // Confirmed tracks choose first; candidates get what is left.
        match(count: tracks.count, detections) { $0.tracks[$1] } correct: { tracker, row, detection in
            Self.correct(&tracker.tracks[row], with: detection, at: instant)
            tracker.confirmedAges[row] = .zero
        }
        match(count: candidates.count, detections) { $0.candidates[$1].track } correct: { tracker, row, detection in
            Self.correct(&tracker.candidates[row].track, with: detection, at: instant)
            tracker.candidates[row].unconfirmed = .zero
        }
        for index in unmatched {
            guard tracks.count + candidates.count < settings.capacity else {
                droppedDetections += 1
                continue
            }
            candidates.append(Watch(track: Self.start(detections[index], at: instant), unconfirmed: .zero))
        }
        promote()
        retire()
        isSettled = candidates.allSatisfy { isSmall($0.track) } && !tracks.isEmpty && tracks.allSatisfy { isSmall($0) || ($0.isMeasured && $0.hits >= 10 && isSteady($0)) }
    }

    private func isSmall(_ track: FaceTrack) -> Bool { track.box.height <= settings.smallFaceHeight }

    /// Slower than a face's own size in a second.
    private func isSteady(_ track: FaceTrack) -> Bool {
        let dx = track.x.velocity
        let dy = track.y.velocity
        return dx * dx + dy * dy < track.size * track.size
    }

    /// Ends a track now and starts a new one in its place: its face turned out to be another person's.
    /// - Returns: the new track's identifier, or `nil` where there is no such track.
    public mutating func split(_ id: TrackID, at instant: Instant) -> TrackID? {
        guard let index = tracks.firstIndex(where: { $0.id == id }) else { return nil }
        let old = tracks.remove(at: index)
        confirmedAges.remove(at: index)
        let new = takeIdentifier()
        tracks.append(
            FaceTrack(
                id: new, firstSeen: instant, lastSeen: old.lastSeen, landmarks: old.landmarks, score: old.score, hits: 1,
                isMeasured: old.isMeasured, x: old.x, y: old.y, width: old.width, height: old.height))
        confirmedAges.append(.zero)
        return new
    }

    /// Ends a track now.
    public mutating func end(_ id: TrackID) {
        guard let index = tracks.firstIndex(where: { $0.id == id }) else { return }
        tracks.remove(at: index)
        confirmedAges.remove(at: index)
    }

    /// Goes on with numbers that another tracker has not used.
    mutating func continueNumbering(after count: Int) { nextIdentifier = max(nextIdentifier, count + 1) }

    /// Ends every track and forgets what was about to become one.
    public mutating func endAll() {
        tracks.removeAll(keepingCapacity: true)
        confirmedAges.removeAll(keepingCapacity: true)
        candidates.removeAll(keepingCapacity: true)
        clock = nil
    }

    private mutating func predict(to instant: Instant) {
        defer { clock = instant }
        guard let clock, instant > clock else { return }
        var elapsed = instant - clock
        let isInterrupted = elapsed > settings.interruption
        if isInterrupted { elapsed = TimeSpan.milliseconds(40) }
        for index in tracks.indices {
            Self.predict(&tracks[index], by: elapsed, interrupted: isInterrupted)
            confirmedAges[index] = confirmedAges[index] + elapsed
        }
        for index in candidates.indices {
            Self.predict(&candidates[index].track, by: elapsed, interrupted: isInterrupted)
            candidates[index].unconfirmed = candidates[index].unconfirmed + elapsed
        }
    }

    private static func predict(_ track: inout FaceTrack, by elapsed: TimeSpan, interrupted: Bool) {
        let dt = Float(elapsed.seconds)
        let size = track.size
        let before = track.box.centre
        if interrupted {
            track.x.halt(speedVariance: size * size)
            track.y.halt(speedVariance: size * size)
            track.width.halt(speedVariance: size * size * 0.04)
            track.height.halt(speedVariance: size * size * 0.04)
        }
        // Heads accelerate by a few of their own widths a second squared; their size on the picture changes less.
        track.x.predict(dt: dt, acceleration: 9 * size * size)
        track.y.predict(dt: dt, acceleration: 9 * size * size)
        track.width.predict(dt: dt, acceleration: 0.5 * size * size)
        track.height.predict(dt: dt, acceleration: 0.5 * size * size)
        track.isMeasured = false
        let after = track.box.centre
        track.landmarks = track.landmarks.moved(dx: after.x - before.x, dy: after.y - before.y)
    }

    private static func correct(_ track: inout FaceTrack, with detection: FaceDetection, at instant: Instant) {
        let variance = measurementVariance(size: track.size)
        track.x.correct(measured: detection.box.centre.x, variance: variance)
        track.y.correct(measured: detection.box.centre.y, variance: variance)
        track.width.correct(measured: detection.box.width, variance: variance)
        track.height.correct(measured: detection.box.height, variance: variance)
        track.landmarks = detection.landmarks
        track.score = detection.score
        track.lastSeen = instant
        track.hits += 1
        track.isMeasured = true
    }

    private static func start(_ detection: FaceDetection, at instant: Instant) -> FaceTrack {
        let size = max(1, detection.box.area.squareRoot())
        let variance = measurementVariance(size: size)
        func filter(_ value: Float, _ speed: Float) -> ConstantVelocityFilter {
            ConstantVelocityFilter(position: value, variance: variance, speedVariance: speed * size * size)
        }
        return FaceTrack(
            id: TrackID(0), firstSeen: instant, lastSeen: instant, landmarks: detection.landmarks, score: detection.score,
            hits: 1, isMeasured: true, x: filter(detection.box.centre.x, 1), y: filter(detection.box.centre.y, 1),
            width: filter(detection.box.width, 0.04), height: filter(detection.box.height, 0.04))
    }

    /// Detectors place a box to about 4 % of its size.
    private static func measurementVariance(size: Float) -> Float { 0.0016 * size * size + 0.25 }

    /// Assigns the unmatched detections to `count` tracks and removes those that found one from ``unmatched``.
    private mutating func match(
        count: Int, _ detections: [FaceDetection], track: (FaceTracker, Int) -> FaceTrack,
        correct: (inout FaceTracker, Int, FaceDetection) -> Void
    ) {
        guard count > 0, !unmatched.isEmpty else { return }
        cost.removeAll(keepingCapacity: true)
        for row in 0..<count {
            let candidate = track(self, row)
            for index in unmatched { cost.append(Self.distance(candidate, detections[index])) }
        }
        let columns = unmatched.count
        assignment.solve(rows: count, columns: columns, cost: cost, limit: 1)
        for row in 0..<count where assignment.columnOfRow[row] >= 0 {
            let column = assignment.columnOfRow[row]
            correct(&self, row, detections[unmatched[column]])
            unmatched[column] = -1
        }
        unmatched.removeAll { $0 < 0 }
    }

    /// Distance of centres and of sizes, in units of what is plausible for this track now; 1 and more is another face.
    private static func distance(_ track: FaceTrack, _ detection: FaceDetection) -> Float {
        let size = track.size
        let centre = detection.box.centre
        let dx = centre.x - track.x.position
        let dy = centre.y - track.y.position
        // Three standard deviations of the prediction, but never less than a third of a face nor more than one and a half.
        let reach = min(max(3 * track.x.pp.squareRoot(), 0.35 * size), 1.5 * size) + 0.15 * size
        let shift = (dx * dx + dy * dy).squareRoot() / reach
        let scale = abs(log(max(1, detection.box.area.squareRoot()) / size)) / log(1.9)
        return (shift * shift + scale * scale).squareRoot()
    }

    private mutating func promote() {
        for index in candidates.indices where candidates[index].track.hits >= settings.confirmation {
            let candidate = candidates[index].track
            tracks.append(
                FaceTrack(
                    id: takeIdentifier(), firstSeen: candidate.firstSeen, lastSeen: candidate.lastSeen,
                    landmarks: candidate.landmarks, score: candidate.score, hits: candidate.hits,
                    isMeasured: candidate.isMeasured, x: candidate.x, y: candidate.y, width: candidate.width,
                    height: candidate.height))
            confirmedAges.append(.zero)
        }
        candidates.removeAll { $0.track.hits >= settings.confirmation }
    }

    private mutating func retire() {
        for index in tracks.indices.reversed()
        where confirmedAges[index] > (isSmall(tracks[index]) ? settings.smallFacePatience : settings.patience) {
            ended.append(tracks[index].id)
            tracks.remove(at: index)
            confirmedAges.remove(at: index)
        }
        ended.sort()
        let settings = settings
        candidates.removeAll {
            $0.unconfirmed > ($0.track.box.height <= settings.smallFaceHeight ? settings.smallFacePatience : settings.candidatePatience)
        }
    }
}

extension FaceLandmarks {
    /// The same points, shifted.
    func moved(dx: Float, dy: Float) -> FaceLandmarks {
        func move(_ point: Point) -> Point { Point(x: point.x + dx, y: point.y + dy) }
        return FaceLandmarks(
            leftEye: move(leftEye), rightEye: move(rightEye), nose: move(nose), leftMouth: move(leftMouth),
            rightMouth: move(rightMouth))
    }
}
