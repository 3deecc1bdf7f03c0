/// Why something was not taken.
public enum RefusalReason: String, Codable, Hashable, Sendable, CaseIterable {
    /// The file is not there or cannot be opened.
    case unreadable
    /// It is no picture, clip or sound.
    case notMedia = "not-media"
    /// It does not decode, or only in part; what decoded before is taken.
    case damaged
    /// Of faces: none found, or none long enough.
    case noFace = "no-face"
    /// There are several, and nothing says which is meant.
    case severalFaces = "several-faces"
    /// There is no such track.
    case noSuchTrack = "no-such-track"
    case tooSmall = "too-small"
    case tooBlurred = "too-blurred"
    /// With `--aligned`: not of 112×112.
    case wrongSize = "wrong-size"
    /// Of sound: no stream of it.
    case noSound = "no-sound"
    /// No speech in it, or none that this face spoke.
    case noSpeech = "no-speech"
    case tooShort = "too-short"
    /// What comes after the longest part of a file that is read.
    case tooLong = "too-long"
}

/// What was not taken of one file: so many of something for one reason.
public struct Refusal: Codable, Hashable, Sendable {
    public enum Subject: String, Codable, Hashable, Sendable { case file, face, sound, row }

    /// What was refused: all of it, pictures of a face, the sound, or a stretch of time.
    public var what: Subject
    public var reason: RefusalReason
    public var count: Int
    /// What exactly, for people.
    public var detail: String?

    public init(_ what: Subject, _ reason: RefusalReason, count: Int = 1, detail: String? = nil) {
        self.what = what
        self.reason = reason
        self.count = count
        self.detail = detail
    }
}

/// What was taken, as counts and seconds.
public struct TakenCounts: Codable, Hashable, Sendable {
    public var rows = 0
    public var faces = 0
    /// Pictures at 25 a second of mouths.
    public var mouths = 0
    public var soundSeconds = 0.0
    /// Of it, credited to the person.
    public var speechSeconds = 0.0

    public init() {}

    static func += (a: inout TakenCounts, b: TakenCounts) {
        a.rows += b.rows
        a.faces += b.faces
        a.mouths += b.mouths
        a.soundSeconds += b.soundSeconds
        a.speechSeconds += b.speechSeconds
    }
}
