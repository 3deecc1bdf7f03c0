import AgentRuntime
import Foundation
import Glibc
import Logging
import Testing

@Suite struct JournalLogHandlerTests {
    /// The fields of an entry in the journal's native protocol.
    private static func fields(_ bytes: [UInt8]) throws -> [String: String] {
        var fields: [String: String] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = try #require(rest.firstIndex { $0 == UInt8(ascii: "=") || $0 == 0x0A })
            let name = String(decoding: rest[..<end], as: UTF8.self)
            let isBinary = rest[end] == 0x0A
            rest = rest[(end + 1)...]
            let length: Int
            if isBinary {
                length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(8)
            } else {
                length = try #require(rest.firstIndex(of: 0x0A)) - rest.startIndex
            }
            fields[name] = String(decoding: rest.prefix(length), as: UTF8.self)
            rest = rest.dropFirst(length)
            #expect(rest.first == 0x0A)
            rest = rest.dropFirst()
        }
        return fields
    }

    private static func logger(_ destination: JournalLogHandler.Destination, level: Logger.Level = .info) -> Logger {
        Logger(label: "camera") { JournalLogHandler(label: $0, level: level, destination: destination) }
    }

    @Test func `An entry of the journal has its fields`() throws {
        let scratch = try Scratch()
        let listener = try Listener(address: scratch.path("journal"))
        var logger = Self.logger(.journal(socket: listener.address))
        logger[metadataKey: "node"] = "hall"
        logger.warning("no frame\nfor 2 s", metadata: ["track-id": "17", "bbox": ["0.1", "0.2", "0.3", "0.4"]])
        let fields = try Self.fields(try #require(listener.next()))
        #expect(fields["MESSAGE"] == "no frame\nfor 2 s")
        #expect(fields["PRIORITY"] == "4")
        #expect(fields["SYSLOG_IDENTIFIER"] == "fwoc-agent")
        #expect(fields["FWOC_LOGGER"] == "camera")
        #expect(fields["FWOC_NODE"] == "hall")
        #expect(fields["FWOC_TRACK_ID"] == "17")
        #expect(fields["FWOC_BBOX"] == "[\"0.1\", \"0.2\", \"0.3\", \"0.4\"]" || fields["FWOC_BBOX"] == "[0.1, 0.2, 0.3, 0.4]")
        #expect(fields["CODE_FILE"]?.hasSuffix("JournalLogHandlerTests.swift") == true && fields["CODE_LINE"] != nil)

        logger.debug("not at this level")
        logger.critical("next")
        #expect(try Self.fields(try #require(listener.next()))["PRIORITY"] == "2")
    }

    @Test func `No embedding is ever written, however it gets into a log`() throws {
        let scratch = try Scratch()
        let listener = try Listener(address: scratch.path("journal"))
        let logger = Self.logger(.journal(socket: listener.address))
        let embedding = (0..<512).map { Float($0) / 1000 - 0.25 }
        logger.error(
            "embedding \(embedding) of track 3, 4 and 5",
            metadata: [
                "text": "\(embedding)", "list": .array(embedding.map { "\($0)" }), "values": .array(embedding.map { .stringConvertible($0) }),
                "nested": ["face": .stringConvertible(embedding)], "spaced": "\(embedding.map { "\($0)" }.joined(separator: ", ")), end",
                "few": "[1, 2, 3, 4]",
            ])
        let fields = try Self.fields(try #require(listener.next()))
        #expect(fields["MESSAGE"] == "embedding [‹512 numbers withheld›] of track 3, 4 and 5")
        for name in ["TEXT", "LIST", "VALUES", "NESTED", "SPACED"] {
            let value = try #require(fields["FWOC_\(name)"])
            #expect(value.contains("512 numbers withheld") && !value.contains("0.1"), "\(value.prefix(200))")
        }
        #expect(fields["FWOC_FEW"] == "[1, 2, 3, 4]")
    }

    /// What is written to a file in the place of standard error.
    private static func lines(hasPriority: Bool, socket: String? = nil, _ log: (Logger) -> Void) throws -> String {
        let scratch = try Scratch()
        let file = try FileHandle(forWritingTo: scratch.write("", to: "log"))
        log(logger(.lines(descriptor: file.fileDescriptor, hasPriority: hasPriority)))
        return try String(contentsOf: scratch.url.appending(path: "log"), encoding: .utf8)
    }

    @Test func `An entry is one line, whatever is in it`() throws {
        let log: (Logger) -> Void = { $0.error("Alice\n<0>broken\u{1B}[2J", metadata: ["b": "2", "a": "1\t"]) }
        #expect(try Self.lines(hasPriority: true, log) == "<3>camera: Alice\\n<0>broken [2J a=1  b=2\n")
        #expect(try Self.lines(hasPriority: false, log) == "error camera: Alice\\n<0>broken [2J a=1  b=2\n")
    }

    @Test func `Where the journal is connected is found out by device and inode`() throws {
        let scratch = try Scratch()
        let listener = try Listener(address: scratch.path("journal"))
        let file = try FileHandle(forWritingTo: scratch.write("", to: "stderr"))
        var status = stat()
        #expect(unsafe fstat(file.fileDescriptor, &status) == 0)
        let matching = ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"], other = ["JOURNAL_STREAM": "1:2"]
        func destination(_ format: LogFormat, _ environment: [String: String], _ socket: String) -> String {
            switch JournalLogHandler.destination(format, environment: environment, socket: socket, descriptor: file.fileDescriptor) {
            case .journal: "journal"
            case .lines(_, let hasPriority): hasPriority ? "lines with priority" : "lines"
            }
        }
        #expect(destination(.auto, matching, listener.address) == "journal")
        #expect(destination(.auto, other, listener.address) == "lines")
        #expect(destination(.auto, [:], listener.address) == "lines")
        #expect(destination(.auto, matching, scratch.path("none")) == "lines with priority")
        #expect(destination(.journal, [:], listener.address) == "journal")
        #expect(destination(.journal, [:], scratch.path("none")) == "lines")
        #expect(destination(.plain, matching, listener.address) == "lines with priority")
    }
}
