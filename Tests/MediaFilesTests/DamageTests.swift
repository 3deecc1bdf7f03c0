import Foundation
import MediaFiles
import MediaTypes
import Testing

@Suite struct DamageTests {
    static let containers = ["bframes.mp4", "odd.webm", "packed.avi", "resized.ts", "sound.ogg", "sound.wav", "sound.flac", "sound.mp3", "picture-late.mkv"]

    /// Cut at ten places: what comes before the cut is read as from the whole file, and the loss is reported or an error.
    @Test(arguments: containers) func truncated(name: String) throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path(name))
        let all = Contents(try MediaReader(path: Fixtures.path(name)))
        var opened = 0
        for tenth in 0..<10 {
            let length = whole.count * (2 * tenth + 1) / 20
            let path = try folder.write("cut-\(tenth)-\(name)", Array(whole[..<length]))
            do {
                let contents = Contents(try MediaReader(path: path))
                opened += 1
                #expect(contents.instants.count <= all.instants.count)
                // A cut packet may still give a picture, and a picture's time may rest on packets that are cut off.
                let common = max(0, contents.instants.count - 4)
                #expect(contents.instants.prefix(common).elementsEqual(all.instants.prefix(common)))
                #expect(contents.samples.count <= all.samples.count + 320)
            } catch {
                let isRefusal =
                    switch error {
                    case .damagedHeader, .nothingDecodes, .notMedia: true
                    default: false
                    }
                #expect(isRefusal, "\(error)")
                #expect(error.category == .badData)
            }
        }
        #expect(opened >= 5)
    }

    @Test(arguments: ["bframes.mp4", "odd.webm", "packed.avi"]) func truncationIsReported(name: String) throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path(name))
        let path = try folder.write(name, Array(whole[..<(whole.count * 2 / 3)]))
        let contents = Contents(try MediaReader(path: path))
        #expect(contents.damageCount > 0)
        #expect(contents.damage.contains { $0.byteOffset != nil || $0.instant != nil })
        #expect(contents.damage.contains { $0.cause == .truncated }, "\(contents.damage)")
        #expect(contents.instants.count > 3)
    }

    @Test func aClipWithoutItsIndexIsRefused() throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path("cut.mp4"))
        let path = try folder.write("cut.mp4", Array(whole[..<(whole.count / 2)]))
        let error = #expect(throws: MediaError.self) { try MediaReader(path: path) }
        guard case .damagedHeader(_, "mov", let detail) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(detail.contains("moov"))
    }

    /// Bytes changed at seeded places: never a crash or a hang, and order and bounds hold whatever comes out.
    @Test(arguments: Fixtures.names) func flippedBytes(name: String) throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path(name))
        let all = Contents(try MediaReader(path: Fixtures.path(name)))
        var damaged = 0
        for seed in 0..<12 {
            var generator = SeededGenerator(state: UInt64(seed))
            var content = whole
            for _ in 0..<(1 << (seed % 6)) { content[Int.random(in: 0..<content.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator) }
            let path = try folder.write("flipped", content)
            do {
                let reader = try MediaReader(path: path)
                let contents = Contents(reader)
                damaged += contents.damageCount > 0 ? 1 : 0
                for (a, b) in zip(contents.instants, contents.instants.dropFirst()) { #expect(a < b) }
                for (a, b) in zip(contents.order, contents.order.dropFirst()) { #expect(a.start <= b.start) }
                #expect(contents.instants.count <= 2 * all.instants.count + 10)
                #expect(contents.damage.count <= 64 && contents.damage.count <= contents.damageCount)
            } catch {
                damaged += 1
                #expect(error.category == .badData, "\(error)")
            }
        }
        // Sound that is coded without checks shows no damage.
        if name != "sound.wav", name != "sound-lost.mka" { #expect(damaged > 0) }
    }

    @Test func damageInTheMiddleLosesOnlyWhatItTouches() throws {
        let folder = try TemporaryFolder()
        var content = try bytes(of: Fixtures.path("bframes.mp4"))
        let middle = content.count / 2
        for index in middle..<middle + 400 { content[index] = 0xFF }
        let contents = Contents(try MediaReader(path: try folder.write("middle.mp4", content)))
        #expect(contents.damageCount > 0)
        #expect(contents.instants.count >= 25)
        #expect(contents.instants.last!.seconds > 1.5)
        #expect(contents.samples.count > 24000)
    }
}

@Suite struct MediaErrorTests {
    @Test func noSuchFile() {
        let error = #expect(throws: MediaError.self) { try MediaReader(path: "/nonexistent/clip.mp4") }
        #expect(error == .noSuchFile(path: "/nonexistent/clip.mp4"))
        #expect(error?.category == .noInput)
        #expect(error?.description == "/nonexistent/clip.mp4: no such file; check the path")
    }

    @Test func aTextFileNamedAsAClip() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("notes.mp4", Array(String(repeating: "These are notes, not a clip.\n", count: 50).utf8))
        let error = #expect(throws: MediaError.self) { try MediaReader(path: path) }
        guard case .notMedia = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.category == .badData)
    }

    @Test func anEmptyFile() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("empty.mp4", [])
        #expect(throws: MediaError.emptyFile(path: path)) { try MediaReader(path: path) }
    }

    @Test func aDirectory() throws {
        let folder = try TemporaryFolder()
        #expect(throws: MediaError.directory(path: folder.path)) { try MediaReader(path: folder.path) }
    }

    @Test func aPipeIsNotWaitedFor() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pipe")
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(throws: MediaError.notRegularFile(path: path)) { try MediaReader(path: path) }
    }

    /// The super-user may read everything; there the case cannot be made.
    @Test(.enabled(if: geteuid() != 0, "needs a user who is not root")) func noPermission() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("secret.mp4", [1, 2, 3])
        #expect(unsafe chmod(path, 0) == 0)
        #expect(throws: MediaError.permissionDenied(path: path)) { try MediaReader(path: path) }
    }

    /// A playlist could make FFmpeg open other files or addresses.
    @Test func aPlaylistIsRefused() throws {
        let folder = try TemporaryFolder()
        let target = Fixtures.path("resized.ts")
        for (name, text) in [
            ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n\(target)\n#EXT-X-ENDLIST\n"),
            ("list.ffconcat", "ffconcat version 1.0\nfile '\(target)'\n"),
        ] {
            let path = try folder.write(name, Array(text.utf8))
            let error = #expect(throws: MediaError.self) { try MediaReader(path: path) }
            guard case .notMedia(_, .some) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func randomBytes() throws {
        let folder = try TemporaryFolder()
        for seed in 0..<20 {
            var generator = SeededGenerator(state: UInt64(seed))
            let path = try folder.write("noise.mp4", (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) })
            let error = #expect(throws: MediaError.self) { try MediaReader(path: path) }
            #expect(error?.category == .badData)
        }
    }
}
