public import Foundation

/// What somebody asks the agent to do, through `fwoc/<node>/command/<verb>`.
public struct Command: Hashable, Sendable {
    public enum Verb: String, CaseIterable, Hashable, Sendable { case pause, resume, reload, purge }

    /// Longest payload, in bytes.
    public static let largestPayload = MQTTClient.largestPayload

    public var verb: Verb
    /// A JSON object as it was sent, schema `fwoc.command/1`; `{}` where the payload was empty.
    public var parameters: Data

    public init(verb: Verb, parameters: Data = Data("{}".utf8)) {
        self.verb = verb
        self.parameters = parameters
    }

    /// Reads a message's verb and payload.
    /// - Parameter size: bytes as sent; where it is over ``largestPayload`` the payload is not looked at.
    static func parse(verb text: String, payload: Data, size: Int) -> Result<Command, CommandRefusal> {
        guard let verb = Verb(rawValue: text) else {
            let known = Verb.allCases.map(\.rawValue).joined(separator: ", ")
            return .failure(CommandRefusal(reason: "unknown command ‘\(text.prefix(40))’; expected one of \(known)"))
        }
        guard size <= largestPayload else {
            return .failure(CommandRefusal(reason: "\(verb.rawValue): payload of \(size) bytes, at most \(largestPayload) are taken"))
        }
        if payload.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) { return .success(Command(verb: verb)) }
        do {
            guard try JSONSerialization.jsonObject(with: payload) is [String: Any] else {
                return .failure(CommandRefusal(reason: "\(verb.rawValue): the payload is JSON, but no object; expected an object or nothing"))
            }
        } catch {
            let detail = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String ?? "not JSON"
            return .failure(CommandRefusal(reason: "\(verb.rawValue): the payload is no JSON (\(detail.prefix(120))); expected an object or nothing"))
        }
        return .success(Command(verb: verb, parameters: payload))
    }
}

/// Why a command was not taken.
struct CommandRefusal: Error, Hashable, Sendable { var reason: String }

/// The answer to a command: schema `fwoc.reply/1`.
public struct CommandReply: Payload {
    public static let schemaName = "fwoc.reply/1"

    public private(set) var schema = schemaName
    /// Filled in by the publisher.
    public internal(set) var node = ""
    /// Filled in by the publisher: as it was asked for, known or not.
    public internal(set) var verb = ""
    public var ok: Bool
    /// What was done, or why not and what to do.
    public var message: String

    public init(ok: Bool, message: String) {
        self.ok = ok
        self.message = message
    }
}
