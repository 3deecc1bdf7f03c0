import Capture
import Foundation
import LiveParts
import Logging
import MediaTypes
import Synchronization
import Testing

/// A microphone under test and what it told.
final class MicrophoneProbe {
    struct Change: Sendable, Hashable {
        var state: DeviceState
        var reason: String
        var instant: ContinuousClock.Instant
    }

    private final class Diary: Sendable { let changes = Mutex<[Change]>([]) }

    let microphone: Microphone
    let wake = WakeSignal()
    private let diary = Diary()
    /// Everything that was read, block by block.
    private(set) var blocks: [AudioBlock] = []

    init(_ settings: MicrophoneSettings) {
        var logger = Logger(label: "test")
        logger.logLevel = ProcessInfo.processInfo.environment["FWOC_TEST_LOG"] == nil ? .critical : .trace
        microphone = Microphone(settings: settings, wake: wake, logger: logger) { [diary] state, reason in
            diary.changes.withLock { $0.append(Change(state: state, reason: reason, instant: .now)) }
        }
        microphone.start()
    }

    deinit { microphone.stop() }

    var changes: [Change] { diary.changes.withLock { $0 } }
    var states: [DeviceState] { changes.map(\.state) }
    var status: MicrophoneStatus { microphone.status }

    /// Reads what is there.
    func drain() { while microphone.read({ blocks.append($0) }) != nil {} }

    /// Reads until the condition holds; fails the test after the time.
    func reads(
        until what: String, within seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
    ) async throws {
        let isReached = try await eventually(within: seconds) {
            drain()
            return try condition()
        }
        guard isReached else {
            Issue.record("not within \(seconds) s: \(what); microphone \(status.state): \(status.reason)", sourceLocation: sourceLocation)
            throw LivePartFailure("not within \(seconds) s: \(what)")
        }
    }

    func reach(_ state: DeviceState, within seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await reads(until: "\(state)", within: seconds, sourceLocation: sourceLocation) { status.state == state }
    }

    /// Reads for so long.
    func listen(seconds: Double) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            drain()
            try await Task.sleep(for: .milliseconds(20))
        }
        drain()
    }

    func forget() {
        drain()
        blocks = []
    }

    /// Blocks that neither continue the one before nor say so.
    var unmarkedGaps: Int { zip(blocks, blocks.dropFirst()).count { !$1.isDiscontinuity && $1.start != $0.end } }
    var overlaps: Int { zip(blocks, blocks.dropFirst()).count { $1.start < $0.end } }
}
