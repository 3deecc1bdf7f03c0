/// What a template was computed from.
public enum Modality: String, Sendable, Hashable, CaseIterable, Codable {
    case face, voice
}

/// Which network, behind which preprocessing, computes the embeddings of one modality.
///
/// Embeddings of two encoders must never be compared: their cosine means nothing. A gallery remembers the encoder that
/// filled it and refuses another one.
public struct EncoderIdentity: Sendable, Hashable, Codable, CustomStringConvertible {
    /// For example `face-encoder@sha256:0123456789ab`, over the model file and its front-end contract.
    public var fingerprint: String
    /// Elements of one embedding, 1…4096.
    public var dimension: Int

    public static let dimensions = 1...4096

    public init(fingerprint: String, dimension: Int) {
        self.fingerprint = fingerprint
        self.dimension = dimension
    }

    public var description: String { "\(fingerprint) (\(dimension)-d)" }
}
