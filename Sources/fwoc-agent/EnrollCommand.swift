import AgentRuntime
import ArgumentParser
import Foundation
import Gallery

struct EnrollCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enroll",
        abstract: "Adds a person, or more of a person, to the gallery.",
        discussion: """
            From a clip come the face and the speech that its lips spoke; from a folder of pictures the face; from a recording the voice. \
            What does not look like the rest is left out and named.

            EXAMPLE
              fwoc-agent enroll Alice --clip alice.mp4 --gallery people.sqlite
              fwoc-agent enroll Alice --images photos/alice --gallery people.sqlite
            """)

    @Argument(help: "Name of the person, or the id of one that exists (p_…).")
    var name: String

    @Option(help: ArgumentHelp("Clip that shows the person; may be given again.", valueName: "file"))
    var clip: [String] = []

    @Option(help: ArgumentHelp("Folder of pictures of the person.", valueName: "dir"))
    var images: String?

    @Option(help: ArgumentHelp("Recording of the person's speech alone; may be given again.", valueName: "file"))
    var audio: [String] = []

    @Option(help: ArgumentHelp("Who is meant where several faces are seen: largest, speaking, or a track number of `replay`.", valueName: "choice"))
    var face: FaceChoice = .only

    @Flag(help: "Say what would be enrolled and store nothing.")
    var dryRun = false

    @OptionGroup var recognition: RecognitionOptions
    @OptionGroup var gallery: GalleryOption

    func validate() throws {
        guard !clip.isEmpty || images != nil || !audio.isEmpty else {
            throw ValidationError("nothing to enroll from; give --clip FILE, --images DIR or --audio FILE")
        }
    }

    func run() throws {
        let bundle = try recognition.models()
        let encoders = try bundle.encoders
        let exists = FileManager.default.fileExists(atPath: gallery.path)
        if exists { try Gallery(path: gallery.path, access: .readOnly).verify(encoders: encoders) }
        let source = try bundle.makeEnrollmentSource(choice: face)
        var candidates: [TemplateCandidate] = []
        func take(_ findings: EnrollmentSource.Findings) {
            candidates += findings.candidates
            for note in findings.notes { Console.note(note) }
        }
        for path in clip { take(try source.clip(path)) }
        if let images { take(try source.pictures(images)) }
        for path in audio { take(try source.sound(path)) }

        // Only now: what is refused, or only tried, leaves no gallery behind.
        let store = try Gallery(path: dryRun && !exists ? ":memory:" : gallery.path)
        let report = try store.enroll(PersonReference(name), candidates, encoders: encoders, policy: bundle.outlierPolicy, dryRun: dryRun)
        for (candidate, outcome) in zip(candidates, report.outcomes) {
            switch outcome {
            case .accepted: break
            case .outlier(let similarity, let threshold):
                Console.note(
                    String(
                        format: "left out %@ of %@: it agrees %.2f with the rest, %.2f is needed", candidate.modality.rawValue,
                        candidate.origin, similarity, threshold))
            case .alreadyEnrolled: Console.note("left out \(candidate.modality.rawValue) of \(candidate.origin): enrolled already")
            case .redundant: Console.note("left out \(candidate.modality.rawValue) of \(candidate.origin): adds nothing to what is enrolled")
            }
        }
        func count(_ modality: Modality) -> Int {
            zip(candidates, report.outcomes).count { $0.0.modality == modality && $0.1 == .accepted }
        }
        Console.line(
            "\(dryRun ? "would enroll" : report.isNew ? "enrolled" : "added to") \(report.person.name) (\(report.person.id)): "
                + "\(count(.face)) face and \(count(.voice)) voice templates, gallery revision \(report.revision)")
    }
}

extension FaceChoice: ExpressibleByArgument {
    public init?(argument: String) {
        switch argument {
        case "only": self = .only
        case "largest": self = .largest
        case "speaking": self = .speaking
        default:
            guard let number = Int(argument), number > 0 else { return nil }
            self = .track(number)
        }
    }
}
