import Foundation
import Testing

/// Two people, three clips each: enrolled from one, known in the other two. Real clips and models, the real program.
@Suite(.enabled(if: TestData.canRecognise, "needs the public reference models and clips"), .serialized)
struct RecognitionOfClipsTests {
    private static let people = ["Ann": "avspeech-3DsHHfu4_co_", "Bob": "avspeech-5JGS4NZrYpk_"]
    private static let clips = [("Ann", "109_"), ("Ann", "14_"), ("Bob", "223_"), ("Bob", "409_")]

    private struct Event: Decodable {
        struct Person: Decodable { var name: String }
        var type: String
        var decision: String
        var person: Person?
        var modality: String?
    }

    private func path(_ person: String, _ clip: String) -> String { TestData.clip((Self.people[person] ?? "") + clip + ".mp4") }

    private func enrolled(_ folder: ScratchFolder) throws -> String {
        let gallery = folder.url.path + "/people.sqlite"
        for (person, clip) in [("Ann", "106_"), ("Bob", "220_")] {
            let run = try FwocAgentProgram.runWithModels(["enroll", person, "--clip", path(person, clip), "--gallery", gallery])
            #expect(run.exitCode == 0, "\(run)")
        }
        return gallery
    }

    private func events(_ run: FwocAgentProgram.Run) throws -> [Event] {
        #expect(run.exitCode == 0, "\(run)")
        let schema = try EventSchema()
        for line in run.lines { #expect(schema.complaints(line) == []) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try run.lines.map { try decoder.decode(Event.self, from: Data($0.utf8)) }
    }

    @Test func knownByFaceAndVoice() throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(folder)
        for (person, clip) in Self.clips {
            let run = try FwocAgentProgram.runWithModels(["replay", path(person, clip), "--gallery", gallery, "--json", "--quiet"])
            let events = try events(run)
            let last = try #require(events.last)
            #expect(last.decision == "identified" && last.person?.name == person && last.modality == "both", "\(person) \(clip): \(run)")
            #expect(events.allSatisfy { $0.person == nil || $0.person?.name == person }, "\(run)")
        }
    }

    @Test func whoIsNotEnrolledIsUnknown() throws {
        let folder = try ScratchFolder()
        let gallery = folder.url.path + "/people.sqlite"
        _ = try FwocAgentProgram.runWithModels(["enroll", "Ann", "--clip", path("Ann", "106_"), "--gallery", gallery])
        let run = try FwocAgentProgram.runWithModels(["replay", path("Bob", "409_"), "--gallery", gallery, "--json", "--quiet"])
        let events = try events(run)
        #expect(!events.isEmpty && events.allSatisfy { $0.decision == "unknown" && $0.person == nil }, "\(run)")
    }

    @Test func theSameBytesTwiceInRealTimeAndExpected() throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(folder)
        let clip = path("Ann", "109_")
        let arguments = ["replay", clip, "--gallery", gallery, "--quiet"]
        let first = try FwocAgentProgram.runWithModels(arguments + ["--json"])
        #expect(first.lines.count >= 2)
        #expect(try FwocAgentProgram.runWithModels(arguments + ["--json"]).output == first.output)
        #expect(try FwocAgentProgram.runWithModels(arguments + ["--json", "--realtime"]).output == first.output)
        let golden = folder.url.path + "/golden.jsonl"
        try Data(first.output.utf8).write(to: URL(fileURLWithPath: golden))
        #expect(try FwocAgentProgram.runWithModels(arguments + ["--expect", golden]).exitCode == 0)
        try Data(first.output.replacing("\"Ann\"", with: "\"Eve\"").utf8).write(to: URL(fileURLWithPath: golden))
        let different = try FwocAgentProgram.runWithModels(arguments + ["--expect", golden])
        #expect(different.exitCode == 1)
        #expect(different.output.contains("\n-1: ") && different.output.contains("\n+1: "), "\(different)")
    }

    @Test(arguments: [("video=1.5s..3s", "voice"), ("audio=1.9s..9s", "face")])
    func anIdentityHoldsOnTheOtherModality(drop: String, modality: String) throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(folder)
        let run = try FwocAgentProgram.runWithModels(["replay", path("Ann", "14_"), "--gallery", gallery, "--json", "--quiet", "--drop", drop])
        let events = try events(run)
        #expect(events.allSatisfy { $0.decision == "identified" && $0.person?.name == "Ann" }, "\(run)")
        #expect(events.last?.modality == modality, "\(run)")
    }

    @Test(.enabled(if: TestData.hasFFmpeg, "needs the program ffmpeg"))
    func clipsWithAStreamMissingOrCut() throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(folder)
        let source = path("Ann", "109_")
        func made(_ name: String, _ options: [String]) throws -> String {
            let target = folder.url.path + "/" + name
            #expect(try TestData.ffmpeg(["-i", source] + options + ["-y", target]))
            return target
        }
        let silent = try FwocAgentProgram.runWithModels(["replay", try made("silent.mp4", ["-an", "-c", "copy"]), "--gallery", gallery, "--json"])
        #expect(try events(silent).last?.modality == "face")
        #expect(silent.errors.contains("no sound"))
        let blind = try FwocAgentProgram.runWithModels(["replay", try made("blind.m4a", ["-vn", "-c", "copy"]), "--gallery", gallery, "--json"])
        #expect(blind.exitCode == 0 && blind.errors.contains("no picture"), "\(blind)")
        let whole = try Data(contentsOf: URL(fileURLWithPath: try made("whole.mkv", ["-c", "copy"])))
        for part in 1...10 {
            let cut = folder.url.path + "/cut\(part).mkv"
            try whole.prefix(whole.count * part / 11).write(to: URL(fileURLWithPath: cut))
            let run = try FwocAgentProgram.runWithModels(["replay", cut, "--gallery", gallery, "--json"])
            #expect(run.exitCode == 0 && run.errors.contains("damage"), "\(run)")
            _ = try events(run)
        }
    }
}
