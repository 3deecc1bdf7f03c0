import MediaTypes
import Recognition
import Testing

struct FaceTrackerTests {
    static func face(_ x: Float, _ y: Float = 100, size: Float = 60, score: Float = 0.9) -> FaceDetection {
        let point = Point(x: x + size / 2, y: y + size / 2)
        return FaceDetection(
            box: BoundingBox(x: x, y: y, width: size, height: size),
            landmarks: FaceLandmarks(leftEye: point, rightEye: point, nose: point, leftMouth: point, rightMouth: point), score: score)
    }

    static func instant(_ frame: Int) -> Instant { .seconds(Double(frame) * 0.04) }

    @Test func oneDetectionIsNoTrack() {
        var tracker = FaceTracker()
        tracker.update([Self.face(100)], at: Self.instant(0))
        #expect(tracker.tracks.isEmpty)
        tracker.update([Self.face(101)], at: Self.instant(1))
        #expect(tracker.tracks.map(\.id.value) == [1])
    }

    @Test func crossingFacesKeepTheirIdentifiers() {
        var tracker = FaceTracker()
        for frame in 0..<100 {
            // One walks right, one walks left, one above the other where they meet.
            tracker.update([Self.face(100 + Float(frame) * 4, 100), Self.face(500 - Float(frame) * 4, 170)], at: Self.instant(frame))
        }
        #expect(tracker.tracks.count == 2)
        #expect(abs(tracker.tracks[0].box.x - 496) < 10)
        #expect(abs(tracker.tracks[1].box.x - 104) < 10)
    }

    @Test func aMissedSecondIsSurvived() {
        var tracker = FaceTracker()
        for frame in 0..<25 { tracker.update([Self.face(100 + Float(frame))], at: Self.instant(frame)) }
        for frame in 25..<50 {
            tracker.update([], at: Self.instant(frame))
            #expect(tracker.tracks.first?.isMeasured == false)
        }
        tracker.update([Self.face(150)], at: Self.instant(50))
        #expect(tracker.tracks.map(\.id.value) == [1])
        #expect(tracker.tracks[0].isMeasured)
    }

    @Test func identifiersAreNeverUsedAgain() {
        var tracker = FaceTracker()
        var seen: Set<TrackID> = []
        var ended: [TrackID] = []
        for appearance in 0..<5 {
            for frame in 0..<100 {
                let detections = frame < 20 ? [Self.face(100)] : []
                tracker.update(detections, at: Self.instant(appearance * 100 + frame))
                ended += tracker.ended
                for track in tracker.tracks { seen.insert(track.id) }
            }
        }
        #expect(seen.map(\.value).sorted() == [1, 2, 3, 4, 5])
        #expect(ended.map(\.value) == [1, 2, 3, 4, 5])
    }

    @Test func timeWithoutFramesIsNotWatched() {
        var tracker = FaceTracker()
        for frame in 0..<10 { tracker.update([Self.face(100)], at: Self.instant(frame)) }
        tracker.update([Self.face(102)], at: .seconds(30))
        #expect(tracker.tracks.map(\.id.value) == [1])
    }

    @Test func framesThatAreNotSearchedMoveTracks() {
        var tracker = FaceTracker()
        for frame in 0..<20 { tracker.update([Self.face(100 + Float(frame) * 5)], at: Self.instant(frame)) }
        tracker.advance(to: Self.instant(20))
        #expect(abs(tracker.tracks[0].box.x - 200) < 4)
        #expect(abs(tracker.tracks[0].landmarks.nose.x - 230) < 4)
    }

    @Test func tooManyFacesAreCounted() {
        var settings = FaceTracker.Settings()
        settings.capacity = 4
        var tracker = FaceTracker(settings: settings)
        tracker.update((0..<6).map { Self.face(Float($0) * 100) }, at: .zero)
        #expect(tracker.droppedDetections == 2)
    }

    @Test func aSplitTrackGoesOnUnderANewIdentifier() throws {
        var tracker = FaceTracker()
        for frame in 0..<5 { tracker.update([Self.face(100)], at: Self.instant(frame)) }
        let split = tracker.split(TrackID(1), at: Self.instant(5))
        let new = try #require(split)
        #expect(new == TrackID(2))
        tracker.update([Self.face(100)], at: Self.instant(6))
        #expect(tracker.tracks.map(\.id) == [new])
        let again = tracker.split(TrackID(1), at: Self.instant(7))
        #expect(again == nil)
    }
}
