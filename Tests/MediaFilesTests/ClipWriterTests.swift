import Foundation
import MediaFiles
import MediaTypes
import Testing

@Suite struct ClipWriterTests {
    /// A picture whose brightness tells its number.
    private func paint(_ frame: VideoFrame, _ value: UInt8) {
        unsafe frame.withUnsafePlanes { y, u, v in
            unsafe y.update(repeating: value, count: frame.width * frame.height)
            unsafe u.update(repeating: 128, count: frame.chromaWidth * frame.chromaHeight)
            unsafe v.update(repeating: 128, count: frame.chromaWidth * frame.chromaHeight)
        }
    }

    @Test(arguments: [(64, 48), (33, 17)]) func picturesKeepTheirTimes(width: Int, height: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("out.mp4")
        let writer = try ClipWriter(path: path, width: width, height: height)
        let frame = VideoFrame(width: width, height: height)
        let times: [Int64] = [0, 33_000_000, 40_123_000, 120_000_000, 450_000_000, 453_000_000]
        for (index, time) in times.enumerated() {
            paint(frame, UInt8(60 + 20 * index))
            frame.instant = Instant(nanoseconds: time)
            try writer.append(frame)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.finish()
        let reader = try MediaReader(path: path)
        var levels: [Double] = []
        let contents = Contents(reader) { frame in
            let luma = StoredFrame(frame).luma
            levels.append(Double(luma.reduce(0) { $0 + Int($1) }) / Double(luma.count))
        }
        #expect(reader.streams.video?.width == width + width % 2 && reader.streams.video?.height == height + height % 2)
        #expect(reader.streams.audio == nil && contents.damageCount == 0)
        #expect(contents.instants.count == times.count)
        for (got, want) in zip(contents.instants, times) { #expect(abs(got.nanoseconds - want) <= 1_000_000_000 / 60000) }
        for (index, level) in levels.enumerated() { #expect(abs(level - Double(60 + 20 * index)) < 4) }
    }

    /// Sound and picture together again, whatever their starts: a late sound, a lost stretch of it, another container's rounding.
    @Test(arguments: ["bframes.mp4", "sound-late.mp4", "odd.webm", "packed.avi"]) func theOriginalSoundStaysInStep(name: String) throws {
        let folder = try TemporaryFolder()
        let source = try MediaReader(path: Fixtures.path(name))
        let video = try #require(source.streams.video)
        let path = folder.file("out.mp4")
        let writer = try ClipWriter(path: path, width: video.width, height: video.height, sound: .original(source))
        var sound: [AudioBlock] = []
        var times: [Instant] = []
        while let item = source.next() {
            switch item {
            case .video(let frame):
                times.append(frame.instant)
                try writer.append(frame)
            case .audio(let block): sound.append(block)
            }
        }
        try writer.finish()
        let reader = try MediaReader(path: path)
        let contents = Contents(reader)
        #expect(reader.streams.audio?.sourceRate == source.streams.audio?.sourceRate)
        // Sound begins at zero in the written clip, so its time line is the source's, unless the picture begins later.
        #expect(contents.instants.count == times.count)
        for (got, want) in zip(contents.instants, times) { #expect(abs((got - want).nanoseconds) <= 1_000_000_000 / 60000 + 1) }
        #expect(lag(sound, contents.blocks) == 0)
    }

    @Test func blocksOfSoundStayInStep() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("out.mp4")
        let writer = try ClipWriter(path: path, width: 32, height: 32, sound: .blocks)
        let frame = VideoFrame(width: 32, height: 32)
        var sound: [AudioBlock] = []
        var generator = SeededGenerator(state: 5)
        for index in 0..<50 {
            paint(frame, 100)
            frame.instant = Instant(nanoseconds: Int64(index) * 20_000_000 + 500_000_000)
            // Silence stands for the blocks from 10 to 19, which are not given.
            let block = AudioBlock(
                start: frame.instant, samples: (0..<320).map { Float.random(in: -0.3...0.3, using: &generator) * sin(Float($0) / 3) })
            if !(10..<20).contains(index) {
                try writer.append(block)
                sound.append(block)
            }
            try writer.append(frame)
        }
        try writer.finish()
        let contents = Contents(try MediaReader(path: path))
        #expect(contents.instants.count == 50)
        #expect(abs(contents.instants[0].seconds - 0.5) < 0.0001)
        #expect(contents.blocks[0].start == .zero)
        #expect(lag(sound, contents.blocks) == 0)
    }

    /// The shift in samples, −32…32, at which the second sound is most like the first; both are placed by their starts.
    private func lag(_ first: [AudioBlock], _ second: [AudioBlock]) -> Int? {
        func line(_ blocks: [AudioBlock]) -> [Float] {
            var line = [Float](repeating: 0, count: 1 + blocks.map { Int($0.end.nanoseconds / 62_500) }.max()!)
            for block in blocks {
                let start = Int((block.start.seconds * 16000).rounded())
                for (index, sample) in block.samples.enumerated() where start + index >= 0 && start + index < line.count { line[start + index] = sample }
            }
            return line
        }
        let a = line(first), b = line(second)
        return (-32...32).max { product(a, b, $0) < product(a, b, $1) }
    }

    private func product(_ a: [Float], _ b: [Float], _ shift: Int) -> Float {
        var sum: Float = 0
        for index in a.indices where b.indices.contains(index + shift) { sum += a[index] * b[index + shift] }
        return sum
    }

    @Test func anUnwritablePlaceIsAnError() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: MediaError.self) { try ClipWriter(path: folder.file("missing/out.mp4"), width: 32, height: 32) }
        guard case .writeFailed(_, _, let detail) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(detail == "No such file or directory" && error?.category == .inputOutput)
        #expect(throws: MediaError.directory(path: folder.path)) { try ClipWriter(path: folder.path, width: 32, height: 32) }
    }

    @Test func aDeviceIsRefused() throws {
        #expect(throws: MediaError.notRegularFile(path: "/dev/full")) { try ClipWriter(path: "/dev/full", width: 32, height: 32) }
    }

    @Test func whatIsGivenUpLeavesNothing() throws {
        let folder = try TemporaryFolder()
        do {
            let writer = try ClipWriter(path: folder.file("out.mp4"), width: 32, height: 32)
            let frame = VideoFrame(width: 32, height: 32)
            paint(frame, 90)
            try writer.append(frame)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
