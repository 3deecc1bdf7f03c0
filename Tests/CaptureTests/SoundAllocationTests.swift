import CAllocationCounter
import Capture
import Foundation
import MediaTypes
import Testing

/// Unoptimised, generic code of the standard library allocates where it is specialised otherwise.
private var isOptimised: Bool {
    #if DEBUG
        return false
    #else
        return true
    #endif
}

struct SoundAllocationTests {
    /// From the device's buffer to the ring: nothing is allocated, corrections, losses and refusals included.
    @Test func theSamplePathAllocatesNothing() {
        guard isOptimised, fwoc_allocation_count() >= 0 else {
            FileHandle.standardError.write(Data("SKIPPED: allocation counts of the sound path need an optimised build with glibc and without a sanitizer\n".utf8))
            return
        }
        let device = SimulatedDevice(ppm: 1500)
        let ring = SoundRing(capacity: 16_000, wake: WakeSignal())
        var timeline = SoundTimeline()
        let piece = [Float](repeating: 0.2, count: 500)
        var lost = 0.0, heard = 0
        func second(_ index: Int) {
            for step in 0..<32 {
                if step == 20, index % 3 == 0 { lost += 3000 }
                if step == 10, index % 4 == 0 { timeline.lose(700) }
                timeline.measure(position: Double(timeline.position), instant: device.captured(Double(timeline.position) + lost))
                timeline.append(piece.span, to: ring)
                if index % 5 != 0 { while ring.read({ heard += $0.samples.count }) != nil {} }
            }
        }
        for index in 0..<10 { second(index) }
        let before = fwoc_allocation_count()
        for index in 10..<40 { second(index) }
        let after = fwoc_allocation_count()
        #expect(after == before)
        #expect(timeline.correctedSamples > 100 && timeline.discontinuities > 10 && ring.droppedSamples > 0 && heard > 100_000)
    }
}
