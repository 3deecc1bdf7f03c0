import FrontEnd
import Gallery
import Inference
import MediaFiles
import ModelBundle
import Recognition

/// Why a command cannot do its work, with the exit code that scripts read (sysexits(3)).
public struct AgentError: Error, Sendable, CustomStringConvertible {
    public enum Category: Int32, Sendable {
        /// EX_DATAERR: the input is there and is wrong.
        case badData = 65
        /// EX_NOINPUT
        case noInput = 66
        /// EX_UNAVAILABLE
        case unavailable = 69
        /// EX_SOFTWARE
        case internalError = 70
        /// EX_IOERR
        case inputOutput = 74
        /// EX_NOPERM
        case noPermission = 77
        /// EX_CONFIG
        case configuration = 78
    }

    public let category: Category
    /// What was wrong, where, what was expected, and what to do.
    public let description: String

    public init(_ category: Category, _ description: String) {
        self.category = category
        self.description = description
    }

    public init(_ error: MediaError) {
        let category: Category =
            switch error.category {
            case .noInput: .noInput
            case .badData: .badData
            case .noPermission: .noPermission
            case .inputOutput: .inputOutput
            case .unavailable: .unavailable
            }
        self.init(category, "\(error)")
    }

    public init(_ error: GalleryError) {
        let category: Category =
            switch error.category {
            case .badData: .badData
            case .noInput: .noInput
            case .noPermission: .noPermission
            case .inputOutput: .inputOutput
            case .unavailable: .unavailable
            case .configuration: .configuration
            }
        self.init(category, "gallery: \(error)")
    }

    public init(_ error: BundleError) {
        let category: Category =
            switch error.category {
            case .configuration: .configuration
            case .noInput: .noInput
            case .inputOutput: .inputOutput
            }
        self.init(category, "\(error)")
    }

    public init(_ absence: EmbeddingAbsence) { self.init(.badData, "\(absence)") }

    public init(_ error: RecognitionError) { self.init(.internalError, "\(error)") }

    /// Any error, by what it is.
    public init(wrapping error: any Error) {
        switch error {
        case let error as AgentError: self = error
        case let error as MediaError: self.init(error)
        case let error as GalleryError: self.init(error)
        case let error as BundleError: self.init(error)
        case let absence as EmbeddingAbsence: self.init(absence)
        case let error as RecognitionError: self.init(error)
        default: self.init(.internalError, "\(error)")
        }
    }
}
