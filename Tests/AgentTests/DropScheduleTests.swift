import AgentRuntime
import MediaTypes
import Testing

@Suite struct DropScheduleTests {
    @Test(arguments: [
        ("audio=2s..5s", DropSchedule.Entry.Stream.audio, 2_000_000_000, 5_000_000_000),
        ("video=700ms..1.5s", .video, 700_000_000, 1_500_000_000),
        ("video=0..1", .video, 0, 1_000_000_000),
        ("audio=1.5..2500ms", .audio, 1_500_000_000, 2_500_000_000),
    ] as [(String, DropSchedule.Entry.Stream, Int64, Int64)])
    func `What users write is read`(_ text: String, _ stream: DropSchedule.Entry.Stream, _ start: Int64, _ end: Int64) throws {
        let entry = try DropSchedule.Entry(text)
        #expect(entry.stream == stream)
        #expect(entry.start == Instant(nanoseconds: start))
        #expect(entry.end == Instant(nanoseconds: end))
    }

    @Test(arguments: [
        "", "audio", "=1..2", "sound=1..2", "Audio=1..2", "audio=", "audio=1", "audio=1-2", "audio=..", "audio=1..", "audio=..2",
        "audio=2..1", "audio=1..1", "audio=-1..2", "audio=1..nan", "audio=1..inf", "audio=0x..1", "audio=1h..2h", "audio=1..1e9",
        "audio=1 ..2", "audio=1..2..3",
    ])
    func `Anything else is refused with what was expected`(_ text: String) {
        let error = #expect(throws: AgentError.self) { try DropSchedule.Entry(text) }
        #expect(error?.description.contains("--drop \(text):") == true)
        #expect(error?.description.contains("audio=2s..5s") == true)
    }

    @Test func `The start is withheld, the end is not, and the other stream never`() throws {
        let schedule = DropSchedule([try .init("audio=1..2"), try .init("audio=1.5..3"), try .init("video=5..6")])
        let audio = [0.999, 1, 1.7, 2, 2.999, 3, 5].map { schedule.drops(.audio, at: .seconds($0)) }
        #expect(audio == [false, true, true, true, true, false, false])
        let video = [1, 4.999, 5, 5.999, 6].map { schedule.drops(.video, at: .seconds($0)) }
        #expect(video == [false, false, true, true, false])
        #expect(!DropSchedule().drops(.audio, at: .zero))
    }
}
