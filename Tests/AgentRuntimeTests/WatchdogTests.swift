import AgentRuntime
import Foundation
import Synchronization
import Testing

@Suite struct WatchdogTests {
    /// A thread that gets on until it is told to hang.
    private final class Worker: Sendable {
        let progress = ProgressMark()
        let isHanging = Atomic<Bool>(false)
        let isDone = Atomic<Bool>(false)

        func start() {
            Thread.detachNewThread { [self] in
                while !isDone.load(ordering: .relaxed) {
                    if !isHanging.load(ordering: .relaxed) { progress.mark() }
                    Thread.sleep(forTimeInterval: 0.005)
                }
            }
        }
    }

    @Test func `systemd hears nothing from the moment the thread hangs, and again when it gets on`() async throws {
        let scratch = try Scratch()
        let listener = try Listener(address: scratch.path("notify"))
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "400000"])
        let worker = Worker()
        defer { worker.isDone.store(true, ordering: .relaxed) }
        let changes = Mutex<[Bool]>([])
        // Long enough that a worker which has to wait for a processor is no stall.
        let watchdog = Watchdog(notifier: notifier, progress: worker.progress, limit: .seconds(2)) { isStalled in changes.withLock { $0.append(isStalled) } }
        worker.start()
        watchdog.start()
        for _ in 0..<3 { #expect(listener.nextText() == "WATCHDOG=1") }

        worker.isHanging.store(true, ordering: .relaxed)
        #expect(await eventually { watchdog.isStalled })
        listener.drain()
        // Six periods of silence.
        #expect(listener.nextText(within: 0.6) == nil)
        #expect(watchdog.stallCount == 1)

        worker.isHanging.store(false, ordering: .relaxed)
        #expect(listener.nextText() == "WATCHDOG=1")
        #expect(changes.withLock { $0 } == [true, false])

        watchdog.stop()
        // One look may be under way.
        try await Task.sleep(for: .milliseconds(100))
        listener.drain()
        #expect(listener.nextText(within: 0.5) == nil)
    }

    @Test func `A watchdog that never started may go`() {
        let notifier = ServiceNotifier(environment: [:])
        _ = Watchdog(notifier: notifier, progress: ProgressMark())
        let started = Watchdog(notifier: notifier, progress: ProgressMark())
        started.start()
        started.start()
        started.stop()
    }

    @Test func `Progress has an age and a count`() async {
        let progress = ProgressMark()
        #expect(await eventually { progress.age > .milliseconds(20) })
        progress.mark()
        #expect(progress.count == 1)
    }
}
