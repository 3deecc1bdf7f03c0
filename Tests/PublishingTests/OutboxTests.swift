import Foundation
import LiveParts
import MediaTypes
import Publishing
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A clock that tests set.
private final class TestClock: Sendable {
    private let moment: Mutex<OutboxMoment>

    init(boot: String = "a", uptime: Double = 1000, wall: Double = 1_800_000_000) {
        moment = Mutex(OutboxMoment(boot: boot, uptime: .seconds(uptime), wall: Date(timeIntervalSince1970: wall)))
    }

    var now: OutboxMoment { moment.withLock { $0 } }

    func pass(_ seconds: Double) {
        moment.withLock {
            $0.uptime = $0.uptime + .seconds(seconds)
            $0.wall += seconds
        }
    }

    func stepWall(_ seconds: Double) { moment.withLock { $0.wall += seconds } }
}

@Suite struct OutboxTests {
    private let folder: LabFolder
    private var path: String { folder.path("outbox.sqlite") }

    init() throws { folder = try LabFolder() }

    private func outbox(_ clock: TestClock = TestClock(), maxEvents: Int = 100, ttl: Double = 60) throws -> Outbox {
        try Outbox(settings: OutboxSettings(path: path, maxEvents: maxEvents, ttl: .seconds(ttl)), clock: { clock.now })
    }

    private func ids(_ outbox: Outbox) throws -> [String] { try outbox.next(after: 0, limit: 1000).map(\.id) }

    private func fill(_ outbox: Outbox, _ numbers: Range<Int>) throws {
        for number in numbers {
            let (json, id) = numberedEvent(number)
            try outbox.append(json, id: id)
        }
    }

    @Test func `Events are kept in order until they are removed`() throws {
        do {
            let outbox = try outbox()
            try fill(outbox, 0..<5)
            #expect(try outbox.remove(ids: ["e1", "nothing"]) == 1)
            #expect(try outbox.remove(sequences: [1]) == 1)
            // The same id again is the same event.
            try outbox.append(Data("{}".utf8), id: "e4")
            outbox.release()
        }
        let again = try outbox()
        #expect(try ids(again) == ["e2", "e3", "e4"])
        #expect(again.count == 3 && again.lastSequence == 5)
        #expect(try again.next(after: 4, limit: 1).map(\.json) == [numberedEvent(4).json])
        #expect(try again.durability() == ("wal", 2))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `The client's suffix stays with the file`() throws {
        let first = try outbox()
        let suffix = first.clientSuffix
        first.release()
        #expect(suffix.count == 8)
        #expect(try outbox().clientSuffix == suffix)
    }

    @Test func `The oldest are dropped and counted where there are too many`() throws {
        let outbox = try outbox(maxEvents: 3)
        try fill(outbox, 0..<10)
        #expect(try ids(outbox) == ["e7", "e8", "e9"])
        #expect(outbox.count == 3)
        #expect(outbox.counters.droppedByCount == 7 && outbox.counters.droppedByAge == 0 && outbox.counters.appended == 10)
    }

    @Test func `What outlived its time is dropped and counted, also while nothing runs`() throws {
        let clock = TestClock()
        let first = try outbox(clock)
        try fill(first, 0..<3)
        clock.pass(59)
        try fill(first, 3..<5)
        #expect(try first.next(after: 0, limit: 1).first?.age == .seconds(59))
        clock.pass(1)
        #expect(try ids(first) == ["e3", "e4"])
        #expect(first.counters.droppedByAge == 3 && first.count == 2)
        first.release()
        clock.pass(60)
        let again = try outbox(clock)
        #expect(again.count == 0 && again.counters.droppedByAge == 2)
    }

    @Test(arguments: [1e9, -1e9, 86_400, -86_400.0])
    func `A step of the wall clock neither expires nor keeps anything`(_ step: Double) throws {
        let clock = TestClock()
        let outbox = try outbox(clock)
        try fill(outbox, 0..<2)
        clock.stepWall(step)
        clock.pass(30)
        #expect(try ids(outbox) == ["e0", "e1"])
        clock.pass(30)
        #expect(try ids(outbox) == [])
        #expect(outbox.counters.droppedByAge == 2)
    }

    @Test func `After a reboot the wall clock tells the age, the uptime is its least`() throws {
        let before = TestClock(boot: "a", uptime: 5000, wall: 1_800_000_000)
        let first = try outbox(before)
        try fill(first, 0..<1)
        first.release()
        // 20 s later by the wall, 10 s after the machine started.
        let after = TestClock(boot: "b", uptime: 10, wall: 1_800_000_020)
        let second = try outbox(after)
        #expect(try second.next(after: 0, limit: 1).first?.age == .seconds(20))
        // The clock is set from the network, far off: nothing changes any more.
        after.stepWall(1e8)
        after.pass(39)
        #expect(try ids(second) == ["e0"])
        after.pass(1)
        #expect(try ids(second) == [])
    }

