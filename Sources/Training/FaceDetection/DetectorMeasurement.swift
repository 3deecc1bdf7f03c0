import Biometrics
import Datasets
import Foundation
import MediaTypes
import ModelBundle
import Recognition
import RunRecords

/// How well a finder of faces finds those that people found, and how far its landmarks are from another's: as the agent runs it, in pictures that are not enlarged.
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

    /// - Parameter advance: pictures done, of so many.
    func values(_ list: BoxList, advance: (Int, Int) -> Void) throws -> [RunValue] {
        var own = DetectionTrials(), other = DetectionTrials(), distances: [Float] = []
        for (done, image) in list.images.enumerated() {
            let frame = try PictureSet.frame(image.path)
            let found = try student.detect(frame), taught = try teacher.detect(frame)
            func pairs(_ faces: [FaceDetection]) -> [(box: DetectionTrials.Box, score: Float)] {
                faces.map { (DetectionTrials.Box($0.box.x, $0.box.y, $0.box.width, $0.box.height), $0.score) }
            }
            let a = own.add(found: pairs(found), there: image.boxes), b = other.add(found: pairs(taught), there: image.boxes)
            for (place, face) in a.enumerated() {
                guard let face, image.boxes[face].counts, found[place].score > 0.5, let same = b.firstIndex(of: face) else { continue }
                let p = found[place].landmarks.points, q = taught[same].landmarks.points
                let eyes = hypot(q[0].x - q[1].x, q[0].y - q[1].y)
                guard eyes > 1 else { continue }
                distances.append(zip(p, q).reduce(0) { $0 + hypot($1.0.x - $1.1.x, $1.0.y - $1.1.y) } / Float(p.count) / eyes)
            }
            advance(done + 1, list.images.count)
        }
        let sorted = distances.sorted()
        return [
            RunValue("average_precision", own.averagePrecision), RunValue("teacher_average_precision", other.averagePrecision), RunValue("faces", Double(own.faceCount)),
            RunValue("landmark_distance", sorted.isEmpty ? nil : Double(sorted.reduce(0, +)) / Double(sorted.count)),
            RunValue("landmark_distance_median", sorted.isEmpty ? nil : Double(sorted[sorted.count / 2])),
        ]
    }
}
