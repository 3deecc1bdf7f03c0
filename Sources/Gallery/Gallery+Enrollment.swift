import Foundation
import GRDB
import Logging

/// What became of the candidates of one enrolment.
public struct EnrollmentReport: Sendable, Hashable {
    public enum Outcome: Sendable, Hashable {
        case accepted
        /// Less similar to the other candidates than the policy asks for; the average cosine to those that agree.
        case outlier(similarity: Float, threshold: Float)
        /// The same embedding is in the gallery already.
        case alreadyEnrolled
        /// The person has as many templates as are kept, and this one adds least.
        case redundant
    }

    public var person: Person
    public var isNew: Bool
    /// One for each candidate, in their order.
    public var outcomes: [Outcome]
    /// Older templates that gave way to better ones.
    public var replaced: Int
    public var revision: Int

    public var acceptedCount: Int { outcomes.count { $0 == .accepted } }
}

extension Gallery {
    /// Adds templates to a person, who is created where the reference is a name that nobody has.
    ///
    /// Candidates that disagree with the majority are left out (see ``OutlierPolicy``); where they look like two people, or
    /// where they do not look like the templates that the person has already, nothing is stored and an error says so.
    /// Embeddings that are stored already are skipped, so that enrolling the same file twice changes nothing. Beyond
    /// ``templatesPerPerson`` the poorer one of the two most similar templates gives way.
    ///
    /// - Parameters:
    ///   - encoders: what computed the candidates; must be what filled the gallery.
    ///   - dryRun: report what would happen and store nothing.
    @discardableResult
    public func enroll(
        _ reference: PersonReference, _ candidates: [TemplateCandidate], encoders: [Modality: EncoderIdentity],
        policy: OutlierPolicy = .default, dryRun: Bool = false
    ) throws(GalleryError) -> EnrollmentReport {
        guard !candidates.isEmpty else { throw .nothingToEnroll }
        guard candidates.count <= Consensus.limit else {
            throw .tooManyCandidates(got: candidates.count, limit: Consensus.limit)
        }
        try verify(encoders: encoders)
        var vectors: [[Float]] = []
        for (index, candidate) in candidates.enumerated() {
            guard let encoder = encoders[candidate.modality] else { throw .encoderMissing(modality: candidate.modality) }
            vectors.append(try Self.validate(candidate, index: index, encoder: encoder))
        }
        let verdicts = try Self.rejectOutliers(candidates, vectors, policy: policy)
        let now = Self.milliseconds(clock())

        let report = try change(dryRun: dryRun) { db in
            let (number, person, isNew) = try findOrCreate(reference, at: now, db)
            var outcomes = verdicts
            var replaced = 0
            for modality in Modality.allCases {
                let accepted = candidates.indices.filter { candidates[$0].modality == modality && outcomes[$0] == .accepted }
                guard !accepted.isEmpty, let encoder = encoders[modality] else { continue }
                try Self.adopt(encoder, modality, path: path, db)
                let stored = try Self.templates(of: number, modality, path: path, db)
                if let threshold = policy.minimumSimilarity[modality], !stored.isEmpty {
                    let similarity = Self.averageCosine(accepted.map { vectors[$0] }, stored.map(\.embedding))
                    guard similarity >= threshold else {
                        throw GalleryError.differentPerson(modality: modality, person: person, similarity: similarity, threshold: threshold)
                    }
                }
                var known = Set(stored.map(\.embedding))
                var inserted: [Int64: Int] = [:]
                for index in accepted {
                    guard known.insert(vectors[index]).inserted else {
                        outcomes[index] = .alreadyEnrolled
                        continue
                    }
                    let candidate = candidates[index]
                    let id = try Self.insertTemplate(
                        person: number, modality, vectors[index], quality: candidate.quality, origin: Self.tidy(candidate.origin),
                        enrolled: now, db)
                    inserted[id] = index
                }
                for id in try Self.prune(person: number, modality, path: path, db) {
                    if let index = inserted[id] { outcomes[index] = .redundant } else { replaced += 1 }
                }
            }
            let hasChanged = isNew || outcomes.contains(.accepted)
            let revision = try hasChanged ? Self.raiseRevision(db) : Self.revision(db)
            return EnrollmentReport(person: person, isNew: isNew, outcomes: outcomes, replaced: replaced, revision: revision)
        }
        logger.debug(
            "\(dryRun ? "would enroll" : "enrolled")",
            metadata: [
                "person": "\(report.person.id)", "accepted": "\(report.acceptedCount)", "of": "\(candidates.count)",
                "revision": "\(report.revision)",
            ])
        return report
    }

