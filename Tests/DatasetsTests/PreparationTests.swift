import Datasets
import Foundation
import Testing

/// Preparation by the program, of aligned pictures: no network is needed to decode, cut and store them.
@Suite struct PreparationTests {
    private static func prepare(_ arguments: [String]) throws -> Programs.Outcome {
        try Programs.run(Programs.train, ["prepare"] + arguments)
    }

    private static let small = ["--aligned", "--shard-size", "1", "--least-sharpness", "0"]

    /// Every row of a folder of shards, whatever shard it lies in, in the order of files.
    private static func rows(_ folder: String) throws -> [String] {
        let set = try ShardSet(path: folder)
        let (file, face) = (try set.column(SampleColumns.file), try set.column(SampleColumns.face))
        return try (0..<set.rowCount).map { row in
            let pixels = try set.bytes(row: row, column: face)
            return "\(try set.text(row: row, column: file)) \(Checksum.of(pixels))"
        }.sorted()
    }

    @Test func `Pictures become rows, and what is refused has its reason`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(20, identities: 3, in: folder)
        try ScratchFolder.write([], try folder.file("people/person 0/empty.png"))
        try ScratchFolder.write([UInt8]("not a picture".utf8), try folder.file("people/person 0/text.jpg"))
        let picture = try ScratchFolder.bytes(people + "/person 1/00001.png")
        try ScratchFolder.write(Array(picture[..<(picture.count / 2)]), try folder.file("people/person 1/truncated.png"))
        try Programs.ffmpeg(["-f", "lavfi", "-i", "color=gray:size=112x112", "-frames:v", "1", try folder.file("people/person 2/flat.png")])
        try Programs.ffmpeg(["-f", "lavfi", "-i", "testsrc2=size=120x112", "-frames:v", "1", try folder.file("people/person 2/wide.png")])
        try Programs.ffmpeg(["-f", "lavfi", "-i", "sine=duration=1", try folder.file("people/person 2/sound.wav")])
        try ScratchFolder.write([1], try folder.file("people/person 2/.hidden"))
        try Programs.ffmpeg(["-f", "lavfi", "-i", "testsrc2=size=112x112,gblur=sigma=3", "-frames:v", "1", try folder.file("people/person 2/soft.png")])
        let outcome = try Self.prepare([people, "-o", folder.path + "/shards", "--aligned", "--least-sharpness", "0.1", "--json"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let manifest = try JSONDecoder().decode(PrepareManifest.self, from: Data(outcome.output.utf8))
        #expect(manifest.taken.rows == 21)
        #expect(manifest.identities == 3)
        var reasons: [String: RefusalReason] = [:]
        for file in manifest.files { for refusal in file.refused where refusal.what == .file { reasons[file.file] = refusal.reason } }
        #expect(
            reasons == [
                "person 0/empty.png": .damaged, "person 0/text.jpg": .notMedia, "person 1/truncated.png": .damaged, "person 2/flat.png": .tooBlurred,
                "person 2/wide.png": .wrongSize, "person 2/sound.wav": .notMedia,
            ])
        #expect(manifest.refusedFiles == ["damaged": 2, "not-media": 2, "too-blurred": 1, "wrong-size": 1])

        // What is stored is the picture, plane by plane.
        let set = try ShardSet(path: folder.path + "/shards")
        #expect(try set.identities().mapValues(\.count) == ["person 0": 6, "person 1": 7, "person 2": 8])
        let raw = try folder.file("soft.rgb")
        try Programs.ffmpeg(["-i", people + "/person 2/soft.png", "-f", "rawvideo", "-pix_fmt", "gbrp", raw])
        let planes = try ScratchFolder.bytes(raw)
        let expected = Array(planes[2 * 12544..<3 * 12544] + planes[..<12544] + planes[12544..<2 * 12544])
        let file = try set.column(SampleColumns.file)
        let row = try #require((0..<set.rowCount).first { try set.text(row: $0, column: file) == "person 2/soft.png" })
        let stored = try set.elements(UInt8.self, row: row, column: try set.column(SampleColumns.face))
        let errors = stored.indices.map { abs(Int(stored[$0]) - Int(expected[$0])) }
        // The planes are whole frames of 4:2:0 in between: a blurred picture loses next to nothing by it.
        #expect(errors.reduce(0, +) < 3 * errors.count)
    }

