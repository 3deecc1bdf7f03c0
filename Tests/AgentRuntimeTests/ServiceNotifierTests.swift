import AgentRuntime
import Foundation
import Testing

@Suite struct ServiceNotifierTests {
    @Test(arguments: [false, true]) func `systemd is told on its socket, one with a path or an abstract one`(_ isAbstract: Bool) throws {
        let scratch = try Scratch()
        let listener = try Listener(address: isAbstract ? "@fwoc-test-\(UUID().uuidString)" : scratch.path("notify"))
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": listener.address])
        #expect(notifier.isConnected)

        #expect(notifier.ready(status: "watching /dev/video0\nSTOPPING=1"))
        #expect(listener.nextText() == "READY=1\nSTATUS=watching /dev/video0 STOPPING=1")
        #expect(notifier.watchdog())
        #expect(listener.nextText() == "WATCHDOG=1")
        #expect(notifier.status("12 frames/s"))
        #expect(listener.nextText() == "STATUS=12 frames/s")
        #expect(notifier.extendTimeout(by: .milliseconds(1500)))
        #expect(listener.nextText() == "EXTEND_TIMEOUT_USEC=1500000")
        #expect(notifier.stopping())
        #expect(listener.nextText() == "STOPPING=1")

        let before = try Self.microseconds()
        #expect(notifier.reloading())
        let lines = (listener.nextText() ?? "").split(separator: "\n")
        let after = try Self.microseconds()
        #expect(lines.first == "RELOADING=1")
        let said = try #require(lines.last?.split(separator: "=").last.flatMap { Int64($0) })
        #expect(lines.last?.hasPrefix("MONOTONIC_USEC=") == true && said >= before && said <= after)
    }

    /// CLOCK_MONOTONIC, by somebody else.
    private static func microseconds() throws -> Int64 {
        let result = try Tool.run("python3", ["-c", "import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)"])
        return try #require(Int64(result.output.split(separator: "\n").first ?? ""), "\(result.output)")
    }

    @Test func `Without systemd nobody is told`() {
        for environment in [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "vsock:2:1"], ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)]] {
            let notifier = ServiceNotifier(environment: environment)
            #expect(!notifier.isConnected)
            #expect(!notifier.ready())
        }
    }

    @Test func `A service manager that is gone does no harm`() throws {
        let scratch = try Scratch()
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": scratch.path("nobody")])
        #expect(!notifier.ready())
    }

    @Test func `The watchdog's time is read, if it is meant for this process`() {
        func interval(_ environment: [String: String]) -> Duration? { ServiceNotifier(environment: environment, process: 17).watchdogInterval }
        #expect(interval(["WATCHDOG_USEC": "30000000"]) == .seconds(30))
        #expect(interval(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "17"]) == .seconds(30))
        #expect(interval(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "18"]) == nil)
        for text in ["0", "-5", "soon", "99999999999999999999"] { #expect(interval(["WATCHDOG_USEC": text]) == nil) }
        #expect(interval([:]) == nil)
    }
}
