public import Datasets
public import Foundation
public import ModelBundle

/// One kind of evidence about a person: which column of a shard holds it, how a row of it becomes a network's input, and which network reads it.
///
/// Everything that training, fusing and measuring know about faces or voices is here: fusers, losses and evaluation see embeddings by name only. Another
/// modality is another conformance, given to ``RecipeVocabulary``.
public protocol Modality: Sendable {
    /// As recipes and results name it.
    static var name: String { get }

    /// Reads what the modality has of its own in a recipe; what is common (encoder, size, views) was taken before.
    /// - Parameter folder: where paths of the recipe begin.
    init(recipe section: inout YAMLSection, folder: URL) throws(BundleError)
    /// Paths from the root of its keys that name files.
    var files: [(key: String, path: String)] { get }

    /// Column of the shards.
    var column: String { get }
    /// Of one input of the encoder, without the batch: `[3, 112, 112]`.
    var inputShape: [Int] { get }
    /// Inputs that one sample has; their embeddings are averaged. More than one where a clip counts as a whole.
    var piecesPerSample: Int { get }
    /// Whether training changes what it reads, so that each epoch sees something else.
    var isAugmented: Bool { get }
    /// The front end that inputs have been through, for the file that is exported.
    var contract: String { get }

    /// An encoder of this name, with one input of ``inputShape`` after the batch, and one output `embedding` `[n, dimension]`; `nil` if there is none.
    func encoder(named name: String, dimension: Int, seed: UInt64) throws -> Graph?
    /// Names that ``encoder(named:dimension:seed:)`` knows.
    var encoderNames: [String] { get }

    /// Whether a row has it.
    func isPresent(in set: ShardSet, row: Int) -> Bool

    /// What a teacher is shown of samples as they are: the same, or more of it.
    var taught: any Modality { get }

    /// What the encoder reads of a row: ``piecesPerSample`` times ``inputShape``, row-major; empty where this view of the row lacks it.
    /// - Parameter view: how it is looked at. The same view of the same row gives the same numbers.
    func input(from set: ShardSet, row: Int, view: SampleView) throws(DatasetError) -> ModalityInput
}

extension Modality {
    public var files: [(key: String, path: String)] { [] }
    public var taught: any Modality { self }
}

extension YAMLSection {
    /// `augment` of a modality: true as usual, false for none, or effects that are not as usual by name.
    mutating func augmentation<Augmentation: Decodable>(usual: Augmentation) throws(BundleError) -> Augmentation? {
        if isSection("augment") { return try optionalValue("augment") }
        return try optionalFlag("augment") ?? true ? usual : nil
    }
}

/// Numbers for an encoder, and how far they are to be trusted.
public struct ModalityInput: Sendable {
    public var values: [Float]
    /// 0…1; a fuser weights with it. 0 where the modality is missing.
    public var quality: Float

    public init(values: [Float], quality: Float = 1) {
        self.values = values
        self.quality = quality
    }

    public static let missing = ModalityInput(values: [], quality: 0)
}

/// How a sample is looked at.
public enum SampleView: Hashable, Sendable {
    /// As it is.
    case clean
    /// Augmented; everything that is drawn follows from the seed.
    case augmented(seed: UInt64)
    /// Made worse on purpose, to measure how much is lost.
    case degraded(Degradation, seed: UInt64)
}
