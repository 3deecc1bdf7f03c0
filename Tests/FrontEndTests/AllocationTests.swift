import CAllocationCounter
import FrontEnd
import Foundation
import MediaTypes
import Testing

private let canCountAllocations = fwoc_allocation_count() >= 0

private func announceSkippedCounting() {
    if !canCountAllocations {
        FileHandle.standardError.write(Data("SKIPPED: allocation counts of the front end need glibc without a sanitizer\n".utf8))
    }
}

/// What runs for every frame and every block allocates nothing once it has run.
@Suite struct AllocationTests {
    func allocations(_ body: () throws -> Void) rethrows -> Int64 {
        try body()
        let before = fwoc_allocation_count()
        for _ in 0..<5 { try body() }
        return fwoc_allocation_count() - before
    }

    @Test func theCounterCounts() {
        announceSkippedCounting()
        guard canCountAllocations else { return }
        var kept: [[Int]] = []
        #expect(allocations { kept.append([kept.count, 2, 3]) } >= 5)
    }

    // Needs glibc; `theCounterCounts` says so on standard error.
    @Test(.enabled(if: canCountAllocations))
    func picturesAllocateNothing() throws {
        let frame = syntheticFrame(641, 361)
        let input = try DetectorInput(contract: FrontEndContract.yunet(width: 160, height: 96).picture!)
        let wide = try DetectorInput(contract: FrontEndContract.yunet(width: 640, height: 384).picture!)
        let sampler = CropSampler()
        let contract = FrontEndContract.mobileFaceNet128.picture!
        let normalisation = try PixelNormalisation(contract)
        let face = CropTransformTests.face([SIMD2(100, 100), SIMD2(160, 100), SIMD2(130, 135), SIMD2(110, 165), SIMD2(150, 167)])
        let large = CropTransformTests.face([SIMD2(100, 20), SIMD2(460, 10), SIMD2(230, 135), SIMD2(110, 265), SIMD2(350, 267)])
        var detector = [Float](repeating: 0, count: 3 * 160 * 96)
        var wideDetector = [Float](repeating: 0, count: 3 * 640 * 384)
        var crop = [UInt8](repeating: 0, count: 3 * 112 * 112)
        var grey = [UInt8](repeating: 0, count: 112 * 112)
        var planes = [Float](repeating: 0, count: 3 * 112 * 112)
        let count = try allocations {
            var detectorSpan = detector.mutableSpan
            _ = input.write(frame, into: &detectorSpan)
            var wideSpan = wideDetector.mutableSpan
            _ = wide.write(frame, into: &wideSpan)
            for i in 0..<2 {
                let landmarks = i == 0 ? face : large
                var cropSpan = crop.mutableSpan
                sampler.writeRGB(frame, try CropTransform(aligning: landmarks), width: 112, height: 112, into: &cropSpan)
                var greySpan = grey.mutableSpan
                let mouth = try CropTransform(mouthOf: landmarks, size: 112)
                sampler.writeGrey(frame, mouth, width: 112, height: 112, border: 110, into: &greySpan)
                _ = try HeadPose(landmarks)
            }
            let box = BoundingBox(x: 10, y: 10, width: 300, height: 300)
            _ = try CropTransform(levelSquareAround: box, eyes: face, size: 192)
            _ = try CropTransform(speakingFaceAt: box.centre, halfSide: 150)
            var planesSpan = planes.mutableSpan
            normalisation.write(crop.span, into: &planesSpan, mirrored: true)
            _ = CropQuality(of: crop.span, width: 112, height: 112)
        }
        #expect(count == 0)
    }

    // Needs glibc; `theCounterCounts` says so on standard error.
    @Test(.enabled(if: canCountAllocations))
    func soundAllocatesNothing() throws {
        let samples = try Fixtures.sound()
        let mel = try LogMel()
        let mfcc = try MFCC()
        let framing = try SampleFraming(contract: WaveformContract(window: 512, context: 64))
        var level = SignalLevel()
        var windows = 0
        var features = [Float](repeating: 0, count: 20 * 80)
        var median = RunningMedian()
        let count = allocations {
            mel.append(samples.span)
            mfcc.append(samples.span)
            framing.append(samples.span) { _, _ in windows += 1 }
            level.append(samples.span)
            _ = median.append(level.reading.level)
            let end = mel.availableFrames.upperBound
            var span = features.mutableSpan
            mel.copyFrames(end - 20..<end, into: &span)
            LogMel.subtractMean(from: &span, filters: 80)
        }
        #expect(count == 0 && windows > 0)
    }
}
