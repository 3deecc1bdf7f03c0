import ArgumentParser
import Datasets
import Foundation

struct ShardsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards",
        abstract: "Shows what a folder of shards holds, and checks every byte of it.",
        discussion: """
            EXAMPLE
              fwoc-train shards shards/
              fwoc-train shards shards/ --verify
            """)

    @Argument(help: "Folder of shards, or one shard.") var shards: String
    @Flag(help: "Read everything and compare it with its checksums.") var verify = false

    func run() throws {
        let set = try ShardSet(path: shards)
        let identities = try set.identities()
        Console.line("\(set.shards.count) shards, \(set.rowCount) rows, \(identities.count) identities, \(String(format: "%.1f", Double(set.byteCount) / 1_048_576)) MiB, \(set.description.fingerprint)")
        for (index, column) in set.description.columns.enumerated() {
            var entries = 0
            var rows = 0
            for row in 0..<set.rowCount {
                let count = set.entries(row: row, column: index)
                entries += count
                if count > 0 { rows += 1 }
            }
            let shape = ([""] + column.shape.map { "\($0)" }).joined(separator: "×")
            Console.line("  \(column.name.padding(toLength: 14, withPad: " ", startingAt: 0)) \((column.element.rawValue + shape).padding(toLength: 18, withPad: " ", startingAt: 0)) in \(rows) rows, \(entries) entries")
        }
        guard verify else { return }
        for shard in set.shards { try shard.verify() }
        Console.line("every byte is as it was written")
    }
}
