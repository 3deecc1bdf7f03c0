import Foundation
import Testing

/// Events of the bundle `edge` that were looked at once and are expected since: Fixtures/goldens makes them anew.
@Suite(.serialized) struct EdgeGoldenTests {
    private static let fixtures = TestData.package.appending(path: "Tests/AgentTests/Fixtures")

    /// A gallery of Anna and Ben with the identifiers that the goldens have.
    private func gallery(_ folder: ScratchFolder) throws -> String {
        let gallery = folder.path("people.sqlite")
        let file = Self.fixtures.appending(path: "scenes/gallery.json").path
        let run = try FwocAgentProgram.run(["gallery", "import", file, "--gallery", gallery])
        #expect(run.exitCode == 0, "\(run)")
        return gallery
    }

    private func expectEvents(of clip: String, in golden: URL, _ gallery: String) throws {
        let run = try FwocAgentProgram.run(["replay", clip, "--gallery", gallery, "--bundle", "edge", "--quiet", "--expect", golden.path])
        #expect(run.exitCode == 0, "\(run)")
    }

    @Test func `Two people in a made scene`() throws {
        let folder = try ScratchFolder()
        let golden = Self.fixtures.appending(path: "scenes/two-people.events.jsonl")
        let text = try String(contentsOf: golden, encoding: .utf8)
        // What the golden says is what there is to see, whatever it was made from.
        #expect(text.contains("\"Anna\"") && text.contains("\"Ben\"") && !text.contains("\"decision\":\"unknown\""))
        try expectEvents(of: Self.fixtures.appending(path: "scenes/two-people.mp4").path, in: golden, gallery(folder))
    }

    /// Recorded people, none of whom is enrolled: nobody is named, and every event is as it was.
    @Test(.enabled(if: TestData.clips != nil, "needs the public clips")) func `Clips as people meet them`() throws {
        let folder = try ScratchFolder()
        let gallery = try gallery(folder)
        let goldens = try FileManager.default.contentsOfDirectory(at: Self.fixtures.appending(path: "wild"), includingPropertiesForKeys: nil)
        #expect(goldens.count == 18)
        for golden in goldens {
            let text = try String(contentsOf: golden, encoding: .utf8)
            #expect(!text.isEmpty && !text.contains("\"identified\"") && !text.contains("\"ambiguous\""), "\(golden.lastPathComponent)")
            try expectEvents(of: TestData.clip(golden.lastPathComponent.replacing(".events.jsonl", with: "")), in: golden, gallery)
        }
    }
}
