import AgentRuntime
import Testing

@Suite struct ConfigurationDifferenceTests {
    @Test func `A reload applies what it can and says what waits for a restart`() throws {
        let fixture = try ConfigurationFixture("recognition: {hold: 2s}\ncamera: {rate: 25}\n")
        let old = try fixture.load()
        try fixture.scratch.write("recognition:\n  hold: 3s\n  threshold: 0.7\ncamera: {rate: 15}\nlog: {level: debug}\n", to: "agent.yaml")
        let new = try fixture.load()
        let difference = ConfigurationDifference(from: old, to: new)
        #expect(difference.applied.map(\.key) == ["recognition.threshold", "recognition.hold", "log.level"])
        #expect(difference.postponed.map(\.key) == ["camera.rate"])
        let hold = try #require(difference.applied.first { $0.key == "recognition.hold" })
        #expect((hold.old, hold.new) == ("2s", "3s"))
        #expect("\(hold)".hasSuffix("agent.yaml:2)"))

        let running = old.configuration.reloaded(with: new.configuration)
        #expect(running.recognition.hold == .seconds(3) && running.recognition.threshold == 0.7 && running.log.level == .debug)
        #expect(running.camera.rate == 25)
    }

    @Test func `Nothing changed is no difference, wherever it now comes from`() throws {
        let fixture = try ConfigurationFixture("recognition: {hold: 2s}\n")
        let old = try fixture.load()
        #expect(ConfigurationDifference(from: old, to: try fixture.load(["recognition.hold=2000ms"])).isEmpty)
    }

    @Test func `Another password in the same file is a change, and is not shown`() throws {
        let fixture = try ConfigurationFixture("mqtt: {host: b, username: fwoc, password_file: secret}\n")
        try fixture.scratch.write("hunter2", to: "secret")
        let old = try fixture.load()
        try fixture.scratch.write("hunter3", to: "secret")
        let difference = ConfigurationDifference(from: old, to: try fixture.load())
        #expect(difference.postponed.map(\.key) == ["mqtt.password_file"])
        #expect(!"\(difference.postponed)".contains("hunter"))
    }
}
