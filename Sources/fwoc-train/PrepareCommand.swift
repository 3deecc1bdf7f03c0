import ArgumentParser
import Datasets
import Foundation
import ModelBundle
import Recognition

struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Turns folders of clips, pictures and recordings into shards to train on.",
        discussion: """
            Every file goes through the agent's own detection, tracking, alignment and speaking-face selection, once. What was refused, and why, is in the \
            manifest beside the shards. Interrupted work goes on where it stopped when the same command is given again.

            EXAMPLE
              fwoc-train prepare voxceleb2/dev/mp4 -o shards/ --layout voxceleb --jobs 8
              fwoc-train prepare lfw/ -o shards/ --face middle
              fwoc-train prepare clips.csv -o shards/ --layout manifest --part 3/8
            """)

    @Argument(help: "Folder of identities, or the CSV file of --layout manifest; may be several.")
    var source: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("Folder that the shards go to.", valueName: "dir"))
    var output: String

    @Option(help: "How a source says whose file is whose: folders (identity/…/file), voxceleb (identity/video/utterance) or manifest (CSV: file,identity,start,end,session,face).")
    var layout: SourceLayout = .folders

    @Option(help: ArgumentHelp("Do only this part of the files, for array jobs: 3/8.", valueName: "i/n"))
    var part = "1/1"

    @Option(help: "Files at the same time, each with networks of its own.")
    var jobs = 1

    @Option(help: "Who is meant where several faces are seen: only (there must be one), largest, middle or speaking.")
    var face = "only"

    @Flag(help: "Pictures are aligned faces of 112×112 already: take them as they are.")
    var aligned = false

    @Option(help: "Aligned faces kept of a clip, a second.")
    var facesPerSecond = 5.0

    @Option(help: "Pictures at 25 a second that are kept: lips, speaking-face, both or none.")
    var mouths = "lips"

    @Option(help: ArgumentHelp("Refuse faces lower than this.", valueName: "pixels"))
    var smallestFace: Float = 24

    @Option(help: ArgumentHelp("Refuse faces whose Laplacian varies less than this.", valueName: "number"))
    var leastSharpness: Float = 12

    @Option(help: ArgumentHelp("Cut longer stretches into pieces.", valueName: "seconds"))
    var longestRow = 10.0

    @Option(help: ArgumentHelp("Refuse shorter stretches.", valueName: "seconds"))
    var shortestRow = 0.5

    @Option(help: ArgumentHelp("Read no more of a file.", valueName: "seconds"))
    var longestFile = 300.0

    @Option(help: ArgumentHelp("Largest size of a shard.", valueName: "MiB"))
    var shardSize = 256.0

    @Option(help: "Model bundle: a name that is looked for in models/, /usr/share/fwoc/models and FWOC_MODELS, or a folder.")
    var bundle = "reference"

    @Option(help: ArgumentHelp("Folder of the public ONNX files that the reference bundle names (or FWOC_REFERENCE_MODELS).", valueName: "dir"))
    var referenceModels: String?

    @Flag(help: "Print the manifest as JSON.")
    var json = false

    @Flag(help: "No progress and no summary.")
    var quiet = false

    func validate() throws {
        guard WorkPart(part) != nil else { throw ValidationError("--part is '\(part)', expected i/n with i from 1 to n, for example 3/8") }
        guard SubjectChoice(face) != nil, Int(face) == nil else { throw ValidationError("--face is '\(face)', expected only, largest, middle or speaking") }
        guard mouthCrops != nil else { throw ValidationError("--mouths is '\(mouths)', expected lips, speaking-face, both or none") }
        guard shardSize >= 0.0625, shardSize <= 1_048_576 else { throw ValidationError("--shard-size is \(shardSize), expected 0.0625 to 1048576 MiB") }
    }

    private var mouthCrops: Set<MouthCrop>? {
        switch mouths {
        case "both": Set(MouthCrop.allCases)
        case "none": []
        default: MouthCrop(rawValue: mouths).map { [$0] }
        }
    }

    func run() throws {
        var options = Preparation.Options()
        options.part = WorkPart(part) ?? .whole
        options.jobs = jobs
        options.shardBytes = Int(shardSize * 1_048_576)
        options.settings.facesPerSecond = facesPerSecond
        options.settings.mouths = mouthCrops ?? []
        options.settings.subject = SubjectChoice(face) ?? .only
        options.settings.isAligned = aligned
        options.settings.smallestFace = smallestFace
        options.settings.leastSharpness = leastSharpness
        options.settings.longestRow = longestRow
        options.settings.shortestRow = shortestRow
        options.settings.longestFile = longestFile

        var items: [SourceItem] = []
        for folder in source { items += try layout.items(of: folder) }
        let preparation = try Preparation(items: items, sources: source, into: output, bundle: aligned ? nil : try models(), options: options)
        var line = ProgressLine(label: "prepare")
        let manifest = try preparation.run { state in
            guard !quiet else { return }
            line.advance(done: state.filesDone, total: state.filesInAll, before: state.filesBefore, unit: "files") { seconds in
                state.mediaSeconds > 0 ? String(format: ", %.1f × real time", state.mediaSeconds / seconds) : ""
            }
        }
        line.finish()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            Console.line(try encoder.encode(manifest))
        } else if !quiet {
            Console.note(PrepareSummary.text(manifest, folder: output))
        }
        let distinct = Set(items.map(\.identity)).count
        if distinct == 1, !quiet {
            Console.note("all files are of one identity, '\(items[0].identity)': nothing can be learnt from them alone; name the folder above the identities'")
        }
        if manifest.taken.rows == 0, !manifest.files.isEmpty {
            throw DatasetError(.badData, "\(output): none of \(manifest.files.count) files gave anything; the manifest says why, file by file")
        }
    }

    private func models() throws -> RecognitionBundle {
        let locations = BundleLocations(
            environment: ProcessInfo.processInfo.environment,
            workingDirectory: URL(fileURLWithPath: FileManager.default.currentDirectoryPath), referenceModels: referenceModels)
        return try RecognitionBundle(bundle, locations: locations)
    }
}

extension SourceLayout: ExpressibleByArgument {}
