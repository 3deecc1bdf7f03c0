import Foundation
import MediaFiles
import MediaTypes
import Testing

/// Real clips against ffprobe. Needs the shared data (`FWOC_SHARED_DATA`, or `../shared/data` beside the package) and the programs
/// ffprobe and tar.
enum SharedData {
    static let folder: String? = {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let given = ProcessInfo.processInfo.environment["FWOC_SHARED_DATA"]
        let path = given ?? package.deletingLastPathComponent().appendingPathComponent("shared/data").path
        if FileManager.default.fileExists(atPath: path + "/clips-wild"), (try? output("ffprobe", ["-version"]))?.hasPrefix("ffprobe version") == true { return path }
        FileHandle.standardError.write(Data("SKIPPED: SharedDataTests needs \(path)/clips-wild and ffprobe; set FWOC_SHARED_DATA\n".utf8))
        return nil
    }()

    static func output(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}

// Skipped where the shared data are missing; then SharedData.folder has said so on standard error.
@Suite(.enabled(if: SharedData.folder != nil)) struct SharedDataTests {
    /// Presentation times in seconds, ascending as decoded.
    private func times(_ path: String, _ kind: String) throws -> [Double] {
        let text = try SharedData.output(
            "ffprobe", ["-v", "error", "-select_streams", "\(kind):0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path])
        // Side data add empty fields and lines.
        return text.split(separator: "\n").compactMap { $0.split(separator: ",").first }.compactMap { Double($0) }
    }

    private func compare(_ path: String) throws {
        let reader = try MediaReader(path: path)
        let contents = Contents(reader)
        let video = try times(path, "v"), audio = try times(path, "a")
        let origin = min(video.first ?? .infinity, audio.first ?? .infinity)
        #expect(contents.instants.count == video.count, "\(path)")
        if let first = video.first, let last = video.last {
            // ffprobe prints microseconds; a picture with the time of the one before is moved by a millisecond.
            #expect(abs(contents.instants[0].seconds - (first - origin)) < 0.000_002, "\(path)")
            #expect(abs(contents.instants.last!.seconds - (last - origin)) < 0.001_1, "\(path)")
            let furthest = zip(contents.instants, video).map { abs($0.seconds - ($1 - origin)) }.max()!
            #expect(furthest < 0.002_1, "\(path)")
        }
        if let first = audio.first, let last = audio.last {
            #expect(abs(contents.blocks[0].start.seconds - (first - origin)) < 0.000_002, "\(path)")
            // The last packet is up to 120 ms long.
            let end = contents.blocks.last!.end.seconds + origin
            #expect(end > last && end < last + 0.121, "\(path)")
        } else {
            #expect(contents.blocks.isEmpty)
        }
        #expect(contents.damageCount == 0, "\(path): \(contents.damage)")
    }

    @Test func wildClips() throws {
        let folder = try #require(SharedData.folder) + "/clips-wild"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(names.count >= 18)
        for name in names { try compare(folder + "/" + name) }
    }

    /// Of each pack every n-th clip, so that about twelve are read.
    @Test(arguments: ["clips-grid", "clips-news", "clips-mixed"]) func packedClips(pack: String) throws {
        let archive = try #require(SharedData.folder) + "/\(pack).tar.gz"
        let members = try SharedData.output("tar", ["tzf", archive]).split(separator: "\n").map(String.init)
            .filter { $0.hasSuffix(".mp4") || $0.hasSuffix(".webm") || $0.hasSuffix(".avi") || $0.hasSuffix(".mkv") }.sorted()
        #expect(members.count >= 100)
        let chosen = stride(from: 0, to: members.count, by: max(1, members.count / 12)).map { members[$0] }
        let folder = try TemporaryFolder()
        _ = try SharedData.output("tar", ["xzf", archive, "-C", folder.path] + chosen)
        for name in chosen { try compare(folder.file(name)) }
    }
}
