import Foundation
public import Recognition

/// Turns folders of clips, pictures and recordings into shards.
///
/// Rows lie in the shards in the order of the files' names, whatever the number of jobs, so the same files and settings give the same bytes, also where
/// the work was interrupted. A file's rows are in its shard before its line is in the journal: what has a line is never done again.
public struct Preparation: Sendable {
    public struct Options: Sendable {
        public var settings = PrepareSettings()
        public var part = WorkPart.whole
        /// Threads, each with networks of its own.
        public var jobs = 1
        /// Largest size of a shard in bytes. A single row that is larger gets a shard of its own.
        public var shardBytes = 256 << 20

        public init() {}
    }

    /// How far the work is.
    public struct Progress: Sendable {
        public var filesDone: Int
        public var filesInAll: Int
        /// Of those done, before this run.
        public var filesBefore: Int
        /// Seconds of media that this run has read.
        public var mediaSeconds: Double
        public var taken: TakenCounts
        public var filesRefused: Int
    }

    private let items: [SourceItem]
    private let sources: [String]
    private let folder: String
    private let bundle: RecognitionBundle?
    private let options: Options

    /// - Parameters:
    ///   - items: of all parts.
    ///   - sources: where they come from, for the manifest.
    ///   - folder: where the shards go; made where it is missing.
    ///   - bundle: the networks; `nil` where only aligned pictures are taken.
    public init(items: [SourceItem], sources: [String], into folder: String, bundle: RecognitionBundle?, options: Options) throws(DatasetError) {
        try options.settings.check()
        guard (1...1024).contains(options.jobs) else { throw DatasetError(.configuration, "jobs is \(options.jobs), expected 1…1024") }
        guard options.shardBytes >= 1 << 16 else { throw DatasetError(.configuration, "shards of \(options.shardBytes) bytes, expected 65536 or more") }
        var keys: [String: String] = [:]
        for item in items {
            if let other = keys.updateValue(item.path, forKey: item.key) {
                throw DatasetError(.badData, "'\(item.key)' is named twice: \(other) and \(item.path); prepare the sources into folders of their own")
            }
        }
        self.items = items.filter { options.part.contains($0.name) }.sorted { $0.key < $1.key }
        self.sources = sources
        self.folder = folder
        self.bundle = bundle
        self.options = options
    }

    /// Does what is left to do.
    /// - Parameter progress: called after each file.
    /// - Returns: what was taken and refused, of earlier runs, too.
    public func run(progress: (Progress) -> Void = { _ in }) throws -> PrepareManifest {
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw DatasetError(.inputOutput, "\(folder): cannot be made: \(error.localizedDescription)")
        }
        var origin = options.settings.origin
        if let bundle { origin["models"] = bundle.fingerprint }
        let description = SampleColumns.description(mouths: options.settings.isAligned ? [] : options.settings.mouths, origin: origin)
        let part = options.part
        let journal = try PrepareJournal(
            path: file("\(part.fileName).journal"),
            header: PrepareJournal.Header(part: part.description, shardBytes: options.shardBytes, description: description))
        var series = try ShardSeries(folder: folder, name: part.fileName, description: description, limit: options.shardBytes, journal: journal)

        var finished: [String: PrepareJournal.Entry] = [:]
        for entry in journal.entries where entry.isLast { finished[entry.key] = entry }
        let left = items.filter { finished[$0.key] == nil }
        var state = Progress(
            filesDone: items.count - left.count, filesInAll: items.count, filesBefore: items.count - left.count, mediaSeconds: 0,
            taken: TakenCounts(), filesRefused: 0)
        for entry in finished.values {
            state.taken += entry.taken
            if entry.taken.rows == 0 { state.filesRefused += 1 }
        }
        let settings = options.settings
        let bundle = bundle
        let work = OrderedWork<SourceItem, ExtractedFile>(left, jobs: options.jobs) {
            let extractor = try SampleExtractor(settings: settings, bundle: bundle)
            return { try extractor.extract($0) }
        }
        defer { work.stop() }
        for item in left {
            guard let extracted = try work.result() else { break }
            try series.append(extracted, of: item, bytes: Self.size(item.path))
            state.filesDone += 1
            state.mediaSeconds += extracted.mediaSeconds
            state.taken += extracted.taken
            if extracted.rows.isEmpty { state.filesRefused += 1 }
            progress(state)
        }
        try series.finish()
        return try writeManifest(journal, description, series)
    }

    private func writeManifest(_ journal: PrepareJournal, _ description: ShardDescription, _ series: borrowing ShardSeries) throws -> PrepareManifest {
        var manifest = PrepareManifest(
            part: options.part.description, fingerprint: description.fingerprint, origin: description.origin,
            sources: sources.map { URL(fileURLWithPath: $0).standardizedFileURL.path }, shards: [], files: [])
        let wanted = Set(items.map(\.key))
        for entry in journal.entries where entry.isLast && wanted.contains(entry.key) { manifest.add(entry) }
        manifest.files.sort { $0.file < $1.file }
        manifest.identities = Set(manifest.files.filter { $0.taken.rows > 0 }.map(\.identity)).count
        for number in 0..<series.shardCount {
            let shard = try Shard(path: series.path(number))
            manifest.shards.append(.init(name: (shard.path as NSString).lastPathComponent, rows: shard.rowCount, bytes: shard.byteCount))
        }
        try manifest.write(path: file("\(options.part.fileName).json"))
        return manifest
    }

    private func file(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }

    private static func size(_ path: String) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
    }
}
