import FrontEnd
import Inference
import MediaFiles
import MediaTypes
import ModelBundle
import Recognition
import Foundation

/// Reads real mouths from clips: the face that is there for longest, followed, with dense landmarks in every picture. Thread-bound.
public final class MouthReader {
    private static let innerLips = (13, 14), corners = (61, 291), cheeks = (234, 454)

    private let detector: FaceDetector
    private let landmarker: DenseLandmarker
    private let sampler = CropSampler()

    /// - Parameters:
    ///   - detector: ONNX file of a face detector as YuNet.
    ///   - landmarks: ONNX file of 468 landmarks of a face.
    /// - Throws: what is wrong with the files.
    public init(detector: String, landmarks: String) throws {
        for path in [detector, landmarks] where !FileManager.default.fileExists(atPath: path) {
            throw MouthModelError(.noInput, "\(path): not there; name the detector and the dense landmarks (face_mesh_468.onnx) with their options")
        }
        var settings = FaceDetector.Settings()
        settings.longSide = 320
        self.detector = try FaceDetector(Graph(onnxFile: URL(fileURLWithPath: detector)), settings: settings)
        landmarker = try DenseLandmarker(Graph(onnxFile: URL(fileURLWithPath: landmarks)), contract: .faceMesh468)
    }

    /// - Throws: for a clip without picture or sound, or without a face in a second of it.
    public func read(_ path: String) throws -> MouthRecording {
        let reader = try MediaReader(path: path)
        guard reader.streams.video != nil, reader.streams.audio != nil else {
            throw MouthModelError(.badData, "\(path): expected pictures and sound")
        }
        var tracker = FaceTracker()
        var films: [TrackID: MouthRecording] = [:]
        var samples: [Float] = []
        let speaker = URL(fileURLWithPath: path).deletingLastPathComponent().lastPathComponent
        while let item = reader.next() {
            switch item {
            case .audio(let block): Self.append(block, to: &samples)
            case .video(let frame):
                tracker.update(try detector.detect(frame), at: frame.instant)
                for track in tracker.tracks where track.isMeasured {
                    guard let mesh = try landmarker.mesh(frame, box: track.box, landmarks: track.landmarks, with: sampler), mesh.confidence > 0.5 else { continue }
                    let face = mesh.distance(Self.cheeks.0, Self.cheeks.1)
                    guard face > 1 else { continue }
                    var film = films[track.id] ?? MouthRecording(path: path, speaker: speaker, times: [], openings: [], corners: [])
                    film.times.append(Double(frame.instant.nanoseconds) / 1e9)
                    film.openings.append(mesh.distance(Self.innerLips.0, Self.innerLips.1) / face)
                    film.corners.append(mesh.distance(Self.corners.0, Self.corners.1) / face)
                    films[track.id] = film
                }
            }
        }
        guard var longest = films.values.max(by: { ($0.times.count, $1.path) < ($1.times.count, $0.path) }), longest.times.count >= 25 else {
            throw MouthModelError(.badData, "\(path): no face in 25 pictures; expected one that talks")
        }
        longest.samples = samples
        return longest
    }

    /// The sound alone.
    public static func sound(_ path: String) throws -> [Float] {
        var options = MediaReader.Options()
        options.readsVideo = false
        let reader = try MediaReader(path: path, options: options)
        var samples: [Float] = []
        while let item = reader.next() { if case .audio(let block) = item { append(block, to: &samples) } }
        return samples
    }

    /// At its time: gaps are silent.
    private static func append(_ block: AudioBlock, to samples: inout [Float]) {
        let start = Int((Double(block.start.nanoseconds) * 16e-6).rounded())
        guard start >= 0, start < 16000 * 36000 else { return }
        if start > samples.count { samples += [Float](repeating: 0, count: start - samples.count) }
        samples += block.samples.dropFirst(max(0, samples.count - start))
    }
}
