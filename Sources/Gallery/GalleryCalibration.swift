public import Foundation
import GRDB
import Logging

/// Operating thresholds and likelihood ratios that were fitted to a gallery's own comparisons, as the gallery keeps them.
///
/// Aggregated numbers only: no template, no name and no score of a single comparison is in it, thresholds being rounded. Erasing a person leaves nothing of
/// theirs here.
public struct GalleryCalibration: Sendable, Hashable {
    /// What was fitted for decisions that rest on the same modalities.
    public struct Entry: Sendable, Hashable {
        /// Fused score that a person must reach, 0…1.
        public var threshold: Float
        /// LLR(s) = slope · s + offset, the natural logarithm of a likelihood ratio; the slope is positive.
        public var slope: Double
        public var offset: Double
        /// Comparisons that it rests on: of one person, and of different people.
        public var genuine: Int
        public var impostors: Int
        /// People who were compared.
        public var people: Int
        /// Of the comparisons of different people at most a share of the second number, 0…1, reaches the first, a fused score; ascending scores.
        public var steps: [SIMD2<Double>]

        public init(threshold: Float, slope: Double, offset: Double, genuine: Int, impostors: Int, people: Int, steps: [SIMD2<Double>] = []) {
            self.threshold = threshold
            self.slope = slope
            self.offset = offset
            self.genuine = genuine
            self.impostors = impostors
            self.people = people
            self.steps = steps
        }

        /// Whether every number lies where it can lie.
        var isUsable: Bool {
            (0...1).contains(threshold) && slope.isFinite && slope > 0 && offset.isFinite && genuine > 0 && impostors > 0 && people > 1
                && steps.allSatisfy { $0.x.isFinite && $0.y > 0 && $0.y <= 1 }
        }
    }

    /// By what decisions rest on: a face, a voice, or both.
    public var entries: [Set<Modality>: Entry]
    /// What made the templates that were compared.
    public var encoders: [Modality: EncoderIdentity]
    /// On which scale the scores lie, opaque here: scores of another scale mean something else.
    public var scoreScale: String
    /// Estimated false accepts per stranger that the thresholds were set for, between 0 and 1.
    public var falseAccept: Double
    public var date: Date
    /// The gallery's revision with this calibration in it.
    public var revision: Int

    public init(
        entries: [Set<Modality>: Entry], encoders: [Modality: EncoderIdentity], scoreScale: String, falseAccept: Double,
        date: Date = .distantPast, revision: Int = 0
    ) {
        self.entries = entries
        self.encoders = encoders
        self.scoreScale = scoreScale
        self.falseAccept = falseAccept
        self.date = date
        self.revision = revision
    }
}

extension Gallery {
    /// The calibration that the gallery keeps, `nil` where there is none, and whether people or templates have changed since.
    public func calibration() throws(GalleryError) -> (calibration: GalleryCalibration, isOutdated: Bool)? {
        let path = path
        return try read { db in try Self.calibration(path: path, db) }
    }