    // MARK: - Checks

    static func validate(_ candidate: TemplateCandidate, index: Int, encoder: EncoderIdentity) throws(GalleryError) -> [Float] {
        func refuse(_ reason: String) -> GalleryError { .invalidCandidate(index: index, origin: candidate.origin, reason: reason) }
        guard EncoderIdentity.dimensions.contains(encoder.dimension) else {
            throw refuse("its encoder claims \(encoder.dimension) dimensions, expected 1 to 4096")
        }
        guard candidate.embedding.count == encoder.dimension else {
            throw refuse("it has \(candidate.embedding.count) elements, its encoder gives \(encoder.dimension)")
        }
        guard candidate.quality >= 0, candidate.quality <= 1 else {
            throw refuse("its quality is \(candidate.quality), expected 0 to 1")
        }
        guard let vector = UnitVector.normalizing(candidate.embedding) else {
            throw refuse("its elements are not finite or all zero")
        }
        return vector
    }

    private static func rejectOutliers(
        _ candidates: [TemplateCandidate], _ vectors: [[Float]], policy: OutlierPolicy
    ) throws(GalleryError) -> [EnrollmentReport.Outcome] {
        var outcomes = [EnrollmentReport.Outcome](repeating: .accepted, count: candidates.count)
        for modality in Modality.allCases {
            let indices = candidates.indices.filter { candidates[$0].modality == modality }
            guard !indices.isEmpty, let threshold = policy.minimumSimilarity[modality] else { continue }
            switch Consensus.judge(indices.map { vectors[$0] }, threshold: threshold) {
            case .severalPeople(let groups):
                throw .severalPeople(modality: modality, groups: groups.map { $0.map { indices[$0] } }, threshold: threshold)
            case .onePerson(let agreeing, let outliers):
                let consensus = agreeing.map { vectors[indices[$0]] }
                for outlier in outliers {
                    let similarity = averageCosine([vectors[indices[outlier]]], consensus)
                    outcomes[indices[outlier]] = .outlier(similarity: similarity, threshold: threshold)
                }
            }
        }
        return outcomes
    }

    static func averageCosine(_ a: [[Float]], _ b: [[Float]]) -> Float {
        var sum: Float = 0
        for x in a { for y in b { sum += UnitVector.cosine(x, y) } }
        return sum / Float(a.count * b.count)
    }

    /// One line of at most 200 characters.
    static func tidy(_ origin: String) -> String {
        String(String.UnicodeScalarView(origin.unicodeScalars.filter { $0.properties.generalCategory != .control }).prefix(200))
    }

    // MARK: - Rows

    private func findOrCreate(_ reference: PersonReference, at now: Int64, _ db: Database) throws -> (Int64, Person, isNew: Bool) {
        if let (number, person) = try Self.find(reference, path: path, db) { return (number, person, false) }
        guard case .name(let text) = reference else { throw GalleryError.noSuchPerson(reference) }
        let (number, person) = try create(name: text, id: nil, created: now, db)
        return (number, person, true)
    }

    func create(name: String, id: PersonID?, created: Int64, _ db: Database) throws -> (Int64, Person) {
        let name = try Person.normalize(name)
        let id = try id ?? freeID(db)
        try db.execute(
            sql: "INSERT INTO person (id, name, name_key, created) VALUES (?, ?, ?, ?)",
            arguments: [id.rawValue, name, Person.key(name), created])
        return (db.lastInsertedRowID, Person(id: id, name: name, created: Self.date(created)))
    }

