import AgentRuntime
import Foundation
import Glibc
import Synchronization
import Testing

/// Signals belong to the whole process, so one test has them all.
@Suite(.serialized) struct SignalListenerTests {
    @Test(.timeLimit(.minutes(2))) func `Signals become values in their order`() async {
        let told = Mutex<[ServiceSignal]>([])
        let listener = SignalListener { signal in told.withLock { $0.append(signal) } }
        var signals = listener.signals.makeAsyncIterator()
        for (number, expected) in [(SIGHUP, ServiceSignal.reload), (SIGHUP, .reload), (SIGTERM, .stop), (SIGINT, .stop)] {
            kill(getpid(), number)
            let signal = await signals.next()
            #expect(signal == expected)
        }
        #expect(await eventually { told.withLock { $0 } == [.reload, .reload, .stop, .stop] })
        withExtendedLifetime(listener) {}
    }
}
