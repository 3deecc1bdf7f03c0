import Datasets
import Foundation

/// Recordings of mouths, kept in a folder so that each clip's pictures are read once. Thread-bound.
public struct RecordingShelf {
    private let folder: URL?
    private let detector: String
    private let landmarks: String
    private var reader: MouthReader?

    /// - Parameters:
    ///   - folder: made if it is not there; nil keeps nothing.
    ///   - detector: as ``MouthReader``'s; with its size part of what a recording is kept under.
    /// - Throws: ``MouthModelError`` where a model is not there or the folder cannot be made.
    public init(folder: String?, detector: String, landmarks: String) throws(MouthModelError) {
        for path in [detector, landmarks] where !FileManager.default.fileExists(atPath: path) {
            throw MouthModelError(.noInput, "\(path): not there; name a face detector (YuNet) and dense landmarks (face_mesh_468.onnx)")
        }
        self.folder = folder.map { URL(fileURLWithPath: $0, isDirectory: true) }
        self.detector = detector
        self.landmarks = landmarks
        if let folder = self.folder {
            do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
                throw MouthModelError(.inputOutput, "\(folder.path): cannot be made (\(error.localizedDescription))")
            }
        }
    }

    /// With its sound.
    public mutating func recording(_ clip: String) throws -> MouthRecording {
        guard let folder else { return try read(clip) }
        let place = folder.appendingPathComponent(String(StableHash.of(key(clip)), radix: 16) + ".json")
        if let data = try? Data(contentsOf: place), var kept = try? JSONDecoder().decode(MouthRecording.self, from: data), kept.path == clip,
            kept.openings.count == kept.times.count, kept.corners.count == kept.times.count
        {
            kept.samples = try MouthReader.sound(clip)
            return kept
        }
        let recording = try read(clip)
        try JSONEncoder().encode(recording).write(to: place, options: .atomic)
        return recording
    }

    private mutating func read(_ clip: String) throws -> MouthRecording {
        if reader == nil { reader = try MouthReader(detector: detector, landmarks: landmarks) }
        return try reader!.read(clip)
    }

    private func key(_ clip: String) -> String {
        func size(_ path: String) -> Int { (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0 }
        return "1 \(clip) \(size(clip)) \(size(detector)) \(size(landmarks))"
    }
}