    private func freeID(_ db: Database) throws -> PersonID {
        for _ in 0..<100 {
            let id = PersonID(random: randomness())
            if try Row.fetchOne(db, sql: "SELECT 1 FROM person WHERE id = ?", arguments: [id.rawValue]) == nil { return id }
        }
        throw GalleryError.identifiersExhausted
    }

    /// `nil` where nobody is meant.
    static func find(_ reference: PersonReference, path: String, _ db: Database) throws -> (Int64, Person)? {
        let row: Row? =
            switch reference {
            case .id(let id): try Row.fetchOne(db, sql: "SELECT * FROM person WHERE id = ?", arguments: [id.rawValue])
            case .name(let name):
                try Row.fetchOne(
                    db, sql: "SELECT * FROM person WHERE name_key = ?", arguments: [Person.key(try Person.normalize(name))])
            }
        return try row.map { ($0["number"], try person($0, path: path)) }
    }

    /// Remembers the encoder of the first template of a modality and refuses another one from then on.
    static func adopt(_ encoder: EncoderIdentity, _ modality: Modality, path: String, _ db: Database) throws {
        if let expected = try encoders(db)[modality] {
            guard expected == encoder else {
                throw GalleryError.encoderMismatch(modality: modality, path: path, expected: expected, got: encoder)
            }
            return
        }
        try db.execute(
            sql: "INSERT INTO encoder (modality, fingerprint, dimension) VALUES (?, ?, ?)",
            arguments: [modality.rawValue, encoder.fingerprint, encoder.dimension])
    }

    /// Forgets the encoders of modalities that have no template left.
    static func forgetUnusedEncoders(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM encoder WHERE modality NOT IN (SELECT modality FROM template)")
    }

    static func insertTemplate(
        person: Int64, _ modality: Modality, _ vector: [Float], quality: Float, origin: String, enrolled: Int64, _ db: Database
    ) throws -> Int64 {
        try db.execute(
            sql: "INSERT INTO template (person, modality, embedding, quality, origin, enrolled) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [person, modality.rawValue, UnitVector.encode(vector), Double(quality), origin, enrolled])
        return db.lastInsertedRowID
    }

    /// In the order of enrolment.
    static func templates(of person: Int64, _ modality: Modality, path: String, _ db: Database) throws -> [StoredTemplate] {
        let dimension = try encoders(db)[modality]?.dimension
        return try Row.fetchAll(
            db, sql: "SELECT id, embedding, quality FROM template WHERE person = ? AND modality = ? ORDER BY id",
            arguments: [person, modality.rawValue]
        ).map { row in
            let id: Int64 = row["id"]
            guard let embedding = UnitVector.decode(row["embedding"]), embedding.count == dimension else {
                throw GalleryError.damaged(path: path, detail: "template \(id) has a wrong length")
            }
            let quality: Double = row["quality"]
            return StoredTemplate(id: id, embedding: embedding, quality: Float(quality))
        }
    }

    /// Deletes templates until no more than ``templatesPerPerson`` are left, and returns their ids. Of the two most similar
    /// ones that with the lower quality goes, of equal quality the older one.
    static func prune(person: Int64, _ modality: Modality, path: String, _ db: Database) throws -> [Int64] {
        var kept = try templates(of: person, modality, path: path, db)
        var removed: [Int64] = []
        while kept.count > templatesPerPerson {
            var best = -Float.infinity
            var victim = 0
            for i in kept.indices {
                for j in 0..<i {
                    let cosine = UnitVector.cosine(kept[i].embedding, kept[j].embedding)
                    if cosine > best {
                        best = cosine
                        victim = kept[i].quality < kept[j].quality ? i : j
                    }
                }
            }
            removed.append(kept.remove(at: victim).id)
        }
        for id in removed { try db.execute(sql: "DELETE FROM template WHERE id = ?", arguments: [id]) }
        return removed
    }
}
