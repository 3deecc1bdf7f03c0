import Foundation
import Gallery
import Testing

/// Two real people, enrolled from clips, among eight who do not exist: the real program, from too little to calibrated events and back.
@Suite(.enabled(if: TestData.canRecognise, "needs the public reference models and clips"), .serialized)
struct GalleryCalibrateTests {
    private struct Report: Decodable {
        struct Row: Decodable {
            var modality: String
            var threshold: Double
            var falseAcceptEstimate: Double?
            var reasons: [String]
        }
        var isStored: Bool
        var galleryRevision: Int
        var sets: [Row]
    }

    private struct Event: Decodable {
        var decision: String
        var threshold: Double
        var modality: String?
        var falseAcceptEstimate: Double?
    }

    private static let clip = TestData.clip("avspeech-3DsHHfu4_co_109_.mp4")

    private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(text.utf8))
    }

    private func enrolled(_ folder: ScratchFolder) throws -> String {
        let path = folder.path("people.sqlite")
        for (person, clip) in [("Ann", "avspeech-3DsHHfu4_co_106_.mp4"), ("Bob", "avspeech-5JGS4NZrYpk_220_.mp4")] {
            let run = try FwocAgentProgram.runWithModels(["enroll", person, "--clip", TestData.clip(clip), "--gallery", path])
            try #require(run.exitCode == 0, "\(run)")
        }
        let gallery = try Gallery(path: path)
        let encoders = try gallery.encoders()
        let dimension = try #require(encoders[.face]?.dimension)
        var state: UInt64 = 11
        func noise() -> Float {
            // SplitMix64; a sum of uniform numbers is near enough to a normal one.
            (0..<6).reduce(Float(-3)) { sum, _ in
                state &+= 0x9E37_79B9_7F4A_7C15
                var z = state
                z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
                z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
                return sum + Float((z ^ (z >> 31)) >> 40) / Float(1 << 24)
            }
        }
        for person in 0..<8 {
            let center = (0..<dimension).map { _ in noise() }
            let candidates = (0..<24).map { _ in
                TemplateCandidate(modality: .face, embedding: center.map { $0 + 0.6 * noise() }, quality: 0.8, origin: "made up")
            }
            try gallery.enroll(.name("Nobody \(person)"), candidates, encoders: encoders)
        }
        return path
    }

    private func replay(_ gallery: String) throws -> FwocAgentProgram.Run {
        let run = try FwocAgentProgram.runWithModels(["replay", Self.clip, "--gallery", gallery, "--json", "--drop", "audio=0s..60s"])
        #expect(run.exitCode == 0, "\(run)")
        let schema = try EventSchema()
        for line in run.lines { #expect(schema.complaints(line) == []) }
        return run
    }

    @Test func fromTooLittleToCalibratedEventsAndBack() throws {
        let folder = try ScratchFolder()
        let gallery = try enrolled(folder)
        let command = ["gallery", "calibrate", "--gallery", gallery]
        let revision = try Gallery(path: gallery, access: .readOnly).revision()
        let before = try replay(gallery)
        let bundled = try before.lines.map { try decode(Event.self, $0) }.last?.falseAcceptEstimate

        // One in a thousand cannot be shown by so few; it says what is missing and what could be, and changes nothing.
        let refused = try FwocAgentProgram.runWithModels(command)
        #expect(refused.exitCode == 65, "\(refused)")
        #expect(refused.output.contains("10 of at least 95 people: enroll 85 more"), "\(refused)")
        #expect(refused.errors.contains("nothing was changed") && refused.errors.contains("at best: --false-accept 0.0"), "\(refused)")
        #expect(try Gallery(path: gallery, access: .readOnly).revision() == revision)
        let advised = try #require(refused.errors.split(separator: " ").last.flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
        let dry = try FwocAgentProgram.runWithModels(command + ["--false-accept", "\(advised)", "--dry-run", "--json"])
        #expect(dry.exitCode == 0, "\(dry)")
        #expect(try decode(Report.self, dry.output).isStored == false)
        #expect(try Gallery(path: gallery, access: .readOnly).revision() == revision)

        let drawing = folder.path("reliability.svg")
        let run = try FwocAgentProgram.runWithModels(command + ["--false-accept", "0.02", "--json", "--svg", drawing])
        #expect(run.exitCode == 0, "\(run)")
        let report = try decode(Report.self, run.output)
        let face = try #require(report.sets.first { $0.modality == "face" })
        #expect(report.isStored && report.galleryRevision == revision + 1)
        #expect(face.reasons == [] && face.threshold != 0.6 && face.threshold >= 0.55)
        #expect(try #require(face.falseAcceptEstimate) <= 0.02)
        #expect(report.sets.first { $0.modality == "voice" }?.reasons.isEmpty == false)
        #expect(try String(contentsOfFile: drawing, encoding: .utf8).contains("observed share"))
        let list = try FwocAgentProgram.runWithModels(["gallery", "list", "--gallery", gallery])
        #expect(list.errors.contains("calibrated ") && !list.errors.contains("older"), "\(list)")

        let calibrated = try replay(gallery)
        let events = try calibrated.lines.map { try decode(Event.self, $0) }
        let last = try #require(events.last)
        #expect(last.decision == "identified" && last.modality == "face", "\(calibrated)")
        #expect(events.filter { $0.decision != "identified" }.allSatisfy { $0.falseAcceptEstimate == nil })
        let estimate = try #require(last.falseAcceptEstimate)
        #expect(estimate > 0 && estimate <= 0.02 && estimate != bundled)
        // Who is identified already stays so a little below.
        #expect(events.contains { abs($0.threshold - face.threshold) < 1e-4 }, "\(calibrated)")

        let reset = try FwocAgentProgram.runWithModels(command + ["--reset"])
        #expect(reset.exitCode == 0 && reset.output.contains("the bundle's thresholds are in use again"), "\(reset)")
        let after = try replay(gallery)
        let text = { (output: String) in output.replacing(/"gallery_revision":\d+/, with: "") }
        #expect(text(after.output) == text(before.output))

        // Somebody is gone: it is used as it is, and said to be older.
        #expect(try FwocAgentProgram.runWithModels(command + ["--false-accept", "0.03"]).exitCode == 0)
        _ = try FwocAgentProgram.runWithModels(["gallery", "remove", "Nobody 7", "--gallery", gallery])
        #expect(try replay(gallery).errors.contains("older than its people"))
        let audit = try FwocAgentProgram.runWithModels(["gallery", "audit", "--gallery", gallery])
        #expect(audit.output.contains("older than the people"), "\(audit)")
    }

    @Test func whatIsNotThereIsNotMade() throws {
        let folder = try ScratchFolder()
        for extra in [[], ["--reset"]] {
            let run = try FwocAgentProgram.runWithModels(["gallery", "calibrate", "--gallery", folder.path("none.sqlite")] + extra)
            #expect(run.exitCode == 66, "\(run)")
            #expect(!FileManager.default.fileExists(atPath: folder.path("none.sqlite")))
        }
    }

    @Test(arguments: [["--false-accept", "0"], ["--false-accept", "1"], ["--false-accept", "nan"], ["--reset", "--dry-run"]])
    func wrongArguments(arguments: [String]) throws {
        let run = try FwocAgentProgram.runWithModels(["gallery", "calibrate"] + arguments)
        #expect(run.exitCode == 64, "\(run)")
    }
}
