/// Why a file gives no embedding of a modality. A finding about the file, and no failure of the program.
public struct EmbeddingAbsence: Error, Sendable, Hashable, CustomStringConvertible {
    /// For programs to read; the raw values are part of the output of `embed`.
    public enum Cause: String, Sendable, CaseIterable {
        case noPicture = "no_picture"
        case noSound = "no_sound"
        case noFace = "no_face"
        case severalFaces = "several_faces"
        case noSuchTrack = "no_such_track"
        /// Faces, and none of them speaks.
        case nobodySpeaks = "nobody_speaks"
        case tooLittleSpeech = "too_little_speech"
        case notFound = "not_found"
        case undecodable = "undecodable"
        case notPermitted = "not_permitted"
        case unreadable = "unreadable"
    }

    public var path: String
    public var cause: Cause
    /// For people to read: what was found, what is needed, what to do.
    public var reason: String

    public init(_ path: String, _ cause: Cause, _ reason: String) {
        self.path = path
        self.cause = cause
        self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }
}
