import Foundation
import MediaFiles

/// An epoch from shards against decoding the same files.
public struct ShardBench: Codable, Hashable, Sendable {
    public var rows: Int
    public var bytes: Int
    /// Files decoded, and those that gave the rows.
    public var decodedFiles: Int
    public var files: Int
    /// Seconds for one epoch: checksums included, without, and by decoding (scaled to all files by their number).
    public var firstEpochSeconds: Double
    public var epochSeconds: Double
    public var decodingSeconds: Double

    /// Decoding over reading.
    public var ratio: Double { decodingSeconds / epochSeconds }
    public var firstRatio: Double { decodingSeconds / firstEpochSeconds }

    public var text: String {
        let rate = Double(bytes) / 1_048_576 / epochSeconds
        return String(
            format: "%d rows of %d files, %.1f MiB\nepoch from shards  %8.3f s (%.0f MiB/s, %.0f rows/s); with checksums %.3f s\nby decoding        %8.3f s (%d files decoded)\nratio %.0f × (first epoch %.0f ×)",
            rows, files, Double(bytes) / 1_048_576, epochSeconds, rate, Double(rows) / epochSeconds, firstEpochSeconds, decodingSeconds, decodedFiles, ratio, firstRatio)
    }

    public static func run(folder: String, epochs: Int, files limit: Int) throws -> ShardBench {
        let paths = try files(folder)
        let set = try ShardSet(path: folder)
        // Into the page cache, without checking anything.
        for shard in set.shards { _ = try Data(contentsOf: URL(fileURLWithPath: shard.path)) }
        let first = try epoch(set, number: 0)
        var times: [Double] = []
        for number in 1...epochs { times.append(try epoch(set, number: number).seconds) }
        times.sort()
        let step = max(1, (paths.count + limit - 1) / limit)
        let chosen = stride(from: 0, to: paths.count, by: step).map { paths[$0] }
        for path in chosen { _ = try? Data(contentsOf: URL(fileURLWithPath: path)) }
        let start = ContinuousClock.now
        for path in chosen { try decode(path) }
        let decoding = seconds(start) * Double(paths.count) / Double(chosen.count)
        return ShardBench(
            rows: set.rowCount, bytes: first.bytes, decodedFiles: chosen.count, files: paths.count, firstEpochSeconds: first.seconds,
            epochSeconds: times[times.count / 2], decodingSeconds: decoding)
    }

    /// Reads every byte of every row.
    private static func epoch(_ set: ShardSet, number: Int) throws(DatasetError) -> (seconds: Double, bytes: Int) {
        let order = EpochOrder.rows(Array(0..<set.rowCount), seed: 1, epoch: number)
        let start = ContinuousClock.now
        var bytes = 0
        var sum: UInt64 = 0
        for row in order {
            for column in set.description.columns.indices {
                let value = try set.bytes(row: row, column: column)
                bytes += value.count
                sum &+= total(value)
            }
        }
        // The sum keeps the compiler from leaving the reading out.
        precondition(sum > 0)
        return (seconds(start), bytes)
    }

    private static func total(_ bytes: Span<UInt8>) -> UInt64 {
        var sum: UInt64 = 0
        for index in bytes.indices { sum &+= UInt64(bytes[index]) }
        return sum
    }

    private static func decode(_ path: String) throws(MediaError) {
        if try PictureReader.isPicture(path) {
            _ = try PictureReader.read(path)
            return
        }
        let reader = try MediaReader(path: path)
        while reader.next() != nil {}
    }

    /// Where the files lie that gave rows.
    private static func files(_ folder: String) throws(DatasetError) -> [String] {
        let manifests = try PrepareManifest.all(in: folder)
        guard !manifests.isEmpty else { throw DatasetError(.noInput, "\(folder): no manifest of prepare beside the shards; prepare has not finished") }
        var paths: [String] = []
        for manifest in manifests {
            for file in manifest.files where file.taken.rows > 0 {
                let name = file.file.split(separator: "#").first.map(String.init) ?? file.file
                let places = manifest.sources.map { source in
                    (source.hasSuffix(".csv") ? (source as NSString).deletingLastPathComponent : source) + "/" + name
                } + [name]
                guard let path = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
                    throw DatasetError(.noInput, "\(places[0]): this file, which the shards were made of, is no longer there")
                }
                paths.append(path)
            }
        }
        guard !paths.isEmpty else { throw DatasetError(.badData, "\(folder): no file gave a row") }
        return paths
    }

    private static func seconds(_ start: ContinuousClock.Instant) -> Double {
        let duration = ContinuousClock.now - start
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
