import Foundation

/// Finds the node of a camera, and what the system knows of each node. Reentrant.
public struct CameraLocator: Sendable {
    /// Before `/dev` and `/sys`, for tests.
    public let root: String

    public init(root: String = "") { self.root = root }

    /// Where a camera was once, to find it again when its node has another number.
    struct Trace: Hashable, Sendable {
        var usb: USBIdentity?
        var identity: DeviceIdentity
    }

    /// The node of the camera with that name, as it is now.
    /// - Parameter trace: of the camera that had this name before. A plain node that has gone is looked for elsewhere.
    /// - Throws: ``CameraError/notThere(name:)``
    func locate(_ name: CameraName, formerly trace: Trace? = nil) throws(CameraError) -> String {
        switch name {
        case .path(let path):
            if let node = resolved(root + path) { return node }
            if let trace, let node = node(of: trace) { return node }
        case .usb(let wanted):
            if let node = nodes().first(where: { usb($0)?.matches(wanted) == true && mayCapture($0) }) { return node }
        }
        throw .notThere(name: name.description)
    }

    /// The same device in the same place; failing that, the same USB device in another place, unless two could be meant.
    private func node(of trace: Trace) -> String? {
        let traces = nodes().compactMap { node in self.trace(node).map { (node, $0) } }
        if let same = traces.first(where: { $0.1 == trace }) { return same.0 }
        let alike = traces.filter { $0.1.usb != nil && $0.1.usb == trace.usb }
        return alike.count == 1 ? alike[0].0 : nil
    }

    func trace(_ node: String) -> Trace? {
        guard let device = try? CaptureDevice(node), device.identity.capturesVideo else { return nil }
        return Trace(usb: usb(node), identity: device.identity)
    }

    /// False only where the device itself says so: one that cannot be opened says why when it is opened in earnest.
    private func mayCapture(_ node: String) -> Bool {
        do throws(CameraError) {
            return try CaptureDevice(node).identity.capturesVideo
        } catch {
            if case .cannotOpen = error { return true }
            return false
        }
    }

    /// Every `/dev/videoN`, in the order of the numbers.
    func nodes() -> [String] {
        let folder = root + "/dev"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let numbered = names.compactMap { name -> (number: Int, path: String)? in
            guard name.hasPrefix("video"), let number = Int(name.dropFirst(5)), number >= 0 else { return nil }
            return (number, folder + "/" + name)
        }
        return numbered.sorted { $0.number < $1.number }.map(\.path)
    }

    /// The links under `/dev/v4l` that lead to the node: by-id first, without the root.
    func links(to node: String) -> [String] {
        guard let target = resolved(node) else { return [] }
        return ["/dev/v4l/by-id", "/dev/v4l/by-path"].flatMap { folder in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root + folder)) ?? []
            return names.sorted().map { folder + "/" + $0 }.filter { resolved(root + $0) == target }
        }
    }

    /// Nil where the node is no USB device.
    func usb(_ node: String) -> USBIdentity? {
        guard let name = node.split(separator: "/").last, let device = resolved("\(root)/sys/class/video4linux/\(name)/device") else { return nil }
        // The interface's folder; the device's is one above, more with a hub in the camera.
        var folder = device[...]
        for _ in 0..<4 {
            if let vendor = attribute(folder, "idVendor"), let product = attribute(folder, "idProduct"),
                let vendor = UInt16(vendor, radix: 16), let product = UInt16(product, radix: 16) {
                return USBIdentity(vendor: vendor, product: product, serial: attribute(folder, "serial"))
            }
            guard let slash = folder.lastIndex(of: "/"), slash > folder.startIndex else { return nil }
            folder = folder[..<slash]
        }
        return nil
    }

    private func attribute(_ folder: Substring, _ name: String) -> String? {
        guard let text = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) else { return nil }
        let value = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return value.isEmpty ? nil : value
    }

    /// The path without links; nil where there is nothing.
    private func resolved(_ path: String) -> String? {
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}
