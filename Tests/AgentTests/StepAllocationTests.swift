import AgentRuntime
import CAllocationCounter
import Foundation
import Gallery
import MediaFiles
import MediaTypes
import Recognition
import Testing

/// A frame or a block of sound, once everything has been seen that needs memory, allocates nothing on its way through recognition.
@Suite(
    .enabled(
        if: fwoc_allocation_count() >= 0 && TestData.canRecognise,
        "needs glibc, the public reference models and clips: set FWOC_REFERENCE_MODELS and FWOC_SHARED_DATA"))
struct StepAllocationTests {
    @Test func recognitionOfASteadyPicture() throws {
        let bundle = try LoadedBundle.load(TestData.bundleManifest.deletingLastPathComponent().path, referenceModels: TestData.referenceModels)
        let recognizer = try bundle.makeRecognizer(gallery: .empty)
        let reader = try MediaReader(path: TestData.clip("visualvoice-interview.mp4"))
        var frames: [Int64: Int] = [:], blocks: [Int64: Int] = [:]
        var decisions = 0
        while let item = reader.next() {
            let before = fwoc_allocation_count()
            switch item {
            case .video(let frame):
                try recognizer.consume(frame)
                let count = fwoc_allocation_count() - before
                if frame.instant > .seconds(5), frame.instant < .seconds(12) { frames[count, default: 0] += 1 }
            case .audio(let block):
                try recognizer.consume(block)
                let count = fwoc_allocation_count() - before
                if block.start > .seconds(5), block.start < .seconds(12) { blocks[count, default: 0] += 1 }
            }
            recognizer.takeDecisions { _ in decisions += 1 }
        }
        #expect(decisions > 0)
        #expect(frames.values.reduce(0, +) > 150 && blocks.values.reduce(0, +) > 150)
        #expect(frames.keys.max() == 0, "allocations of a frame, and how many frames made so many: \(frames.sorted { $0.key < $1.key })")
        #expect(blocks.keys.max() == 0, "allocations of a block, and how many blocks made so many: \(blocks.sorted { $0.key < $1.key })")
    }
}
