/// How the configuration names a camera.
public enum CameraName: Hashable, Sendable, CustomStringConvertible {
    /// A node, or a link to one.
    case path(String)
    /// By what the device says of itself, wherever it is plugged in; the first such device without a serial number.
    case usb(USBIdentity)

    /// - Throws: ``CameraError/invalidName(_:)``
    public init(_ text: String) throws(CameraError) {
        guard text.hasPrefix("usb:") else {
            guard text.hasPrefix("/"), !text.utf8.contains(0) else { throw .invalidName(text) }
            self = .path(text)
            return
        }
        let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, let vendor = Self.number(parts[1]), let product = Self.number(parts[2]), parts.count == 3 || !parts[3].isEmpty else {
            throw .invalidName(text)
        }
        self = .usb(USBIdentity(vendor: vendor, product: product, serial: parts.count == 4 ? String(parts[3]) : nil))
    }

    private static func number(_ text: Substring) -> UInt16? {
        text.count == 4 && text.allSatisfy(\.isHexDigit) ? UInt16(text, radix: 16) : nil
    }

    public var description: String {
        switch self {
        case .path(let path): path
        case .usb(let identity): identity.description
        }
    }
}

/// What a USB device says of itself.
public struct USBIdentity: Hashable, Sendable, CustomStringConvertible {
    public var vendor: UInt16
    public var product: UInt16
    /// Nil where it has none; many cheap cameras have none, or all the same.
    public var serial: String?

    public init(vendor: UInt16, product: UInt16, serial: String? = nil) {
        self.vendor = vendor
        self.product = product
        self.serial = serial
    }

    /// As the configuration names it: `usb:046d:0825:SERIAL`.
    public var description: String { "usb:\(Self.text(vendor)):\(Self.text(product))\(serial.map { ":" + $0 } ?? "")" }

    /// Whether it is the device that `wanted` describes.
    func matches(_ wanted: USBIdentity) -> Bool {
        vendor == wanted.vendor && product == wanted.product && (wanted.serial == nil || wanted.serial == serial)
    }

    private static func text(_ number: UInt16) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
