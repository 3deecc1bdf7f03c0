import CAllocationCounter
import Foundation
import MediaTypes
import Synchronization
import Testing

struct FrameRingTests {
    private func write(_ ring: FrameRing, _ number: Int, width: Int = 8, height: Int = 6) {
        ring.write(width: width, height: height) { frame in
            frame.instant = Instant(nanoseconds: Int64(number))
            return true
        }
    }

    private func read(_ ring: FrameRing) -> Int? { ring.read { Int($0.instant.nanoseconds) } }

    @Test func oldestFirst() {
        let wake = WakeSignal()
        let ring = FrameRing(capacity: 4, width: 8, height: 6, wake: wake)
        #expect(read(ring) == nil)
        for i in 1...3 { write(ring, i) }
        #expect(ring.depth == 3)
        let woken = wake.wait(.zero)
        #expect(woken)
        #expect([read(ring), read(ring), read(ring), read(ring)] == [1, 2, 3, nil])
        #expect(ring.depth == 0 && ring.droppedFrames == 0 && ring.publishedFrames == 3)
    }

    @Test func aFullRingLosesItsOldest() {
        let ring = FrameRing(capacity: 3, width: 8, height: 6, wake: WakeSignal())
        for i in 1...7 { write(ring, i) }
        #expect(ring.droppedFrames == 4)
        #expect([read(ring), read(ring), read(ring), read(ring)] == [5, 6, 7, nil])
    }

    @Test func aFrameThatIsReadStays() {
        let ring = FrameRing(capacity: 3, width: 8, height: 6, wake: WakeSignal())
        write(ring, 1)
        let seen = ring.read { frame in
            for i in 2...9 { write(ring, i) }
            return Int(frame.instant.nanoseconds)
        }
        #expect(seen == 1)
        #expect([read(ring), read(ring), read(ring)] == [8, 9, nil])
    }

    @Test func aFrameThatFailsIsNotPublished() {
        struct Failure: Error {}
        let ring = FrameRing(capacity: 3, width: 8, height: 6, wake: WakeSignal())
        let isWritten = ring.write(width: 8, height: 6) { _ in false }
        #expect(!isWritten)
        #expect(throws: Failure.self) { try ring.write(width: 8, height: 6) { _ in throw Failure() } }
        #expect(ring.depth == 0 && ring.publishedFrames == 0)
        for i in 1...3 { write(ring, i) }
        #expect(ring.droppedFrames == 0, "all three slots are free again")
        #expect(throws: Failure.self) { try ring.read { _ in throw Failure() } }
        #expect(read(ring) == 2)
    }

    @Test func anotherSize() {
        let ring = FrameRing(capacity: 3, width: 8, height: 6, wake: WakeSignal())
        write(ring, 1)
        write(ring, 2, width: 33, height: 17)
        let sizes = [ring.read { [$0.width, $0.height] }, ring.read { [$0.width, $0.height, $0.cb.count] }]
        #expect(sizes == [[8, 6], [33, 17, 17 * 9]])
    }

    /// A frame's bytes all carry its number; a torn or overwritten frame would mix two, and order and counts must hold throughout.
    @Test(arguments: [3, 4, 7]) func twoThreads(capacity: Int) {
        let count = 20_000
        let wake = WakeSignal()
        let ring = FrameRing(capacity: capacity, width: 32, height: 16, wake: wake)
        let isDone = Atomic(false)
        let source = Thread {
            for number in 1...count {
                // Another size now and then, as a camera that came back with one.
                let width = number / 1000 % 2 == 0 ? 32 : 48
                ring.write(width: width, height: 16) { frame in
                    frame.instant = Instant(nanoseconds: Int64(number))
                    unsafe frame.withUnsafePlanes { y, u, v in
                        unsafe y.update(repeating: UInt8(truncatingIfNeeded: number), count: width * 16)
                        unsafe u.update(repeating: UInt8(truncatingIfNeeded: number), count: width * 4)
                        unsafe v.update(repeating: UInt8(truncatingIfNeeded: number), count: width * 4)
                    }
                    return true
                }
                if number % 64 == 0 { sched_yield() }
            }
            isDone.store(true, ordering: .releasing)
            wake.raise()
        }
        source.start()
        var last = 0, taken = 0, torn = 0, misplaced = 0
        while true {
            let wasDone = isDone.load(ordering: .acquiring)
            let number = ring.read { frame in
                let number = Int(frame.instant.nanoseconds)
                let expected = UInt8(truncatingIfNeeded: number)
                for _ in 0..<2 {
                    if !frame.luma.indices.allSatisfy({ frame.luma[$0] == expected }) || !frame.cr.indices.allSatisfy({ frame.cr[$0] == expected }) {
                        torn += 1
                    }
                }
                return number
            }
            if let number {
                if number <= last { misplaced += 1 }
                last = number
                taken += 1
            } else if wasDone {
                break
            } else {
                wake.wait(.milliseconds(100))
            }
        }
        #expect(torn == 0 && misplaced == 0)
        #expect(last == count)
        #expect(taken + ring.droppedFrames == count)
        #expect(taken > 1)
    }

    private static let canCountAllocations = fwoc_allocation_count() >= 0

    // Needs glibc without a sanitizer; where it cannot count, the test is shown as disabled.
    @Test(.enabled(if: canCountAllocations)) func nothingIsAllocated() {
        let wake = WakeSignal()
        let ring = FrameRing(capacity: 4, width: 64, height: 48, wake: wake)
        var sum = 0
        func round() {
            for i in 0..<10 { write(ring, i, width: 64, height: 48) }
            while let number = ring.read({ Int($0.instant.nanoseconds) + $0.width }) { sum += number }
            sum += ring.depth + ring.droppedFrames
        }
        round()
        let before = fwoc_allocation_count()
        for _ in 0..<100 { round() }
        #expect(fwoc_allocation_count() - before == 0)
        #expect(sum > 0)
    }
}
