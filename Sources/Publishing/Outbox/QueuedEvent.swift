public import Foundation
public import MediaTypes

/// An event as it waits in the ``Outbox``.
public struct QueuedEvent: Hashable, Sendable {
    /// Grows with every event of one outbox file.
    public var sequence: Int64
    public var id: String
    /// The event's JSON as it was appended.
    public var json: Data
    /// How long it had waited when it was read.
    public var age: TimeSpan
}
