import ArgumentParser
import Datasets
import Foundation
import MediaFiles
import Reporting
import RunRecords

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "One page of a training run, or of several: curves, figures, mistakes, cost.",
        discussion: """
            The page needs nothing else: no network, no script, no other file. What a run has not got yet, an evaluation for example, the page says. With \
            --shards it shows a face of each of the people who are mistaken most often; without, no picture of anybody.

            EXAMPLE
              fwoc-train report runs/linear-triplet -o report.html --shards shards/
            """)

    @Argument(help: ArgumentHelp("Folders that fwoc-train fit has filled.", valueName: "run"))
    var runs: [String]

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The page.", valueName: "report.html"))
    var output: String

    @Option(help: ArgumentHelp("Folder of shards with faces of the people.", valueName: "dir"))
    var shards: String?

    func run() throws {
        var reported = try runs.map { try ReportedRun(RunFolder($0)) }
        if let shards {
            let wanted = Set(reported.flatMap { $0.evaluation?.confusedIdentities ?? [] })
            let pictures = try ShardFaces(shards).pictures(of: wanted)
            for index in reported.indices { reported[index].evaluation?.pictures = pictures }
        }
        try PageFile.write(RunReport(reported).page.html, to: output)
    }
}

/// Faces out of shards, as pictures of a page.
struct ShardFaces {
    private let set: ShardSet

    init(_ path: String) throws { set = try ShardSet(path: path) }

    /// The first face of each of these people that the shards have.
    func pictures(of people: Set<String>) throws -> [String: HTMLReport.Picture] {
        let column = try set.column(SampleColumns.face)
        let declared = set.description.columns[column]
        guard declared.element == .uint8, declared.shape.count == 3, declared.shape[0] == 3 else {
            throw DatasetError(.badData, "\(set.path): the column \(declared.name) holds \(declared.element.rawValue) \(declared.shape), expected uint8 [3, height, width]")
        }
        let canvas = Canvas(width: declared.shape[2], height: declared.shape[1])
        var pictures: [String: HTMLReport.Picture] = [:]
        for (person, rows) in try set.identities() where people.contains(person) {
            guard let row = rows.first(where: { set.entries(row: $0, column: column) > 0 }) else { continue }
            canvas.show(rgbPlanes: try set.bytes(row: row, column: column).extracting(first: declared.entryElements))
            pictures[person] = HTMLReport.Picture(bytes: Data(try canvas.png()), format: .png, caption: person)
        }
        return pictures
    }
}

/// Files that reports are written to.
enum PageFile {
    static func write(_ text: String, to path: String) throws {
        do { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw RunRecordError(.inputOutput, "\(path): cannot be written: \(error.localizedDescription)")
        }
    }
}
