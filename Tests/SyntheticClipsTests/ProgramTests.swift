import Datasets
import Foundation
import GroundTruth
import SyntheticClips
import Testing

/// The program that the build put beside these tests, run as a shell runs it.
@Suite struct ProgramTests {
    struct Run: CustomStringConvertible {
        var exitCode: Int32
        var output: String
        var errors: String
        var description: String { "exit code \(exitCode)\n\(output)\(errors)" }
    }

    private static func run(_ arguments: [String], models: String = TestParts.models) throws -> Run {
        let folder = try Scratch()
        _ = try (folder.write("", "out"), folder.write("", "err"))
        let process = Process()
        process.executableURL = Bundle.module.bundleURL.deletingLastPathComponent().appending(path: "fwoc-synth")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([ModelFolder.variable: models]) { $1 }
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: nothing can block on a full one.
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("out")))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("err")))
        try process.run()
        process.waitUntilExit()
        return Run(exitCode: process.terminationStatus, output: try String(contentsOfFile: folder.file("out"), encoding: .utf8), errors: try String(contentsOfFile: folder.file("err"), encoding: .utf8))
    }

    private static let scene = "size: 64x48\nrate: 5\nduration: 600ms\npeople:\n  ann: {seed: 3}\n"

    @Test func aSceneAndItsTruth() throws {
        let folder = try Scratch(), scene = try folder.write(Self.scene, "scene.yaml")
        let run = try Self.run([scene, "-o", folder.file("clip.webm"), "-c", "people.ann.name=Ann B", "-c", "duration=1s"])
        #expect(run.exitCode == 0 && run.errors.contains("1.00 s, 5 frames, 1 people"), "\(run)")
        let truth = try ClipTruth(contentsOf: folder.file("clip.truth.json"))
        #expect(truth.clip == "clip.webm" && truth.people[0].name == "Ann B" && truth.frames.count == 5)
        let quiet = try Self.run(["scene", scene, "-o", folder.file("b.mp4"), "--truth", folder.file("t.json"), "--quiet"])
        #expect(quiet.exitCode == 0 && quiet.errors.isEmpty && quiet.output.isEmpty && FileManager.default.fileExists(atPath: folder.file("t.json")), "\(quiet)")
    }

    @Test func mistakes() throws {
        let folder = try Scratch(), scene = try folder.write(Self.scene, "scene.yaml"), bad = try folder.write(Self.scene + "lihgt: 4\n", "bad.yaml")
        func check(_ arguments: [String], _ code: Int32, _ message: String, models: String = TestParts.models) throws {
            let run = try Self.run(arguments, models: models)
            #expect(run.exitCode == code && run.errors.contains(message), "\(arguments): \(run)")
        }
        let out = folder.file("clip.mp4")
        try check([bad, "-o", out], 78, "bad.yaml:6")
        try check([bad, "-o", out], 78, "light")
        try check([scene], 64, "--output")
        try check([scene, "-o", out, "-c", "rate"], 64, "key=value")
        try check([folder.file("none.yaml"), "-o", out], 66, "none.yaml")
        try check([scene, "-o", folder.file("none/clip.mp4")], 74, "none")
        try check([scene, "-o", out], 66, "face-model", models: folder.path)
        try check(["corpus", bad, "-o", folder.file("corpus")], 78, "bad.yaml")
        try check(["corpus", scene, "-o", folder.file("corpus"), "--part", "3/2"], 64, "--part")
        #expect(!FileManager.default.fileExists(atPath: out))
        for arguments in [["--help"], ["--version"], ["corpus", "--help"], ["scene", "--help"]] { #expect(try Self.run(arguments).exitCode == 0) }
    }

    private static let recipe = "seed: 4\nclips: 5\nidentities: 4\nsize: 64x48\nrate: 5\nduration: 1.6s..2s\npeople: 1..2\nspeech: {off_screen: 0.5}\n"

    /// Names and bytes of all truths below a folder.
    private static func truths(_ folder: String) throws -> [String: Data] {
        var truths: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) where name.hasSuffix(".truth.json") { truths[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)) }
        return truths
    }

    @Test func partsMakeTheWhole() throws {
        let folder = try Scratch(), recipe = try folder.write(Self.recipe, "recipe.yaml")
        let whole = folder.file("whole"), parts = folder.file("parts")
        let first = try Self.run(["corpus", recipe, "-o", whole, "--jobs", "2"])
        #expect(first.exitCode == 0 && first.errors.contains("5 clips made, 0 were there"), "\(first)")
        for part in ["1/2", "2/2"] {
            let run = try Self.run(["corpus", recipe, "-o", parts, "--part", part])
            #expect(run.exitCode == 0, "\(run)")
        }
        let truths = try Self.truths(whole)
        let others = try Self.truths(parts)
        #expect(truths.count == 5 && truths == others)
        func rows(_ path: String) throws -> [Substring] { try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") }
        let all = try rows(whole + "/manifest.csv"), halves = try [1, 2].map { try rows(parts + "/manifest-\($0)-of-2.csv") }
        #expect(all.first == "file,identity,start,end,session,face" && halves.allSatisfy { $0.first == all.first })
        #expect(all.dropFirst().sorted() == halves.flatMap { $0.dropFirst() }.sorted() && all.count > 3)
        // What prepare makes of it.
        let items = try SourceLayout.manifest.items(of: whole + "/manifest.csv")
        #expect(items.count == all.count - 1 && items.allSatisfy { FileManager.default.fileExists(atPath: $0.path) && $0.identity.hasPrefix("s00000") && $0.subject != nil })
        #expect(Set(items.map(\.session)).count == items.count || items.contains { $0.start != nil })
        // The same command again makes nothing; what is missing is made again, the same.
        let again = try Self.run(["corpus", recipe, "-o", whole])
        #expect(again.exitCode == 0 && again.errors.contains("0 clips made, 5 were there"), "\(again)")
        let victim = try #require(truths.keys.sorted().first)
        try FileManager.default.removeItem(atPath: whole + "/" + victim)
        let resumed = try Self.run(["corpus", recipe, "-o", whole])
        #expect(resumed.errors.contains("1 clips made, 4 were there"), "\(resumed)")
        let remade = try Self.truths(whole), rewritten = try rows(whole + "/manifest.csv")
        #expect(remade == truths && rewritten == all)
        // Another recipe is not mixed into it.
        let other = try folder.write(Self.recipe.replacing("seed: 4", with: "seed: 5"), "other.yaml")
        let mixed = try Self.run(["corpus", other, "-o", whole])
        #expect(mixed.exitCode == 65 && mixed.errors.contains("made with another recipe"), "\(mixed)")
    }
}