    @Test func `After a reboot with a clock that was set back an event still ends`() throws {
        let first = try outbox(TestClock(boot: "a", uptime: 5000, wall: 1_800_000_000))
        try fill(first, 0..<1)
        first.release()
        let after = TestClock(boot: "b", uptime: 10, wall: 0)
        let second = try outbox(after)
        #expect(try second.next(after: 0, limit: 1).first?.age == .seconds(10))
        after.pass(50)
        #expect(try ids(second) == [])
        second.release()
    }

    @Test func `A second process is refused`() throws {
        let first = try outbox()
        #expect(throws: OutboxError.busy(path: path)) { try outbox() }
        first.release()
    }

    @Test(arguments: ["garbage", "truncated", "hole", "other database", "empty"])
    func `A damaged file is moved aside and reported`(_ damage: String) throws {
        let first = try outbox()
        try fill(first, 0..<80)
        first.release()
        let url = URL(fileURLWithPath: path)
        var bytes = try Data(contentsOf: url)
        switch damage {
        case "garbage": bytes = Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        case "truncated": bytes = bytes.prefix(bytes.count / 2 + 100)
        case "hole": bytes.replaceSubrange(4096..<8192, with: Data(count: 4096))
        case "empty": bytes = Data()
        default: bytes.replaceSubrange(68..<72, with: Data([1, 2, 3, 4]))
        }
        try bytes.write(to: url)
        let second = try outbox()
        if damage == "empty" {
            #expect(second.lastDamage == nil && second.count == 0)
        } else {
            #expect(second.lastDamage?.contains(".damaged") == true)
            #expect(FileManager.default.fileExists(atPath: path + ".damaged"))
            #expect(second.counters.damagedFiles == 1)
        }
        try fill(second, 0..<3)
        #expect(try ids(second) == ["e0", "e1", "e2"])
    }

    /// A write-ahead log that ends anywhere: what is left is the beginning of what was written.
    @Test func `A torn tail takes the newest events only`() throws {
        let first = try outbox()
        try fill(first, 0..<40)
        let folder2 = try LabFolder()
        // As power loss leaves it: copied while it is open.
        let main = try Data(contentsOf: URL(fileURLWithPath: path))
        let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        #expect(log.count > 40_000)
        var counts: Set<Int> = []
        for cut in stride(from: 0, through: log.count, by: 3001) {
            for isOverwritten in [false, true] {
                let copy = folder2.path("c\(cut)\(isOverwritten).sqlite")
                try main.write(to: URL(fileURLWithPath: copy))
                let tail = isOverwritten ? Data(repeating: 0xA5, count: log.count - cut) : Data()
                try (log.prefix(cut) + tail).write(to: URL(fileURLWithPath: copy + "-wal"))
                let torn = try Outbox(settings: OutboxSettings(path: copy, ttl: .seconds(3600)), clock: { TestClock().now })
                let got = try torn.next(after: 0, limit: 1000).map(\.id)
                #expect(got == (0..<got.count).map { "e\($0)" })
                counts.insert(got.count)
                try fill(torn, 100..<101)
                torn.release()
            }
        }
        #expect(counts.count > 5)
        first.release()
    }

    @Test func `What cannot be used says why`() throws {
        #expect(throws: OutboxError.noSuchFolder(path: "/nowhere/outbox.sqlite")) { try Outbox(settings: OutboxSettings(path: "/nowhere/outbox.sqlite")) }
        #expect(throws: OutboxError.self) { try Outbox(settings: OutboxSettings(path: path, maxEvents: 0)) }
        #expect(throws: OutboxError.self) { try Outbox(settings: OutboxSettings(path: path, ttl: .zero)) }
        let outbox = try outbox()
        #expect(throws: OutboxError.eventTooLarge(bytes: 70_000, limit: 65_536)) { try outbox.append(Data(count: 70_000), id: "x") }
    }

    @Test(arguments: [1, 9, 40])
    func `A writer that is killed leaves everything that it acknowledged`(_ acknowledgements: Int) async throws {
        var acknowledged = 0
        for round in 1...2 {
            let writer = try ChildProcess(program("outbox-crash-writer"), [path], name: "w\(round)", in: folder.url)
            let isBusy = try await eventually(within: 40) { writer.lines.count >= acknowledgements }
            #expect(isBusy, "\(writer.errorText)")
            writer.kill()
            let outbox = try Outbox(settings: OutboxSettings(path: path, maxEvents: 1_000_000, ttl: .seconds(3600)))
            let got = try outbox.next(after: 0, limit: 100_000).map(\.id)
            // One more may have reached the disk without its line being written.
            #expect((0...1).contains(got.count - acknowledged - writer.lines.count))
            #expect(got == (0..<got.count).map { "e\($0)" })
            #expect(outbox.lastDamage == nil)
            acknowledged = got.count
            outbox.release()
        }
    }
}
