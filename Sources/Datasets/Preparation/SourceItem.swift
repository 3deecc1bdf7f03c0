/// One file, or a part of one, whose person is known.
public struct SourceItem: Hashable, Sendable {
    /// Where the file is.
    public var path: String
    /// Path below the source's folder: what the shards say, and what parts are made by.
    public var name: String
    public var identity: String
    /// What one recording belongs together with: the video of VoxCeleb, else the folder of the file. Pairs across sessions are harder.
    public var session: String
    /// Seconds on the clip's own time line; `nil` for its beginning and its end.
    public var start: Double?
    public var end: Double?
    /// Who is meant where there are several faces; `nil` for what the command says.
    public var subject: SubjectChoice?

    public init(
        path: String, name: String, identity: String, session: String = "", start: Double? = nil, end: Double? = nil, subject: SubjectChoice? = nil
    ) {
        self.path = path
        self.name = name
        self.identity = identity
        self.session = session
        self.start = start
        self.end = end
        self.subject = subject
    }

    /// Distinguishes parts of one file.
    public var key: String {
        start == nil && end == nil ? name : "\(name)#\(start.map { "\($0)" } ?? "")-\(end.map { "\($0)" } ?? "")"
    }
}

/// Which face is the labelled person's where several are seen.
public enum SubjectChoice: Hashable, Sendable, CustomStringConvertible {
    /// There must be only one; smaller ones in a picture's background do not count.
    case only
    /// The largest, in a clip over time.
    case largest
    /// The one nearest to the middle of the picture.
    case middle
    /// The one that speaks most; in a picture the largest.
    case speaking
    /// The one with this track number, as `fwoc-agent replay` prints it.
    case track(Int)

    public init?(_ text: String) {
        switch text {
        case "only": self = .only
        case "largest": self = .largest
        case "middle": self = .middle
        case "speaking": self = .speaking
        default:
            guard let number = Int(text), number > 0 else { return nil }
            self = .track(number)
        }
    }

    public var description: String {
        switch self {
        case .only: "only"
        case .largest: "largest"
        case .middle: "middle"
        case .speaking: "speaking"
        case .track(let number): "\(number)"
        }
    }
}
