import AgentRuntime
import ArgumentParser
import Foundation

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Prints the embeddings of pictures, clips and recordings.",
        discussion: """
            One line a file: its embedding, as enrolment would store it, or the reason why there is none. Faces come from pictures and clips, \
            voices from clips and recordings; with --role both a clip's voice is the speech that the face's lips spoke, and where the \
            bundle has a fuser, both, or the one that there is, are also one embedding.

            Ends with 0 where every file could be read, whatever was found in it; otherwise, after all lines, with the code of the first file that \
            could not (66 not found, 65 not decodable, 77 not permitted, 74 not readable).

            EXAMPLE
              fwoc-agent embed photos/*.jpg --role face --json > faces.jsonl
              fwoc-agent embed talk.mp4 --role both --face speaking
            """)

    @Argument(help: ArgumentHelp("Pictures, clips, recordings.", valueName: "file"))
    var files: [String]

    @Option(help: "What to embed: face, voice or both.")
    var role: EmbeddingScope

    @Option(help: ArgumentHelp("Who is meant where several faces are seen: only (there must be one), largest, speaking, or a track number of `replay`.", valueName: "choice"))
    var face: FaceChoice = .only

    @Flag(help: "Print JSON, one object a line.")
    var json = false

    @OptionGroup var recognition: RecognitionOptions

    func run() throws {
        let source = try recognition.models().makeEmbeddingSource(choice: face)
        var failure: AgentError.Category?
        var progress = ProgressLine(label: "embed", total: Double(files.count), unit: .files)
        for (index, file) in files.enumerated() {
            let line = try source.embed(file, role)
            progress.finish()
            if json { Console.line(try line.json()) } else { Console.line(line.text) }
            failure = failure ?? line.failure
            progress.advance(to: Double(index + 1))
        }
        progress.finish()
        if let failure { throw ExitCode(failure.rawValue) }
    }
}

extension EmbeddingScope: ExpressibleByArgument {}
