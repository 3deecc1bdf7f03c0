import Foundation
import Gallery
import Testing

/// Wrong input through the real program: the exit code says what kind, the message says what.
@Suite struct BadInputTests {
    private func file(_ name: String, _ bytes: Data, in folder: ScratchFolder) throws -> String {
        let url = folder.url.appending(path: name)
        try bytes.write(to: url)
        return url.path
    }

    private func check(_ run: FwocAgentProgram.Run, _ exitCode: Int32, _ message: String) {
        #expect(run.exitCode == exitCode, "\(run)")
        #expect(run.errors.contains(message), "\(run)")
    }

    @Test func clipsThatAreNone() throws {
        let folder = try ScratchFolder()
        check(try FwocAgentProgram.run(["replay", folder.url.path + "/none.mp4"]), 66, "no such file")
        check(try FwocAgentProgram.run(["replay", folder.url.path]), 66, "directory")
        check(try FwocAgentProgram.run(["replay", try file("text.mp4", Data("this is no clip\n".utf8), in: folder)]), 65, "no video, sound or picture format")
        check(try FwocAgentProgram.run(["replay", try file("empty.mp4", Data(), in: folder)]), 65, "0 bytes")
        check(try FwocAgentProgram.run(["replay", try file("one.mp4", Data([0]), in: folder)]), 65, "one.mp4")
    }

    @Test(arguments: [
        (["replay", "--no-such-flag", "x.mp4"], "no-such-flag"), (["replay"], "clip"), (["dance"], "dance"),
        (["replay", "x.mp4", "--drop", "audio"], "audio"), (["replay", "x.mp4", "--json", "--events", "y"], "exclude"),
        (["enroll", "Ann"], "nothing to enroll"), (["enroll", "Ann", "--clip", "x", "--face", "third"], "third"),
    ])
    func usage(arguments: [String], message: String) throws {
        check(try FwocAgentProgram.run(arguments), 64, message)
    }

    @Test func helpIsNoError() throws {
        for arguments in [["--help"], ["--version"], ["replay", "--help"], ["gallery", "remove", "--help"]] {
            let run = try FwocAgentProgram.run(arguments)
            #expect(run.exitCode == 0, "\(run)")
            #expect(!run.output.isEmpty)
        }
    }

    @Test func galleriesThatAreNone() throws {
        let folder = try ScratchFolder()
        let text = try file("text.sqlite", Data(String(repeating: "no database ", count: 100).utf8), in: folder)
        check(try FwocAgentProgram.run(["gallery", "list", "--gallery", text]), 65, "text.sqlite")
        check(try FwocAgentProgram.run(["gallery", "list", "--gallery", folder.url.path + "/none.sqlite"]), 66, "none.sqlite")
    }

    @Test func bundlesWithAMissingOrChangedFile() throws {
        let folder = try ScratchFolder()
        let clip = TestData.package.appending(path: "Tests/MediaFilesTests/Fixtures")
        let any = try #require(
            try FileManager.default.contentsOfDirectory(atPath: clip.path).first { $0.hasSuffix(".mp4") }, "a clip among the media fixtures")
        let path = clip.appending(path: any).path
        let none = try FwocAgentProgram.run(["replay", path], environment: ["FWOC_REFERENCE_MODELS": folder.url.path])
        check(none, 66, "face-detector")
        _ = try file("yunet_n_dynamic.onnx", Data([1, 2, 3]), in: folder)
        let changed = try FwocAgentProgram.run(["replay", path], environment: ["FWOC_REFERENCE_MODELS": folder.url.path])
        check(changed, 78, "SHA-256")
        check(try FwocAgentProgram.run(["replay", path, "--bundle", "reference"]), 66, "--reference-models")
        check(try FwocAgentProgram.run(["replay", path, "--bundle", "nowhere"]), 66, "nowhere")
    }

    @Test(.enabled(if: TestData.canRecognise, "needs the public reference models and clips"))
    func aGalleryOfAnotherEncoder() throws {
        let folder = try ScratchFolder()
        let path = folder.url.path + "/other.sqlite"
        let encoders: [Modality: EncoderIdentity] = [.face: EncoderIdentity(fingerprint: "face-encoder@sha256:000000000000", dimension: 4)]
        try Gallery(path: path).enroll(
            .name("Ann"), [TemplateCandidate(modality: .face, embedding: [1, 0, 0, 0], quality: 1, origin: "test")], encoders: encoders)
        check(
            try FwocAgentProgram.runWithModels(["replay", TestData.clip("avspeech-3DsHHfu4_co_106_.mp4"), "--gallery", path]), 78, "face-encoder@sha256:000000000000")
    }
}
