import Foundation
public import Gallery
import ModelBundle
public import Recognition

/// The agent's bundle: ``RecognitionBundle``, found where the agent's environment says, with the agent's errors.
///
/// Safe to share between threads; the recognizers that it makes are not.
public struct LoadedBundle: Sendable {
    private let bundle: RecognitionBundle

    /// The name that leaves the choice to what is there: the bundle `reference` where somebody named the folder of its models, else `edge`.
    public static let automatic = "auto"

    /// Finds, reads and verifies a bundle.
    /// - Parameter nameOrDirectory: ``automatic``, the name of a bundle, or its folder.
    public static func load(_ nameOrDirectory: String, referenceModels: String?) throws -> LoadedBundle {
        let nameOrDirectory = nameOrDirectory != automatic ? nameOrDirectory : (referenceModels ?? "").isEmpty ? "edge" : "reference"
        let locations = BundleLocations(
            environment: ProcessInfo.processInfo.environment,
            workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath), referenceModels: referenceModels)
        return try naming { LoadedBundle(bundle: try RecognitionBundle(nameOrDirectory, locations: locations)) }
    }

    /// Name and hash, as events state them.
    public var fingerprint: String { bundle.fingerprint }

    /// What a gallery must have been filled by.
    public var encoders: [Modality: EncoderIdentity] { get throws { try Self.naming { try bundle.encoders } } }

    public var outlierPolicy: OutlierPolicy { bundle.outlierPolicy }
    public var matchSettings: MatchSettings { bundle.matchSettings }

    /// A recognizer with networks of its own.
    /// - Parameter match: the bundle's own thresholds, unless given.
    public func makeRecognizer(
        gallery: GallerySnapshot, match: MatchSettings? = nil, settings: Recognizer.Settings = Recognizer.Settings()
    ) throws -> Recognizer {
        try Self.naming { try bundle.makeRecognizer(gallery: gallery, match: match, settings: settings) }
    }

    public func makeEnrollmentSource(choice: FaceChoice) throws -> EnrollmentSource {
        EnrollmentSource(
            choice: choice,
            detector: { try bundle.makeFaceDetector() },
            encoder: { try bundle.makeFaceEncoder() },
            makeRecognizer: { try makeRecognizer(gallery: .empty) })
    }

    /// Embeddings of files by what enrols them.
    public func makeEmbeddingSource(choice: FaceChoice) throws -> EmbeddingSource {
        EmbeddingSource(
            try makeEnrollmentSource(choice: choice), choice: choice, model: fingerprint, encoders: try encoders, makeFused: { try Self.naming { try bundle.makeFusedEncoder() } })
    }

    private static func naming<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as BundleError { throw AgentError(error) }
    }
}
