import Foundation
import Testing

/// Events against truth through the real program; the figures are tested in GroundTruthTests.
@Suite struct ScoreCommandTests {
    private static let truth = """
        {"schema":"fwoc.truth/1","clip":"made.mp4","seed":1,"width":100,"height":100,"frame_rate":10,"duration":4,"sound_offset":0.08,"sound_drift":0,
         "people":[{"id":"ann","name":"Ann","on_screen":[[0,4]]}],"speech":[],"lost":{"video":[[2,3]],"sound":[],"frozen":[]},
         "frames":[{"time":1,"faces":[{"person":"ann","box":[10,40,20,20],"visible":1}]}]}
        """
    private static let events = """
        {"bbox":[0.1,0.4,0.2,0.2],"decision":"identified","event_id":"01","person":{"id":"p_1","name":"Ann"},"schema":"fwoc.identity/1","track":1,"ts":"1970-01-01T00:00:01.000Z","type":"new"}
        {"frames":40,"schema":"fwoc.replay/1","sound_offset_ms":60}

        """

    @Test func tablesJSONAndPicture() throws {
        let folder = try ScratchFolder()
        let truth = try folder.write(Self.truth, to: "made.truth.json"), events = try folder.write(Self.events, to: "made.events.jsonl")
        let run = try FwocAgentProgram.run(["score", events, truth, "--svg", folder.path("made.svg")])
        #expect(run.exitCode == 0, "\(run)")
        #expect(run.output.contains("sound offset: +60 ms measured, +80 ms true, error −20 ms"), "\(run)")
        #expect(run.lines.contains { $0.split(separator: " ").starts(with: ["Ann", "4.00", "3.00", "0.750", "1.000"]) }, "\(run)")
        #expect(try String(contentsOfFile: folder.path("made.svg"), encoding: .utf8).hasPrefix("<svg "))
        let json = try FwocAgentProgram.run(["score", events, truth, "--json"])
        struct Score: Decodable {
            struct Tally: Decodable { var recall: Double }
            var all: Tally
        }
        #expect(try JSONDecoder().decode(Score.self, from: Data(json.output.utf8)).all.recall == 0.75)
        let stranger = try FwocAgentProgram.run(["score", events, truth, "--stranger", "ann", "--person", "Ann=ann", "--hold", "0"])
        #expect(stranger.exitCode == 0 && stranger.output.contains("Ann (stranger)"), "\(stranger)")
    }

    @Test func mistakes() throws {
        let folder = try ScratchFolder()
        let truth = try folder.write(Self.truth, to: "t.json"), events = try folder.write(Self.events, to: "e.jsonl"), text = try folder.write("hello\n", to: "text")
        for (arguments, code, message) in [
            (["score", events], 64, "truth.json"), (["score", events, truth, "--person", "Ann"], 64, "Alice=anna"), (["score", events, truth, "--hold", "-1"], 64, "hold"), (["score", folder.path("none"), truth], 66, "no such file"),
            (["score", events, folder.url.path], 66, "directory"), (["score", text, truth], 65, "text:1"), (["score", events, text], 65, "no JSON object"), (["score", truth, events], 65, "e.jsonl"),
            (["score", events, truth, "--person", "Ann=bob"], 65, "‘bob’ is none of the people"), (["score", events, truth, "--svg", folder.path("none/a.svg")], 74, "writing failed"),
            (["replay", "x.mp4", "--observations"], 64, "--json or --events"), (["replay", "x.mp4", "--observations", "--json", "--expect", "y"], 64, "--expect"),
        ] as [([String], Int32, String)] {
            let run = try FwocAgentProgram.run(arguments)
            #expect(run.exitCode == code && run.errors.contains(message), "\(run)")
        }
    }
}
