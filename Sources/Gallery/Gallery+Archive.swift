import Foundation
import GRDB
import Logging

/// What an import did.
public struct ImportReport: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public var person: Person
        /// The name in the archive, where it differs.
        public var archivedName: String?
        public var isNew: Bool
        public var added: Int
        /// Templates that the gallery had already.
        public var present: Int
        /// Templates beyond ``Gallery/templatesPerPerson``.
        public var dropped: Int
    }

    /// In the order of the archive.
    public var entries: [Entry]
    public var revision: Int
}

extension Gallery {
    /// Everybody, or one person, with all templates.
    public func export(_ reference: PersonReference? = nil) throws(GalleryError) -> GalleryArchive {
        let path = path
        let now = clock()
        return try read { db in
            var selected: [(Int64, Person)] = []
            if let reference {
                guard let found = try Self.find(reference, path: path, db) else { throw GalleryError.noSuchPerson(reference) }
                selected = [found]
            } else {
                selected = try Row.fetchAll(db, sql: "SELECT * FROM person ORDER BY number").map { ($0["number"], try Self.person($0, path: path)) }
            }
            var used: Set<String> = []
            let people = try selected.map { number, person in
                let rows = try Row.fetchAll(db, sql: "SELECT * FROM template WHERE person = ? ORDER BY id", arguments: [number])
                return GalleryArchive.Entry(
                    id: person.id.rawValue, name: person.name, created: GalleryArchive.text(person.created),
                    templates: rows.map { row in
                        let embedding: Data = row["embedding"]
                        let quality: Double = row["quality"]
                        used.insert(row["modality"])
                        return GalleryArchive.Template(
                            modality: row["modality"], embedding: embedding.base64EncodedString(), quality: Float(quality),
                            origin: row["origin"], enrolled: GalleryArchive.text(Self.date(row["enrolled"])))
                    })
            }
            let encoders = try Self.encoders(db).map { ($0.key.rawValue, $0.value) }.filter { used.contains($0.0) }
            return GalleryArchive(
                exported: now, revision: try Self.revision(db), encoders: Dictionary(uniqueKeysWithValues: encoders), people: people)
        }
    }

    /// Adds the people and templates of an archive, all of them or, where an error is thrown, none.
    ///
    /// A person is the same as one in the gallery where the id is the same, else where the name is; the gallery's id and name
    /// stay. Templates that are there already are skipped.
    ///
    /// - Parameter path: how messages name the archive.
    @discardableResult
    public func importArchive(_ archive: GalleryArchive, path archivePath: String = "archive", dryRun: Bool = false) throws(GalleryError) -> ImportReport {
        let people = try Self.validate(archive, path: archivePath)
        var encoders: [Modality: EncoderIdentity] = [:]
        for (key, encoder) in archive.encoders {
            guard let modality = Modality(rawValue: key) else {
                throw .invalidArchive(path: archivePath, location: "encoders.\(key)", reason: "unknown modality")
            }
            encoders[modality] = encoder
        }
        let path = path
        let report = try change(dryRun: dryRun) { db in
            var entries: [ImportReport.Entry] = []
            for validated in people {
                var entry = try resolve(validated, db)
                let number = entry.number
                for modality in Modality.allCases {
                    let arriving = validated.templates.filter { $0.modality == modality }
                    guard !arriving.isEmpty, let encoder = encoders[modality] else { continue }
                    try Self.adopt(encoder, modality, path: path, db)
                    var known = Set(try Self.templates(of: number, modality, path: path, db).map(\.embedding))
                    var inserted: Set<Int64> = []
                    for template in arriving {
                        guard known.insert(template.embedding).inserted else {
                            entry.report.present += 1
                            continue
                        }
                        inserted.insert(
                            try Self.insertTemplate(
                                person: number, modality, template.embedding, quality: template.quality, origin: template.origin,
                                enrolled: template.enrolled, db))
                    }
                    let pruned = try Self.prune(person: number, modality, path: path, db)
                    entry.report.added += inserted.subtracting(pruned).count
                    entry.report.dropped += pruned.count
                }
                entries.append(entry.report)
            }
            let hasChanged = entries.contains { $0.isNew || $0.added > 0 }
            return ImportReport(entries: entries, revision: try hasChanged ? Self.raiseRevision(db) : Self.revision(db))
        }
        logger.debug(
            "imported",
            metadata: [
                "people": "\(report.entries.count)", "new": "\(report.entries.count { $0.isNew })",
                "templates": "\(report.entries.reduce(0) { $0 + $1.added })", "revision": "\(report.revision)",
            ])
        return report
    }

