import Foundation

/// A message that the broker delivered.
struct MQTTMessage: Sendable {
    var topic: String
    /// Empty where `size` is over ``MQTTClient/largestPayload``: such a payload is not copied.
    var payload: Data
    /// Bytes as sent.
    var size: Int
    var isRetained: Bool
    /// MQTT 5.
    var responseTopic: String?
    /// MQTT 5.
    var correlation: Data?
}

/// A message to publish.
struct MQTTPublication: Sendable {
    var topic: String
    var payload: Data
    var qos: CInt = 1
    var retain = false
    /// Seconds; MQTT 5, nothing in 3.1.1.
    var expiry: UInt32?
    /// MQTT 5, nothing in 3.1.1.
    var correlation: Data?
}

/// The versions of MQTT that are spoken.
public enum MQTTVersion: String, Hashable, Sendable {
    case version5 = "5"
    case version311 = "3.1.1"
}
