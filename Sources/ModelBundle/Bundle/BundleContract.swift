/// The front-end contract of a role as the bundle states it: a preset's name, and values by dotted key, such as
/// `picture.width`. This module does not know what they mean; it keeps them, and compares them with what the code does.
public struct BundleContract: Sendable, Hashable {
    /// For example `faceMBF512`.
    public var preset: String
    /// Values as written, lists as `[1,2,3]`.
    public var values: [String: String]

    public init(preset: String, values: [String: String] = [:]) {
        self.preset = preset
        self.values = values
    }

    /// The presets that the front end has, and the roles that each serves.
    public static let presets: [String: Set<BundleRole>] = [
        "yunet": [.faceDetector],
        "ultraLightFace320": [.faceDetector],
        "faceMesh468": [.faceLandmarks],
        "mobileFaceNet128": [.faceEncoder],
        "faceMBF512": [.faceEncoder],
        "speakerTDNN512": [.voiceEncoder],
        "silero": [.voiceActivity],
        "lrASD": [.speakingFace],
        "mouth96": [.syncVideo],
        "face112": [.faceEncoder],
        "logMel80": [.syncAudio, .voiceActivity],
        "logMel80Centred": [.voiceEncoder],
        // Embeddings of the bundle's own encoders: `face.sha256` and `voice.sha256` are those of their files.
        "embeddings": [.fuser],
    ]

    /// One `key=value` a line, sorted; equal exactly for equal contracts.
    public var canonicalText: String {
        "preset=\(preset)\n" + values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
    }

    /// The first value that differs from what the code does, in the order of keys.
    ///
    /// - Parameter canonicalText: `key=value` lines, as `FrontEndContract.fingerprint` has them. Values that the bundle does
    ///   not state are not compared; numbers are compared as binary32, however they are written.
    public func disagreement(with canonicalText: String) -> (key: String, got: String, expected: String)? {
        var actual: [String: String] = [:]
        for line in canonicalText.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            actual[String(line[..<equals])] = String(line[line.index(after: equals)...])
        }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let other = actual[key] else { return (key, value, "absent") }
            if !Self.isSame(value, other) { return (key, value, other) }
        }
        return nil
    }

    private static func isSame(_ a: String, _ b: String) -> Bool {
        if a == b { return true }
        func elements(_ text: String) -> [Float]? {
            let inner = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : Substring(text)
            var numbers: [Float] = []
            for part in inner.split(separator: ",") {
                guard let number = Float(part.filter { $0 != " " }) else { return nil }
                numbers.append(number)
            }
            return numbers
        }
        guard a.hasPrefix("[") == b.hasPrefix("["), let x = elements(a), let y = elements(b), !x.isEmpty else { return false }
        return x == y
    }

    /// A whole number among the values.
    func integer(_ key: String) -> Int? { values[key].flatMap { Int($0) } }
}
