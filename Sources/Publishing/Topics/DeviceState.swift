public import Foundation

/// How a camera or a microphone is: the payload of its topic as plain text, and as Home Assistant shows it.
public enum DeviceState: String, CaseIterable, Hashable, Sendable {
    case online
    case offline
    /// It was there and is looked for.
    case reconnecting
    /// It answers, but gives nothing usable.
    case noSignal = "no_signal"

    public var payload: Data { Data(rawValue.utf8) }
}
