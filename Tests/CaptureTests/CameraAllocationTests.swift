import CAllocationCounter
import Capture
import Foundation
import Logging
import MediaTypes
import Synchronization
import Testing

private let canCountAllocations = fwoc_allocation_count() >= 0

/// What runs for every frame allocates nothing, on either thread.
@Suite struct CameraAllocationTests {
    // Needs glibc without a sanitizer; where it cannot count, the test is shown as disabled.
    @Test(.enabled(if: canCountAllocations)) func framesAllocateNothing() throws {
        let machine = try FakeMachine()
        try machine.plug(
            "/dev/video0", [FakeMachine.Mode(code: "YUYV", width: 64, height: 48, rates: [200], frames: [UInt8](repeating: 7, count: 64 * 48 * 2))], "patient")
        // The camera's thread reports its states itself: online after its first frame, offline after its last.
        let online = Atomic<Int64>(0), offline = Atomic<Int64>(0)
        let wake = WakeSignal()
        let camera = Camera(
            settings: CameraSettings(device: "/dev/video0", width: 64, height: 48, rate: 200, stallAfter: .seconds(30)), wake: wake,
            logger: Logger(label: "camera", factory: { _ in SwiftLogNoOpLogHandler() }), locator: machine.locator
        ) { state, _ in
            if state == .online { online.store(fwoc_allocation_count(), ordering: .relaxed) }
            if state == .offline { offline.store(fwoc_allocation_count(), ordering: .relaxed) }
        }
        camera.start()
        defer { camera.stop() }
        var sum = 0, frames = 0, consumed: Int64 = 0
        let end = Date().addingTimeInterval(20)
        while frames < 300, Date() < end {
            wake.wait(.milliseconds(50))
            let before = fwoc_allocation_count()
            while camera.read({ sum += Int($0.luma[0]) }) != nil { frames += 1 }
            consumed += fwoc_allocation_count() - before
        }
        camera.stop()
        #expect(frames >= 300 && sum == 7 * frames)
        #expect(consumed == 0)
        let used = offline.load(ordering: .relaxed) - online.load(ordering: .relaxed)
        // Stopping has a few, for its reason and its log line.
        #expect(used < 100, "\(used) for \(frames) frames")
    }
}
