import Datasets
import Foundation
import Testing

@Suite struct SoundAugmentationTests {
    private static let lengths = [1, 2, 3, 7, 15, 31, 64, 161, 1001, 4097]
    private static let bank = NoiseBank([TestSound.hum(40_000, seed: 1), TestSound.hum(9_000, seed: 2), [Float](repeating: 0, count: 5000)])

    @Test func `Noise has the ratio that is asked for`() {
        let speech = TestSound.speech(32_000)
        for kind in SoundDistortion.NoiseKind.allCases {
            for bank in [nil, Self.bank] {
                for ratio in [0, 5, 12, 30] as [Float] {
                    // Quiet, so that no peak is cut off.
                    let quiet = speech.map { 0.25 * $0 }
                    let mixed = TestSound.distorted(quiet, noise: bank) { ($0.signalToNoise, $0.noiseKind) = (ratio, kind) }
                    let noise = zip(mixed, quiet).map { $0 - $1 }
                    #expect(abs(TestSound.decibels(quiet) - TestSound.decibels(noise) - Double(ratio)) < 0.2, "\(kind) \(ratio)")
                }
            }
        }
    }

    /// Equal energy in each octave; white noise has 3 dB more in each.
    @Test func `Pink noise falls by 3 dB an octave`() {
        for (kind, slope) in [(SoundDistortion.NoiseKind.pink, 0.0), (.white, 3.0)] {
            let signal = TestSound.tone(50, 128_000, level: 1e-4)
            let noise = zip(TestSound.distorted(signal) { ($0.signalToNoise, $0.noiseKind) = (-45, kind) }, signal).map { $0 - $1 }
            let below = [62.5, 125, 250, 500, 1000, 2000, 4000].map { frequency in pow(10, TestSound.decibels(TestSound.distorted(noise) { $0.lowPass = frequency }) / 10) }
            let octaves = zip(below.dropFirst(), below).map { 10 * log10($0 - $1) }
            for (higher, lower) in zip(octaves.dropFirst(), octaves) { #expect(abs(higher - lower - slope) < 1, "\(kind): \(octaves)") }
        }
    }

    @Test func `Band limits take treble away and leave speech`() {
        #expect(TestSound.gain(6000) { $0.lowPass = 4000 } < -20)
        #expect(abs(TestSound.gain(1000) { $0.lowPass = 4000 }) < 1)
        #expect(abs(TestSound.gain(4000) { $0.lowPass = 4000 } + 3) < 0.2)
        #expect(TestSound.gain(6000) { $0.isTelephone = true } < -20)
        #expect(TestSound.gain(100) { $0.isTelephone = true } < -20)
        #expect(abs(TestSound.gain(1000) { $0.isTelephone = true }) < 1)
        #expect(TestSound.gain(6000) { $0.isCoded = true } < -20)
        #expect(abs(TestSound.gain(1000) { $0.isCoded = true }) < 1)
    }

    @Test func `Fast convolution is convolution`() {
        // The last does not fit one transform.
        for (count, taps) in [(1, 1), (1, 40), (5, 3), (64, 65), (1001, 250), (3000, 4001), (70_000, 33)] {
            let (sound, response) = (TestSound.hum(count, seed: 3), TestSound.hum(taps, seed: 4).map { 100 * $0 })
            let fast = FastConvolution.convolve(sound, response)
            var worst = 0.0
            var largest = 0.0
            for n in 0..<count {
                var sum = 0.0
                for k in 0...min(n, taps - 1) { sum += Double(response[k]) * Double(sound[n - k]) }
                worst = max(worst, abs(sum - Double(fast[n])))
                largest = max(largest, abs(sum))
            }
            // The squares of the sound and of the response pass through the same floats, and they are larger.
            #expect(fast.count == count && worst <= 2e-5 * largest, "\(count) by \(taps): \(worst) of \(largest)")
        }
        #expect(FastConvolution.convolve([], [1]) == [])
        #expect(FastConvolution.convolve([0, 0, 0], [1, 2]) == [0, 0, 0])
        #expect(FastConvolution.convolve([1, 2, 3], [0]) == [0, 0, 0])
    }

    @Test func `A room decays by 60 dB in its time`() {
        for seconds in [0.2, 0.5, 0.9] as [Float] {
            for ratio in [-3, 6] as [Float] {
                let response = RoomResponse(reverberationTime: seconds, directToReverberant: ratio).samples(seed: 5)
                let tail = response.dropFirst().map { Double($0) * Double($0) }
                #expect(response[0] == 1)
                #expect(abs(-10 * log10(tail.reduce(0, +)) - Double(ratio)) < 0.05)
                // Schroeder: energy that is still to come, from −5 to −35 dB.
                var left = tail.reduce(0, +)
                let whole = left
                var (five, thirtyFive) = (0, 0)
                for (i, energy) in tail.enumerated() {
                    if left > whole * pow(10, -0.5) { five = i }
                    if left > whole * pow(10, -3.5) { thirtyFive = i }
                    left -= energy
                }
                let measured = 2 * Double(thirtyFive - five) / 16000
                #expect(abs(measured / Double(seconds) - 1) < 0.1, "\(measured) s of \(seconds)")
            }
        }
    }

    @Test func `Reverberation keeps energy and rings on`() {
        var burst = [Float](repeating: 0, count: 24_000)
        for (i, sample) in TestSound.hum(1600, seed: 6).enumerated() { burst[i] = sample }
        let near = TestSound.distorted(burst) { $0.room = RoomResponse(reverberationTime: 0.6, directToReverberant: 6) }
        let far = TestSound.distorted(burst) { $0.room = RoomResponse(reverberationTime: 0.6, directToReverberant: -3) }
        for wet in [near, far] {
            #expect(abs(TestSound.decibels(wet) - TestSound.decibels(burst)) < 0.05)
            let (early, late) = (TestSound.decibels(wet[2000..<3000]), TestSound.decibels(wet[6800..<7800]))
            // 60 dB in 0.6 s are 30 dB in 0.3 s.
            #expect(abs(early - late - 30) < 3)
        }
        #expect(TestSound.decibels(far[2000..<4000]) > TestSound.decibels(near[2000..<4000]) + 3)
    }

    @Test func `Companding keeps within G.711's steps`() {
        var levels = Set<Float>()
        var last: Float = -2
        for value in -32768...32767 {
            let sample = Float(value) / 32768
            let coded = TelephoneCodec.companded(sample)
            if abs(value) <= 32124 { #expect(abs(coded - sample) <= (abs(sample) + 132.0 / 32768) / 32) }
            #expect(TelephoneCodec.companded(coded) == coded)
            #expect(coded >= last)
            last = coded
            levels.insert(coded)
        }
        // 256 codes, of which two are zero.
        #expect(levels.count == 255)
        #expect(levels.max() == 32124.0 / 32768 && levels.min() == -32124.0 / 32768)
        #expect(levels.contains(0) && levels.contains(8.0 / 32768))
        #expect(TelephoneCodec.companded(7) == 32124.0 / 32768)
    }

    @Test func `Coded speech sounds like itself`() {
        let tone = TestSound.tone(1000, 8000)
        let coded = TestSound.distorted(tone) { $0.isCoded = true }
        let difference = zip(tone, coded).map { $0 - $1 }
        #expect(TestSound.decibels(tone[1000..<7000]) - TestSound.decibels(difference[1000..<7000]) > 30)
    }

    @Test func `Speed changes the pitch by its factor`() {
        for factor in [0.9, 1.0001, 1.1] {
            let sound = TestSound.distorted(TestSound.tone(1000, 16_000)) { $0.speed = Float(factor) }
            // Until the sound begins again.
            let expected = TestSound.tone(1000 * Double(Float(factor)), 14_000)
            let difference = zip(sound[100..<14_000], expected[100..<14_000]).map { $0 - $1 }
            #expect(TestSound.decibels(difference) < TestSound.decibels(expected) - 45, "\(factor)")
            #expect(sound.count == 16_000)
        }
        // Faster sound is at its end after 1/1.1 of the time and begins again.
        var click = [Float](repeating: 0, count: 11_000)
        click[500] = 0.9
        let faster = TestSound.distorted(click) { $0.speed = 1.1 }
        let peaks = faster.indices.filter { faster[$0] > 0.4 }
        #expect(peaks.contains { abs($0 - 455) <= 1 } && peaks.contains { abs($0 - 10_455) <= 1 } && peaks.allSatisfy { abs($0 % 10_000 - 455) <= 1 })
    }

    @Test func `Gain, clipping and gaps are as told`() {
        let tone = TestSound.tone(300, 16_000)
        #expect(abs(TestSound.decibels(TestSound.distorted(tone) { $0.gain = -7 }) - TestSound.decibels(tone) + 7) < 0.01)
        let clipped = TestSound.distorted(tone) { $0.clipping = 0.5 }
        #expect(abs((clipped.max() ?? 0) - 0.15) < 1e-3 && clipped.count { abs($0) > 0.1499 } > 8000)
        let loud = TestSound.distorted(tone) { $0.gain = 40 }
        #expect(loud.max() == 1 && loud.min() == -1)
        let steady = [Float](repeating: 0.5, count: 32_000)
        for part in [0.001, 0.02, 0.1, 0.4, 1] as [Float] {
            let gaps = TestSound.distorted(steady) { $0.dropouts = part }
            let missing = gaps.count { $0 == 0 }
            // Gaps that fall upon one another hide a part: 1 − exp(−part) is left of many.
            #expect(Float(missing) <= 32_000 * part + 1 && Float(missing) > 32_000 * (1 - exp(-part)) * 0.8)
            #expect(gaps.allSatisfy { $0 == 0 || $0 == 0.5 })
        }
    }

    /// Every effect at once and at absurd strengths, at every length.
    @Test func `Any strength at any length gives sound`() {
        let wild: [Float] = [-1e30, -7, 0, 1e-9, 0.5, 1, 40, 1e30]
        var any = SeededGenerator(seed: 1)
        let nothing = SoundAugmentation().apply(to: [], noise: Self.bank, random: &any)
        #expect(nothing.isEmpty)
        for count in Self.lengths {
            for strength in wild {
                let every = Effect.always(strength)
                var augmentation = SoundAugmentation()
                (augmentation.speed, augmentation.reverberation, augmentation.noise, augmentation.gain) = (every, every, every, every)
                (augmentation.clipping, augmentation.lowPass, augmentation.telephone, augmentation.codec, augmentation.dropouts) = (every, every, every, every, every)
                let sound = TestSound.hum(count, seed: 9)
                var (first, second) = (SeededGenerator(seed: 4), SeededGenerator(seed: 4))
                let a = augmentation.apply(to: sound, noise: Self.bank, random: &first)
                let b = augmentation.apply(to: sound, noise: Self.bank, random: &second)
                #expect(a == b)
                #expect(a.count == count && a.allSatisfy { abs($0) <= 1 }, "\(count) samples, strength \(strength)")
                let silence = augmentation.apply(to: [Float](repeating: 0, count: count), noise: nil, random: &first)
                #expect(silence.allSatisfy { $0 == 0 } && silence.count == count)
            }
        }
    }

    @Test func `A seed gives the same sound, another seed another, none leaves it`() {
        let speech = TestSound.speech(8000)
        func sounds(_ augmentation: SoundAugmentation, seed: UInt64) -> [[Float]] {
            var random = SeededGenerator(seed: seed)
            return (0..<30).map { _ in augmentation.apply(to: speech, noise: Self.bank, random: &random) }
        }
        let first = sounds(SoundAugmentation(), seed: 1)
        #expect(first == sounds(SoundAugmentation(), seed: 1))
        #expect(first != sounds(SoundAugmentation(), seed: 2))
        #expect(Set(first).count > 20)
        #expect(sounds(.none, seed: 1).allSatisfy { $0 == speech })
    }

    @Test func `A bank gives stretches of its recordings`() {
        #expect(NoiseBank([]).isEmpty && NoiseBank([[], [Float](repeating: 1e-5, count: 900)]).isEmpty)
        let ramp = (0..<1000).map { Float($0) / 32768 }
        let bank = NoiseBank([ramp])
        var random = SeededGenerator(seed: 3)
        for count in [1, 10, 999, 1000, 1001, 3500] {
            let stretch = bank.stretch(count, &random)
            #expect(stretch.count == count)
            for (next, one) in zip(stretch.dropFirst(), stretch) {
                let step = Int(((next - one) * 32768).rounded())
                #expect(step == 1 || step == -999)
            }
        }
        // By their lengths: three quarters of the stretches come from the longer recording.
        let two = NoiseBank([[Float](repeating: 0.25, count: 3000), [Float](repeating: -0.25, count: 1000)])
        let long = (0..<2000).count { _ in two.stretch(1, &random)[0] > 0 }
        #expect(abs(long - 1500) < 60)
    }

    @Test func `A bank is read from shards, and no more than is asked for`() throws {
        let folder = try ScratchFolder()
        let columns = [ColumnDeclaration("identity", .uint8), ColumnDeclaration(SampleColumns.sound, .int16)]
        let writer = try ShardWriter(path: try folder.file("noise/a.shard"), description: ShardDescription(columns: columns))
        for row in 0..<5 {
            var values = ["identity": ShardValue("rain")]
            if row != 2 { values[SampleColumns.sound] = ShardValue((0..<8000).map { Int16(1000 * (row + 1) + $0 % 7) }, entries: 8000) }
            try writer.append(ShardRow(values))
        }
        try writer.finish()
        let set = try ShardSet(path: folder.path + "/noise")
        #expect(try NoiseBank(set).sampleCount == 32_000)
        #expect(try NoiseBank(set, seconds: 0.75).sampleCount == 12_000)
        var (a, b) = (SeededGenerator(seed: 1), SeededGenerator(seed: 1))
        let stretch = try NoiseBank(set).stretch(100, &a)
        #expect(stretch.allSatisfy { $0 > 999.0 / 32768 && $0 < 5007.0 / 32768 })
        #expect(try NoiseBank(set).stretch(100, &b) == stretch)

        for (name, column, values) in [
            ("mute", ColumnDeclaration(SampleColumns.sound, .int16), ShardValue([Int16](repeating: 0, count: 50), entries: 50)),
            ("faces", ColumnDeclaration("face", .int16), ShardValue([Int16](repeating: 900, count: 50), entries: 50)),
            ("floats", ColumnDeclaration(SampleColumns.sound, .float32), ShardValue([Float](repeating: 1, count: 50), entries: 50)),
        ] {
            let writer = try ShardWriter(path: try folder.file("\(name)/a.shard"), description: ShardDescription(columns: [column]))
            try writer.append(ShardRow([column.name: values]))
            try writer.finish()
            let other = try ShardSet(path: folder.path + "/" + name)
            let error = #expect(throws: DatasetError.self) { _ = try NoiseBank(other) }
            #expect(error?.description.contains("/\(name)") == true && error?.category == .badData)
        }
    }
}
