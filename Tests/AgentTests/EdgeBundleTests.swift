import Foundation
import Testing

/// The project's own networks as its users get them: nothing else on the machine, clips of people who do not exist.
@Suite(.serialized) struct EdgeBundleTests {
    private static let bundle = TestData.package.appending(path: "models/edge")
    private static let scenes = TestData.package.appending(path: "Tests/AgentTests/Fixtures/scenes")

    private struct Event: Decodable {
        struct Person: Decodable { var name: String }
        var ts: String
        var type: String
        var decision: String
        var person: Person?
        var model: String
    }

    private static func clip(_ name: String) -> String { scenes.appending(path: name + ".mp4").path }

    private func enrolled(_ people: [String], _ folder: ScratchFolder) throws -> String {
        let gallery = folder.path("people.sqlite")
        for person in people {
            let run = try FwocAgentProgram.run(["enroll", person, "--clip", Self.clip(person.lowercased()), "--gallery", gallery])
            #expect(run.exitCode == 0, "\(run)")
        }
        return gallery
    }

    private func events(_ clip: String, _ gallery: String, _ more: [String] = []) throws -> [Event] {
        let run = try FwocAgentProgram.run(["replay", Self.clip(clip), "--gallery", gallery, "--json", "--quiet"] + more)
        #expect(run.exitCode == 0, "\(run)")
        return try run.lines.map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
    }

    @Test func `Every file is there, as it was made, and all together are small`() throws {
        let run = try FwocAgentProgram.run(["model", "verify"])
        #expect(run.exitCode == 0 && run.output.hasPrefix("edge@sha256:"), "\(run)")
        let files = try FileManager.default.contentsOfDirectory(at: Self.bundle, includingPropertiesForKeys: [.fileSizeKey]).filter { $0.pathExtension == "onnx" }
        let size = try files.reduce(0) { $0 + (try $1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) }
        #expect(files.count >= 6 && size <= 6_000_000, "\(files.count) files, \(size) bytes")
    }

    @Test func `Two people are known, through loss of picture and of sound`() throws {
        let folder = try ScratchFolder()
        let events = try events("two-people", enrolled(["Anna", "Ben"], folder))
        #expect(events.allSatisfy { $0.model.hasPrefix("edge@sha256:") })
        let named = events.filter { $0.type != "end" && $0.person != nil }
        #expect(Set(named.compactMap(\.person?.name)) == ["Anna", "Ben"], "\(events)")
        #expect(named.allSatisfy { $0.decision == "identified" })
        // Both within a second, and both to the end: the clip is 13 s long.
        for name in ["Anna", "Ben"] {
            let first = try #require(named.first { $0.person?.name == name })
            #expect(first.type == "new" && first.ts < "1970-01-01T00:00:01", "\(first)")
            let last = try #require(events.last { $0.person?.name == name })
            #expect(last.type == "end" && last.ts >= "1970-01-01T00:00:12", "\(last)")
        }
    }

    @Test func `Who is not enrolled is not taken for who is`() throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(["Anna"], folder)
        let strangers = try events("ben", gallery)
        #expect(!strangers.isEmpty && strangers.allSatisfy { $0.person == nil && $0.decision == "unknown" }, "\(strangers)")
        let both = try events("two-people", gallery)
        #expect(both.contains { $0.person?.name == "Anna" } && both.contains { $0.type == "new" && $0.decision == "unknown" }, "\(both)")
    }

    @Test func `The bundle that filled a gallery is asked for, and the public models are asked for by name`() throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(["Anna"], folder)
        // Naming the folder of the public models asks for their bundle, whose files are not in this one.
        let run = try FwocAgentProgram.run(["replay", Self.clip("anna"), "--gallery", gallery, "--reference-models", folder.url.path])
        #expect(run.exitCode == 66 && run.errors.contains("yunet_n_dynamic.onnx"), "\(run)")
        #expect(try events("anna", gallery, ["--reference-models", folder.url.path, "--bundle", "edge"]).contains { $0.person?.name == "Anna" })
    }
}