    @Test func `Jobs change nothing`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(100, identities: 7, in: folder)
        for jobs in ["1", "3"] {
            let outcome = try Self.prepare([people, "-o", folder.path + "/jobs\(jobs)", "--jobs", jobs] + Self.small)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let one = try ScratchFolder.contents(folder.path + "/jobs1", ".shard")
        #expect(one.count >= 3)
        #expect(one.values.allSatisfy { $0.count <= 1 << 20 })
        #expect(try ScratchFolder.contents(folder.path + "/jobs3", ".shard") == one)
    }

    @Test func `Parts together are the whole`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(60, identities: 5, in: folder)
        #expect(try Self.prepare([people, "-o", folder.path + "/whole"] + Self.small).status == 0)
        for part in 1...3 {
            let outcome = try Self.prepare([people, "-o", folder.path + "/parts", "--part", "\(part)/3"] + Self.small)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try Self.rows(folder.path + "/parts") == Self.rows(folder.path + "/whole"))
        let manifests = try PrepareManifest.all(in: folder.path + "/parts")
        #expect(manifests.map(\.files.count).reduce(0, +) == 60)
        #expect(manifests.allSatisfy { $0.files.count >= 5 })
    }

    /// Lines of a journal, its header not counted.
    private static func lines(_ folder: String) -> Int {
        guard let journal = try? ScratchFolder.bytes(folder + "/part-00001-of-00001.journal") else { return 0 }
        return max(0, journal.count { $0 == 0x0A } - 1)
    }

    @Test func `Killed at any moment, it goes on to the same bytes`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(240, identities: 4, in: folder)
        #expect(try Self.prepare([people, "-o", folder.path + "/whole"] + Self.small).status == 0)
        let whole = try ScratchFolder.contents(folder.path + "/whole", ".shard")
        let target = folder.path + "/killed"
        var kills = 0
        for step in 1...6 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Programs.train)
            process.arguments = ["prepare", people, "-o", target, "--jobs", "2", "--quiet"] + Self.small
            process.standardError = FileHandle.nullDevice
            let before = Self.lines(target)
            try process.run()
            while process.isRunning, Self.lines(target) < before + 7 * step { usleep(200) }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if process.terminationReason == .uncaughtSignal { kills += 1 }
            // Nothing is undone.
            #expect(Self.lines(target) >= before)
            for name in try ScratchFolder.contents(target, ".shard").keys { try Shard(path: target + "/" + name).verify() }
        }
        #expect(kills >= 2)
        let outcome = try Self.prepare([people, "-o", target] + Self.small)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try ScratchFolder.contents(target, ".shard") == whole)
        #expect(try ScratchFolder.contents(target, ".partial").isEmpty)
        #expect(try PrepareManifest.all(in: target) == PrepareManifest.all(in: folder.path + "/whole"))
    }

    @Test(arguments: [1, 20, 9, 400])
    func `A journal whose end is torn loses its last line only`(_ cut: Int) throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(30, identities: 2, in: folder)
        let target = folder.path + "/shards"
        #expect(try Self.prepare([people, "-o", target] + Self.small).status == 0)
        let whole = try ScratchFolder.contents(target, ".shard")
        // As if killed before the last shard got its name.
        let last = try #require(whole.keys.max())
        let journal = target + "/part-00001-of-00001.journal"
        let bytes = try ScratchFolder.bytes(journal)
        try ScratchFolder.write(Array(bytes.dropLast(cut)), journal)
        try FileManager.default.moveItem(atPath: "\(target)/\(last)", toPath: "\(target)/\(last).partial")
        let outcome = try Self.prepare([people, "-o", target] + Self.small)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try ScratchFolder.contents(target, ".shard") == whole)
    }

    @Test func `What a shard was begun with is checked before it is gone on with`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(10, identities: 2, in: folder)
        let target = folder.path + "/shards"
        #expect(try Self.prepare([people, "-o", target] + Self.small).status == 0)
        let other = try Self.prepare([people, "-o", target, "--aligned", "--shard-size", "1", "--least-sharpness", "3"])
        #expect(other.status == 78)
        #expect(other.errors.contains("least-sharpness 0.0, now 3.0"), "\(other.errors)")
        // Nothing to do is no error, and more files go into a shard of their own.
        #expect(try Self.prepare([people, "-o", target] + Self.small).status == 0)
        #expect(try ShardSet(path: target).rowCount == 10)
        try FileManager.default.copyItem(atPath: people + "/person 1/00001.png", toPath: try folder.file("people/person 9/new.png"))
        #expect(try Self.prepare([people, "-o", target] + Self.small).status == 0)
        #expect(try ShardSet(path: target).rowCount == 11)
        #expect(try ScratchFolder.contents(target, ".shard").count == 2)
    }

    @Test func `Damage of an unfinished shard is noticed`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(10, identities: 2, in: folder)
        let target = folder.path + "/shards"
        #expect(try Self.prepare([people, "-o", target] + Self.small).status == 0)
        let name = try #require(ScratchFolder.contents(target, ".shard").keys.first)
        var bytes = try ScratchFolder.bytes("\(target)/\(name)")
        bytes[100_000] ^= 4
        try ScratchFolder.write(bytes, "\(target)/\(name).partial")
        try FileManager.default.removeItem(atPath: "\(target)/\(name)")
        let outcome = try Self.prepare([people, "-o", target] + Self.small)
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("are not what was written"), "\(outcome.errors)")
    }

    @Test func `A full disk is said, and made room on, the work goes on`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(60, identities: 3, in: folder)
        #expect(try Self.prepare([people, "-o", folder.path + "/whole", "--aligned", "--least-sharpness", "0"]).status == 0)
        let target = folder.path + "/shards"
        let arguments = "prepare '\(people)' -o '\(target)' --aligned --least-sharpness 0 --quiet"
        // Blocks of 512 bytes, as POSIX has it: a shard of 60 faces needs 2.2 MB.
        let full = try Programs.run("sh", ["-c", "ulimit -f 2000; exec '\(Programs.train)' \(arguments)"])
        #expect(full.status == 74)
        #expect(full.errors.contains(".shard.partial: writing") && full.errors.contains("goes on where it stopped"), "\(full.errors)")
        let outcome = try Self.prepare([people, "-o", target, "--aligned", "--least-sharpness", "0"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try ScratchFolder.contents(target, ".shard") == ScratchFolder.contents(folder.path + "/whole", ".shard"))
    }

    @Test func `Sources that are not there, empty or of another layout`() throws {
        let folder = try ScratchFolder()
        _ = try folder.file("empty/x")
        let out = folder.path + "/shards"
        for (arguments, status, text): ([String], Int32, String) in [
            ([folder.path + "/nowhere"], 66, "no such folder"), ([folder.path + "/empty"], 66, "no file in it"),
            ([folder.path + "/nowhere.csv", "--layout", "manifest"], 66, "cannot be read"),
            ([folder.path + "/empty", "--part", "4/3"], 64, "--part"), ([folder.path + "/empty", "--face", "ugly"], 64, "--face"),
        ] {
            let outcome = try Self.prepare(arguments + ["-o", out, "--aligned"])
            #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(text), "\(outcome.errors)")
        }
        try ScratchFolder.write([1, 2, 3], try folder.file("loose/picture.png"))
        let loose = try Self.prepare([folder.path + "/loose", "-o", out, "--aligned"])
        #expect(loose.status == 65)
        #expect(loose.errors.contains("'picture.png' does not lie in the folder of an identity"), "\(loose.errors)")
        // One identity is prepared, and said.
        let people = try Programs.alignedPictures(4, identities: 1, in: folder)
        let one = try Self.prepare([people, "-o", out] + Self.small)
        #expect(one.status == 0)
        #expect(one.errors.contains("all files are of one identity, 'person 0'"), "\(one.errors)")
        // Nothing taken at all is an error, with a manifest that says why.
        try ScratchFolder.write([1, 2, 3], try folder.file("bad/somebody/picture.png"))
        let none = try Self.prepare([folder.path + "/bad", "-o", folder.path + "/none", "--aligned"])
        #expect(none.status == 65)
        #expect(try PrepareManifest.all(in: folder.path + "/none")[0].refusedFiles == ["not-media": 1])
        let empty = try Programs.run(Programs.train, ["shards", folder.path + "/none"])
        #expect(empty.status == 66)
    }

    @Test func `Layouts say whose file is whose`() throws {
        let folder = try ScratchFolder()
        for name in ["id1/video a/1.mp4", "id1/video a/2.mp4", "id2/video b/1.mp4", "id2/stray.txt", "id1/deep/er/3.mp4"] { try ScratchFolder.write([0], try folder.file("vox/\(name)")) }
        let items = try SourceLayout.voxceleb.items(of: folder.path + "/vox")
        #expect(items.map(\.name) == ["id1/video a/1.mp4", "id1/video a/2.mp4", "id2/video b/1.mp4"])
        #expect(items.map(\.identity) == ["id1", "id1", "id2"])
        #expect(items.map(\.session) == ["id1/video a", "id1/video a", "id2/video b"])
        #expect(try SourceLayout.folders.items(of: folder.path + "/vox").count == 5)

        let csv = try folder.file("clips.csv")
        try ScratchFolder.write(
            [UInt8]("file,identity,start,end,face\r\n\"a, \"\"b\"\".mp4\",Alice,1.5,3,speaking\r\nc.mp4,Bob,,,\n\nc.mp4,Carol,2,,7\n".utf8), csv)
        let listed = try SourceLayout.manifest.items(of: csv)
        #expect(listed.count == 3)
        let alice = try #require(listed.first { $0.identity == "Alice" })
        #expect(alice.name == "a, \"b\".mp4" && alice.start == 1.5 && alice.end == 3 && alice.subject == .speaking)
        #expect(alice.path == folder.path + "/a, \"b\".mp4")
        #expect(listed.first { $0.identity == "Carol" }?.subject == .track(7))
        for (text, place) in [
            ("file,identity\na.mp4\n", ":2: 1 fields"), ("file,who\n", "unknown column 'who'"), ("file\n", "no column 'identity'"),
            ("file,identity,start\na,b,soon\n", "start is 'soon'"), ("file,identity,start,end\na,b,3,2\n", "end 2.0 is not after"),
            ("file,identity\n\"a,b\n", "not closed"), ("file,identity\na,b\na,c\n", "named twice"), ("file,identity,face\na,b,left\n", "face is 'left'"),
        ] {
            try ScratchFolder.write([UInt8](text.utf8), csv)
            let error = #expect(throws: DatasetError.self) { _ = try SourceLayout.manifest.items(of: csv) }
            #expect(error?.description.contains(place) == true, "\(String(describing: error))")
        }
    }

    @Test func `Each name belongs to one part`() throws {
        #expect(WorkPart("0/3") == nil && WorkPart("4/3") == nil && WorkPart("1/0") == nil && WorkPart("1") == nil && WorkPart("1/2/3") == nil)
        let parts = try (1...7).map { try #require(WorkPart("\($0)/7")) }
        for number in 0..<500 {
            let owners = parts.count { $0.contains("name \(number)") }
            #expect(owners == 1)
        }
    }

    @Test func `Two processes do not work on the same part`() throws {
        let folder = try ScratchFolder()
        let people = try Programs.alignedPictures(2, identities: 1, in: folder)
        let target = folder.path + "/shards"
        #expect(try Self.prepare([people, "-o", target] + Self.small).status == 0)
        let outcome = try Programs.run("flock", [target + "/part-00001-of-00001.journal", Programs.train, "prepare", people, "-o", target] + Self.small)
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("another process prepares part 1/1"), "\(outcome.errors)")
    }
}
