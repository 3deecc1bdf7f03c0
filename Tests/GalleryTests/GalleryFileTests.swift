import Foundation
import GRDB
import Gallery
import Testing

@Suite struct GalleryFileTests {
    private func permissions(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    private func open(_ path: String, _ access: Gallery.Access = .readWrite) throws(GalleryError) { _ = try openGallery(path, access: access) }

    @Test func `A gallery and its logs are readable by their owner only`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        let gallery = try openGallery(path)
        var random = SplitMix64(state: 30)
        try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders)
        for suffix in ["", "-wal", "-shm"] { #expect(try permissions(path + suffix) == 0o600, "\(suffix)") }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, who may give files away")) func `A gallery that root makes belongs to the owner of its folder`() throws {
        let folder = try ScratchFolder()
        let given = unsafe chown(folder.path(""), 65_533, 65_532)
        try #require(given == 0)
        let path = folder.path("g.sqlite")
        let gallery = try openGallery(path)
        var random = SplitMix64(state: 30)
        try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders)
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
            #expect(attributes[.ownerAccountID] as? Int == 65_533, "\(suffix)")
            #expect(try permissions(path + suffix) == 0o600, "\(suffix)")
        }
    }

    @Test func `Commits are synchronous and logged ahead`() throws {
        let folder = try ScratchFolder()
        let gallery = try openGallery(folder.path("g.sqlite"))
        let (mode, synchronous, foreignKeys, secure) = try gallery.settings()
        #expect(mode == "wal")
        #expect(synchronous == 2)
        #expect(foreignKeys)
        #expect(secure)
    }

    @Test func `What was enrolled is there at the next opening`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var random = SplitMix64(state: 31)
        let probe = random.direction(67)
        do {
            let gallery = try openGallery(path)
            try gallery.enroll(.name("Ada"), [face(probe, quality: 0.25, origin: "x.png")], encoders: encoders)
        }
        for access in [Gallery.Access.readOnly, .readWrite] {
            let gallery = try openGallery(path, access: access)
            let detail = try gallery.show(.name("ada"))
            #expect(detail.person.created == testDate)
            #expect(detail.templates.map(\.quality) == [0.25])
            #expect(detail.templates.map(\.origin) == ["x.png"])
            #expect(detail.templates.map(\.enrolled) == [testDate])
            #expect(try gallery.revision() == 1)
            var scores: [Float] = [0]
            var span = scores.mutableSpan
            let ranking = try gallery.snapshot(encoders: encoders).match(probe.span, modality: .face, scores: &span)
            #expect(abs(try #require(ranking).score - 1) < 1e-5)
        }
    }

    @Test func `A gallery opened read-only cannot be changed`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var random = SplitMix64(state: 32)
        try openGallery(path).enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders)
        let gallery = try openGallery(path, access: .readOnly)
        let more = face(random.direction(67))
        let enrolled = galleryError { () throws(GalleryError) in _ = try gallery.enroll(.name("Bob"), [more], encoders: encoders) }
        let renamed = galleryError { () throws(GalleryError) in _ = try gallery.rename(.name("Ada"), to: "Bob") }
        let removed = galleryError { () throws(GalleryError) in _ = try gallery.remove(.name("Ada")) }
        let merged = galleryError { () throws(GalleryError) in _ = try gallery.merge(.name("Ada"), into: .name("Ada")) }
        #expect([enrolled, renamed, removed, merged] == Array(repeating: .readOnly(path: path), count: 4))
        #expect(try gallery.list().map(\.person.name) == ["Ada"])
    }

    @Test func `What is no gallery is refused and left as it was`() throws {
        let folder = try ScratchFolder()
        let text = folder.path("text.sqlite")
        let content = Data(String(repeating: "This is no database. ", count: 100).utf8)
        try content.write(to: URL(fileURLWithPath: text))
        #expect(galleryError { () throws(GalleryError) in try open(text) } == .notADatabase(path: text))
        #expect(try Data(contentsOf: URL(fileURLWithPath: text)) == content)

        let other = folder.path("other.sqlite")
        do {
            let queue = try DatabaseQueue(path: other)
            try queue.write { try $0.execute(sql: "CREATE TABLE mail (id INTEGER PRIMARY KEY)") }
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: other))
        for access in [Gallery.Access.readWrite, .readOnly] {
            guard case .notAGallery(other, _) = galleryError({ () throws(GalleryError) in try open(other, access) }) else {
                Issue.record("not refused")
                return
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: other)) == before)
    }

    @Test func `A newer schema is refused`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        try open(path)
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.write { try $0.execute(sql: "PRAGMA user_version = 7") }
        }
        #expect(galleryError { () throws(GalleryError) in try open(path) } == .newerSchema(path: path, got: 7, expected: 2))
    }

    @Test func `Missing files and folders are named`() throws {
        let folder = try ScratchFolder()
        let deep = folder.path("no/such/g.sqlite")
        #expect(galleryError { () throws(GalleryError) in try open(deep) } == .noSuchFolder(path: deep))
        let path = folder.path("g.sqlite")
        #expect(galleryError { () throws(GalleryError) in try open(path, .readOnly) } == .noSuchFile(path: path))
        #expect(!FileManager.default.fileExists(atPath: path))
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(galleryError { () throws(GalleryError) in try open(path, .readOnly) } == .notAGallery(path: path, found: "it is empty"))
        let asFolder = folder.url.path
        #expect(galleryError { () throws(GalleryError) in try open(asFolder) } != nil)
    }

    @Test func `A damaged file is an error and no crash`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var random = SplitMix64(state: 33)
        do {
            let gallery = try openGallery(path)
            for name in 0..<20 { try gallery.enroll(.name("n\(name)"), [face(random.direction(67))], encoders: encoders) }
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var refused = 0, opened = 0
        for trial in 0..<60 {
            var bytes = whole
            if trial % 3 == 0 {
                bytes = bytes.prefix(Int.random(in: 1..<whole.count, using: &random))
            } else {
                for _ in 0..<(trial % 3 == 1 ? 1 : 200) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
            }
            let copy = folder.path("damaged\(trial).sqlite")
            try bytes.write(to: URL(fileURLWithPath: copy))
            do throws(GalleryError) {
                let gallery = try openGallery(copy)
                _ = try gallery.list()
                _ = try gallery.audit()
                _ = try gallery.snapshot(encoders: encoders)
                opened += 1
            } catch { refused += 1 }
        }
        // Both happen: a bit of an embedding changes nothing that SQLite could notice, a truncated file does.
        #expect(refused > 0 && opened + refused == 60)
    }

    @Test func `Two instances share a file`() throws {
        let folder = try ScratchFolder()
        let path = folder.path("g.sqlite")
        var random = SplitMix64(state: 34)
        let a = try openGallery(path, seed: 1), b = try openGallery(path, seed: 2)
        for number in 0..<5 {
            try a.enroll(.name("a\(number)"), [face(random.direction(67))], encoders: encoders)
            try b.enroll(.name("b\(number)"), [face(random.direction(67))], encoders: encoders)
        }
        #expect(try a.revision() == 10 && b.revision() == 10)
        try a.remove(.name("b3"))
        #expect(try b.list().count == 9)
    }
}
