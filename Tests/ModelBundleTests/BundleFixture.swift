import Foundation
import ModelBundle
import Testing

/// A folder of its own that is removed with the instance.
final class ScratchFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file, making its folders.
    @discardableResult
    func write(_ text: String, to path: String) throws -> URL {
        let file = url.appending(path: path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return file
    }
}

/// A bundle with two roles, whose “networks” are the texts `detector` and `encoder`; hashes by `sha256sum`.
enum TestBundle {
    static let detectorHash = "f2b3cbe41413047352141e5b863d87e696ec4f52b503040dba3a5700acd529a0"
    static let encoderHash = "9ff94c3eb0c1d350b76101c553e6e70c1178b96fc7fd738182e39e2a3f1b9ebe"

    static func yaml(name: String = "small", files: String = "bundle") -> String {
        """
        schema: fwoc.bundle/1
        name: \(name)
        version: 3
        licence: Apache-2.0
        origin: made for a test
        files: \(files)
        roles:
          face-detector:
            file: detector.onnx
            sha256: \(detectorHash)
            contract: {preset: yunet, picture: {colour: bgr}}
            inputs: {image: input}
            outputs: {scores: out}
            score: geometric-mean
          face-encoder:
            file: encoder.onnx
            sha256: \(encoderHash)
            contract:
              preset: faceMBF512
              picture: {width: 112, height: 112, mean: [127.5, 127.5, 127.5]}
            inputs: {image: input.1}
            outputs: {embedding: output}
            score: cosine
            dimension: 512
        matching:
          thresholds: {face: 0.5, voice: 0.6, both: 0.4}
          margin: 0.1
          fusion:
            face: {impostor: 0.1, genuine: 0.7, weight: 60}
            voice: {impostor: 0.1, genuine: 0.5, weight: 9}

        """
    }

    @discardableResult
    static func write(_ folder: ScratchFolder, at path: String, name: String = "small", yaml: String? = nil) throws -> URL {
        try folder.write("detector", to: "\(path)/detector.onnx")
        try folder.write("encoder", to: "\(path)/encoder.onnx")
        return try folder.write(yaml ?? Self.yaml(name: name), to: "\(path)/bundle.yaml").deletingLastPathComponent()
    }
}

/// The error that `body` throws; a failed expectation where it throws none.
func bundleError(_ body: () throws(BundleError) -> Void, _ location: SourceLocation = #_sourceLocation) -> BundleError? {
    do {
        try body()
        Issue.record("no error was thrown", sourceLocation: location)
        return nil
    } catch { return error }
}
