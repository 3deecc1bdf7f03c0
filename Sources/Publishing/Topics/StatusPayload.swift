public import Foundation

/// What the agent is and how it does: schema `fwoc.status/1`.
public struct StatusPayload: Payload, Equatable {
    public static let schemaName = "fwoc.status/1"

    public enum Mode: String, Encodable, Sendable { case starting, live, paused, stopping }

    public private(set) var schema = schemaName
    public var node: String
    public var ts: String
    public var version: String
    /// Name and fingerprint.
    public var bundle: String
    public var galleryRevision: Int
    public var mode: Mode
    /// What does not work as it should, one short text each; empty: all is well.
    public var degraded: [String]

    public init(node: String, time: Date, version: String, bundle: String, galleryRevision: Int, mode: Mode, degraded: [String] = []) {
        self.node = node
        ts = timestamp(time)
        self.version = version
        self.bundle = bundle
        self.galleryRevision = galleryRevision
        self.mode = mode
        self.degraded = degraded
    }
}
