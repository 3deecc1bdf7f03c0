import Foundation

/// What a part's preparation took and refused: `part-….json` beside its shards.
public struct PrepareManifest: Codable, Hashable, Sendable {
    public static let schema = "fwoc.prepare/1"

    public struct File: Codable, Hashable, Sendable {
        public var file: String
        public var identity: String
        public var taken: TakenCounts
        public var refused: [Refusal]
    }

    /// One shard and the rows in it.
    public struct ShardEntry: Codable, Hashable, Sendable {
        public var name: String
        public var rows: Int
        public var bytes: Int
    }

    public var schema = Self.schema
    public var part: String
    public var fingerprint: String
    /// Settings and models.
    public var origin: [String: String]
    /// Where the files are.
    public var sources: [String]
    public var shards: [ShardEntry]
    public var taken = TakenCounts()
    public var identities = 0
    /// Seconds of clips and recordings that were read.
    public var mediaSeconds = 0.0
    /// Files that gave nothing, by reason.
    public var refusedFiles: [String: Int] = [:]
    /// What was left out of files that gave something: `face too-blurred` and so on, by count.
    public var refusedWithin: [String: Int] = [:]
    public var files: [File]

    public static func read(path: String) throws(DatasetError) -> PrepareManifest {
        do { return try JSONDecoder().decode(PrepareManifest.self, from: Data(contentsOf: URL(fileURLWithPath: path))) } catch {
            throw DatasetError(.badData, "\(path): not a manifest of prepare: \(error.localizedDescription)")
        }
    }

    /// All manifests in a folder, in the order of their names.
    public static func all(in folder: String) throws(DatasetError) -> [PrepareManifest] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw DatasetError(.noInput, "\(folder): no such folder; expected one that fwoc-train prepare has filled")
        }
        var manifests: [PrepareManifest] = []
        for name in names.filter({ $0.hasPrefix("part-") && $0.hasSuffix(".json") }).sorted() {
            manifests.append(try read(path: (folder as NSString).appendingPathComponent(name)))
        }
        return manifests
    }

    mutating func add(_ entry: PrepareJournal.Entry) {
        taken += entry.taken
        mediaSeconds += entry.mediaSeconds
        files.append(File(file: entry.key, identity: entry.identity, taken: entry.taken, refused: entry.refused))
        for refusal in entry.refused {
            if refusal.what == .file {
                refusedFiles[refusal.reason.rawValue, default: 0] += refusal.count
            } else {
                refusedWithin["\(refusal.what.rawValue) \(refusal.reason.rawValue)", default: 0] += refusal.count
            }
        }
    }

    func write(path: String) throws(DatasetError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        let json: Data
        do { json = try encoder.encode(self) } catch { throw DatasetError(.badData, "\(path): cannot be written: \(error)") }
        try OpenFile.replace(path, with: [UInt8](json) + [0x0A])
    }
}
