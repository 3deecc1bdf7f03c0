import Foundation
import Gallery
import Testing

@Suite struct GalleryArchiveTests {
    /// Two people with faces, one with a voice too.
    private func filled(seed: UInt64 = 50) throws -> Gallery {
        var random = SplitMix64(state: seed)
        let gallery = try openGallery(seed: seed)
        let ada = random.direction(67)
        try gallery.enroll(
            .name("Ada"), [face(random.sample(around: ada), quality: 0.1), face(random.sample(around: ada)), voice(random.direction(33))],
            encoders: encoders)
        try gallery.enroll(.name("Bob"), [face(random.direction(67))], encoders: encoders)
        return gallery
    }

    @Test func `What is exported and imported is the same gallery`() throws {
        let folder = try ScratchFolder()
        let source = try filled()
        let archive = try source.export()
        let path = folder.path("people.json")
        try archive.write(to: path)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["people.json"])
        let read = try GalleryArchive(contentsOf: path)
        #expect(read == archive)

        let copy = try openGallery()
        let report = try copy.importArchive(read)
        #expect(report.entries.map(\.isNew) == [true, true])
        #expect(report.entries.map(\.added) == [3, 1])
        #expect(report.revision == 1)
        #expect(try copy.list() == source.list())
        #expect(try copy.encoders() == encoders)
        var again = try copy.export()
        again.revision = archive.revision
        #expect(again == archive)

        let second = try copy.importArchive(read)
        #expect(second.entries.map(\.added) == [0, 0] && second.entries.map(\.present) == [3, 1])
        #expect(second.revision == 1)
    }

    @Test func `One person can be exported, with no more encoders than needed`() throws {
        let archive = try filled().export(.name("bob"))
        #expect(archive.people.map(\.name) == ["Bob"])
        #expect(archive.encoders.keys.sorted() == ["face"])
    }

    @Test func `Importing into a gallery with people adds to them`() throws {
        let archive = try filled().export()
        var random = SplitMix64(state: 51)
        let gallery = try openGallery(seed: 99)
        let local = try gallery.enroll(.name("ADA"), [face(random.direction(67))], encoders: encoders).person
        let dry = try gallery.importArchive(archive, dryRun: true)
        #expect(try gallery.list().count == 1 && gallery.revision() == 1)
        let report = try gallery.importArchive(archive)
        #expect(report == dry)
        #expect(report.entries[0].person == local)
        #expect(report.entries[0].archivedName == "Ada")
        #expect(!report.entries[0].isNew && report.entries[1].isNew)
        #expect(try gallery.list().map(\.templateCounts) == [[.face: 3, .voice: 1], [.face: 1]])
    }

    @Test func `An id and a name of two different people are a conflict, and nothing is imported`() throws {
        let source = try filled()
        let archive = try source.export()
        try source.rename(.name("Ada"), to: "Eve")
        var random = SplitMix64(state: 52)
        let other = try source.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders).person
        let revision = try source.revision()
        let error = galleryError { () throws(GalleryError) in try source.importArchive(archive) }
        guard case .archiveConflict("Ada", _, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("Eve") && reason.contains(other.id.rawValue))
        #expect(try source.revision() == revision)
    }

    @Test func `Another encoder's archive is refused whole`() throws {
        var archive = try filled().export()
        archive.encoders["voice"]!.fingerprint = "another"
        let gallery = try openGallery(seed: 3)
        var random = SplitMix64(state: 53)
        try gallery.enroll(.name("Eve"), [voice(random.direction(33))], encoders: encoders)
        let error = galleryError { () throws(GalleryError) in try gallery.importArchive(archive) }
        #expect(
            error
                == .encoderMismatch(
                    modality: .voice, path: ":memory:", expected: voiceEncoder, got: EncoderIdentity(fingerprint: "another", dimension: 33)))
        #expect(try gallery.list().map(\.person.name) == ["Eve"])
        #expect(try gallery.encoders() == [.voice: voiceEncoder])
    }

    @Test func `Every wrong value is refused with its place`() throws {
        let original = try filled().export()
        var changes: [(String, (inout GalleryArchive) -> Void)] = [
            ("people[0].id", { $0.people[0].id = "p_1" }),
            ("people[1].id", { $0.people[1].id = $0.people[0].id }),
            ("people[1].name", { $0.people[1].name = "aDA" }),
            ("people[0].name", { $0.people[0].name = "" }),
            ("people[0].created", { $0.people[0].created = "yesterday" }),
            ("people[0].templates[1].modality", { $0.people[0].templates[1].modality = "gait" }),
            ("people[0].templates[1].embedding", { $0.people[0].templates[1].embedding = "***" }),
            ("people[0].templates[1].embedding", { $0.people[0].templates[1].embedding = "AACAPw==" }),
            ("people[0].templates[1].embedding", { $0.people[0].templates[1].embedding = Data(count: 67 * 4).base64EncodedString() }),
            ("people[0].templates[1].embedding", { $0.people[0].templates[1].embedding = Data(repeating: 255, count: 67 * 4).base64EncodedString() }),
            ("people[0].templates[2].quality", { $0.people[0].templates[2].quality = 2 }),
            ("people[0].templates[2].enrolled", { $0.people[0].templates[2].enrolled = "2026" }),
            ("encoders.face", { $0.encoders["face"]!.dimension = 5000 }),
            ("encoders.gait", { $0.encoders["gait"] = $0.encoders["face"] }),
        ]
        changes.append(("people[0].templates", { $0.people[0].templates = Array(repeating: $0.people[0].templates[0], count: 65) }))
        for (place, change) in changes {
            var archive = original
            change(&archive)
            let gallery = try openGallery()
            let error = galleryError { () throws(GalleryError) in try gallery.importArchive(archive, path: "a.json") }
            guard case .invalidArchive("a.json", let location, _) = error else {
                Issue.record("\(place): \(String(describing: error))")
                continue
            }
            #expect(location == place)
            #expect(try gallery.list().isEmpty && gallery.revision() == 0)
        }
    }

    @Test func `What is no archive is refused`() throws {
        let folder = try ScratchFolder()
        let good = String(decoding: try filled().export().json(), as: UTF8.self)
        let cases: [(String, String)] = [
            ("", "file"), ("[1]", "file"), ("{}", "schema"), (good.replacing("fwoc.gallery/1", with: "fwoc.gallery/2"), "schema"),
            (good.replacing("\"revision\" : 2", with: "\"revision\" : \"two\""), "revision"),
            (good.replacing("\"people\"", with: "\"persons\""), "people"), (String(good.prefix(good.count / 2)), "file"),
        ]
        for (text, place) in cases {
            let path = folder.path("a.json")
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let error = galleryError { () throws(GalleryError) in _ = try GalleryArchive(contentsOf: path) }
            guard case .invalidArchive(path, place, _) = error else {
                Issue.record("\(place): \(String(describing: error))")
                continue
            }
        }
        let missing = folder.path("none.json")
        #expect(galleryError { () throws(GalleryError) in _ = try GalleryArchive(contentsOf: missing) } == .noSuchFile(path: missing))
        let elsewhere = folder.path("no/a.json")
        let archive = try filled().export()
        guard case .inputOutput(elsewhere, _) = galleryError({ () throws(GalleryError) in try archive.write(to: elsewhere) }) else {
            Issue.record("written")
            return
        }
    }

    @Test func `The same gallery gives the same bytes`() throws {
        #expect(try filled().export().json() == filled().export().json())
    }
}
