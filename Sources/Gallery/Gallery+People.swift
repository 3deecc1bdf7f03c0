import Foundation
import GRDB
import Logging

extension Gallery {
    /// Everybody, in the order of enrolment.
    public func list() throws(GalleryError) -> [PersonSummary] {
        let path = path
        return try read { db in
            var counts: [Int64: [Modality: Int]] = [:]
            var last: [Int64: Date] = [:]
            let groups = try Row.fetchAll(
                db, sql: "SELECT person, modality, COUNT(*) AS count, MAX(enrolled) AS last FROM template GROUP BY person, modality")
            for row in groups {
                let person: Int64 = row["person"]
                guard let modality = Modality(rawValue: row["modality"]) else { continue }
                counts[person, default: [:]][modality] = row["count"]
                last[person] = max(last[person] ?? .distantPast, Self.date(row["last"]))
            }
            return try Row.fetchAll(db, sql: "SELECT * FROM person ORDER BY number").map { row in
                let number: Int64 = row["number"]
                return PersonSummary(
                    person: try Self.person(row, path: path), templateCounts: counts[number] ?? [:], lastEnrolled: last[number])
            }
        }
    }

    /// One person and their templates.
    public func show(_ reference: PersonReference) throws(GalleryError) -> PersonDetail {
        let path = path
        return try read { db in
            guard let (number, person) = try Self.find(reference, path: path, db) else { throw GalleryError.noSuchPerson(reference) }
            let rows = try Row.fetchAll(
                db, sql: "SELECT id, modality, length(embedding) AS bytes, quality, origin, enrolled FROM template WHERE person = ? ORDER BY id",
                arguments: [number])
            let templates = rows.compactMap { row -> TemplateInfo? in
                guard let modality = Modality(rawValue: row["modality"]) else { return nil }
                let bytes: Int = row["bytes"]
                let quality: Double = row["quality"]
                return TemplateInfo(
                    id: row["id"], modality: modality, dimension: bytes / 4, quality: Float(quality), origin: row["origin"],
                    enrolled: Self.date(row["enrolled"]))
            }
            return PersonDetail(person: person, templates: templates)
        }
    }

    /// Gives a person another name. Renaming to the same name in another case is allowed.
    @discardableResult
    public func rename(_ reference: PersonReference, to newName: String) throws(GalleryError) -> Person {
        let name = try Person.normalize(newName)
        let path = path
        let person = try change { db in
            guard let (number, person) = try Self.find(reference, path: path, db) else { throw GalleryError.noSuchPerson(reference) }
            if let (holder, other) = try Self.find(.name(name), path: path, db), holder != number {
                throw GalleryError.nameTaken(name: name, by: other.id)
            }
            if name == person.name { return person }
            try db.execute(
                sql: "UPDATE person SET name = ?, name_key = ? WHERE number = ?", arguments: [name, Person.key(name), number])
            _ = try Self.raiseRevision(db, templates: false)
            return Person(id: person.id, name: name, created: person.created)
        }
        logger.debug("renamed", metadata: ["person": "\(person.id)"])
        return person
    }

    /// What ``merge(_:into:)`` did.
    public struct MergeReport: Sendable, Hashable {
        /// Who is left.
        public var person: Person
        /// Who is gone.
        public var merged: Person
        public var moved: Int
        /// Templates that were one too many, or the same in both.
        public var dropped: Int
        /// Average cosine between the two people's templates, for the modalities that both had.
        public var similarity: [Modality: Float]
        public var revision: Int
    }

    /// Moves all templates of the first person to the second and removes the first.
    @discardableResult
    public func merge(_ source: PersonReference, into target: PersonReference) throws(GalleryError) -> MergeReport {
        let path = path
        let report = try change { db in
            guard let (from, merged) = try Self.find(source, path: path, db) else { throw GalleryError.noSuchPerson(source) }
            guard let (to, person) = try Self.find(target, path: path, db) else { throw GalleryError.noSuchPerson(target) }
            guard from != to else { throw GalleryError.samePerson(source) }
            var similarity: [Modality: Float] = [:]
            var moved = 0, dropped = 0
            for modality in Modality.allCases {
                let arriving = try Self.templates(of: from, modality, path: path, db)
                let present = try Self.templates(of: to, modality, path: path, db)
                if !arriving.isEmpty && !present.isEmpty {
                    similarity[modality] = Self.averageCosine(arriving.map(\.embedding), present.map(\.embedding))
                }
                let known = Set(present.map(\.embedding))
                for template in arriving where !known.contains(template.embedding) {
                    try db.execute(sql: "UPDATE template SET person = ? WHERE id = ?", arguments: [to, template.id])
                    moved += 1
                }
                dropped += arriving.count { known.contains($0.embedding) }
                dropped += try Self.prune(person: to, modality, path: path, db).count
            }
            try db.execute(sql: "DELETE FROM person WHERE number = ?", arguments: [from])
            try db.execute(sql: "UPDATE gallery SET erasure_pending = 1")
            return MergeReport(
                person: person, merged: merged, moved: moved, dropped: dropped, similarity: similarity,
                revision: try Self.raiseRevision(db))
        }
        logger.debug("merged", metadata: ["person": "\(report.person.id)", "from": "\(report.merged.id)", "moved": "\(report.moved)"])
        try finishErasure()
        return report
    }

    /// Removes a person for good: when this returns, neither their name nor their templates are in the database, its log or
    /// its index file. (What the file system or the drive keeps of overwritten blocks is beyond a program's reach.)
    ///
    /// - Throws: ``GalleryError/erasureIncomplete(path:)`` where the person is removed but another process still reads.
    @discardableResult
    public func remove(_ reference: PersonReference) throws(GalleryError) -> Person {
        let path = path
        let person = try change { db in
            guard let (number, person) = try Self.find(reference, path: path, db) else { throw GalleryError.noSuchPerson(reference) }
            try db.execute(sql: "DELETE FROM person WHERE number = ?", arguments: [number])
            try Self.forgetUnusedEncoders(db)
            // What was fitted to people of whom nobody is left belongs to nobody.
            if try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM person") == 0 { try Self.forgetCalibration(db) }
            try db.execute(sql: "UPDATE gallery SET erasure_pending = 1")
            _ = try Self.raiseRevision(db)
            return person
        }
        logger.debug("removed", metadata: ["person": "\(person.id)"])
        try finishErasure()
        return person
    }

    /// Completes removals: `secure_delete` has overwritten the deleted cells; this empties the log, which still holds older
    /// versions of the pages, and rebuilds the file without free pages. A removal that a crash or another reader interrupted
    /// is completed at the next opening.
    func finishErasure() throws(GalleryError) {
        let path = path
        do {
            try queue.writeWithoutTransaction { db in
                guard try Bool.fetchOne(db, sql: "SELECT erasure_pending FROM gallery") == true else { return }
                if path != ":memory:" { try db.checkpoint(.truncate) }
                try db.execute(sql: "VACUUM")
                if path != ":memory:" { try db.checkpoint(.truncate) }
                try db.execute(sql: "UPDATE gallery SET erasure_pending = 0")
            }
        } catch {
            if case .busy = GalleryError(error, path: path) { throw .erasureIncomplete(path: path) }
            throw GalleryError(error, path: path)
        }
    }
}
