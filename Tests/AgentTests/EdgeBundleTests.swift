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

    @Test func `A face and a voice are one embedding, and so is the one that is there`() throws {
        struct Line: Decodable {
            struct Part: Decodable {
                var embedding: [Float]?
                var encoder: String?
            }
            var face: Part?
            var voice: Part?
            var fused: Part?
        }
        let folder = try ScratchFolder()
        func embed(_ file: String) throws -> Line {
            let run = try FwocAgentProgram.run(["embed", "--role", "both", "--json", file])
            #expect(run.exitCode == 0, "\(run)")
            return try JSONDecoder().decode(Line.self, from: Data(try #require(run.lines.first).utf8))
        }
        func cosine(_ a: Line.Part?, _ b: Line.Part?) throws -> Float {
            let a = try #require(a?.embedding), b = try #require(b?.embedding)
            #expect(a.count == b.count)
            return zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        }
        func made(_ name: String, _ options: [String]) throws -> String {
            #expect(try TestData.ffmpeg(["-i", Self.clip("anna")] + options + ["-y", folder.path(name)]))
            return folder.path(name)
        }
        let anna = try embed(Self.clip("anna")), silent = try embed(made("silent.mp4", ["-an", "-c", "copy"]))
        #expect(abs(try cosine(anna.fused, anna.fused) - 1) < 1e-4 && anna.fused?.encoder?.hasPrefix("fuser@sha256:") == true)
        // Without sound it is of the face alone, and still hers.
        #expect(silent.voice?.embedding == nil && silent.fused?.encoder == anna.fused?.encoder)
        let own = try cosine(anna.fused, silent.fused), other = try cosine(anna.fused, embed(Self.clip("ben")).fused)
        #expect(own > other + 0.2, "\(own), \(other)")
        // Sound alone: no face, an embedding all the same.
        let sound = try embed(made("sound.wav", ["-vn"]))
        #expect(sound.face?.embedding == nil && sound.voice?.embedding != nil && sound.fused?.embedding?.count == 256)
    }

    @Test func `A fuser is refused beside encoders that it did not learn from`() throws {
        let folder = try ScratchFolder()
        let copy = folder.url.appending(path: "other")
        try FileManager.default.copyItem(at: Self.bundle, to: copy)
        let manifest = copy.appending(path: "bundle.yaml")
        let text = try String(contentsOf: manifest, encoding: .utf8)
        let digest = try #require(text.firstMatch(of: /face\.sha256: ([0-9a-f]{64})/)?.1)
        try Data(text.replacing("face.sha256: \(digest)", with: "face.sha256: \(digest.reversed().map(String.init).joined())").utf8).write(to: manifest)
        let changed = try FwocAgentProgram.run(["embed", "--role", "face", Self.clip("anna"), "--bundle", copy.path])
        #expect(changed.exitCode != 0 && changed.errors.contains("contract.face.sha256"), "\(changed)")
        try Data(text.replacing("face.sha256: \(digest), ", with: "").utf8).write(to: manifest)
        let silent = try FwocAgentProgram.run(["embed", "--role", "face", Self.clip("anna"), "--bundle", copy.path])
        #expect(silent.exitCode != 0 && silent.errors.contains("roles.fuser.contract.face.sha256"), "\(silent)")
    }
}
