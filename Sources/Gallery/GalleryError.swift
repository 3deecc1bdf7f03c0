/// Why the gallery refused. `description` says what was wrong, where, what was expected and what to do.
public enum GalleryError: Error, Sendable, Equatable, CustomStringConvertible {
    // The file
    case noSuchFolder(path: String)
    case noSuchFile(path: String)
    case notPermitted(path: String, detail: String)
    case notADatabase(path: String)
    case notAGallery(path: String, found: String)
    case newerSchema(path: String, got: Int, expected: Int)
    case busy(path: String)
    case readOnly(path: String)
    case damaged(path: String, detail: String)
    case inputOutput(path: String, detail: String)
    /// Somebody was enrolled or removed while something was computed from the gallery.
    case changedMeanwhile(path: String)
    /// The person is gone, but another process that reads the gallery keeps old pages alive.
    case erasureIncomplete(path: String)

    // Encoders
    case encoderMismatch(modality: Modality, path: String, expected: EncoderIdentity, got: EncoderIdentity)
    case encoderMissing(modality: Modality)

    // People
    case noSuchPerson(PersonReference)
    case nameTaken(name: String, by: PersonID)
    case invalidName(String, reason: String)
    case samePerson(PersonReference)
    case identifiersExhausted

    // Enrolment
    case nothingToEnroll
    case tooManyCandidates(got: Int, limit: Int)
    case invalidCandidate(index: Int, origin: String, reason: String)
    /// The candidates fall into groups that look like different people; each group is a list of candidate indices.
    case severalPeople(modality: Modality, groups: [[Int]], threshold: Float)
    case differentPerson(modality: Modality, person: Person, similarity: Float, threshold: Float)

    // Archives
    case invalidArchive(path: String, location: String, reason: String)
    case archiveConflict(name: String, id: PersonID, reason: String)

    /// What kind of failure it is, for the exit code of a command.
    public enum Category: Sendable, Equatable { case badData, noInput, noPermission, inputOutput, unavailable, configuration }

    public var category: Category {
        switch self {
        case .noSuchFolder, .noSuchFile: .noInput
        case .notPermitted, .readOnly: .noPermission
        case .inputOutput: .inputOutput
        case .busy, .changedMeanwhile, .erasureIncomplete, .identifiersExhausted: .unavailable
        case .encoderMismatch, .newerSchema, .encoderMissing: .configuration
        case .notADatabase, .notAGallery, .damaged, .noSuchPerson, .nameTaken, .invalidName, .samePerson, .nothingToEnroll,
            .tooManyCandidates, .invalidCandidate, .severalPeople, .differentPerson, .invalidArchive, .archiveConflict:
            .badData
        }
    }

    public var description: String {
        switch self {
        case .noSuchFolder(let path):
            "\(path): its folder does not exist; create the folder first"
        case .noSuchFile(let path):
            "\(path): no such file; enroll somebody to create it, or name another file with --gallery"
        case .notPermitted(let path, let detail):
            "\(path): not permitted (\(detail)); the file and its folder must belong to the user that runs this"
        case .notADatabase(let path):
            "\(path): not an SQLite database; expected a gallery file, name another one with --gallery"
        case .notAGallery(let path, let found):
            "\(path): an SQLite database, but not a gallery (\(found)); name another file with --gallery"
        case .newerSchema(let path, let got, let expected):
            "\(path): its schema has version \(got), this program knows versions up to \(expected); update the program, or export the gallery with the newer one"
        case .busy(let path):
            "\(path): another process keeps it locked; try again when that has finished"
        case .changedMeanwhile(let path):
            "\(path): changed by another process in the meantime; nothing was stored, try again"
        case .readOnly(let path):
            "\(path): opened read-only; open it for writing to change it"
        case .damaged(let path, let detail):
            "\(path): damaged (\(detail)); restore it from an export, or run ‘gallery audit’ to see what is left"
        case .inputOutput(let path, let detail):
            "\(path): \(detail)"
        case .erasureIncomplete(let path):
            "\(path): the person is removed, but another process still reads the gallery and keeps old pages in its log; they are erased when the gallery is next opened for writing without other readers"
        case .encoderMismatch(let modality, let path, let expected, let got):
            "\(path): its \(modality.rawValue) templates were made with \(expected), this bundle has \(got); use the bundle that filled the gallery, or enroll again into another gallery file"
        case .encoderMissing(let modality):
            "no \(modality.rawValue) encoder is named for \(modality.rawValue) templates; use a bundle with the role \(modality.rawValue)-encoder"
        case .noSuchPerson(let reference):
            "nobody called \(reference) in the gallery; ‘gallery list’ shows who is"
        case .nameTaken(let name, let id):
            "the name ‘\(name)’ belongs to \(id); choose another one, or merge the two people"
        case .invalidName(let name, let reason):
            "‘\(printable(name))’ is no usable name: \(reason); use 1 to \(Person.longestName) printable characters"
        case .samePerson(let reference):
            "\(reference) cannot be merged with itself; name two different people"
        case .identifiersExhausted:
            "no free person id after many random draws; the source of randomness repeats itself"
        case .nothingToEnroll:
            "nothing to enroll: no usable face and no usable speech was found"
        case .tooManyCandidates(let got, let limit):
            "\(got) templates at once, at most \(limit) are taken; enroll from fewer or shorter files"
        case .invalidCandidate(let index, let origin, let reason):
            "template \(index + 1) (from \(printable(origin))) cannot be enrolled: \(reason)"
        case .severalPeople(let modality, let groups, let threshold):
            "the \(modality.rawValue)s to enroll look like two or more people (groups of \(groups.map { "\($0.count)" }.joined(separator: ", ")), less than \(threshold) similar); enroll one person at a time"
        case .differentPerson(let modality, let person, let similarity, let threshold):
            "the \(modality.rawValue) does not look like the templates of ‘\(person.name)’ (\(person.id)): similarity \(similarity), expected at least \(threshold); check the file, or enroll under another name"
        case .invalidArchive(let path, let location, let reason):
            "\(path): \(location): \(reason); expected a file that ‘gallery export’ wrote"
        case .archiveConflict(let name, let id, let reason):
            "cannot import ‘\(name)’ (\(id)): \(reason); rename or merge the people first"
        }
    }
}

/// Text from outside as it may be shown in a message: one line, no control characters, not too long.
private func printable(_ text: String) -> String {
    let cleaned = String(text.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : Character($0) })
    return text.unicodeScalars.count > 80 ? cleaned + "…" : cleaned
}
