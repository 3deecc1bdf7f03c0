import Foundation
import MediaFiles
import MediaTypes
import Testing

/// Peak memory is a property of a process, and tests share one: each reading runs in a process of its own, this test program
/// again with ``readsInChild`` as its only test.
@Suite struct MemoryTests {
    private static let variable = "FWOC_TEST_READ_CLIP"
    private static var clip: String? { ProcessInfo.processInfo.environment[variable] }

    /// Ten minutes need no more than one, but for the mp4 index: 3,000 pictures and 9,375 packets of sound at up to 64 bytes are
    /// 0.8 MiB; as much again is left to the allocator.
    @Test(.enabled(if: clip == nil)) func memoryDoesNotGrowWithTheClip() throws {
        let folder = try TemporaryFolder()
        let short = try peak(reading: try makeClip(folder.file("short.mp4"), minutes: 1))
        let long = try peak(reading: try makeClip(folder.file("long.mp4"), minutes: 10))
        #expect(short > 5_000)
        #expect(long - short < 1600, "\(short) KiB for one minute, \(long) KiB for ten")
    }

    /// The picture begins after all the sound of 23 s: its packets lie beyond the queue, and a second demuxer is opened.
    @Test(.enabled(if: clip == nil)) func badInterleavingGivesTheSameItems() throws {
        let contents = Contents(try MediaReader(path: Fixtures.path("picture-late.mkv")))
        #expect(contents.instants.count == 10 && contents.damageCount == 0)
        var options = MediaReader.Options()
        options.readsVideo = false
        let alone = Contents(try MediaReader(path: Fixtures.path("picture-late.mkv"), options: options))
        #expect(contents.samples == alone.samples && alone.samples.count == 24 * 16000)
    }

    @Test(.enabled(if: clip != nil, "runs in a process of its own, started by memoryDoesNotGrowWithTheClip")) func readsInChild() throws {
        let contents = try MediaReader(path: try #require(MemoryTests.clip))
        var count = 0
        while contents.next() != nil { count += 1 }
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        print("READ \(count) \(line.split(whereSeparator: { !$0.isNumber }).first ?? "")")
    }

    private func makeClip(_ path: String, minutes: Int) throws -> String {
        let writer = try ClipWriter(path: path, width: 32, height: 32, sound: .blocks, options: {
            var options = ClipWriter.Options()
            options.nominalRate = 5
            return options
        }())
        let frame = VideoFrame(width: 32, height: 32)
        unsafe frame.withUnsafePlanes { y, u, v in
            unsafe y.update(repeating: 90, count: 1024)
            unsafe u.update(repeating: 128, count: 256)
            unsafe v.update(repeating: 128, count: 256)
        }
        var block = AudioBlock(start: .zero, samples: (0..<3200).map { 0.1 * sin(Float($0) / 5) })
        for index in 0..<minutes * 60 * 5 {
            frame.instant = Instant(nanoseconds: Int64(index) * 200_000_000)
            block.start = frame.instant
            try writer.append(block)
            try writer.append(frame)
        }
        try writer.finish()
        return path
    }

    /// KiB.
    private func peak(reading path: String) throws -> Int {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["--testing-library", "swift-testing", "--filter", "readsInChild"]
        process.environment = ProcessInfo.processInfo.environment.merging([MemoryTests.variable: path]) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("READ ") }, "\(output)")
        let words = line.split(separator: " ")
        #expect(Int(words[1])! > 1000)
        return Int(words[2])!
    }
}
