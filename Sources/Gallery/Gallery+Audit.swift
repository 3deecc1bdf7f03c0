import Foundation
import GRDB

/// What `gallery audit` looks for.
public struct AuditPolicy: Sendable, Hashable {
    /// Two people whose templates have this average cosine or more may be one. The halfway point between what different
    /// people and what one person have.
    public var duplicateSimilarity: [Modality: Float]
    /// A template with a lower average cosine to the person's others may show somebody else.
    public var minimumAgreement: [Modality: Float]
    /// Fewer templates than this of a modality that the person has are few.
    public var fewTemplates: Int
    /// A modality whose best template is poorer than this is poor.
    public var lowQuality: Float

    public init(
        duplicateSimilarity: [Modality: Float] = [.face: 0.4, .voice: 0.5],
        minimumAgreement: [Modality: Float] = OutlierPolicy.default.minimumSimilarity, fewTemplates: Int = 3, lowQuality: Float = 0.3
    ) {
        self.duplicateSimilarity = duplicateSimilarity
        self.minimumAgreement = minimumAgreement
        self.fewTemplates = fewTemplates
        self.lowQuality = lowQuality
    }
}

/// What is wrong or weak in a gallery.
public struct AuditReport: Sendable, Hashable {
    public enum Finding: Sendable, Hashable, CustomStringConvertible {
        case duplicates(Person, Person, modality: Modality, similarity: Float)
        case inconsistent(Person, template: TemplateInfo, similarity: Float)
        case few(Person, modality: Modality, count: Int)
        case lowQuality(Person, modality: Modality, best: Float)
        case noTemplates(Person)
        /// The template is no unit vector of its encoder's length and matches nobody.
        case unusable(Person, template: TemplateInfo, expectedDimension: Int)
        /// SQLite's own checks of the file.
        case damage(String)

        public var description: String {
            switch self {
            case .duplicates(let a, let b, let modality, let similarity):
                "‘\(a.name)’ (\(a.id)) and ‘\(b.name)’ (\(b.id)) have the same \(modality.rawValue): similarity \(similarity); merge them if they are one person"
            case .inconsistent(let person, let template, let similarity):
                "‘\(person.name)’ (\(person.id)): \(template.modality.rawValue) template \(template.id) from \(template.origin) is unlike the others: similarity \(similarity)"
            case .few(let person, let modality, let count):
                "‘\(person.name)’ (\(person.id)): only \(count) \(modality.rawValue) template\(count == 1 ? "" : "s"); enroll more"
            case .lowQuality(let person, let modality, let best):
                "‘\(person.name)’ (\(person.id)): the best \(modality.rawValue) template has a quality of \(best); enroll again in better conditions"
            case .noTemplates(let person):
                "‘\(person.name)’ (\(person.id)) has no templates and is never recognised"
            case .unusable(let person, let template, let expected):
                "‘\(person.name)’ (\(person.id)): \(template.modality.rawValue) template \(template.id) is no \(expected)-d unit vector; remove the person and enroll again"
            case .damage(let detail):
                "the file is damaged: \(detail)"
            }
        }
    }

    /// Damage first, then by person in the order of enrolment, duplicates last.
    public var findings: [Finding]
    public var people: Int
    public var templates: Int
    public var revision: Int
}

extension Gallery {
    /// Looks for duplicates, inconsistent people, weak enrolments and damage. Changes nothing.
    public func audit(_ policy: AuditPolicy = AuditPolicy()) throws(GalleryError) -> AuditReport {
        let path = path
        return try read { db in
            var findings: [AuditReport.Finding] = []
            for text in try String.fetchAll(db, sql: "PRAGMA integrity_check(10)") where text != "ok" { findings.append(.damage(text)) }
            for row in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check") {
                let table: String = row["table"]
                findings.append(.damage("a row of \(table) refers to nothing"))
            }
            let encoders = try Self.encoders(db)
            let people = try Row.fetchAll(db, sql: "SELECT * FROM person ORDER BY number").map { row -> (Int64, Person) in
                (row["number"], try Self.person(row, path: path))
            }
            var usable: [Modality: [(person: Person, vectors: [[Float]])]] = [:]
            var templateCount = 0
            for (number, person) in people {
                var count = 0
                for modality in Modality.allCases {
                    guard let dimension = encoders[modality]?.dimension else { continue }
                    var vectors: [[Float]] = []
                    var infos: [TemplateInfo] = []
                    var best: Float = 0
                    let rows = try Row.fetchAll(
                        db, sql: "SELECT * FROM template WHERE person = ? AND modality = ? ORDER BY id", arguments: [number, modality.rawValue])
                    for row in rows {
                        let embedding: Data = row["embedding"]
                        let quality: Double = row["quality"]
                        let info = TemplateInfo(
                            id: row["id"], modality: modality, dimension: embedding.count / 4, quality: Float(quality),
                            origin: row["origin"], enrolled: Self.date(row["enrolled"]))
                        guard let vector = UnitVector.decode(embedding), vector.count == dimension,
                            abs(UnitVector.norm(vector) - 1) <= UnitVector.normTolerance
                        else {
                            findings.append(.unusable(person, template: info, expectedDimension: dimension))
                            continue
                        }
                        vectors.append(vector)
                        infos.append(info)
                        best = max(best, info.quality)
                    }
                    count += rows.count
                    if let least = policy.minimumAgreement[modality], vectors.count > 2 {
                        for index in vectors.indices {
                            let others = vectors.indices.filter { $0 != index }.map { vectors[$0] }
                            let similarity = Self.averageCosine([vectors[index]], others)
                            if similarity < least { findings.append(.inconsistent(person, template: infos[index], similarity: similarity)) }
                        }
                    }
                    if !rows.isEmpty && rows.count < policy.fewTemplates { findings.append(.few(person, modality: modality, count: rows.count)) }
                    if !vectors.isEmpty {
                        if best < policy.lowQuality { findings.append(.lowQuality(person, modality: modality, best: best)) }
                        usable[modality, default: []].append((person, vectors))
                    }
                }
                if count == 0 { findings.append(.noTemplates(person)) }
                templateCount += count
            }
            for modality in Modality.allCases {
                guard let threshold = policy.duplicateSimilarity[modality], let group = usable[modality] else { continue }
                // The average cosine between two sets of unit vectors is the product of their mean vectors.
                let means = group.map { entry in
                    entry.vectors[0].indices.map { column in entry.vectors.reduce(0) { $0 + $1[column] } / Float(entry.vectors.count) }
                }
                for i in means.indices {
                    for j in means.indices.dropFirst(i + 1) {
                        let similarity = UnitVector.cosine(means[i], means[j])
                        if similarity >= threshold {
                            findings.append(.duplicates(group[i].person, group[j].person, modality: modality, similarity: similarity))
                        }
                    }
                }
            }
            return AuditReport(
                findings: findings, people: people.count, templates: templateCount, revision: try Self.revision(db))
        }
    }
}
