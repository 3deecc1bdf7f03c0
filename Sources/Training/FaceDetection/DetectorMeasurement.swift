import Biometrics
import Datasets
import Foundation
import MediaTypes
import ModelBundle
import Recognition
import RunRecords

/// How well a finder of faces finds those that people found, and how far its landmarks are from another's: as the agent runs it, in pictures that are not enlarged.
///
/// Beside that distance stands how far the other's are from its own in the same picture ``shift`` further to the right and down: so much of it is the other's own unsteadiness.
/// Both are in distances between the eyes, of which somebody seen from the side has next to none: a few profiles make most of a mean, and faces whose eyes the other puts at least
/// ``frontal`` of the box's width apart have numbers of their own.
struct DetectorMeasurement {
    private let student: FaceDetector
    private let teacher: FaceDetector

    init(_ student: Graph, teacher: Graph) throws {
        var settings = FaceDetector.Settings()
        // The whole curve.
        settings.scoreThreshold = 0.02
        settings.maximumFaces = 500
        self.student = try FaceDetector(student, settings: settings)
        self.teacher = try FaceDetector(teacher, settings: settings)
    }

    /// Pixels: even, for chroma has half as many, and of no stride a multiple.
    static let shift = (x: 6, y: 2)

    /// Of a box's width.
    static let frontal: Float = 0.4

    private static func isFrontal(_ face: FaceDetection) -> Bool {
        let eyes = face.landmarks.points.prefix(2)
        return hypot(eyes[0].x - eyes[1].x, eyes[0].y - eyes[1].y) >= frontal * face.box.width
    }

    /// The mean distance of five points, in distances between the eyes of the second; `nil` where these are too near to each other to be measured by.
    private static func distance(_ points: [Point], _ others: [Point], by offset: (x: Float, y: Float) = (0, 0)) -> Float? {
        let eyes = hypot(others[0].x - others[1].x, others[0].y - others[1].y)
        guard eyes > 1 else { return nil }
        return zip(points, others).reduce(0) { $0 + hypot($1.0.x - offset.x - $1.1.x, $1.0.y - offset.y - $1.1.y) } / Float(points.count) / eyes
    }

    /// - Parameter advance: pictures done, of so many.
    func values(_ list: BoxList, advance: (Int, Int) -> Void) throws -> [RunValue] {
        var own = DetectionTrials(), other = DetectionTrials(), moved = DetectionTrials(), distances: [Float] = [], tremors: [Float] = [], frontal: [Float] = [], frontalTremors: [Float] = []
        for (done, image) in list.images.enumerated() {
            let frame = try PictureSet.frame(image.path)
            let found = try student.detect(frame), taught = try teacher.detect(frame), again = try teacher.detect(frame.withMargin(left: Self.shift.x, top: Self.shift.y))
            let shift = (x: Float(Self.shift.x), y: Float(Self.shift.y))
            func pairs(_ faces: [FaceDetection], _ shift: (x: Float, y: Float) = (0, 0)) -> [(box: DetectionTrials.Box, score: Float)] {
                faces.map { (DetectionTrials.Box($0.box.x - shift.x, $0.box.y - shift.y, $0.box.width, $0.box.height), $0.score) }
            }
            let a = own.add(found: pairs(found), there: image.boxes), b = other.add(found: pairs(taught), there: image.boxes)
            let c = moved.add(found: pairs(again, shift), there: image.boxes)
            for (place, face) in b.enumerated() {
                guard let face, image.boxes[face].counts else { continue }
                if let same = a.firstIndex(of: face), found[same].score > 0.5, let distance = Self.distance(found[same].landmarks.points, taught[place].landmarks.points) {
                    distances.append(distance)
                    if Self.isFrontal(taught[place]) { frontal.append(distance) }
                }
                if let same = c.firstIndex(of: face), again[same].score > 0.5, let distance = Self.distance(again[same].landmarks.points, taught[place].landmarks.points, by: shift) {
                    tremors.append(distance)
                    if Self.isFrontal(taught[place]) { frontalTremors.append(distance) }
                }
            }
            advance(done + 1, list.images.count)
        }
        func mean(_ values: [Float]) -> Double? { values.isEmpty ? nil : Double(values.reduce(0, +)) / Double(values.count) }
        func median(_ values: [Float]) -> Double? { values.isEmpty ? nil : Double(values.sorted()[values.count / 2]) }
        return [
            RunValue("average_precision", own.averagePrecision), RunValue("teacher_average_precision", other.averagePrecision), RunValue("faces", Double(own.faceCount)),
            RunValue("landmark_distance", mean(distances)), RunValue("landmark_distance_median", median(distances)),
            RunValue("teacher_landmark_distance_shifted", mean(tremors)), RunValue("teacher_landmark_distance_shifted_median", median(tremors)),
            RunValue("frontal_landmark_distance", mean(frontal)), RunValue("frontal_landmark_distance_median", median(frontal)),
            RunValue("teacher_frontal_landmark_distance_shifted", mean(frontalTremors)), RunValue("teacher_frontal_landmark_distance_shifted_median", median(frontalTremors)),
        ]
    }
}
