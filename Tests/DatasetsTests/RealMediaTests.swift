import Datasets
import Foundation
import ModelBundle
import Recognition
import Testing

/// Preparation with networks. Skipped where the public models are missing; RealData has said so on standard error.
@Suite(.enabled(if: RealData.models != nil)) struct RecognisedMediaTests {
    private static func prepare(_ items: [SourceItem], _ target: String, _ settings: PrepareSettings = PrepareSettings(), jobs: Int = 1) throws -> PrepareManifest {
        let bundle = try RecognitionBundle(RealData.bundle, locations: BundleLocations(searchPaths: [], referenceModels: URL(fileURLWithPath: try #require(RealData.models))))
        var options = Preparation.Options()
        options.settings = settings
        options.jobs = jobs
        return try Preparation(items: items, sources: [], into: target, bundle: bundle, options: options).run()
    }

    private static func reasons(_ manifest: PrepareManifest) -> [String: RefusalReason] {
        var reasons: [String: RefusalReason] = [:]
        for file in manifest.files { for refusal in file.refused where refusal.what == .file { reasons[file.file] = refusal.reason } }
        return reasons
    }

    @Test func `Media without people are refused with their reasons`() throws {
        let folder = try ScratchFolder()
        func make(_ name: String, _ arguments: [String]) throws -> SourceItem {
            let path = try folder.file(name)
            try Programs.ffmpeg(arguments + [path])
            return SourceItem(path: path, name: name, identity: "nobody")
        }
        var items = [
            try make("pattern.png", ["-f", "lavfi", "-i", "testsrc2=size=321x201", "-frames:v", "1"]),
            try make("pattern.mp4", ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=1.2"]),
            try make("tone.wav", ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]),
            try make("silence.ogg", ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono", "-t", "1.5", "-c:a", "libopus"]),
        ]
        items.append(SourceItem(path: folder.path + "/missing.mp4", name: "missing.mp4", identity: "nobody"))
        let manifest = try Self.prepare(items, folder.path + "/shards")
        #expect(
            Self.reasons(manifest) == [
                "pattern.png": .noFace, "pattern.mp4": .noFace, "tone.wav": .noSpeech, "silence.ogg": .noSpeech, "missing.mp4": .unreadable,
            ])
        #expect(manifest.taken.rows == 0)
        #expect(try ScratchFolder.contents(folder.path + "/shards", ".shard").isEmpty)
    }

    @Test(.enabled(if: RealData.clips != nil)) func `A talking face gives faces, mouths and its own speech`() throws {
        let folder = try ScratchFolder()
        let clips = try #require(RealData.clips)
        func item(_ name: String, _ identity: String, _ subject: SubjectChoice? = nil, start: Double? = nil, end: Double? = nil) -> SourceItem {
            SourceItem(path: clips + "/" + name, name: name, identity: identity, start: start, end: end, subject: subject)
        }
        let speech = try folder.file("speech.wav")
        try Programs.ffmpeg(["-i", clips + "/vidtimit-fadg0-sa1.mp4", "-vn", speech])
        let items = [
            item("vidtimit-fadg0-sa1.mp4", "fadg0"), item("visualvoice-interview.mp4", "host", end: 4),
            item("visualvoice-interview.mp4", "speaker", .speaking, start: 0, end: 5),
            SourceItem(path: speech, name: "speech.wav", identity: "fadg0"),
        ]
        var settings = PrepareSettings()
        settings.mouths = Set(MouthCrop.allCases)
        settings.longestRow = 2
        let manifest = try Self.prepare(items, folder.path + "/shards", settings)
        #expect(Self.reasons(manifest) == ["visualvoice-interview.mp4#-4.0": .severalFaces])
        let set = try ShardSet(path: folder.path + "/shards")
        let columns = try [SampleColumns.face, SampleColumns.faceInstant, SampleColumns.faceQuality, SampleColumns.mouth, SampleColumns.speakingFace,
            SampleColumns.speaking, SampleColumns.speech, SampleColumns.sound, SampleColumns.soundQuality].map { try set.column($0) }
        let file = try set.column(SampleColumns.file)
        var spoken: [String: Int] = [:]
        for row in 0..<set.rowCount {
            let name = try set.text(row: row, column: file)
            let counts = columns.map { set.entries(row: row, column: $0) }
            let marks = try set.elements(UInt8.self, row: row, column: columns[6])
            let own = marks.indices.count { marks[$0] == SampleColumns.Speech.own }
            spoken[name, default: 0] += own
            // Mouths, odds, marks and samples cover the same time.
            if counts[7] > 0 { #expect(counts[7] == counts[6] * 640) }
            #expect(counts[6] <= 50)
            if name == "speech.wav" {
                #expect(counts[0] == 0 && counts[3] == 0 && counts[7] > 0)
                continue
            }
            #expect(counts[3] == counts[4] && counts[3] == counts[5] && counts[3] == counts[6])
            #expect(counts[0] == counts[1] && counts[0] == counts[2] && counts[0] >= 1)
            #expect(Double(counts[0]) <= Double(counts[3]) * 0.04 * 5 + 1)
            let times = try set.elements(Int64.self, row: row, column: columns[1])
            for index in times.indices { #expect((-20_000_000...Int64(counts[3]) * 40_000_000).contains(times[index])) }
            let quality = try set.elements(Float.self, row: row, column: columns[2])
            for index in quality.indices where index % 7 == 0 { #expect((0...1).contains(quality[index]) && quality[index + 5] >= 24) }
        }
        // She says a sentence of three seconds; the recording of it holds the same speech.
        let seen = try #require(spoken["vidtimit-fadg0-sa1.mp4"])
        let heard = try #require(spoken["speech.wav"])
        #expect(seen > 25 && heard > 25)
        #expect((spoken["visualvoice-interview.mp4"] ?? 0) > 25)
    }

    @Test(.enabled(if: RealData.clips != nil)) func `What a file gives does not depend on the files before it`() throws {
        let folder = try ScratchFolder()
        let clips = try #require(RealData.clips)
        let items = ["vidtimit-fadg0-sa1.mp4", "avspeech-5JGS4NZrYpk_223_.mp4", "headpose-31.mp4"].map {
            SourceItem(path: clips + "/" + $0, name: $0, identity: $0, end: 2, subject: .largest)
        }
        _ = try Self.prepare(items, folder.path + "/together")
        _ = try Self.prepare(items, folder.path + "/jobs", jobs: 2)
        let together = try ScratchFolder.contents(folder.path + "/together", ".shard")
        #expect(try ScratchFolder.contents(folder.path + "/jobs", ".shard") == together)
        _ = try Self.prepare([items[2]], folder.path + "/alone")
        let (all, alone) = (try ShardSet(path: folder.path + "/together"), try ShardSet(path: folder.path + "/alone"))
        let rows = try #require(try all.identities()[items[2].identity])
        #expect(rows.count == alone.rowCount)
        for (row, other) in zip(rows, 0..<alone.rowCount) {
            for column in all.description.columns.indices {
                let (a, b) = (try all.bytes(row: row, column: column), try alone.bytes(row: other, column: column))
                #expect(a.indices.map { a[$0] } == b.indices.map { b[$0] }, "\(all.description.columns[column].name)")
            }
        }
    }
}
