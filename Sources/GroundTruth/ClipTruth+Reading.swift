public import Foundation

extension ClipTruth {
    /// Reads a file that ``json()`` wrote, or that somebody wrote by hand, and checks that it does not contradict itself.
    public init(contentsOf path: String) throws(GroundTruthError) {
        try self.init(json: InputFile.contents(path, expected: "the truth of a clip, a JSON file of schema \(Self.schemaName)"), path: path)
    }

    /// - Parameter path: how messages name it.
    public init(json: Data, path: String) throws(GroundTruthError) {
        struct Head: Decodable { var schema: String? }
        func refuse(_ problem: String) -> GroundTruthError { GroundTruthError(.badData, "\(path): \(problem)") }
        guard let head = try? JSONDecoder().decode(Head.self, from: json) else {
            throw refuse("this is no JSON object; expected the truth of a clip, schema \(Self.schemaName)")
        }
        guard head.schema == Self.schemaName else {
            throw refuse("the schema is \(head.schema.map { "‘\($0)’" } ?? "missing"), expected ‘\(Self.schemaName)’")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            self = try decoder.decode(ClipTruth.self, from: json)
        } catch { throw refuse(Self.explain(error)) }
        if let problem { throw refuse(problem) }
    }

    private static func explain(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.reduce("") { $0 + ($1.intValue.map { "[\($0)]" } ?? ($0.isEmpty ? "" : ".") + $1.stringValue) }
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context): return "\(place(context.codingPath + [key])): missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return "\(place(context.codingPath)): \(context.debugDescription)"
        default: return "\(error)"
        }
    }

    /// What contradicts itself, where something does.
    private var problem: String? {
        guard width > 0, height > 0 else { return "width and height: a picture of \(width)x\(height)" }
        guard duration > 0, duration.isFinite, frameRate > 0, frameRate.isFinite else { return "duration and frame_rate must be positive" }
        guard soundOffset.isFinite, soundDrift.isFinite else { return "sound_offset and sound_drift must be numbers" }
        let ids = people.map(\.id)
        if let twice = ids.first(where: { id in ids.count { $0 == id } > 1 }) { return "people: ‘\(twice)’ is there twice" }
        for (index, speech) in speech.enumerated() {
            for id in [speech.person, speech.heard].compactMap({ $0 }) where !ids.contains(id) { return "speech[\(index)]: ‘\(id)’ is none of the people" }
            guard speech.start.isFinite, speech.end.isFinite, speech.start <= speech.end else { return "speech[\(index)]: ends before it starts" }
        }
        var last = -Double.infinity
        for (index, frame) in frames.enumerated() {
            guard frame.time.isFinite, frame.time > last else { return "frames[\(index)]: time \(frame.time) is not after the frame before" }
            last = frame.time
            for face in frame.faces {
                guard ids.contains(face.person) else { return "frames[\(index)]: ‘\(face.person)’ is none of the people" }
                guard face.box.count == 4, face.box.allSatisfy(\.isFinite) else { return "frames[\(index)]: a box has 4 numbers" }
                guard face.landmarks.map({ $0.count == 10 }) ?? true else { return "frames[\(index)]: landmarks have 10 numbers" }
            }
        }
        return nil
    }
}

/// Files as they come in.
enum InputFile {
    static func contents(_ path: String, expected: String) throws(GroundTruthError) -> Data {
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw GroundTruthError(.noInput, "\(path): no such file; expected \(expected)") }
        if isFolder.boolValue { throw GroundTruthError(.noInput, "\(path): this is a directory; expected \(expected)") }
        guard FileManager.default.isReadableFile(atPath: path) else { throw GroundTruthError(.noPermission, "\(path): permission denied") }
        do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw GroundTruthError(.inputOutput, "\(path): reading failed: \(error.localizedDescription)")
        }
    }
}
