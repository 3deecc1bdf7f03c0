public import Foundation

/// What of a file is embedded.
public enum EmbeddingScope: String, Sendable, CaseIterable {
    case face, voice
    /// The face, and the speech that its lips spoke.
    case both
}

/// One file's embeddings, or why there are none: a line of `embed`.
///
/// As JSON, face and voice: `{"file", "role", "model", "encoder", "embedding": […], "dimension", "quality"}`, or `cause` and `reason` instead of
/// `embedding`, `dimension` and `quality`. Both: `{"file", "role": "both", "model", "face": {…}, "voice": {…}, "fused": {…}}` with the same keys inside; fused, where the bundle has a
/// fuser, is of what there is of the two.
public struct FileEmbedding: Sendable {
    /// An embedding of unit length with the encoder that made it.
    public struct Embedding: Sendable, Hashable {
        public var values: [Float]
        /// 0 (useless) … 1 (as good as it gets).
        public var quality: Float
        /// Fingerprint of the encoder and its preprocessing; embeddings of another one must not be compared with it.
        public var encoder: String
    }

    public typealias Finding = Result<Embedding, EmbeddingAbsence>

    public var file: String
    public var scope: EmbeddingScope
    /// Fingerprint of the bundle.
    public var model: String
    /// Absent where it was not asked for.
    public var face: Finding?
    public var voice: Finding?
    /// Of both, or of the one that is there; absent also where neither is, and where the bundle has no fuser.
    public var fused: Embedding?

    /// The worst that is wrong with the file itself, for the exit code; `nil` where it could be read, whatever was found in it.
    public var failure: AgentError.Category? {
        for finding in [face, voice] {
            guard case .failure(let absence)? = finding else { continue }
            switch absence.cause {
            case .notFound: return .noInput
            case .undecodable: return .badData
            case .notPermitted: return .noPermission
            case .unreadable: return .inputOutput
            case .noPicture, .noSound, .noFace, .severalFaces, .noSuchTrack, .nobodySpeaks, .tooLittleSpeech: continue
            }
        }
        return nil
    }

    /// One line without its end, keys sorted.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(Line(self))
    }

    /// For people to read.
    public var text: String {
        [("face", face), ("voice", voice), ("fused", fused.map { .success($0) })].compactMap { name, finding in
            switch finding {
            case .success(let embedding)?:
                "\(file): \(name): \(embedding.values.count)-d, quality \(String(format: "%.2f", embedding.quality)), \(embedding.encoder)"
            case .failure(let absence)?: "\(file): \(name): none: \(absence.reason)"
            case nil: nil
            }
        }.joined(separator: "\n")
    }

    private struct Line: Encodable {
        struct Part: Encodable {
            var embedding: [Float]?
            var dimension: Int?
            var quality: Float?
            var encoder: String?
            var cause: String?
            var reason: String?

            init(_ finding: Finding) {
                switch finding {
                case .success(let found):
                    embedding = found.values
                    dimension = found.values.count
                    quality = found.quality
                    encoder = found.encoder
                case .failure(let absence):
                    cause = absence.cause.rawValue
                    reason = absence.reason
                }
            }
        }

        enum Key: String, CodingKey { case file, role, model, face, voice, fused }

        let line: FileEmbedding

        init(_ line: FileEmbedding) { self.line = line }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(line.file, forKey: .file)
            try container.encode(line.scope.rawValue, forKey: .role)
            try container.encode(line.model, forKey: .model)
            switch line.scope {
            case .face: try line.face.map(Part.init)?.encode(to: encoder)
            case .voice: try line.voice.map(Part.init)?.encode(to: encoder)
            case .both:
                try container.encodeIfPresent(line.face.map(Part.init), forKey: .face)
                try container.encodeIfPresent(line.voice.map(Part.init), forKey: .voice)
                try container.encodeIfPresent(line.fused.map { Part(.success($0)) }, forKey: .fused)
            }
        }
    }
}
