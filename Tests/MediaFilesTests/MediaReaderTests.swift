import Foundation
import MediaFiles
import MediaTypes
import Testing

@Suite struct MediaReaderTests {
    /// Both sides round ticks of the stream to nanoseconds, one after and one before zero is taken off.
    static let rounding: Int64 = 1

    @Test(arguments: Fixtures.names) func picturesHaveTheTimesThatFFprobeReads(name: String) throws {
        let expected = try #require(Fixtures.clips[name])
        let reader = try MediaReader(path: Fixtures.path(name))
        let contents = Contents(reader)
        let times = expected.frames ?? []
        #expect(contents.instants.count == times.count)
        for (got, want) in zip(contents.instants, times) { #expect(abs(got.nanoseconds - want) <= MediaReaderTests.rounding) }
        #expect((reader.streams.video == nil) == (expected.frames == nil))
        // Two transport streams in one file: the packet counter leaps where they meet.
        #expect(contents.damageCount <= (name == "resized.ts" ? 1 : 0), "\(contents.damage)")
    }

    @Test(arguments: Fixtures.names) func soundHasTheLengthAndStartThatFFprobeReads(name: String) throws {
        let expected = try #require(Fixtures.clips[name])
        let reader = try MediaReader(path: Fixtures.path(name))
        let contents = Contents(reader)
        guard let start = expected.audio_start, let samples = expected.source_samples, let rate = expected.source_rate else {
            #expect(reader.streams.audio == nil && contents.blocks.isEmpty)
            return
        }
        let audio = try #require(reader.streams.audio)
        #expect(audio.sourceRate == rate && audio.channels == expected.channels)
        #expect(abs(audio.start.nanoseconds - start) <= MediaReaderTests.rounding)
        #expect(contents.blocks.first?.start == audio.start)
        // The resampler gives a sample for each begun output period.
        let length = Double(samples) * 16000 / Double(rate)
        #expect(abs(Double(contents.samples.count) - length) <= 1)
    }

    @Test(arguments: Fixtures.names) func itemsComeInOrderOfTheirStartSoundFirst(name: String) throws {
        let contents = Contents(try MediaReader(path: Fixtures.path(name)))
        #expect(contents.order.count > 2)
        for (a, b) in zip(contents.order, contents.order.dropFirst()) {
            #expect(a.start < b.start || (a.start == b.start && a.isSound && !b.isSound))
        }
        for (a, b) in zip(contents.instants, contents.instants.dropFirst()) { #expect(a < b) }
        for (a, b) in zip(contents.blocks, contents.blocks.dropFirst()) {
            if b.isDiscontinuity {
                #expect(a.end < b.start)
            } else {
                #expect(a.end == b.start && a.samples.count == 320)
            }
        }
    }

    @Test(arguments: ["bframes.mp4", "odd.webm", "packed.avi", "sound.wav", "sound.ogg", "sound.m4a", "sound.mp3"])
    func soundIsWhatFFmpegResamples(name: String) throws {
        let samples = Contents(try MediaReader(path: Fixtures.path(name))).samples
        let expected = try Fixtures.sound(name + ".s16")
        // ffmpeg's program ends a run a sample earlier or later where it passes the end on.
        #expect(abs(samples.count - expected.count) <= 1)
        // Half a step of 16 bits, and a thousandth of it for other rounding inside.
        let tolerance: Float = 0.5 / 32768 * 1.001
        let worst = zip(samples, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst <= tolerance)
        #expect((samples.map(abs).max() ?? 0) > 0.1)
    }

    @Test(arguments: ["bframes.mp4", "odd.webm", "full-chroma.mp4", "packed.avi"])
    func picturesAreWhatFFmpegDecodes(name: String) throws {
        let expected = try #require(Fixtures.clips[name])
        let checks = try #require(expected.checks)
        let reader = try MediaReader(path: Fixtures.path(name))
        var frames: [StoredFrame] = []
        _ = Contents(reader) { frames.append(StoredFrame($0)) }
        let frame = frames[3]
        #expect(frame.width == expected.width && frame.height == expected.height)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let w = frame.width, h = frame.height
        let got = [
            mean(frame.luma.map(Double.init)),
            mean(frame.luma.indices.map { Double(frame.luma[$0]) * Double($0 % w) / Double(w) }),
            mean(frame.luma.indices.map { Double(frame.luma[$0]) * Double($0 / w) / Double(h) }),
            mean(frame.cb.map(Double.init)), mean(frame.cr.map(Double.init)),
        ]
        // Planar 4:2:0 is copied; 4:4:4 is averaged by libswscale with other flags than the program's, and rounds otherwise.
        let tolerance = name == "full-chroma.mp4" ? 0.5 : 1e-9
        for (a, b) in zip(got, checks) { #expect(abs(a - b) <= tolerance) }
    }

    /// The reference turns pixel by pixel.
    @Test(arguments: [90, 180, 270]) func rotationIsAppliedToThePixels(degrees: Int) throws {
        var upright: [StoredFrame] = [], rotated: [StoredFrame] = []
        _ = Contents(try MediaReader(path: Fixtures.path("upright.mp4"))) { upright.append(StoredFrame($0)) }
        let reader = try MediaReader(path: Fixtures.path("rotated-\(degrees).mp4"))
        _ = Contents(reader) { rotated.append(StoredFrame($0)) }
        #expect(reader.streams.video?.rotation == degrees)
        #expect(rotated.count == 5 && upright.count == 5)
        for (stored, shown) in zip(upright, rotated) {
            #expect(shown.width == (degrees == 180 ? 96 : 64) && shown.height == (degrees == 180 ? 64 : 96))
            #expect(shown.luma == turn(stored.luma, stored.width, stored.height, degrees))
            #expect(shown.cb == turn(stored.cb, stored.width / 2, stored.height / 2, degrees))
            #expect(shown.cr == turn(stored.cr, stored.width / 2, stored.height / 2, degrees))
        }
    }

    private func turn(_ plane: [UInt8], _ width: Int, _ height: Int, _ degrees: Int) -> [UInt8] {
        var shown = [UInt8](repeating: 0, count: plane.count)
        for y in 0..<height {
            for x in 0..<width {
                let place =
                    switch degrees {
                    case 90: x * height + (height - 1 - y)
                    case 180: (height - 1 - y) * width + (width - 1 - x)
                    default: (width - 1 - x) * height + y
                    }
                shown[place] = plane[y * width + x]
            }
        }
        return shown
    }

    @Test func aChangeOfSizeIsScaledToTheFirst() throws {
        let reader = try MediaReader(path: Fixtures.path("resized.ts"))
        var sizes: [[Int]] = []
        var brightness: [Double] = []
        _ = Contents(reader) { frame in
            sizes.append([frame.width, frame.height])
            let luma = StoredFrame(frame).luma
            brightness.append(Double(luma.reduce(0) { $0 + Int($1) }) / Double(luma.count))
        }
        #expect(sizes.count == 30 && sizes.allSatisfy { $0 == [160, 120] })
        // The test picture has the same mean brightness at any size.
        #expect(abs(brightness[3] - brightness[18]) < 8)
    }

    @Test func lostSoundIsADiscontinuityAtItsOwnTime() throws {
        let contents = Contents(try MediaReader(path: Fixtures.path("sound-lost.mka")))
        let breaks = contents.blocks.filter(\.isDiscontinuity)
        #expect(breaks.count == 1)
        // Sound is missing from 0.5 s to 0.9 s, in whole frames of the source (1024 samples).
        let start = try #require(breaks.first?.start.seconds)
        #expect(start > 0.9 && start < 0.9 + 0.064)
        let before = try #require(contents.blocks.last { $0.end <= Instant.seconds(start) })
        #expect(abs(before.end.seconds - 0.5) < 0.064)
    }

    @Test func soundKeepsItsDelay() throws {
        let reader = try MediaReader(path: Fixtures.path("sound-late.mp4"))
        let contents = Contents(reader)
        #expect(reader.streams.video?.start == .zero)
        // 0.3 s less the encoder's delay of 1024 samples at 48 kHz, which the file does not cut off.
        #expect(abs(contents.blocks[0].start.seconds - (0.3 - 1024.0 / 48000)) < 0.001)
        let loud = try #require(contents.blocks.first { $0.samples.contains { abs($0) > 0.001 } })
        #expect(loud.end.seconds > 0.3 && loud.start.seconds < 0.33)
    }

    @Test func aStreamCanBeLeftOut() throws {
        var options = MediaReader.Options()
        options.readsAudio = false
        let silent = Contents(try MediaReader(path: Fixtures.path("bframes.mp4"), options: options))
        #expect(silent.blocks.isEmpty && silent.instants.count == 40)
        options = MediaReader.Options()
        options.readsVideo = false
        let blind = Contents(try MediaReader(path: Fixtures.path("bframes.mp4"), options: options))
        #expect(blind.instants.isEmpty && blind.samples.count > 25000)
    }

    @Test func oneFrameAndOneBlockAreReused() throws {
        let reader = try MediaReader(path: Fixtures.path("bframes.mp4"))
        var frames: Set<ObjectIdentifier> = []
        var storages: Set<UInt> = []
        while let item = reader.next() {
            switch item {
            case .video(let frame): frames.insert(ObjectIdentifier(frame))
            case .audio(let block):
                if block.samples.count == 320 { storages.insert(unsafe block.samples.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }) }
            }
        }
        #expect(frames.count == 1)
        #expect(storages.count == 1)
    }

    @Test func decoderThreadsChangeNothing() throws {
        var options = MediaReader.Options()
        options.decoderThreads = 2
        var one: [StoredFrame] = [], two: [StoredFrame] = []
        _ = Contents(try MediaReader(path: Fixtures.path("bframes.mp4"))) { one.append(StoredFrame($0)) }
        _ = Contents(try MediaReader(path: Fixtures.path("bframes.mp4"), options: options)) { two.append(StoredFrame($0)) }
        #expect(one == two && one.count == 40)
    }

    @Test func picturesOverTheLimitAreRefused() throws {
        var options = MediaReader.Options()
        options.mostPixels = 160 * 119
        #expect(throws: MediaError.pictureTooLarge(path: Fixtures.path("picture-only.mp4"), width: 160, height: 120, limit: 160 * 119)) {
            try MediaReader(path: Fixtures.path("picture-only.mp4"), options: options)
        }
    }

    /// Recorders write pairs of pictures with one time. The fourth step of the clip's time table is set to nothing.
    @Test func equalTimesAreKeptApartByAMillisecond() throws {
        let folder = try TemporaryFolder()
        var content = try bytes(of: Fixtures.path("variable-rate.mp4"))
        // After the name: version and flags, the number of entries, then pairs of count and step, all big-endian 32 bits.
        let table = try #require(content.indices.first { content[$0...].starts(with: Array("stts".utf8)) })
        func value(_ at: Int) -> Int { content[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        let entry = table + 12 + 3 * 8
        #expect(value(table + 8) > 4 && value(entry) == 1)
        for index in entry + 4..<entry + 8 { content[index] = 0 }
        let times = try #require(Fixtures.clips["variable-rate.mp4"]?.frames)
        let step = times[4] - times[3]
        let contents = Contents(try MediaReader(path: try folder.write("pair.mp4", content)))
        #expect(contents.instants.count == times.count)
        #expect(contents.instants[4].nanoseconds == contents.instants[3].nanoseconds + 1_000_000)
        for index in times.indices where index != 4 {
            #expect(abs(contents.instants[index].nanoseconds - (times[index] - (index > 4 ? step : 0))) <= 2)
        }
        #expect(contents.damageCount == 0, "\(contents.damage)")
    }

    /// The same transport stream twice: its times begin again in the middle of the file.
    @Test func timesThatBeginAgainStillGrow() throws {
        let folder = try TemporaryFolder()
        let once = try bytes(of: Fixtures.path("resized.ts"))
        let contents = Contents(try MediaReader(path: try folder.write("twice.ts", once + once)))
        #expect(contents.instants.count == 60)
        for (a, b) in zip(contents.instants, contents.instants.dropFirst()) { #expect(a < b) }
        #expect(contents.damage.contains { $0.cause == .timestamp && $0.instant != nil })
    }
}
