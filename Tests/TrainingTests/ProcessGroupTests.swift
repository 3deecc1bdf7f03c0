import Foundation
import Glibc
import NodeTestCases
import Testing
import Training

/// Real processes on this machine that train one small network together; `distributed-trainer` is one of them.
@Suite(.enabled(if: ProcessGroup.isAvailable, "this libtorch has no gloo engine")) struct ProcessGroupTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "distributed-trainer")

    /// One process. Its output goes to files: pipes that nobody reads would stop it.
    private final class Trainer {
        let process = Process()
        let output: URL, errors: URL

        init(_ arguments: [String], rank: Int, size: Int, port: Int, in folder: URL) throws {
            (output, errors) = (folder.appending(path: "\(UUID()).out"), folder.appending(path: "\(UUID()).err"))
            for file in [output, errors] { try Data().write(to: file) }
            process.executableURL = ProcessGroupTests.program
            process.arguments = arguments
            var environment = ProcessInfo.processInfo.environment
            (environment["RANK"], environment["WORLD_SIZE"]) = ("\(rank)", "\(size)")
            (environment["MASTER_ADDR"], environment["MASTER_PORT"]) = ("127.0.0.1", "\(port)")
            process.environment = environment
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
        }

        /// A test that fails leaves none behind.
        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        var lines: [String] { ((try? String(contentsOf: output, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init) }
        var complaint: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

        /// Waits for a line; an end without it is a failure.
        func reach(_ line: String) async throws {
            while !lines.contains(line) {
                try #require(process.isRunning, "ended before '\(line)': \(complaint)")
                try await Task.sleep(for: .milliseconds(5))
            }
        }

        func end() async throws -> Int32 {
            while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
            return process.terminationStatus
        }
    }

    private static func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-group-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// A port that nothing listens at now.
    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let size = length
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, size) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        try #require(status)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func floats(_ file: URL) throws -> [Float] {
        let data = try Data(contentsOf: file)
        return stride(from: 0, to: data.count, by: 4).map { at in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[data.startIndex + at + $1]) << UInt32(8 * $1) })
        }
    }

    /// Trains with `size` processes; what each wrote.
    private static func trained(_ network: String, size: Int) async throws -> [[Float]] {
        let folder = try folder(), port = try freePort()
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = (0..<size).map { folder.appending(path: "\($0).f32") }
        let trainers = try (0..<size).map { try Trainer(["train", network, "10", files[$0].path, "30"], rank: $0, size: size, port: port, in: folder) }
        for trainer in trainers {
            let status = try await trainer.end()
            try #require(status == 0, "\(trainer.complaint)")
        }
        return try files.map { try floats($0) }
    }

    /// 216 + 8, 504 + 7, 5 · 63 + 5
    private static let plainCount = 1055

    @Test func `Two and three processes with parts of each batch train as one with the whole`() async throws {
        let alone = try await Self.trained("plain", size: 1)[0]
        #expect(alone.count == Self.plainCount)
        for size in [2, 3] {
            let together = try await Self.trained("plain", size: size)
            for other in together.dropFirst() { #expect(other == together[0], "ranks differ") }
            let worst = zip(alone, together[0]).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(worst < 1e-5 && together[0].count == alone.count, "\(size) processes: \(worst)")
            // 10 steps of about the learning rate each: far more than the tolerance.
            #expect(alone.contains { abs($0) > 1e-2 })
        }
    }

    /// Each process normalises with its own part's statistics: equal weights on all, but not those of one process; running means average to
    /// a whole batch's after the same weights, and the variances to less than it.
    @Test func `Batch normalisation keeps to each process's part, and its statistics are averaged`() async throws {
        let together = try await Self.trained("normalized", size: 2)
        let weights = Self.plainCount + 16
        #expect(together[0].count == weights + 32)
        #expect(together[0].prefix(weights) == together[1].prefix(weights))
        let before = together.map { Array($0[weights..<weights + 16]) }, after = together.map { Array($0[(weights + 16)...]) }
        #expect(before[0] != before[1])
        #expect(after[0] == after[1])
        for index in 0..<16 { #expect(abs(after[0][index] - (before[0][index] + before[1][index]) / 2) < 1e-6) }
        let alone = try await Self.trained("normalized", size: 1)[0]
        let gaps = zip(alone.prefix(weights), together[0].prefix(weights)).map { abs($0 - $1) }
        // Another normalisation, another path; but the same training: ten steps of 0.001 keep both within 0.02.
        #expect(gaps.max()! > 1e-5 && gaps.max()! < 0.02, "\(gaps.max()!)")
    }

    @Test func `Every exchange, in every memory order, and what is refused`() async throws {
        let folder = try Self.folder(), port = try Self.freePort()
        defer { try? FileManager.default.removeItem(at: folder) }
        let trainers = try (0..<2).map { try Trainer(["exchange", "20"], rank: $0, size: 2, port: port, in: folder) }
        for trainer in trainers {
            let status = try await trainer.end()
            try #require(status == 0, "\(trainer.complaint)")
        }
        let picture = TestData.noise([2, 3, 2, 2], seed: 1).doubles.map { 3 * $0 }
        for (rank, trainer) in trainers.enumerated() {
            let lines = trainer.lines
            try #require(lines.count == 13, "\(lines)")
            let sum = lines[0].drop { $0 != "]" }.dropFirst(3).dropLast().split(separator: ", ").compactMap { Double($0) }
            #expect(relativeError(sum, picture) < 1e-6)
            #expect(lines[1] == "sum [2, 3] [0.0, 4.0, 8.0, 2.0, 6.0, 10.0]")
            #expect(lines[2] == "sum [] [1.0]")
            #expect(lines[3] == "mean [2] [0.5, 10.0]")
            #expect(lines[4] == "broadcast [3] [1.0, 2.0, 3.0]")
            #expect(lines[5] == "gathered [2, 1, 2] [0.0, 9.0, 1.0, 9.0]")
            #expect(lines[6...8] == ["gradient [2] [3.0, -2.0]", "gradient [2] [5.0, 6.0]", "gradient none"])
            let prefix = "refused training with several processes: ", other = 1 - rank
            #expect(lines[9] == prefix + "gathering: rank \(other) brings a tensor of another shape or type than the one of Float[\(rank + 1)] on rank \(rank)")
            #expect(lines[10] == prefix + "sum: rank \(other) brings \(other + 1) numbers, rank \(rank) \(rank + 1)")
            #expect(lines[11] == prefix + "sum: tensors of Float and of Double in one exchange; expected one floating-point type")
            #expect(lines[12] == "end")
        }
    }

    /// A process that is killed, and one that stands still: the others end with an error, and do not hang.
    @Test(arguments: [SIGKILL, SIGSTOP]) func `A rank that is gone gives the others an error`(signal: Int32) async throws {
        let folder = try Self.folder(), port = try Self.freePort()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "never").path
        // The standing one takes the timeout; the killed one does not.
        let timeout = signal == SIGSTOP ? "3" : "60"
        let trainers = try (0..<2).map { try Trainer(["train", "plain", "1000000", file, timeout], rank: $0, size: 2, port: port, in: folder) }
        for trainer in trainers { try await trainer.reach("step 5") }
        kill(trainers[1].process.processIdentifier, signal)
        let status = try await trainers[0].end()
        kill(trainers[1].process.processIdentifier, SIGKILL)
        #expect(status == 1)
        let complaint = trainers[0].complaint
        #expect(complaint.contains("sum of gradients on rank 0 of 2: another process has ended, has lost its connection, or has not come this far within \(timeout) s ("), "\(complaint)")
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test func `Those who do not come together learn why`() async throws {
        let folder = try Self.folder(), port = try Self.freePort(), otherPort = try Self.freePort()
        defer { try? FileManager.default.removeItem(at: folder) }
        func complaints(_ ranks: [(rank: Int, size: Int, port: Int)], timeout: String) async throws -> [String] {
            let trainers = try ranks.map { try Trainer(["exchange", timeout], rank: $0.rank, size: $0.size, port: $0.port, in: folder) }
            var result: [String] = []
            for trainer in trainers {
                let status = try await trainer.end()
                #expect(status == 1)
                result.append(trainer.complaint)
            }
            return result
        }
        // Nobody else; nobody listening.
        let alone = try await complaints([(0, 2, port)], timeout: "1")[0]
        #expect(alone.contains("rank 1 of 2 did not come to 127.0.0.1:\(port) within 1 s; is it running, with the same address, port and number of processes?"), "\(alone)")
        let early = try await complaints([(1, 2, otherPort)], timeout: "1")[0]
        #expect(early.contains("rank 0 does not answer at 127.0.0.1:\(otherPort) within 1 s; is it running"), "\(early)")
        // A rank given twice, numbers of processes that differ: all of them learn it, at once.
        let twice = try await complaints([(0, 3, port), (1, 3, port), (1, 3, port)], timeout: "30")
        for complaint in twice { #expect(complaint.contains("two processes at 127.0.0.1:\(port) were given rank 1 of 3; give each its own, from 0"), "\(complaint)") }
        let sizes = try await complaints([(0, 2, otherPort), (1, 3, otherPort)], timeout: "30")
        for complaint in sizes { #expect(complaint.contains("processes, others at 127.0.0.1:\(otherPort) that there are"), "\(complaint)") }
    }

    @Test func `A port that is taken`() throws {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let size = length
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, size) == 0 && getsockname(descriptor, address, &length) == 0 && listen(descriptor, 1) == 0
            }
        }
        try #require(isListening)
        let port = Int(UInt16(bigEndian: address.sin6_port))
        let error = try #require(throws: ProcessGroupError.self) { try ProcessGroup(host: "localhost", port: port, rank: 0, size: 2, timeout: .seconds(1)) }
        #expect(error.cause == .meeting)
        #expect(error.message.hasPrefix("rank 0 cannot listen at localhost:\(port); is the port taken"), "\(error)")
    }

    @Test func `What the environment says`() throws {
        #expect(try ProcessGroup.fromEnvironment([:]) == nil)
        #expect(try ProcessGroup.fromEnvironment(["WORLD_SIZE": "1", "RANK": "nonsense"]) == nil)
        let good = ["WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"]
        func message(_ changes: [String: String?]) throws -> String {
            var environment = good
            for (name, value) in changes { environment[name] = value }
            let error = try #require(throws: ProcessGroupError.self) { try ProcessGroup.fromEnvironment(environment, timeout: .milliseconds(200)) }
            #expect(error.cause == .environment)
            return error.message
        }
        #expect(try message(["WORLD_SIZE": "two"]) == "WORLD_SIZE is 'two'; expected a whole number from 1 to 65536")
        #expect(try message(["RANK": "2"]) == "RANK is '2'; expected a whole number from 0 to 1")
        #expect(try message(["MASTER_PORT": "0"]) == "MASTER_PORT is '0'; expected a whole number from 1 to 65535")
        #expect(try message(["RANK": String?.none]) == "WORLD_SIZE is 2, but RANK is not set; every process needs MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE")
        #expect(try message(["MASTER_ADDR": String?.none]) == "WORLD_SIZE is 2, but MASTER_ADDR is not set; it is the name or address of the machine of rank 0")
        let unknown = try #require(throws: ProcessGroupError.self) {
            try ProcessGroup(host: "no-such-host.invalid", port: 29500, rank: 1, size: 2, timeout: .milliseconds(200))
        }
        #expect(unknown.cause == .meeting && unknown.message.contains("no-such-host.invalid"), "\(unknown)")
    }
}