    private func resolve(_ validated: ValidatedPerson, _ db: Database) throws -> (number: Int64, report: ImportReport.Entry) {
        let byID = try Self.find(.id(validated.id), path: path, db)
        let byName = try Self.find(.name(validated.name), path: path, db)
        if let byID, let byName, byID.0 != byName.0 {
            throw GalleryError.archiveConflict(
                name: validated.name, id: validated.id,
                reason: "the id belongs to ‘\(byID.1.name)’ here, the name to \(byName.1.id)")
        }
        if let (number, person) = byID ?? byName {
            let archivedName = person.name == validated.name ? nil : validated.name
            return (number, ImportReport.Entry(person: person, archivedName: archivedName, isNew: false, added: 0, present: 0, dropped: 0))
        }
        let (number, person) = try create(name: validated.name, id: validated.id, created: validated.created, db)
        return (number, ImportReport.Entry(person: person, archivedName: nil, isNew: true, added: 0, present: 0, dropped: 0))
    }

    // MARK: - Validation

    struct ValidatedPerson {
        struct Template {
            var modality: Modality
            var embedding: [Float]
            var quality: Float
            var origin: String
            var enrolled: Int64
        }
        var id: PersonID
        var name: String
        var created: Int64
        var templates: [Template]
    }

    private static func validate(_ archive: GalleryArchive, path: String) throws(GalleryError) -> [ValidatedPerson] {
        func refuse(_ location: String, _ reason: String) -> GalleryError { .invalidArchive(path: path, location: location, reason: reason) }
        for (key, encoder) in archive.encoders {
            guard EncoderIdentity.dimensions.contains(encoder.dimension), (1...200).contains(encoder.fingerprint.utf8.count) else {
                throw refuse("encoders.\(key)", "unusable fingerprint or dimension")
            }
        }
        var people: [ValidatedPerson] = []
        var ids: Set<PersonID> = []
        var keys: Set<String> = []
        for (index, entry) in archive.people.enumerated() {
            let place = "people[\(index)]"
            guard let id = PersonID(rawValue: entry.id) else { throw refuse("\(place).id", "expected p_ and eight hexadecimal digits") }
            let name: String
            do { name = try Person.normalize(entry.name) } catch { throw refuse("\(place).name", "\(error)") }
            guard ids.insert(id).inserted else { throw refuse("\(place).id", "given twice") }
            guard keys.insert(Person.key(name)).inserted else { throw refuse("\(place).name", "given twice") }
            guard let created = GalleryArchive.date(entry.created) else { throw refuse("\(place).created", "expected an ISO 8601 date") }
            var templates: [ValidatedPerson.Template] = []
            for (number, template) in entry.templates.enumerated() {
                let place = "\(place).templates[\(number)]"
                guard let modality = Modality(rawValue: template.modality), let encoder = archive.encoders[template.modality] else {
                    throw refuse("\(place).modality", "no encoder is given for it")
                }
                guard let data = Data(base64Encoded: template.embedding), let embedding = UnitVector.decode(data) else {
                    throw refuse("\(place).embedding", "not base 64 of binary32 elements")
                }
                guard embedding.count == encoder.dimension else {
                    throw refuse("\(place).embedding", "\(embedding.count) elements, its encoder gives \(encoder.dimension)")
                }
                guard abs(UnitVector.norm(embedding) - 1) <= UnitVector.normTolerance else {
                    throw refuse("\(place).embedding", "not a unit vector")
                }
                guard (0...1).contains(template.quality) else { throw refuse("\(place).quality", "expected 0 to 1") }
                guard let enrolled = GalleryArchive.date(template.enrolled) else { throw refuse("\(place).enrolled", "expected an ISO 8601 date") }
                templates.append(
                    .init(
                        modality: modality, embedding: embedding, quality: template.quality, origin: tidy(template.origin),
                        enrolled: milliseconds(enrolled)))
            }
            guard templates.count <= 2 * templatesPerPerson else {
                throw refuse("\(place).templates", "\(templates.count), at most \(2 * templatesPerPerson) are taken")
            }
            people.append(ValidatedPerson(id: id, name: name, created: milliseconds(created), templates: templates))
        }
        return people
    }
}
