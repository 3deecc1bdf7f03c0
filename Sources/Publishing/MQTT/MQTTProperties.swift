import CMosquitto
import Foundation

/// Owner of a list of MQTT 5 properties.
@safe struct MQTTProperties: ~Copyable {
    private(set) var list: UnsafeMutablePointer<OpaquePointer?>

    init() {
        unsafe list = .allocate(capacity: 1)
        unsafe list.initialize(to: nil)
    }

    deinit {
        unsafe mosquitto_property_free_all(list)
        unsafe list.deallocate()
    }

    /// For libmosquitto, which copies it.
    var pointer: OpaquePointer? { unsafe list.pointee }

    mutating func add(_ identifier: mqtt5_property, _ value: UInt32) {
        _ = unsafe mosquitto_property_add_int32(list, CInt(identifier.rawValue), value)
    }

    mutating func add(_ identifier: mqtt5_property, _ value: UInt16) {
        _ = unsafe mosquitto_property_add_int16(list, CInt(identifier.rawValue), value)
    }

    /// - Precondition: at most 65535 bytes.
    mutating func add(_ identifier: mqtt5_property, _ value: Data) {
        _ = unsafe value.withUnsafeBytes { unsafe mosquitto_property_add_binary(list, CInt(identifier.rawValue), $0.baseAddress, UInt16($0.count)) }
    }

    /// Reading from a list that libmosquitto owns.
    static func string(_ identifier: mqtt5_property, in list: OpaquePointer?) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard unsafe mosquitto_property_read_string(list, CInt(identifier.rawValue), &text, false) != nil, let text = unsafe text else { return nil }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    static func data(_ identifier: mqtt5_property, in list: OpaquePointer?) -> Data? {
        var bytes: UnsafeMutableRawPointer?
        var count: UInt16 = 0
        guard unsafe mosquitto_property_read_binary(list, CInt(identifier.rawValue), &bytes, &count, false) != nil, let bytes = unsafe bytes else { return nil }
        defer { unsafe free(bytes) }
        return unsafe Data(bytes: bytes, count: Int(count))
    }

    static func integer16(_ identifier: mqtt5_property, in list: OpaquePointer?) -> UInt16? {
        var value: UInt16 = 0
        guard unsafe mosquitto_property_read_int16(list, CInt(identifier.rawValue), &value, false) != nil else { return nil }
        return value
    }
}
