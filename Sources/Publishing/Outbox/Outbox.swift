public import Foundation
import GRDB
public import Logging
import MediaTypes
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The events that no broker has confirmed yet, in order, on disk.
///
/// An SQLite database in WAL mode with `synchronous=FULL`: ``append(_:id:)`` returns after the log was synced, so that neither
/// `kill -9` nor power loss takes an event that was accepted. SQLite was chosen over a log file of our own because dropping at both
/// ends, removal out of order and recovery of a torn tail (checksums of the log's frames) are there already, tested by others,
/// and because the gallery brings it anyway. An append costs one fsync, some milliseconds on an eMMC, on the publishing thread;
/// events come a few times a second.
///
/// Ages are measured on CLOCK_BOOTTIME, which nobody sets. Only an event of an earlier run of the machine is judged by the
/// wall clock, once, when the outbox is opened, and is never younger than the machine's uptime: a clock that was set back cannot
/// keep it for ever, and a clock that is set later changes nothing.
///
/// A file that is damaged is moved aside to `PATH.damaged` (one is kept) and reported; the outbox goes on with a new one.
///
/// Thread-safe: operations run one after the other and block the caller. One process at a time may open a file.
public final class Outbox: Sendable {
    /// Largest event that is kept, in bytes.
    public static let largestEvent = 64 * 1024

    /// What was dropped since this instance was opened.
    public struct Counters: Hashable, Sendable {
        public var appended = 0
        public var removed = 0
        public var droppedByAge = 0
        public var droppedByCount = 0
        /// How often a damaged file was moved aside.
        public var damagedFiles = 0
    }

    private struct State {
        var queue: DatabaseQueue?
        /// Rows in the table; kept here because counting a hundred thousand takes milliseconds.
        var count = 0
        var counters = Counters()
        var clientSuffix = ""
        var lastSequence: Int64 = 0
        var lastDamage: String?
    }

    public let settings: OutboxSettings
    private let clock: @Sendable () -> OutboxMoment
    private let logger: Logger
    private let state: Mutex<State>

    /// Opens the file, or makes it (permissions 0600: events carry names).
    ///
    /// - Parameters:
    ///   - clock: time as a parameter; see ``OutboxMoment``.
    ///   - logger: gets paths and counts, never events.
    public init(
        settings: OutboxSettings, clock: @escaping @Sendable () -> OutboxMoment = { .now() }, logger: Logger = Logger(label: "outbox")
    ) throws(OutboxError) {
        try settings.validate()
        self.settings = settings
        self.clock = clock
        self.logger = logger
        state = Mutex(State())
        let opened: Result<Void, OutboxError> = state.withLock { state in
            Result { () throws(OutboxError) in try Self.openFile(&state, settings: settings, now: clock(), logger: logger) }
        }
        try opened.get()
        expire()
    }

    // MARK: - State

    /// Events that wait.
    public var count: Int { state.withLock { $0.count } }
    public var counters: Counters { state.withLock { $0.counters } }
    /// What was found where a damaged file was moved aside, with the place it was moved to.
    public var lastDamage: String? { state.withLock { $0.lastDamage } }
    /// Eight hexadecimal digits that stay with the file: the stable part of a client id.
    public var clientSuffix: String { state.withLock { $0.clientSuffix } }
    /// The newest event's sequence number, 0 where there never was one.
    public var lastSequence: Int64 { state.withLock { $0.lastSequence } }

    // MARK: - Events