    /// Keeps a calibration in place of the one before; its date and revision are set here.
    ///
    /// - Parameter fittedTo: revision of the gallery that was compared; another process may have changed it in between.
    /// - Throws: ``GalleryError/changedMeanwhile(path:)`` where it has.
    /// - Returns: the new revision.
    @discardableResult
    public func setCalibration(_ calibration: GalleryCalibration, fittedTo revision: Int) throws(GalleryError) -> Int {
        precondition(calibration.entries.values.allSatisfy(\.isUsable), "a calibration with numbers that cannot be")
        let path = path
        let now = Self.milliseconds(clock())
        let new = try change { db in
            guard try Self.revision(db) == revision else { throw GalleryError.changedMeanwhile(path: path) }
            try Self.forgetCalibration(db)
            let new = try Self.raiseRevision(db, templates: false)
            try db.execute(
                sql: "INSERT INTO calibration (only, false_accept, score_scale, revision, fitted) VALUES (1, ?, ?, ?, ?)",
                arguments: [calibration.falseAccept, calibration.scoreScale, new, now])
            for (modality, encoder) in calibration.encoders {
                try db.execute(
                    sql: "INSERT INTO calibration_encoder (modality, fingerprint, dimension) VALUES (?, ?, ?)",
                    arguments: [modality.rawValue, encoder.fingerprint, encoder.dimension])
            }
            for (modalities, entry) in calibration.entries {
                try db.execute(
                    sql: """
                        INSERT INTO calibration_set (modalities, threshold, llr_slope, llr_offset, genuine, impostors, people)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [Self.text(modalities), Double(entry.threshold), entry.slope, entry.offset, entry.genuine, entry.impostors, entry.people])
                for step in entry.steps {
                    try db.execute(
                        sql: "INSERT INTO calibration_step (modalities, score, bound) VALUES (?, ?, ?)",
                        arguments: [Self.text(modalities), step.x, step.y])
                }
            }
            return new
        }
        logger.debug("calibrated", metadata: ["sets": "\(calibration.entries.count)", "revision": "\(new)"])
        return new
    }

    /// Goes back to the thresholds of the bundle.
    /// - Returns: whether there was a calibration; without one nothing changes.
    @discardableResult
    public func removeCalibration() throws(GalleryError) -> Bool {
        try change { db in
            // Not read first: one with damaged numbers can be taken away, too.
            guard try Row.fetchOne(db, sql: "SELECT 1 FROM calibration") != nil else { return false }
            try Self.forgetCalibration(db)
            _ = try Self.raiseRevision(db, templates: false)
            return true
        }
    }

    static func forgetCalibration(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM calibration; DELETE FROM calibration_encoder; DELETE FROM calibration_set; DELETE FROM calibration_step")
    }

    static func calibration(path: String, _ db: Database) throws -> (calibration: GalleryCalibration, isOutdated: Bool)? {
        // An older file that is only read has not been migrated; it may be by another process at any time, which a remembered schema would miss.
        guard try Row.fetchOne(db, sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'calibration'") != nil,
            let row = try Row.fetchOne(db, sql: "SELECT * FROM calibration") else { return nil }
        var calibration = GalleryCalibration(
            entries: [:], encoders: [:], scoreScale: row["score_scale"], falseAccept: row["false_accept"], date: date(row["fitted"]),
            revision: row["revision"])
        for row in try Row.fetchAll(db, sql: "SELECT * FROM calibration_encoder") {
            guard let modality = Modality(rawValue: row["modality"]) else { continue }
            calibration.encoders[modality] = EncoderIdentity(fingerprint: row["fingerprint"], dimension: row["dimension"])
        }
        for row in try Row.fetchAll(db, sql: "SELECT * FROM calibration_set") {
            let names: String = row["modalities"], threshold: Double = row["threshold"]
            let steps = try Row.fetchAll(
                db, sql: "SELECT score, bound FROM calibration_step WHERE modalities = ? ORDER BY score", arguments: [names]
            ).map { SIMD2<Double>($0["score"], $0["bound"]) }
            let entry = GalleryCalibration.Entry(
                threshold: Float(threshold), slope: row["llr_slope"], offset: row["llr_offset"], genuine: row["genuine"],
                impostors: row["impostors"], people: row["people"], steps: steps)
            let modalities = names.split(separator: "+").map { Modality(rawValue: String($0)) }
            guard entry.isUsable, !modalities.isEmpty, !modalities.contains(nil) else {
                throw GalleryError.damaged(path: path, detail: "its calibration for \(names.prefix(40)) holds numbers that cannot be; take it away with gallery calibrate --reset")
            }
            calibration.entries[Set(modalities.compactMap { $0 })] = entry
        }
        let changed = try Int.fetchOne(db, sql: "SELECT templates_revision FROM gallery") ?? 0
        return (calibration, changed > calibration.revision)
    }

    private static func text(_ modalities: Set<Modality>) -> String { modalities.map(\.rawValue).sorted().joined(separator: "+") }
}
