import FrontEnd
import Foundation
import MediaTypes
import Testing

/// A generator whose numbers are the same everywhere (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite struct SoundReferenceTests {
    /// |Σ x[n]·exp(−2πi·kn/512)|² by the definition.
    static func slowPower(_ x: [Float]) -> [Double] {
        (0...256).map { k in
            var re = 0.0
            var im = 0.0
            for (n, v) in x.enumerated() {
                let angle = -2 * Double.pi * Double(k * n % 512) / 512
                re += Double(v) * cos(angle)
                im += Double(v) * sin(angle)
            }
            return re * re + im * im
        }
    }

    /// Rounding of a float transform: each of log₂512 = 9 stages adds at most about 2⁻²⁴ of the spectrum's norm, √(512·Σx²), to a bin's amplitude.
    static func amplitudeTolerance(_ x: [Float]) -> Double {
        9 * 0x1p-24 * (512 * x.reduce(0) { $0 + Double($1) * Double($1) }).squareRoot()
    }

    @Test(arguments: [0, 1, 2, 3, 255, 256, 257, 400, 511, 512])
    func powerSpectrumAgreesWithTheDefinition(_ count: Int) {
        var random = Seeded(state: UInt64(count) + 5)
        let x = (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
        let got = powerSpectrum(x.span)
        let expected = Self.slowPower(x)
        #expect(got.count == 257)
        let tolerance = Self.amplitudeTolerance(x)
        for k in 0...256 { #expect(abs(Double(got[k]).squareRoot() - expected[k].squareRoot()) <= tolerance) }
        if count > 0 { #expect(got.contains { $0 > 0 }) }
    }

    @Test func everyImpulseHasAFlatSpectrum() {
        for n in 0..<512 {
            var x = [Float](repeating: 0, count: 512)
            x[n] = 1
            let worst = powerSpectrum(x.span).map { abs($0 - 1) }.max()!
            #expect(worst < 2e-6)
        }
    }

    @Test func powerSpectrumAgreesWithNumPy() throws {
        let x = Array(try Fixtures.sound().prefix(512))
        let expected = try Fixtures.doubles("power.f64")
        let got = powerSpectrum(x.span)
        let tolerance = Self.amplitudeTolerance(x)
        for k in 0...256 { #expect(abs(Double(got[k]).squareRoot() - expected[k].squareRoot()) <= tolerance) }
    }
}

@Suite struct StreamingTests {
    /// Calls `append` with the samples in blocks of random sizes, 0 and 1 among them.
    static func feed(_ samples: [Float], seed: UInt64, longest: Int, _ append: (Span<Float>) -> Void) {
        var random = Seeded(state: seed)
        var start = 0
        while start < samples.count {
            let size = Bool.random(using: &random) ? Int.random(in: 0...3, using: &random) : Int.random(in: 0...longest, using: &random)
            let end = min(samples.count, start + size)
            let block = Array(samples[start..<end])
            append(block.span)
            start = end
        }
    }

    func frames(_ mel: LogMel) -> [Float] {
        var output = [Float](repeating: 0, count: mel.availableFrames.count * 80)
        var span = output.mutableSpan
        mel.copyFrames(mel.availableFrames, into: &span)
        return output
    }

    func frames(_ mfcc: MFCC) -> [Float] {
        var output = [Float](repeating: 0, count: mfcc.availableFrames.count * 13)
        var span = output.mutableSpan
        mfcc.copyFrames(mfcc.availableFrames, into: &span)
        return output
    }

    @Test(arguments: [1, 7, 159, 160, 161, 400, 1000, 5000])
    func blockSizesDoNotMatter(_ longest: Int) throws {
        let samples = try Fixtures.sound()
        let whole = try LogMel()
        whole.append(samples.span)
        let wholeCepstra = try MFCC()
        wholeCepstra.append(samples.span)
        wholeCepstra.finish()
        var wholeLevel = SignalLevel()
        let wholeReading = wholeLevel.append(samples.span)

        let mel = try LogMel()
        let mfcc = try MFCC()
        var level = SignalLevel()
        Self.feed(samples, seed: UInt64(longest), longest: longest) { block in
            mel.append(block)
            mfcc.append(block)
            level.append(block)
        }
        mfcc.finish()
        #expect(frames(mel) == frames(whole) && mel.availableFrames == 0..<59)
        #expect(frames(mfcc) == frames(wholeCepstra) && mfcc.availableFrames == 0..<60)
        #expect(level.reading == wholeReading)

        // A new stream in the same objects, too.
        mel.reset()
        mfcc.reset()
        level.reset()
        #expect(mel.availableFrames.isEmpty && mfcc.availableFrames.isEmpty)
        Self.feed(samples, seed: 99, longest: longest) { block in
            mel.append(block)
            mfcc.append(block)
            level.append(block)
        }
        mfcc.finish()
        #expect(frames(mel) == frames(whole))
        #expect(frames(mfcc) == frames(wholeCepstra))
        #expect(level.reading == wholeReading)
    }

    @Test(arguments: [(0, 0, 0), (1, 0, 1), (399, 0, 1), (400, 1, 1), (401, 1, 2), (559, 1, 2), (560, 2, 2), (561, 2, 3)])
    func framesAppearWithTheirLastSample(_ expected: (samples: Int, mel: Int, finishedMFCC: Int)) throws {
        let samples = Array(try Fixtures.sound().prefix(expected.samples))
        let mel = try LogMel()
        mel.append(samples.span)
        #expect(mel.availableFrames == 0..<expected.mel)
        let mfcc = try MFCC()
        mfcc.append(samples.span)
        #expect(mfcc.availableFrames == 0..<expected.mel)
        mfcc.finish()
        mfcc.finish()
        #expect(mfcc.availableFrames == 0..<expected.finishedMFCC)
    }

    @Test func theRingKeepsTheLatestFrames() throws {
        let samples = try Fixtures.sound()
        let whole = try LogMel()
        whole.append(samples.span)
        let all = frames(whole)
        let small = try LogMel(capacity: 7)
        StreamingTests.feed(samples, seed: 3, longest: 2000) { small.append($0) }
        #expect(small.availableFrames == 52..<59)
        #expect(frames(small) == Array(all[52 * 80..<59 * 80]))
        var part = [Float](repeating: 0, count: 3 * 80)
        var span = part.mutableSpan
        small.copyFrames(54..<57, into: &span)
        #expect(part == Array(all[54 * 80..<57 * 80]))
        var none: [Float] = []
        var empty = none.mutableSpan
        small.copyFrames(59..<59, into: &empty)
        none = []
    }

    @Test func meanSubtractionLeavesNoMean() throws {
        let mel = try LogMel()
        let samples = try Fixtures.sound()
        mel.append(samples.span)
        var output = frames(mel)
        let before = output
        var span = output.mutableSpan
        LogMel.subtractMean(from: &span, filters: 80)
        for m in 0..<80 {
            let column = (0..<59).map { output[$0 * 80 + m] }
            #expect(abs(column.reduce(0, +) / 59) < 1e-5)
            let original = (0..<59).map { before[$0 * 80 + m] }
            let mean = original.reduce(0.0) { $0 + Double($1) } / 59
            #expect(zip(column, original).allSatisfy { abs(Double($0) - (Double($1) - mean)) < 1e-5 })
        }
    }

    @Test(arguments: [0, 1, 511, 512, 513, 1024, 4000])
    func windowsCarryTheirContext(_ count: Int) throws {
        let framing = try SampleFraming(contract: WaveformContract(window: 512, context: 64))
        let samples = (0..<count).map { Float($0 + 1) }
        for _ in 0..<2 {
            var windows = 0
            Self.feed(samples, seed: 7, longest: 900) { block in
                framing.append(block) { window, position in
                    #expect(position == SamplePosition(Int64(windows * 512)) && window.count == 576)
                    for i in 0..<576 {
                        let index = windows * 512 - 64 + i
                        #expect(window[i] == (index < 0 ? 0 : Float(index + 1)))
                    }
                    windows += 1
                }
            }
            #expect(windows == count / 512)
            framing.reset()
        }
    }

    @Test func aFailingConsumerLosesItsWindowAndTheRestOfItsBlock() throws {
        struct Stop: Error {}
        let framing = try SampleFraming(contract: WaveformContract(window: 4, context: 2))
        let first: [Float] = [1, 2, 3, 4, 5]
        #expect(throws: Stop.self) { try framing.append(first.span) { _, _ throws(Stop) in throw Stop() } }
        let second: [Float] = [6, 7, 8, 9]
        var got: [Float] = []
        framing.append(second.span) { window, position in
            for i in window.indices { got.append(window[i]) }
            #expect(position == SamplePosition(4))
        }
        #expect(got == [3, 4, 6, 7, 8, 9])
    }
}
