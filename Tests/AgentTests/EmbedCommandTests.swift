import Foundation
import Gallery
import Testing

/// `embed`: a line for every file, with its embedding as enrolment stores it or the reason why there is none.
@Suite struct EmbedCommandTests {
    private struct Line: Decodable {
        struct Part: Decodable {
            var embedding: [Float]?
            var dimension: Int?
            var quality: Float?
            var encoder: String?
            var cause: String?
            var reason: String?
        }

        var file: String
        var role: String
        var model: String
        var embedding: [Float]?
        var dimension: Int?
        var quality: Float?
        var encoder: String?
        var cause: String?
        var reason: String?
        var face: Part?
        var voice: Part?
    }

    private static let hasModels = TestData.referenceModels != nil
    private static let media = TestData.package.appending(path: "Tests/MediaFilesTests/Fixtures").path + "/"

    private func embed(_ arguments: [String]) throws -> (run: FwocAgentProgram.Run, lines: [Line]) {
        let run = try FwocAgentProgram.runWithModels(["embed", "--json"] + arguments)
        return (run, try run.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) })
    }

    @Test func usage() throws {
        for (arguments, message) in [(["embed", "x.jpg"], "role"), (["embed", "--role", "gait", "x.jpg"], "gait"), (["embed", "--role", "face"], "file")] {
            let run = try FwocAgentProgram.run(arguments)
            #expect(run.exitCode == 64 && run.errors.contains(message), "\(run)")
        }
        let none = try FwocAgentProgram.run(["embed", "--role", "face", "--bundle", "reference", Self.media + "picture.jpg"])
        #expect(none.exitCode == 66 && none.errors.contains("--reference-models") && none.output.isEmpty, "\(none)")
    }

    @Test(.enabled(if: hasModels, "needs the public reference models"))
    func generatedMediaSayWhyThereIsNone() throws {
        let (run, lines) = try embed(["--role", "face", Self.media + "picture.jpg", Self.media + "picture-only.mp4", Self.media + "sound.wav"])
        #expect(run.exitCode == 0, "what was read is no failure: \(run)")
        #expect(lines.map(\.cause) == ["no_face", "no_face", "no_picture"], "\(run)")
        #expect(lines.allSatisfy { $0.embedding == nil && $0.role == "face" && $0.model.hasPrefix("reference@sha256:") && $0.reason?.isEmpty == false })
        #expect(lines.map(\.file) == ["picture.jpg", "picture-only.mp4", "sound.wav"].map { Self.media + $0 })

        let voices = try embed(["--role", "voice", Self.media + "picture.jpg", Self.media + "picture-only.mp4", Self.media + "sound.wav"])
        #expect(voices.lines.map(\.cause) == ["no_sound", "no_sound", "too_little_speech"] && voices.run.exitCode == 0, "\(voices.run)")

        let both = try embed(["--role", "both", Self.media + "picture.png", Self.media + "sound.flac", Self.media + "upright.mp4"])
        #expect(both.lines.map(\.face?.cause) == ["no_face", "no_picture", "no_face"], "\(both.run)")
        #expect(both.lines.prefix(2).map(\.voice?.cause) == ["no_sound", "too_little_speech"] && both.lines[2].voice?.embedding == nil, "\(both.run)")
        #expect(both.lines.allSatisfy { $0.cause == nil && $0.embedding == nil })
    }

    @Test(.enabled(if: hasModels, "needs the public reference models"))
    func filesThatCannotBeReadDoNotEndTheRest() throws {
        let folder = try ScratchFolder()
        let text = try folder.write("no picture\n", to: "text, with \"quotes\".jpg")
        let cut = try folder.write(try Data(contentsOf: URL(fileURLWithPath: Self.media + "picture.jpg")).prefix(60), to: "cut.jpg")
        let empty = try folder.write(Data(), to: "empty.png")
        let good = Self.media + "picture.webp"
        let (run, lines) = try embed(["--role", "face", text, cut, empty, folder.path("none.mp4"), folder.url.path, good])
        #expect(lines.map(\.cause) == ["undecodable", "undecodable", "undecodable", "not_found", "not_found", "no_face"], "\(run)")
        #expect(lines.first?.file == text)
        #expect(run.exitCode == 65, "the code of the first failure: \(run)")
        #expect(try embed(["--role", "voice", folder.path("none.mp4"), text]).run.exitCode == 66)
        let plain = try FwocAgentProgram.runWithModels(["embed", "--role", "both", good, folder.path("none.mp4")])
        #expect(plain.exitCode == 66 && plain.lines.count == 4 && plain.output.contains("face: none: no face found"), "\(plain)")
    }

    /// Little-endian numbers of a gallery's archive.
    private static func floats(_ text: String) throws -> [Float] {
        let bytes = [UInt8](try #require(Data(base64Encoded: text)))
        var values: [Float] = []
        for start in stride(from: 0, to: bytes.count, by: 4) {
            var bits: UInt32 = 0
            for place in 0..<4 { bits |= UInt32(bytes[start + place]) << UInt32(8 * place) }
            values.append(Float(bitPattern: bits))
        }
        return values
    }

    /// Face by face and voice by voice what `enroll` puts into the gallery.
    @Test(.enabled(if: TestData.canRecognise, "needs the public reference models and clips"))
    func equalsWhatEnrolmentStores() throws {
        let folder = try ScratchFolder()
        let clip = TestData.clip("avspeech-3DsHHfu4_co_106_.mp4")
        let gallery = folder.path("people.sqlite")
        let enrolled = try FwocAgentProgram.runWithModels(["enroll", "Ann", "--clip", clip, "--gallery", gallery])
        #expect(enrolled.exitCode == 0, "\(enrolled)")
        let (run, lines) = try embed(["--role", "both", clip])
        let line = try #require(lines.first, "\(run)")
        let face = try #require(line.face?.embedding, "\(run)"), voice = try #require(line.voice?.embedding, "\(run)")
        #expect(face.count == 512 && line.face?.dimension == 512 && voice.count == 512)
        let archive = try Gallery(path: gallery, access: .readOnly).export()
        #expect(archive.encoders["face"]?.fingerprint == line.face?.encoder && archive.encoders["voice"]?.fingerprint == line.voice?.encoder)
        let stored = try #require(archive.people.first).templates
        func values(_ template: GalleryArchive.Template) throws -> [Float] { try Self.floats(template.embedding) }
        func nearest(_ embedding: [Float], _ modality: String) throws -> Float {
            var least = Float.infinity
            for template in stored where template.modality == modality {
                least = min(least, zip(embedding, try values(template)).map { abs($0 - $1) }.max() ?? .infinity)
            }
            return least
        }
        // The gallery normalises again: one rounding of an element below 1.
        #expect(try nearest(face, "face") < 2e-7)
        let voices = try stored.filter { $0.modality == "voice" }.map { (try values($0), $0.quality) }
        #expect(!voices.isEmpty)
        var mean = [Float](repeating: 0, count: voice.count)
        for (values, quality) in voices { for index in mean.indices { mean[index] += quality * values[index] } }
        let norm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let distance = zip(voice, mean).map { abs($0 - $1 / norm) }.max() ?? .infinity
        #expect(distance < 1e-6, "\(voices.count) voice templates, \(distance)")
        #expect(try embed(["--role", "both", clip]).run.output == run.output, "the same bytes twice")
    }

    /// A picture of a clip is the person of the clip; another person's is not.
    @Test(.enabled(if: TestData.canRecognise && TestData.hasFFmpeg, "needs the public reference models, clips and ffmpeg"))
    func picturesAndClipsAgree() throws {
        let folder = try ScratchFolder()
        let ann = TestData.clip("avspeech-3DsHHfu4_co_106_.mp4"), bob = TestData.clip("avspeech-5JGS4NZrYpk_220_.mp4")
        var pictures: [String] = []
        for (name, clip) in [("ann", ann), ("bob", bob)] {
            let picture = folder.path("\(name).png")
            #expect(try TestData.ffmpeg(["-ss", "1", "-i", clip, "-frames:v", "1", "-y", picture]))
            pictures.append(picture)
        }
        let (run, lines) = try embed(["--role", "face", ann] + pictures)
        let embeddings = try lines.map { try #require($0.embedding, "\(run)") }
        func cosine(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(cosine(embeddings[0], embeddings[1]) > 0.5 && cosine(embeddings[0], embeddings[2]) < 0.3, "\(run)")
        let folderOfOne = folder.url.appending(path: "photos")
        try FileManager.default.createDirectory(at: folderOfOne, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: pictures[0], toPath: folderOfOne.path + "/ann.png")
        let gallery = folder.path("people.sqlite")
        #expect(try FwocAgentProgram.runWithModels(["enroll", "Ann", "--images", folderOfOne.path, "--gallery", gallery]).exitCode == 0)
        let template = try #require(try Gallery(path: gallery, access: .readOnly).export().people.first?.templates.first)
        let stored = try Self.floats(template.embedding)
        #expect((zip(stored, embeddings[1]).map { abs($0 - $1) }.max() ?? .infinity) < 2e-7)
        #expect(abs(template.quality - (lines[1].quality ?? -1)) < 1e-6)
    }
}