    /// Keeps an event; it is durable when this returns. An id that waits already is not kept twice.
    public func append(_ json: Data, id: String) throws(OutboxError) {
        guard json.count <= Self.largestEvent else { throw .eventTooLarge(bytes: json.count, limit: Self.largestEvent) }
        let now = clock()
        let limit = settings.maxEvents
        try change { db, count in
            // Looked up first: an insertion that is ignored would still use up a sequence number.
            guard try Int.fetchOne(db, sql: "SELECT 1 FROM event WHERE id = ?", arguments: [id]) == nil else { return Change() }
            try db.execute(
                sql: "INSERT INTO event (id, json, boot, uptime, wall) VALUES (?, ?, ?, ?, ?)",
                arguments: [id, json, now.boot, now.uptime.nanoseconds, Self.milliseconds(now.wall)])
            let sequence = db.lastInsertedRowID
            let excess = count + 1 - limit
            if excess > 0 {
                try db.execute(
                    sql: "DELETE FROM event WHERE sequence IN (SELECT sequence FROM event ORDER BY sequence LIMIT ?)", arguments: [excess])
            }
            return Change(appended: 1, droppedByCount: max(0, excess), lastSequence: sequence)
        }
    }

    /// The oldest events after a sequence number that still live, oldest first. What outlived its time is dropped on the way.
    public func next(after sequence: Int64, limit: Int) throws(OutboxError) -> [QueuedEvent] {
        expire()
        let now = clock()
        return try read { db in
            try Row.fetchAll(
                db, sql: "SELECT sequence, id, json, uptime FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?", arguments: [sequence, limit]
            ).map { row in
                QueuedEvent(
                    sequence: row["sequence"], id: row["id"], json: row["json"],
                    age: max(.zero, now.uptime - TimeSpan(nanoseconds: row["uptime"])))
            }.filter { $0.age < self.settings.ttl }
        }
    }

    /// Removes confirmed events; durable when this returns.
    /// - Returns: how many of them were still there.
    @discardableResult
    public func remove(sequences: [Int64] = [], ids: [String] = []) throws(OutboxError) -> Int {
        guard !sequences.isEmpty || !ids.isEmpty else { return 0 }
        return try change { db, _ in
            var removed = 0
            for sequence in sequences {
                try db.execute(sql: "DELETE FROM event WHERE sequence = ?", arguments: [sequence])
                removed += db.changesCount
            }
            for id in ids {
                try db.execute(sql: "DELETE FROM event WHERE id = ?", arguments: [id])
                removed += db.changesCount
            }
            return Change(removed: removed)
        }.removed
    }

    /// Drops one event as too old although its time is not quite over.
    func dropAsAged(sequence: Int64) throws(OutboxError) {
        try change { db, _ in
            try db.execute(sql: "DELETE FROM event WHERE sequence = ?", arguments: [sequence])
            return Change(droppedByAge: db.changesCount)
        }
    }

    /// Drops everything that waits.
    /// - Returns: how many there were.
    public func removeAll() throws(OutboxError) -> Int {
        try change { db, _ in
            try db.execute(sql: "DELETE FROM event")
            return Change(removed: db.changesCount)
        }.removed
    }

    /// Drops what outlived its time. Called by the other operations; call it where nothing else happens for long.
    public func expire() {
        let limit = (clock().uptime - settings.ttl).nanoseconds
        do {
            // The oldest stands first but for a reboot with a wrong clock; those are left out when they are read.
            let oldest = try read { db in try Int64.fetchOne(db, sql: "SELECT uptime FROM event ORDER BY sequence LIMIT 1") }
            guard let oldest, oldest <= limit else { return }
            try change { db, _ in
                try db.execute(sql: "DELETE FROM event WHERE uptime <= ?", arguments: [limit])
                return Change(droppedByAge: db.changesCount)
            }
        } catch {
            logger.error("cannot drop events that outlived their time: \(error)")
        }
    }

    // MARK: - Transactions

    private func read<Value>(_ body: (Database) throws -> Value) throws(OutboxError) -> Value {
        try perform { queue, _ in try queue.read(body) }
    }

    /// What a transaction did to the numbers that are kept in memory.
    private struct Change {
        var appended = 0
        var removed = 0
        var droppedByAge = 0
        var droppedByCount = 0
        var lastSequence: Int64?
    }

