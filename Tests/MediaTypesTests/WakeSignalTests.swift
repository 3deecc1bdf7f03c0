import Foundation
import MediaTypes
import Testing

struct WakeSignalTests {
    @Test func raisedBeforeTheWait() {
        let signal = WakeSignal()
        signal.raise()
        signal.raise()
        let first = signal.wait(.zero), second = signal.wait(.zero)
        #expect(first && !second, "several raises are one wake-up")
    }

    @Test func raisedByAnotherThread() {
        let signal = WakeSignal()
        let thread = Thread { Thread.sleep(forTimeInterval: 0.02); signal.raise() }
        thread.start()
        let woken = signal.wait(.seconds(10))
        #expect(woken)
    }
}
