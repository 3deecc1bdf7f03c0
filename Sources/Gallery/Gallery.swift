import Foundation
import GRDB
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The people whom the agent knows: an SQLite database in WAL mode with `synchronous=FULL`.
///
/// An operation that returned has reached the disk. Every change raises the revision number in its own transaction. Several
/// processes may use one file at once; each operation is one transaction.
///
/// Thread-safe: operations of one instance run one after the other and block the caller.
public final class Gallery: Sendable {
    /// How a gallery file is opened.
    public enum Access: Sendable {
        /// Creates the file (permissions 0600) where there is none; its folder must exist.
        case readWrite
        /// The file must exist.
        case readOnly
    }

    /// Most templates that are kept of one person and modality.
    public static let templatesPerPerson = 32

    /// The path, or `:memory:`.
    public let path: String
    public let access: Access

    let queue: DatabaseQueue
    let clock: @Sendable () -> Date
    let randomness: @Sendable () -> UInt64
    let logger: Logger

    /// Opens a gallery.
    ///
    /// - Parameters:
    ///   - path: a file, or `:memory:` for a gallery that ends with the instance.
    ///   - clock: what is recorded as the date of a change.
    ///   - randomness: draws for person ids.
    ///   - logger: gets ids and counts, never embeddings or names.
    public init(
        path: String, access: Access = .readWrite,
        clock: @escaping @Sendable () -> Date = { Date() },
        randomness: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) },
        logger: Logger = Logger(label: "gallery")
    ) throws(GalleryError) {
        self.path = path
        self.access = access
        self.clock = clock
        self.randomness = randomness
        self.logger = logger
        let isInMemory = path == ":memory:"
        if !isInMemory { try Self.prepareFile(path, access: access) }

        var configuration = Configuration()
        configuration.label = "gallery"
        configuration.readonly = access == .readOnly && !isInMemory
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        let isWritable = !configuration.readonly
        configuration.prepareDatabase { db in
            // Nothing that a file which somebody else prepared carries in its schema may run code.
            try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY")
            if isWritable { try db.execute(sql: "PRAGMA secure_delete = ON; PRAGMA synchronous = FULL") }
        }
        do {
            queue = try isInMemory ? DatabaseQueue(configuration: configuration) : DatabaseQueue(path: path, configuration: configuration)
            try Self.checkFormat(queue, path: path, mayBeEmpty: isWritable)
            if isWritable {
                // GRDB's own WAL set-up would relax `synchronous` to NORMAL, which may lose the last commits on power loss.
                if !isInMemory { try Self.enableWriteAheadLog(queue, path: path) }
                try GallerySchema.migrator.migrate(queue)
            }
        } catch {
            throw GalleryError(error, path: path)
        }
        guard isWritable else { return }
        do {
            try finishErasure()
        } catch .erasureIncomplete {
            logger.warning("an earlier removal waits for other readers to finish before its pages are erased")
        }
    }

    // MARK: - Encoders and revision

    /// Grows with every change; equal numbers of one file mean equal content.
    public func revision() throws(GalleryError) -> Int {
        try read { db in try Self.revision(db) }
    }

    /// The encoders that made the templates; a modality without templates has none.
    public func encoders() throws(GalleryError) -> [Modality: EncoderIdentity] {
        try read { db in try Self.encoders(db) }
    }

    /// Refuses encoders other than those that filled the gallery.
    public func verify(encoders: [Modality: EncoderIdentity]) throws(GalleryError) {
        let known = try self.encoders()
        for modality in Modality.allCases {
            if let expected = known[modality], let got = encoders[modality], expected != got {
                throw .encoderMismatch(modality: modality, path: path, expected: expected, got: got)
            }
        }
    }

    /// All templates of the given modalities, for matching embeddings of the given encoders.
    public func snapshot(encoders: [Modality: EncoderIdentity]) throws(GalleryError) -> GallerySnapshot {
        let path = path
        return try read { db in
            let known = try Self.encoders(db)
            for modality in Modality.allCases {
                if let expected = known[modality], let got = encoders[modality], expected != got {
                    throw GalleryError.encoderMismatch(modality: modality, path: path, expected: expected, got: got)
                }
            }
            let rows = try Row.fetchAll(db, sql: "SELECT number, id, name, created FROM person ORDER BY number")
            let people = try rows.map { try Self.person($0, path: path) }
            var indexOfNumber: [Int64: Int] = [:]
            for (index, row) in rows.enumerated() { indexOfNumber[row["number"]] = index }

            func matrix(_ modality: Modality) throws -> TemplateMatrix? {
                guard encoders[modality] != nil, let encoder = known[modality] else { return nil }
                var values: [Float] = []
                var qualities: [Float] = []
                var counts = [Int](repeating: 0, count: people.count)
                let templates = try Row.fetchCursor(
                    db, sql: "SELECT id, person, embedding, quality FROM template WHERE modality = ? ORDER BY person, id",
                    arguments: [modality.rawValue])
                while let row = try templates.next() {
                    let id: Int64 = row["id"]
                    guard let index = indexOfNumber[row["person"]] else {
                        throw GalleryError.damaged(path: path, detail: "template \(id) belongs to nobody")
                    }
                    guard let embedding = UnitVector.decode(row["embedding"]), embedding.count == encoder.dimension,
                        abs(UnitVector.norm(embedding) - 1) <= UnitVector.normTolerance
                    else { throw GalleryError.damaged(path: path, detail: "template \(id) is no \(encoder.dimension)-d unit vector") }
                    let quality: Double = row["quality"]
                    values += embedding
                    qualities.append(Float(quality))
                    counts[index] += 1
                }
                var firstRow = [0]
                firstRow.reserveCapacity(people.count + 1)
                for count in counts { firstRow.append(firstRow[firstRow.count - 1] + count) }
                return TemplateMatrix(dimension: encoder.dimension, values: values, qualities: qualities, firstRow: firstRow)
            }
            return GallerySnapshot(
                revision: try Self.revision(db), people: people, encoders: encoders, calibration: try Self.calibration(path: path, db),
                face: try matrix(.face), voice: try matrix(.voice))
        }
    }

    // MARK: - Transactions

    func read<Result>(_ body: (Database) throws -> Result) throws(GalleryError) -> Result {
        do { return try queue.read(body) } catch { throw GalleryError(error, path: path) }
    }

    /// One transaction; nothing is kept where `body` throws or `dryRun` is set.
    func change<Result>(dryRun: Bool = false, _ body: (Database) throws -> Result) throws(GalleryError) -> Result {
        guard access == .readWrite else { throw .readOnly(path: path) }
        do {
            return try queue.writeWithoutTransaction { db in
                var result: Result?
                try db.inTransaction(.immediate) {
                    result = try body(db)
                    return dryRun ? .rollback : .commit
                }
                return result!
            }
        } catch { throw GalleryError(error, path: path) }
    }

    /// What SQLite says of the connection: journal mode, `synchronous` (2 is FULL), foreign keys, secure deletion.
    package func settings() throws(GalleryError) -> (journal: String, synchronous: Int, foreignKeys: Bool, secureDelete: Bool) {
        try read { db in
            (
                try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "", try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? 0,
                try Bool.fetchOne(db, sql: "PRAGMA foreign_keys") ?? false, try Bool.fetchOne(db, sql: "PRAGMA secure_delete") ?? false
            )
        }
    }

    static func revision(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT revision FROM gallery") ?? 0
    }

    /// - Parameter templates: whether what is compared has changed, which a calibration is older than from then on.
    static func raiseRevision(_ db: Database, templates: Bool = true) throws -> Int {
        try db.execute(sql: "UPDATE gallery SET revision = revision + 1")
        if templates { try db.execute(sql: "UPDATE gallery SET templates_revision = revision") }
        return try revision(db)
    }

    static func encoders(_ db: Database) throws -> [Modality: EncoderIdentity] {
        var encoders: [Modality: EncoderIdentity] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT modality, fingerprint, dimension FROM encoder") {
            guard let modality = Modality(rawValue: row["modality"]) else { continue }
            encoders[modality] = EncoderIdentity(fingerprint: row["fingerprint"], dimension: row["dimension"])
        }
        return encoders
    }

    static func person(_ row: Row, path: String) throws(GalleryError) -> Person {
        let text: String = row["id"]
        guard let id = PersonID(rawValue: text) else { throw .damaged(path: path, detail: "a person's id has a wrong form") }
        return Person(id: id, name: row["name"], created: date(row["created"]))
    }

    /// Dates are kept in milliseconds since 1970.
    static func date(_ milliseconds: Int64) -> Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
    static func milliseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1000).rounded()) }

    // MARK: - Opening

    private static func prepareFile(_ path: String, access: Access) throws(GalleryError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw .noSuchFolder(path: path)
        }
        if access == .readOnly {
            guard FileManager.default.fileExists(atPath: path) else { throw .noSuchFile(path: path) }
            return
        }
        // Created here, because SQLite would apply the umask only; it gives the log files the same permissions.
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            defer { close(descriptor) }
            try giveToOwnerOfFolder(descriptor, folder: folder, path: path)
        } else if errno != EEXIST {
            let code = errno
            throw code == EACCES || code == EPERM || code == EROFS
                ? .notPermitted(path: path, detail: "cannot create it: \(message(code))")
                : .inputOutput(path: path, detail: "cannot create it: \(message(code))")
        }
    }

    /// Root enrols people for a service that runs as somebody else, and a file of root's would be closed to that service. SQLite gives its
    /// log files to the owner of the database by itself.
    private static func giveToOwnerOfFolder(_ descriptor: Int32, folder: String, path: String) throws(GalleryError) {
        guard geteuid() == 0 else { return }
        var owner = stat()
        guard unsafe stat(folder, &owner) == 0, owner.st_uid != 0 else { return }
        guard fchown(descriptor, owner.st_uid, owner.st_gid) == 0 else {
            throw .notPermitted(path: path, detail: "cannot give it to the owner of its folder: \(message(errno))")
        }
    }

    static func message(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

    /// Refuses what is no gallery before anything is written to it.
    private static func checkFormat(_ queue: DatabaseQueue, path: String, mayBeEmpty: Bool) throws {
        try queue.read { db in
            let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            let objects = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
            if application == 0 && objects == 0 {
                guard mayBeEmpty else { throw GalleryError.notAGallery(path: path, found: "it is empty") }
                return
            }
            guard application == GallerySchema.applicationID else {
                throw GalleryError.notAGallery(path: path, found: "application id \(application), expected \(GallerySchema.applicationID)")
            }
            guard version <= GallerySchema.version, try !GallerySchema.migrator.hasBeenSuperseded(db) else {
                throw GalleryError.newerSchema(path: path, got: version, expected: GallerySchema.version)
            }
        }
    }

    private static func enableWriteAheadLog(_ queue: DatabaseQueue, path: String) throws {
        let mode = try queue.writeWithoutTransaction { db in try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") }
        guard mode == "wal" else {
            throw GalleryError.inputOutput(path: path, detail: "the file system cannot hold a write-ahead log; choose a local one")
        }
    }
}

extension GalleryError {
    /// What an error of GRDB and SQLite means to the caller.
    init(_ error: any Error, path: String) {
        if let error = error as? GalleryError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .inputOutput(path: path, detail: "\(error)")
            return
        }
        // Messages carry SQL and file names; never arguments, which could be embeddings.
        let detail = "SQLite: \(error.message ?? "error") (\(error.extendedResultCode.rawValue))"
        self =
            switch error.resultCode {
            case .SQLITE_NOTADB: .notADatabase(path: path)
            case .SQLITE_BUSY, .SQLITE_LOCKED: .busy(path: path)
            case .SQLITE_READONLY: .notPermitted(path: path, detail: detail)
            case .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_CANTOPEN: .notPermitted(path: path, detail: detail)
            case .SQLITE_CORRUPT: .damaged(path: path, detail: detail)
            default: .inputOutput(path: path, detail: detail)
            }
    }
}
