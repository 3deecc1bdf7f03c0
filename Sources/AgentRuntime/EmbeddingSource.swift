import Gallery
import MediaFiles
import Recognition

/// Embeddings of files, made by the same code that enrols them. Thread-bound.
///
/// - A picture's face: what `enroll --images` stores.
/// - A clip's face: the mean over the clip by quality, the first template that `enroll --clip` stores.
/// - A voice: the mean of the templates that enrolment stores, by their length; with role `both` of the speech that the face's lips spoke, with role
///   `voice` of all speech in the file, which should be one person's.
/// - With role `both` also the two as one embedding, or the one that there is, where the bundle has a fuser.
public final class EmbeddingSource {
    private let source: EnrollmentSource
    private let choice: FaceChoice
    private let model: String
    private let encoders: [Modality: EncoderIdentity]
    /// Built with the first file that both are asked of.
    private lazy var fused = Result { try makeFused() }
    private let makeFused: () throws -> (encoder: FusedEncoder, identity: EncoderIdentity)?
    /// Built with the first picture.
    private var pictures: PictureEmbedder?

    init(
        _ source: EnrollmentSource, choice: FaceChoice, model: String, encoders: [Modality: EncoderIdentity],
        makeFused: @escaping () throws -> (encoder: FusedEncoder, identity: EncoderIdentity)?
    ) {
        self.source = source
        self.choice = choice
        self.model = model
        self.encoders = encoders
        self.makeFused = makeFused
    }

    /// - Throws: only what is wrong with the models; what is wrong with the file is in the result.
    public func embed(_ path: String, _ scope: EmbeddingScope) throws -> FileEmbedding {
        var line = try modalities(path, scope)
        guard scope == .both, let fused = try fused.get() else { return line }
        let face = try? line.face?.get(), voice = try? line.voice?.get()
        guard face != nil || voice != nil else { return line }
        var values = [Float](repeating: 0, count: fused.encoder.dimension)
        try fused.encoder.encode(face: face?.values, voice: voice?.values, into: &values)
        line.fused = FileEmbedding.Embedding(values: values, quality: max(face?.quality ?? 0, voice?.quality ?? 0), encoder: fused.identity.fingerprint)
        return line
    }

    private func modalities(_ path: String, _ scope: EmbeddingScope) throws -> FileEmbedding {
        var line = FileEmbedding(file: path, scope: scope, model: model)
        do {
            if try PictureReader.isPicture(path) {
                if scope != .voice { line.face = try finding(.face) { try embedPicture(path) } }
                if scope != .face { line.voice = .failure(EmbeddingAbsence(path, .noSound, "this is a picture; there is no sound in it")) }
                return line
            }
            let streams = try MediaReader(path: path).streams
            let noPicture = EmbeddingAbsence(path, .noPicture, "there is no picture in it"), noSound = EmbeddingAbsence(path, .noSound, "there is no sound in it")
            switch (scope, streams.video != nil, streams.audio != nil) {
            case (.face, false, _): line.face = .failure(noPicture)
            case (.voice, _, false): line.voice = .failure(noSound)
            case (.face, true, _): line.face = try finding(.face) { try Self.face(try source.clip(path)) }
            case (.voice, _, true): line.voice = try finding(.voice) { try Self.voice(try source.sound(path)) }
            case (.both, false, _):
                line.face = .failure(noPicture)
                line.voice = try finding(.voice) { try Self.voice(try source.sound(path)) }
            case (.both, true, let hasSound):
                let findings = try Result { try source.clip(path) }.mapAbsence()
                line.face = try finding(.face) { try Self.face(try findings.get()) }
                line.voice = hasSound ? try finding(.voice) { try Self.voice(try findings.get()) } : .failure(noSound)
            }
        } catch let error as MediaError {
            let absence = EmbeddingAbsence(path, Self.cause(error), "\(error.cause); \(error.remedy)")
            if scope != .voice { line.face = .failure(absence) }
            if scope != .face { line.voice = .failure(absence) }
        }
        return line
    }

    private func embedPicture(_ path: String) throws -> (values: [Float], quality: Float) {
        let frame = try PictureReader.read(path).frame
        let embedder = try pictures ?? source.makePictureEmbedder()
        pictures = embedder
        return try embedder.embed(frame, name: path, choice: choice)
    }

    private func finding(_ modality: Modality, _ embed: () throws -> (values: [Float], quality: Float)) throws -> FileEmbedding.Finding {
        guard let encoder = encoders[modality] else {
            throw AgentError(.configuration, "bundle \(model): it has no \(modality.rawValue) encoder; choose another --role or --bundle")
        }
        do {
            let (values, quality) = try embed()
            return .success(FileEmbedding.Embedding(values: values, quality: quality, encoder: encoder.fingerprint))
        } catch let absence as EmbeddingAbsence {
            return .failure(absence)
        }
    }

    private static func face(_ findings: EnrollmentSource.Findings) throws -> (values: [Float], quality: Float) {
        guard let face = findings.candidates.first(where: { $0.modality == .face }) else {
            throw AgentError(.internalError, "a clip was enrolled without a face")
        }
        return (face.embedding, face.quality)
    }

    /// Mean by quality, which is proportional to the length of each run of speech; one run is left as it is.
    private static func voice(_ findings: EnrollmentSource.Findings) throws -> (values: [Float], quality: Float) {
        if let absence = findings.withoutVoice { throw absence }
        let voices = findings.candidates.filter { $0.modality == .voice }
        guard let first = voices.first else { throw AgentError(.internalError, "a recording was enrolled without a voice") }
        guard voices.count > 1 else { return (first.embedding, first.quality) }
        var sum = [Float](repeating: 0, count: first.embedding.count)
        for voice in voices { for index in sum.indices { sum[index] += voice.quality * voice.embedding[index] } }
        let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return (norm > 0 ? sum.map { $0 / norm } : first.embedding, Float(min(1, findings.speechSeconds / 3)))
    }

    private static func cause(_ error: MediaError) -> EmbeddingAbsence.Cause {
        switch error.category {
        case .noInput: .notFound
        case .badData: .undecodable
        case .noPermission: .notPermitted
        case .inputOutput, .unavailable: .unreadable
        }
    }
}

extension Result where Failure == any Error {
    /// An absence stays a result; anything else is thrown.
    fileprivate func mapAbsence() throws -> Result<Success, EmbeddingAbsence> {
        switch self {
        case .success(let value): return .success(value)
        case .failure(let absence as EmbeddingAbsence): return .failure(absence)
        case .failure(let error): throw error
        }
    }
}
