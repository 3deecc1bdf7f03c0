import Capture
import Testing

struct DeviceStateTests {
    @Test func namesAreTheTopicsWords() {
        #expect([DeviceState.online, .offline, .reconnecting, .noSignal].map(\.rawValue) == ["online", "offline", "reconnecting", "no_signal"])
    }
}
