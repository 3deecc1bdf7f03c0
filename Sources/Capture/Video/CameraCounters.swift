import MediaTypes
import Synchronization

/// What the camera's thread counts, readable on any thread.
final class CameraCounters: Sendable {
    let frames = Atomic<Int>(0)
    let droppedByDriver = Atomic<Int>(0)
    let shedFrames = Atomic<Int>(0)
    let decodeErrors = Atomic<Int>(0)
    let damagedBuffers = Atomic<Int>(0)
    let inputErrors = Atomic<Int>(0)
    let staleFrames = Atomic<Int>(0)
    let streamRestarts = Atomic<Int>(0)
    let reconnects = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    /// Nanoseconds; below zero before the first frame.
    let lastFrame = Atomic<Int64>(-1)
    let timestampSource = Atomic<Int>(-1)
    /// Of every n frames one is used.
    let frameDivisor = Atomic<Int>(1)
    private let zero = Atomic<Int>(0), frozen = Atomic<Int>(0), backwards = Atomic<Int>(0), ahead = Atomic<Int>(0), otherClock = Atomic<Int>(0)

    func count(_ fault: FrameClock.Fault) {
        switch fault {
        case .zero: zero.increase()
        case .frozen: frozen.increase()
        case .backwards: backwards.increase()
        case .ahead: ahead.increase()
        case .otherClock: otherClock.increase()
        }
    }

    private func number(_ fault: FrameClock.Fault) -> Int {
        switch fault {
        case .zero: zero.value
        case .frozen: frozen.value
        case .backwards: backwards.value
        case .ahead: ahead.value
        case .otherClock: otherClock.value
        }
    }

    var timestampFaults: [FrameClock.Fault: Int] {
        var faults: [FrameClock.Fault: Int] = [:]
        for fault in FrameClock.Fault.allCases where number(fault) > 0 { faults[fault] = number(fault) }
        return faults
    }
}

extension Atomic where Value == Int {
    func increase(by count: Int = 1) { add(count, ordering: .relaxed) }
    var value: Int { load(ordering: .relaxed) }
}
