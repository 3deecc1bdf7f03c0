import Foundation
import MediaFiles
import MediaTypes
import Testing

/// Peak memory is a property of a process, and tests share one: each reading runs in a process of its own, this test program
/// again with ``readsInChild`` as its only test.
@Suite struct MemoryTests {
    private static let variable = "FWOC_TEST_READ_CLIP"
    private static var clip: String? { ProcessInfo.processInfo.environment[variable] }

    /// Ten minutes need no more than their first, but for what the mp4 index grows by: 2,700 pictures and 8,440 packets of sound at up to 64 bytes are
    /// 0.7 MiB; as much again is left to the allocator. A reader that keeps what it has read does so every time, while the decoder's threads
    /// make the peak differ by a MiB from reading to reading where the processor is busy: the best of three counts.
    @Test(.enabled(if: clip == nil)) func memoryDoesNotGrowWithTheClip() throws {
        let folder = try TemporaryFolder()
        let clip = try makeClip(folder.file("long.mp4"), minutes: 10)
        var growth: [Int] = []
        repeat {
            let peaks = try peaks(reading: clip)
            #expect(peaks.early > 5_000)
            growth.append(peaks.late - peaks.early)
        } while growth.count < 3 && growth.contains { $0 < 1600 } == false
        #expect(growth.contains { $0 < 1600 }, "nine more minutes took \(growth) KiB more")
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
        var count = 0, early = 0
        while contents.next() != nil {
            count += 1
            // Within the first minute.
            if count == 600 { early = try peak() }
        }
        print("READ \(count) \(early) \(try peak())")
    }

    /// Of this process, KiB.
    private func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
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

    /// KiB, within the first minute and at the end.
    private func peaks(reading path: String) throws -> (early: Int, late: Int) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["--testing-library", "swift-testing", "--filter", "readsInChild"]
        // One arena: how many of them the C library opens depends on which threads happen to allocate at once.
        process.environment = ProcessInfo.processInfo.environment.merging([MemoryTests.variable: path, "MALLOC_ARENA_MAX": "1"]) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("READ ") }, "\(output)")
        let words = line.split(separator: " ").compactMap { Int($0) }
        #expect(words[0] > 3000)
        return (words[1], words[2])
    }
}
