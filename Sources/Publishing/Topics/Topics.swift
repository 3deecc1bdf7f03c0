/// The topics of one node. Edges (events) are never retained, levels (states) always are.
public struct Topics: Hashable, Sendable {
    public let node: String
    /// The base of all topics: `fwoc/<node>`.
    public let base: String

    /// - Parameter node: 1 to 64 characters without `/`, `+`, `#`, spaces at the ends or control characters.
    public init(node: String) throws(TopicError) {
        let scalars = node.unicodeScalars
        guard (1...64).contains(scalars.count) else { throw TopicError(node: node, reason: "\(scalars.count) characters") }
        for scalar in scalars where "/+#$".unicodeScalars.contains(scalar) || scalar.properties.generalCategory == .control || scalar.properties.isWhitespace {
            throw TopicError(node: node, reason: "‘\(scalar.escaped(asASCII: true))’ in it")
        }
        self.node = node
        base = "fwoc/\(node)"
    }

    public var availability: String { "\(base)/availability" }
    public var identityEvent: String { "\(base)/event/identity" }
    public var speakingEvent: String { "\(base)/event/speaking" }
    public var telemetry: String { "\(base)/telemetry" }
    /// Where ``MQTTProbe`` writes and reads.
    public var test: String { "\(base)/test" }

    public func level(_ level: Level) -> String {
        switch level {
        case .status: "\(base)/status"
        case .camera: "\(base)/camera/state"
        case .microphone: "\(base)/microphone/state"
        case .presence: "\(base)/presence"
        }
    }

    public func command(_ verb: Command.Verb) -> String { commandPrefix + verb.rawValue }
    /// Where answers go without an MQTT 5 response topic.
    public func reply(to verb: String) -> String { "\(commandPrefix)\(verb)/reply" }
    var commandPrefix: String { "\(base)/command/" }
    var commands: String { "\(commandPrefix)+" }

    /// A client's own topic for the mark that ends the echoes of earlier events.
    func mark(client: String) -> String { "\(base)/session/\(client)" }

    /// The node as Home Assistant allows it in identifiers: `[A-Za-z0-9_-]`. A node with other characters also carries a hash, so that
    /// two nodes stay two.
    public var identifier: String {
        let kept = node.unicodeScalars.map { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" || scalar == "-") ? Character(scalar) : "_"
        }
        guard String(kept) != node else { return node }
        // FNV-1a, 32 bits.
        let hash = node.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        return "\(String(kept))_\(String(hash, radix: 16))"
    }

    public static let homeAssistantStatus = "homeassistant/status"
    public var discovery: String { "homeassistant/device/fwoc_\(identifier)/config" }
}

/// A state that subscribers get as soon as they subscribe: its newest value is retained by the broker.
public enum Level: String, CaseIterable, Hashable, Sendable {
    /// ``StatusPayload``
    case status
    /// ``DeviceState``
    case camera
    /// ``DeviceState``
    case microphone
    /// ``PresencePayload``
    case presence
}

/// A node's name that cannot be part of a topic.
public struct TopicError: Error, Hashable, Sendable, CustomStringConvertible {
    public var node: String
    public var reason: String

    public var description: String {
        "node ‘\(node.prefix(80))’ cannot be part of an MQTT topic (\(reason)); use 1 to 64 letters, digits, ‘-’ and ‘_’"
    }
}
