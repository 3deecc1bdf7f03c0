import Foundation
import Glibc
public import Logging

/// Writes logs where they belong: to the journal in its own protocol with every metadata value as a field (`journalctl FWOC_TRACK=17`),
/// to standard error elsewhere.
///
/// Rows of numbers are withheld wherever they stand, because an embedding is biometric data. Thread-safe: a datagram or a line is
/// written by one call. Not for real-time threads.
public struct JournalLogHandler: LogHandler {
    /// Where the lines go.
    public enum Destination: Sendable {
        /// The journal's native protocol.
        case journal(socket: String)
        /// Lines on a file descriptor, beginning with `<priority>` where the journal reads them.
        case lines(descriptor: Int32, hasPriority: Bool)
    }

    public static let journalSocket = "/run/systemd/journal/socket"

    /// Of this logger alone once it was set, else the threshold of all.
    public var logLevel: Logger.Level {
        get { own ?? threshold.level }
        set { own = newValue }
    }
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let threshold: LogThreshold
    private var own: Logger.Level?
    private let label: String
    private let socket: DatagramSocket?
    private let descriptor: Int32
    private let hasPriority: Bool

    public init(label: String, level: Logger.Level, destination: Destination) {
        self.init(label: label, threshold: LogThreshold(level), destination: destination)
    }

    public init(label: String, threshold: LogThreshold, destination: Destination) {
        self.label = label
        self.threshold = threshold
        switch destination {
        case .journal(let address):
            socket = DatagramSocket(address: address)
            descriptor = STDERR_FILENO
            hasPriority = true
        case .lines(let descriptor, let hasPriority):
            socket = nil
            self.descriptor = descriptor
            self.hasPriority = hasPriority
        }
    }

    /// Where `log.format` says that logs go.
    ///
    /// - Parameters:
    ///   - environment: `JOURNAL_STREAM`, which systemd sets to the device and inode of the standard error that it connected.
    public static func destination(_ format: LogFormat, environment: [String: String], socket: String = journalSocket, descriptor: Int32 = STDERR_FILENO)
        -> Destination
    {
        let isConnected = environment["JOURNAL_STREAM"].map { $0 == stream(descriptor) } ?? false
        let isThere = unsafe access(socket, W_OK) == 0
        switch format {
        case .journal where isThere: return .journal(socket: socket)
        case .auto where isThere && isConnected: return .journal(socket: socket)
        default: return .lines(descriptor: descriptor, hasPriority: isConnected)
        }
    }

    /// Device and inode of a file descriptor as `JOURNAL_STREAM` writes them.
    static func stream(_ descriptor: Int32) -> String? {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : nil
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var text = LogText.withheld("\(event.message)")
        if let error = event.error { text += ": " + LogText.withheld("\(error)") }
        let fields = LogText.merged(metadata, metadataProvider, event.metadata)
        let priority = LogText.priority(event.level)
        if let socket, socket.send(journalMessage(text, priority, fields, event).bytes) == 0 { return }
        // The journal is away or behind: standard error is what it reads next.
        write(text, priority, fields, event)
    }

    private func journalMessage(_ text: String, _ priority: Int, _ fields: [(key: String, value: String)], _ event: LogEvent) -> JournalMessage {
        var message = JournalMessage()
        message.append("MESSAGE", text)
        message.append("PRIORITY", "\(priority)")
        message.append("SYSLOG_IDENTIFIER", "fwoc-agent")
        message.append("FWOC_LOGGER", label)
        message.append("CODE_FILE", event.file)
        message.append("CODE_LINE", "\(event.line)")
        message.append("CODE_FUNC", event.function)
        for (key, value) in fields { message.append(JournalMessage.field(key), value) }
        return message
    }

    private func write(_ text: String, _ priority: Int, _ fields: [(key: String, value: String)], _ event: LogEvent) {
        let line = ([text] + fields.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
        // One entry, one line: what a name or a message from outside holds cannot begin another.
        let safe = line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? ($0 == "\n" ? "\\n" : " ") : String($0) }.joined()
        let start = hasPriority ? "<\(priority)>" : "\(event.level) "
        let bytes = Array("\(start)\(label): \(safe)\n".utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
