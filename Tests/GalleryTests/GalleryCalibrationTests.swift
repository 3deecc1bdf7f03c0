import Foundation
import GRDB
import Gallery
import Testing

@Suite struct GalleryCalibrationTests {
    private let entry = GalleryCalibration.Entry(
        threshold: 0.58, slope: 31.25, offset: -15.5, genuine: 40, impostors: 360, people: 6, steps: [SIMD2(0.25, 0.1), SIMD2(0.375, 0.01)])

    private func calibration() -> GalleryCalibration {
        GalleryCalibration(
            entries: [[.face]: entry, [.face, .voice]: entry], encoders: encoders, scoreScale: "face=0.1,0.7,60.0", falseAccept: 0.01)
    }

    private func gallery(_ path: String = ":memory:") throws -> Gallery {
        let gallery = try openGallery(path)
        var random = SplitMix64(state: 70)
        try gallery.enroll(.name("Ada"), [face(random.direction(67)), voice(random.direction(33))], encoders: encoders)
        try gallery.enroll(.name("Bob"), [face(random.direction(67))], encoders: encoders)
        return gallery
    }

    @Test func `What is kept is there at the next opening, in the snapshot too`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        #expect(try gallery(path).setCalibration(calibration(), fittedTo: 2) == 3)
        var expected = calibration()
        expected.date = testDate
        expected.revision = 3
        let again = try openGallery(path, access: .readOnly)
        let kept = try #require(try again.calibration())
        #expect(kept.calibration == expected && !kept.isOutdated)
        let snapshot = try again.snapshot(encoders: encoders)
        #expect(snapshot.calibration == expected && !snapshot.isCalibrationOutdated && snapshot.revision == 3)
    }

    @Test func `A new one takes the place of the old one, and taking it away leaves none`() throws {
        let gallery = try gallery()
        try gallery.setCalibration(calibration(), fittedTo: 2)
        var other = calibration()
        other.entries = [[.voice]: entry]
        try gallery.setCalibration(other, fittedTo: 3)
        #expect(try gallery.calibration()?.calibration.entries == other.entries)
        #expect(try gallery.removeCalibration())
        #expect(try gallery.calibration() == nil && gallery.revision() == 5)
        #expect(try !gallery.removeCalibration())
        #expect(try gallery.revision() == 5)
    }

    @Test func `It is older than people and templates that came or went, not than a name`() throws {
        var random = SplitMix64(state: 71)
        let changes: [(Gallery) throws -> Void] = [
            { try $0.enroll(.name("Cid"), [face(random.direction(67))], encoders: encoders) },
            { try $0.remove(.name("Bob")) },
            { try $0.merge(.name("Bob"), into: .name("Ada")) },
            { gallery in try gallery.importArchive(try self.gallery().export(), path: "x") },
        ]
        for (index, change) in changes.enumerated() {
            let gallery = try gallery()
            try gallery.setCalibration(calibration(), fittedTo: 2)
            try gallery.rename(.name("Ada"), to: "Eve")
            #expect(try gallery.calibration()?.isOutdated == false)
            try gallery.rename(.name("Eve"), to: "Ada")
            try change(gallery)
            // An import of what is there already changes nothing.
            #expect(try gallery.calibration()?.isOutdated == (index < 3), "\(index)")
        }
    }

    @Test func `What was computed from an older gallery is refused`() throws {
        let gallery = try gallery()
        #expect(galleryError { () throws(GalleryError) in try gallery.setCalibration(calibration(), fittedTo: 1) } == .changedMeanwhile(path: ":memory:"))
        #expect(try gallery.calibration() == nil && gallery.revision() == 2)
    }

    @Test func `With the last person it goes as well`() throws {
        let gallery = try gallery()
        try gallery.setCalibration(calibration(), fittedTo: 2)
        try gallery.remove(.name("Ada"))
        #expect(try gallery.calibration() != nil)
        try gallery.remove(.name("Bob"))
        #expect(try gallery.calibration() == nil)
    }

    /// The tables hold numbers about everybody together: as many rows as sets of modalities, whoever is enrolled.
    @Test func `Nothing in it belongs to one person`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        let gallery = try gallery(path)
        try gallery.setCalibration(calibration(), fittedTo: 2)
        let person = try #require(try gallery.list().first?.person)
        try gallery.remove(.id(person.id))
        let queue = try DatabaseQueue(path: path)
        let columns = try queue.read { db in
            try ["calibration", "calibration_encoder", "calibration_set", "calibration_step"].flatMap { try db.columns(in: $0).map { "\($0.name) \($0.type)" } }
        }
        #expect(
            columns == [
                "only INTEGER", "false_accept REAL", "score_scale TEXT", "revision INTEGER", "fitted INTEGER", "modality TEXT", "fingerprint TEXT",
                "dimension INTEGER", "modalities TEXT", "threshold REAL", "llr_slope REAL", "llr_offset REAL", "genuine INTEGER", "impostors INTEGER",
                "people INTEGER", "modalities TEXT", "score REAL", "bound REAL",
            ])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data(person.name.utf8)) == nil)
    }

    @Test(arguments: ["threshold = 2", "llr_slope = -1", "llr_slope = 9e999", "llr_offset = -9e999", "impostors = 0", "people = 1", "modalities = 'gait'"])
    func `Numbers that cannot be are refused`(_ change: String) throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        let gallery = try gallery(path)
        try gallery.setCalibration(calibration(), fittedTo: 2)
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.write { try $0.execute(sql: "UPDATE calibration_set SET \(change) WHERE modalities = 'face'") }
        }
        guard case .damaged = galleryError({ () throws(GalleryError) in _ = try gallery.snapshot(encoders: encoders) }) else {
            Issue.record("\(change) was taken")
            return
        }
        // What is damaged can be taken away.
        #expect(try gallery.removeCalibration())
        #expect(try gallery.snapshot(encoders: encoders).calibration == nil)
    }

    /// As a file was before it could keep a calibration.
    @Test func `An older gallery is read as it is, and becomes a present one when it is written`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        _ = try gallery(path)
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.write { db in
                try db.execute(
                    sql: """
                        DROP TABLE calibration; DROP TABLE calibration_encoder; DROP TABLE calibration_set; DROP TABLE calibration_step;
                        ALTER TABLE gallery DROP COLUMN templates_revision;
                        DELETE FROM grdb_migrations WHERE identifier = '2';
                        PRAGMA user_version = 1;
                        """)
            }
        }
        let old = try openGallery(path, access: .readOnly)
        #expect(try old.calibration() == nil)
        #expect(try old.snapshot(encoders: encoders).people.map(\.name) == ["Ada", "Bob"])
        let present = try openGallery(path)
        #expect(try present.calibration() == nil && present.revision() == 2)
        #expect(try present.setCalibration(calibration(), fittedTo: 2) == 3)
        #expect(try old.calibration()?.calibration.entries.count == 2)
        #expect(try present.list().map(\.person.name) == ["Ada", "Bob"])
    }
}