    /// One transaction, given how many events wait; its change is counted after it was committed.
    @discardableResult
    private func change(_ body: (Database, _ count: Int) throws -> Change) throws(OutboxError) -> Change {
        try perform { queue, state in
            let count = state.count
            let change = try queue.writeWithoutTransaction { db in
                var change = Change()
                try db.inTransaction(.immediate) {
                    change = try body(db, count)
                    return .commit
                }
                return change
            }
            state.count += change.appended - change.removed - change.droppedByAge - change.droppedByCount
            state.lastSequence = change.lastSequence ?? state.lastSequence
            state.counters.appended += change.appended
            state.counters.removed += change.removed
            state.counters.droppedByAge += change.droppedByAge
            state.counters.droppedByCount += change.droppedByCount
            return change
        }
    }

    /// Moves a file that turns out to be damaged aside, and tries once more with a new one.
    private func perform<Value>(_ body: (DatabaseQueue, inout State) throws -> Value) throws(OutboxError) -> Value {
        let result: Result<Value, OutboxError> = state.withLock { state in
            for attempt in 1...2 {
                do {
                    if state.queue == nil { try Self.openFile(&state, settings: settings, now: clock(), logger: logger) }
                    return .success(try body(state.queue!, &state))
                } catch {
                    guard attempt == 1, let reason = Self.damage(error) else { return .failure(OutboxError(error, path: settings.path)) }
                    do throws(OutboxError) {
                        try Self.moveAside(&state, path: settings.path, reason: reason, logger: logger)
                    } catch { return .failure(error) }
                }
            }
            return .failure(.inputOutput(path: settings.path, detail: "damaged twice"))
        }
        return try result.get()
    }

    // MARK: - Opening

    private static let applicationID: Int32 = 0x6677_6F62  // "fwob"
    private static let format = 1

    private static func openFile(_ state: inout State, settings: OutboxSettings, now: OutboxMoment, logger: Logger) throws(OutboxError) {
        try prepareFile(settings.path)
        do {
            try connect(&state, settings: settings, now: now)
        } catch {
            guard let reason = damage(error) else { throw OutboxError(error, path: settings.path) }
            try moveAside(&state, path: settings.path, reason: reason, logger: logger)
            try prepareFile(settings.path)
            do { try connect(&state, settings: settings, now: now) } catch { throw OutboxError(error, path: settings.path) }
        }
    }

    private static func connect(_ state: inout State, settings: OutboxSettings, now: OutboxMoment) throws {
        var configuration = Configuration()
        configuration.label = "outbox"
        configuration.busyMode = .timeout(3)
        configuration.prepareDatabase { db in
            // Locked for as long as it is open: two agents that drain one outbox would send everything twice.
            try db.execute(
                sql: """
                    PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
                    PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304
                    """)
        }
        let queue = try DatabaseQueue(path: settings.path, configuration: configuration)
        do {
            try prepare(queue, &state, settings: settings, now: now)
            state.queue = queue
        } catch {
            try? queue.close()
            throw error
        }
    }

