import Foundation
import GRDB
import Gallery
import Testing

@Suite struct PeopleTests {
    @Test func `Renaming keeps the id and refuses a taken name`() throws {
        var random = SplitMix64(state: 40)
        let gallery = try openGallery()
        let ada = try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders).person
        let bob = try gallery.enroll(.name("Bob"), [face(random.direction(67))], encoders: encoders).person
        let taken = galleryError { () throws(GalleryError) in try gallery.rename(.id(ada.id), to: "BOB") }
        #expect(taken == .nameTaken(name: "BOB", by: bob.id))
        #expect(try gallery.revision() == 2)
        let renamed = try gallery.rename(.name("ada"), to: " ADA ")
        #expect(renamed.id == ada.id && renamed.name == "ADA")
        #expect(try gallery.show(.name("ada")).person == renamed)
        #expect(try gallery.revision() == 3)
        let unknown = galleryError { () throws(GalleryError) in try gallery.rename(.name("Eve"), to: "Eva") }
        #expect(unknown == .noSuchPerson(.name("Eve")))
    }

    @Test func `What a user typed is an id only where it has the form of one`() {
        #expect(PersonReference("p_0123abcd") == .id(PersonID(rawValue: "p_0123abcd")!))
        for name in ["p_0123abc", "p_0123ABCD", "p_0123abcde", "q_0123abcd", "Ada", ""] { #expect(PersonReference(name) == .name(name)) }
    }

    /// The bytes of all files of a gallery.
    private func bytes(_ folder: ScratchFolder) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.url.path) {
            files[name] = try Data(contentsOf: folder.url.appending(path: name))
        }
        return files
    }

    @Test func `Nothing of a removed person is left in the files`() throws {
        let folder = try ScratchFolder()
        let gallery = try openGallery(folder.path("g.sqlite"))
        var random = SplitMix64(state: 41)
        let dimension = 600
        let encoder = EncoderIdentity(fingerprint: "f", dimension: dimension)
        func normalized(_ vector: [Float]) -> [Float] {
            let norm = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            return vector.map { Float(Double($0) / norm) }
        }
        func blob(_ vector: [Float]) -> Data { Data(vector.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }) }
        var erased: [Data] = [], kept: [Data] = []
        for person in 0..<12 {
            let vectors = (0..<5).map { _ in random.direction(dimension) }
            let blobs = vectors.map { blob(normalized($0)) }
            if person == 6 { erased = blobs } else { kept += blobs }
            try gallery.enroll(
                .name(person == 6 ? "Winifred Quagmire" : "n\(person)"), vectors.map { face($0, origin: person == 6 ? "xylophone.png" : "a") },
                encoders: [.face: encoder], policy: .none)
        }
        let before = try bytes(folder)
        #expect(before.keys.sorted() == ["g.sqlite", "g.sqlite-shm", "g.sqlite-wal"])
        /// The longest part of a needle that is looked for: an embedding is split over pages.
        func contains(_ needle: Data, _ files: [String: Data]) -> Bool {
            files.values.contains { $0.range(of: needle.prefix(64)) != nil || $0.range(of: needle.suffix(64)) != nil }
        }
        for blob in erased + kept { #expect(contains(blob, before)) }
        #expect(contains(Data("Winifred".utf8), before))

        let person = try gallery.remove(.name("winifred quagmire"))
        let after = try bytes(folder)
        for blob in erased {
            for offset in stride(from: 0, to: blob.count - 32, by: 32) {
                let piece = blob[blob.startIndex + offset..<blob.startIndex + offset + 32]
                #expect(!after.values.contains { $0.range(of: piece) != nil })
            }
        }
        for text in ["Winifred", "winifred", "WINIFRED", "xylophone", person.id.rawValue] { #expect(!contains(Data(text.utf8), after), "\(text)") }
        for blob in kept { #expect(contains(blob, after)) }
        #expect(try gallery.audit().findings.isEmpty == false)
        #expect(try gallery.audit().findings.allSatisfy { if case .damage = $0 { false } else { true } })
        #expect(try gallery.list().count == 11)
    }

    @Test func `An erasure that another reader holds up is completed at the next opening`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var random = SplitMix64(state: 42)
        let gallery = try openGallery(path)
        try gallery.enroll(.name("Winifred"), [face(random.direction(67))], encoders: encoders)
        do {
            let reader = try DatabaseQueue(path: path)
            try reader.inDatabase { db in
                try db.execute(sql: "BEGIN; SELECT COUNT(*) FROM person")
                let error = galleryError { () throws(GalleryError) in try gallery.remove(.name("Winifred")) }
                #expect(error == .erasureIncomplete(path: path))
                try db.execute(sql: "ROLLBACK")
            }
        }
        #expect(try gallery.list().isEmpty)
        #expect(try bytes(folder).values.contains { $0.range(of: Data("Winifred".utf8)) != nil })
        _ = try openGallery(path)
        #expect(try !bytes(folder).values.contains { $0.range(of: Data("Winifred".utf8)) != nil })
    }

    @Test func `A modality without templates takes another encoder`() throws {
        var random = SplitMix64(state: 43)
        let gallery = try openGallery()
        try gallery.enroll(.name("Ada"), [face(random.direction(67)), voice(random.direction(33))], encoders: encoders)
        try gallery.remove(.name("Ada"))
        #expect(try gallery.encoders().isEmpty)
        let other = EncoderIdentity(fingerprint: "other", dimension: 5)
        try gallery.enroll(.name("Bob"), [face(random.direction(5))], encoders: [.face: other])
        #expect(try gallery.encoders() == [.face: other])
    }

    @Test func `Merging moves templates, drops what is double and keeps the bound`() throws {
        var random = SplitMix64(state: 44)
        let gallery = try openGallery()
        let center = random.direction(67)
        let shared = random.sample(around: center)
        func templates(_ count: Int) -> [TemplateCandidate] { (0..<count).map { _ in face(random.sample(around: center)) } }
        let a = try gallery.enroll(.name("A"), templates(3) + [face(shared), voice(random.direction(33))], encoders: encoders).person
        let b = try gallery.enroll(.name("B"), templates(2) + [face(shared)], encoders: encoders).person
        let report = try gallery.merge(.id(a.id), into: .id(b.id))
        #expect(report.person == b && report.merged == a)
        #expect(report.moved == 4 && report.dropped == 1)
        #expect(try #require(report.similarity[.face]) > 0.5)
        #expect(report.similarity[.voice] == nil)
        #expect(try gallery.list().map(\.templateCounts) == [[.face: 6, .voice: 1]])
        #expect(try gallery.revision() == 3)

        try gallery.enroll(.name("C"), templates(30), encoders: encoders)
        let bounded = try gallery.merge(.name("C"), into: .name("B"))
        #expect(bounded.dropped == 4)
        #expect(try gallery.list()[0].templateCounts[.face] == Gallery.templatesPerPerson)
        let same = galleryError { () throws(GalleryError) in try gallery.merge(.name("b"), into: .id(b.id)) }
        #expect(same == .samePerson(.name("b")))
    }

    @Test func `An audit finds duplicates, strangers among templates and weak enrolments`() throws {
        var random = SplitMix64(state: 45)
        let gallery = try openGallery()
        let center = random.direction(67)
        func templates(_ count: Int, quality: Float = 0.8) -> [TemplateCandidate] {
            (0..<count).map { _ in face(random.sample(around: center), quality: quality) }
        }
        let good = try gallery.enroll(.name("good"), templates(4), encoders: encoders).person
        let twin = try gallery.enroll(.name("twin"), templates(3, quality: 0.2), encoders: encoders).person
        let other = random.direction(67)
        let mixed = (0..<4).map { _ in face(random.sample(around: other)) } + [face(random.direction(67), origin: "stranger")]
        let mix = try gallery.enroll(.name("mix"), mixed, encoders: encoders, policy: .none).person
        let few = try gallery.enroll(.name("few"), [voice(random.direction(33))], encoders: encoders).person

        let report = try gallery.audit()
        #expect(report.people == 4 && report.templates == 13 && report.revision == 4)
        #expect(report.findings.count == 4)
        #expect(report.findings.contains(.lowQuality(twin, modality: .face, best: 0.2)))
        #expect(report.findings.contains(.few(few, modality: .voice, count: 1)))
        let inconsistent = report.findings.compactMap { if case .inconsistent(mix, let template, _) = $0 { template.origin } else { nil } }
        #expect(inconsistent == ["stranger"])
        guard case .duplicates(good, twin, .face, let similarity) = report.findings.last else {
            Issue.record("\(report.findings)")
            return
        }
        // The average over all pairs, by the definition.
        #expect(similarity > 0.5 && similarity < 0.9)
    }

    @Test func `Damaged templates are found by the audit and refused by matching`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var random = SplitMix64(state: 46)
        let gallery = try openGallery(path)
        try gallery.enroll(.name("Ada"), (0..<3).map { _ in face(random.direction(67)) }, encoders: encoders, policy: .none)
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.write { try $0.execute(sql: "UPDATE template SET embedding = x'0000803f' WHERE id = 2") }
        }
        let report = try gallery.audit(AuditPolicy(minimumAgreement: [:]))
        guard case .unusable(_, let template, 67) = report.findings.first else {
            Issue.record("\(report.findings)")
            return
        }
        #expect(template.id == 2 && template.dimension == 1)
        guard case .damaged = galleryError({ () throws(GalleryError) in _ = try gallery.snapshot(encoders: encoders) }) else {
            Issue.record("not refused")
            return
        }
    }
}
