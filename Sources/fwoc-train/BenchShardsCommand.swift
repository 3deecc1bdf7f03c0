import ArgumentParser
import Datasets
import Foundation
import MediaFiles

struct BenchShardsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-shards",
        abstract: "Measures how much faster an epoch is read from shards than by decoding the same files again.",
        discussion: """
            Both read files that the page cache holds. An epoch of shards reads every byte of every row in a shuffled order; the first one also checks the \
            checksums. An epoch of files decodes all pictures and sound of the files that gave rows; neither finds nor cuts out any face.

            EXAMPLE
              fwoc-train bench-shards shards/ --json
            """)

    @Argument(help: "Folder that fwoc-train prepare has filled.") var shards: String
    @Option(help: "Epochs of shards that are read; the median counts.") var epochs = 5
    @Option(help: "Decode at most so many of the files, in an even selection.") var files = 200
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard epochs >= 1, files >= 1 else { throw ValidationError("--epochs and --files must be 1 or more") }
    }

    func run() throws {
        let report = try ShardBench.run(folder: shards, epochs: epochs, files: files)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            Console.line(try encoder.encode(report))
        } else {
            Console.line(report.text)
        }
    }
}