    private static func prepare(_ queue: DatabaseQueue, _ state: inout State, settings: OutboxSettings, now: OutboxMoment) throws {
        let (count, suffix, last) = try queue.writeWithoutTransaction { db -> (Int, String, Int64) in
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw OutboxError.inputOutput(path: settings.path, detail: "the file system cannot hold a write-ahead log; choose a local one")
            }
            let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
            let objects = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
            if application == 0 && objects == 0 {
                try db.inTransaction(.immediate) {
                    try db.execute(
                        sql: """
                            PRAGMA application_id = \(applicationID); PRAGMA user_version = \(format);
                            CREATE TABLE event (
                                sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, json BLOB NOT NULL,
                                boot TEXT NOT NULL, uptime INTEGER NOT NULL, wall INTEGER NOT NULL) STRICT;
                            CREATE TABLE client (suffix TEXT NOT NULL) STRICT;
                            """)
                    let suffix = String(format: "%08x", UInt32.random(in: .min ... .max))
                    try db.execute(sql: "INSERT INTO client VALUES (?)", arguments: [suffix])
                    return .commit
                }
            } else {
                guard application == applicationID, try Int.fetchOne(db, sql: "PRAGMA user_version") == format else {
                    throw Damage(reason: "an SQLite database, but no outbox of this format (application id \(application))")
                }
                let report = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
                guard report == "ok" else { throw Damage(reason: report) }
            }
            guard let suffix = try String.fetchOne(db, sql: "SELECT suffix FROM client") else { throw Damage(reason: "its client id is missing") }
            try db.inTransaction(.immediate) {
                try db.execute(
                    sql: """
                        UPDATE event SET boot = :boot, uptime = :uptime - MAX(:uptime, (:wall - wall) * 1000000) WHERE boot != :boot;
                        """,
                    arguments: ["boot": now.boot, "uptime": now.uptime.nanoseconds, "wall": milliseconds(now.wall)])
                // No event is younger than now, whatever a restored machine says.
                try db.execute(sql: "UPDATE event SET uptime = :uptime WHERE uptime > :uptime", arguments: ["uptime": now.uptime.nanoseconds])
                return .commit
            }
            let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM event") ?? 0
            let last = try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'event'") ?? 0
            return (count, suffix, last)
        }
        state.count = count
        state.clientSuffix = suffix
        state.lastSequence = last
    }

    private static func prepareFile(_ path: String) throws(OutboxError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw .noSuchFolder(path: path)
        }
        // Created here, because SQLite would apply the umask only; it gives the log the same permissions.
        let descriptor = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            let text = unsafe String(cString: strerror(code))
            throw code == EACCES || code == EPERM || code == EROFS
                ? .notPermitted(path: path, detail: text) : .inputOutput(path: path, detail: "cannot open it: \(text)")
        }
        close(descriptor)
    }

    private struct Damage: Error { var reason: String }

    /// The reason where an error says that the file's content is wrong, rather than the disk or the permissions.
    private static func damage(_ error: any Error) -> String? {
        if let damage = error as? Damage { return damage.reason }
        guard let error = error as? DatabaseError else { return nil }
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return error.message ?? "damaged"
        // What the tables hold is not what was stored: another program's file, or damage that left the pages whole.
        case .SQLITE_MISMATCH, .SQLITE_CONSTRAINT, .SQLITE_ERROR: return error.message ?? "its tables are wrong"
        default: return nil
        }
    }

    private static func moveAside(_ state: inout State, path: String, reason: String, logger: Logger) throws(OutboxError) {
        try? state.queue?.close()
        state.queue = nil
        let lost = state.count
        let destination = path + ".damaged"
        guard unsafe rename(path, destination) == 0 else {
            throw .inputOutput(path: path, detail: "damaged (\(reason)), and cannot be moved aside: \(unsafe String(cString: strerror(errno)))")
        }
        // The log belongs to the file: left in place it would be applied to the new one.
        for suffix in ["-wal", "-shm", "-journal"] where unsafe rename(path + suffix, destination + suffix) != 0 { unsafe unlink(destination + suffix) }
        state.counters.damagedFiles += 1
        state.count = 0
        state.lastDamage = "\(path): damaged (\(reason)); moved to \(destination)"
        logger.error("\(path): damaged (\(reason)); moved to \(destination), going on with an empty one; \(lost) events are known to be lost")
    }

    private static func milliseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1000).rounded()) }

    /// Journal mode and `synchronous` (2 is FULL) of the connection.
    package func durability() throws(OutboxError) -> (journal: String, synchronous: Int) {
        try read { db in
            (try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "", try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? 0)
        }
    }

    /// Gives the file back before the instance ends; nothing may be called after it.
    package func release() { state.withLock { try? $0.queue?.close() } }
}

extension OutboxError {
    /// What an error of GRDB and SQLite means to the caller. Messages carry SQL and file names, never events.
    fileprivate init(_ error: any Error, path: String) {
        if let error = error as? OutboxError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .inputOutput(path: path, detail: "\(error)")
            return
        }
        let detail = "SQLite: \(error.message ?? "error") (\(error.extendedResultCode.rawValue))"
        self =
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: .busy(path: path)
            case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_CANTOPEN: .notPermitted(path: path, detail: detail)
            default: .inputOutput(path: path, detail: detail)
            }
    }
}
