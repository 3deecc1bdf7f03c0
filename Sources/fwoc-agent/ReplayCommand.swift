import AgentRuntime
import ArgumentParser
import Foundation
import Gallery
import MediaTypes
import Publishing
import Recognition

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Recognises who is in a recorded clip and who speaks.",
        discussion: """
            The same code as with a live camera, fed by a file, on the clip's own time. The same clip, bundle, gallery and options give \
            the same bytes of events.

            EXAMPLE
              fwoc-agent replay meeting.mp4 --gallery people.sqlite --annotate out.mp4
              fwoc-agent replay meeting.mp4 --drop audio=2s..5s --json | jq .decision
              fwoc-agent replay made.mp4 --observations --sync --events made.events.jsonl && fwoc-agent score made.events.jsonl made.truth.json
            """)

    @Argument(help: "Video or sound file.")
    var clip: String

    @OptionGroup var recognition: RecognitionOptions
    @OptionGroup var gallery: GalleryOption

    @Flag(help: "Deliver frames and sound when they are due, as devices would.")
    var realtime = false

    @Option(help: ArgumentHelp("Withhold a modality for a while: audio=2s..5s, video=7s..9s. May be given again.", valueName: "what=from..to"))
    var drop: [String] = []

    @Flag(help: "Print events as JSON, one a line.")
    var json = false

    @Option(help: ArgumentHelp("Write events as JSON, one a line, to this file.", valueName: "file"))
    var events: String?

    @Option(help: ArgumentHelp("Write the clip with what was recognised drawn on it.", valueName: "out.mp4"))
    var annotate: String?

    @Option(help: ArgumentHelp("Compare the events with this file; exit 1 and show the difference where they differ.", valueName: "golden.jsonl"))
    var expect: String?

    @Option(help: "Node name in the events.")
    var node = "replay"

    @Flag(help: "With the events also write the faces followed at each frame, and at the end what was measured over the whole clip: what `score` reads.")
    var observations = false

    @Flag(help: "Measure how much later the sound is than the picture, on the lips of who speaks; the summary says it.")
    var sync = false

    @Flag(help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        guard !(json && events != nil) else { throw ValidationError("--json and --events exclude each other") }
        guard !observations || json || events != nil else { throw ValidationError("--observations are JSON: give --json or --events FILE") }
        guard !(observations && expect != nil) else { throw ValidationError("--expect compares events alone; leave --observations out") }
        for text in drop {
            do { _ = try DropSchedule.Entry(text) } catch { throw ValidationError(error.description) }
        }
    }

    func run() throws {
        var options = Replay.Options()
        options.isRealtime = realtime
        options.drops = DropSchedule(try drop.map { try DropSchedule.Entry($0) })
        options.annotated = annotate
        options.node = node
        let golden = try expect.map { try ExpectedEvents(path: $0) }

        let source = try Replay.Clip(path: clip)
        let bundle = try recognition.models()
        let snapshot = try loadGallery(bundle)
        var settings = Recognizer.Settings()
        settings.landmarksEverywhere = annotate != nil
        settings.measuresSync = sync
        let (match, notes) = bundle.matchSettings.calibrated(by: snapshot)
        if !quiet { for note in notes { Console.note(note) } }
        let recognizer = try bundle.makeRecognizer(gallery: snapshot, match: match, settings: settings)
        let replay = Replay(
            clip: source, recognizer: recognizer,
            identity: Replay.Identity(model: bundle.fingerprint, galleryRevision: snapshot.revision), options: options)
        announce(replay)

        let sink = try events.map { try EventFile(path: $0) }
        var lines: [String] = []
        var progress = ProgressLine(label: "replay", total: replay.duration?.seconds)
        func write(_ bytes: Data) throws { if let sink { try sink.append(bytes) } else { Console.line(bytes) } }
        let summary = try replay.run(
            progress: { if !quiet { progress.advance(to: $0.seconds) } }, observe: observations ? { try write($0.json()) } : nil
        ) { event in
            let bytes = try event.json()
            if golden != nil { lines.append(String(decoding: bytes, as: UTF8.self)) }
            if let sink {
                try sink.append(bytes)
            } else if json {
                Console.line(bytes)
            } else {
                if !quiet { progress.finish() }
                Console.line(EventLine.text(event))
            }
        }
        if observations { try write(ReplayObservation(summary).json()) }
        try sink?.finish()
        if !quiet {
            progress.finish()
            Console.note("\n" + summary.table)
            if summary.isWithoutAnybody {
                Console.note(
                    summary.isWithoutSpeech
                        ? "nobody was seen or heard in \(clip)" : "somebody was heard in \(clip), too briefly to say who; nobody was seen")
            }
        } else if summary.damageCount > 0 {
            Console.error("\(clip): damaged in \(summary.damageCount) place(s), first: \(summary.damage.first ?? "")")
        }
        if let golden, let difference = golden.difference(from: lines) {
            Console.line(difference)
            throw ExitCode(1)
        }
    }

    private func loadGallery(_ bundle: LoadedBundle) throws -> GallerySnapshot {
        if !gallery.isExplicit && !FileManager.default.fileExists(atPath: gallery.path) {
            if !quiet { Console.note("no gallery (--gallery FILE): everybody will be unknown") }
            return .empty
        }
        return try Gallery(path: gallery.path, access: .readOnly).snapshot(encoders: try bundle.encoders)
    }

    private func announce(_ replay: Replay) {
        guard !quiet else { return }
        if !replay.hasPicture { Console.note("\(clip): no picture in it; people are known by voice alone") }
        if !replay.hasSound { Console.note("\(clip): no sound in it; people are known by face alone, and nobody speaks") }
    }
}
