import Foundation

/// The name-independent identity of an enrolled person: `p_` and eight hexadecimal digits, random, never derived from the name.
public struct PersonID: RawRepresentable, Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public let rawValue: String

    /// - Returns: `nil` unless the text is `p_` and eight lower-case hexadecimal digits.
    public init?(rawValue: String) {
        let digits = rawValue.utf8.dropFirst(2)
        guard rawValue.hasPrefix("p_"), digits.count == 8,
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }

    init(random bits: UInt64) {
        let digits = String(UInt32(truncatingIfNeeded: bits), radix: 16)
        rawValue = "p_" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    public var description: String { rawValue }
    public static func < (a: PersonID, b: PersonID) -> Bool { a.rawValue < b.rawValue }
}

/// Somebody who is enrolled.
public struct Person: Sendable, Hashable {
    public let id: PersonID
    /// In Unicode normal form C, without surrounding white space; unique in a gallery without regard to case.
    public let name: String
    public let created: Date

    /// A person as a gallery has it; making one enrols nobody.
    public init(id: PersonID, name: String, created: Date) {
        self.id = id
        self.name = name
        self.created = created
    }

    /// The longest name, in characters.
    public static let longestName = 100

    /// The name as the gallery stores it.
    static func normalize(_ name: String) throws(GalleryError) -> String {
        let trimmed = name.precomposedStringWithCanonicalMapping.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else { throw .invalidName(name, reason: "it is empty") }
        guard trimmed.count <= longestName, trimmed.utf8.count <= 4 * longestName else {
            throw .invalidName(name, reason: "it is longer than \(longestName) characters")
        }
        let forbidden = trimmed.unicodeScalars.first {
            switch $0.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
            // Direction overrides make one name look like another; joiners are needed by some scripts.
            case .format: $0 != "\u{200C}" && $0 != "\u{200D}"
            default: false
            }
        }
        if let forbidden {
            throw .invalidName(name, reason: "it contains the character U+\(String(forbidden.value, radix: 16, uppercase: true))")
        }
        guard PersonID(rawValue: trimmed) == nil else {
            throw .invalidName(name, reason: "it looks like a person's id")
        }
        return trimmed
    }

    /// What makes two names the same: equal keys. Upper-casing first folds sharp s and final sigma too, which lower-casing
    /// alone keeps apart.
    static func key(_ normalizedName: String) -> String {
        normalizedName.uppercased().lowercased().precomposedStringWithCanonicalMapping
    }
}

/// How a caller names a person.
public enum PersonReference: Sendable, Hashable, CustomStringConvertible {
    case id(PersonID)
    case name(String)

    /// What a user typed: an id where it has the form of one, else a name.
    public init(_ text: String) {
        self = PersonID(rawValue: text).map(PersonReference.id) ?? .name(text)
    }

    public var description: String {
        switch self {
        case .id(let id): id.rawValue
        case .name(let name): "‘\(name)’"
        }
    }
}

/// One line of `gallery list`.
public struct PersonSummary: Sendable, Hashable {
    public let person: Person
    /// Templates per modality; a modality without any is absent.
    public let templateCounts: [Modality: Int]
    /// When the newest template was enrolled.
    public let lastEnrolled: Date?
}

/// Everything the gallery knows about a person, except the embeddings.
public struct PersonDetail: Sendable, Hashable {
    public let person: Person
    /// In the order of enrolment.
    public let templates: [TemplateInfo]
}
