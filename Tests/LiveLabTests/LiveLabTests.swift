import Testing

/// The live agent against a real camera driver, a real sound server, a real broker and a real systemd, in a machine of its own. What it is
/// shown and what happens to it: `Tests/LiveLab/uml/README.md`.
///
/// It takes minutes, and it measures seconds: run it alone (`make test` does).
@Suite(.serialized, .enabled(if: LiveLab.isAvailable, "what it needs is not here; standard error says what"))
struct LiveLabTests {
    @Test func `The service does its work and comes back after every failure`() throws {
        let checks = try LiveLab.checks()
        try #require(!checks.isEmpty)
        let run = try LiveLab.run()
        if run.exitCode == LiveLab.unavailable {
            LiveLab.say("SKIPPED: the agent on a machine of its own: \(run.output)")
            try Test.cancel("what it needs is not here: \(run.output.suffix(300))")
        }
        for failure in run.failures { Issue.record("\(failure)\nThe machine's logs are in \(LiveLab.logs)") }
        let missing = checks.filter { !run.passed.contains($0) }
        #expect(missing.isEmpty, "\(run.output)")
        #expect(run.exitCode == 0)
    }
}
