import Glibc
import MediaTypes

/// Why a camera does not deliver: what was wrong, where, and what to do. Its text is the reason in the camera's state.
public enum CameraError: Error, Hashable, Sendable {
    /// The configuration's name of the device cannot be understood.
    case invalidName(String)
    case notThere(name: String)
    /// The node exists, but captures no video: a metadata or an output node, or no V4L2 device at all.
    case notCamera(node: String, detail: String)
    case cannotOpen(node: String, ErrorNumber)
    /// A request that every camera must grant failed.
    case refused(node: String, operation: String, ErrorNumber)
    /// None of the wanted formats, offered: the camera's.
    case noFormat(node: String, wanted: [CameraFormat], offered: [FourCharacterCode])
    /// This build of FFmpeg cannot decode the camera's format.
    case noDecoder(node: String, CameraFormat)
    /// It was there and has gone: unplugged, or its driver unloaded.
    case gone(node: String)
    /// The driver reports errors again and again.
    case failing(node: String, ErrorNumber?)
    /// No frame for that long; the number of buffers that came and were unusable.
    case stalled(node: String, TimeSpan, unusable: Int)

    /// Whether there is no such device now, so that looking often is cheap and worth it.
    var isAbsence: Bool {
        switch self {
        case .notThere, .gone: true
        default: false
        }
    }
}

extension CameraError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidName(let name):
            "'\(name)' names no camera; expected a path (/dev/v4l/by-id/…) or usb:VVVV:PPPP[:serial] with hexadecimal numbers as lsusb shows them"
        case .notThere(let name):
            "\(name): no such camera; plug it in, or choose one that `fwoc-agent devices` lists"
        case .notCamera(let node, let detail):
            "\(node): this is no video capture device (\(detail)); a camera's other nodes carry metadata: choose the one whose name ends in video-index0"
        case .cannotOpen(let node, let number) where number.value == EACCES || number.value == EPERM:
            "\(node): permission denied; the user must be in the group that owns it (usually `usermod -aG video USER`), and a systemd unit needs DeviceAllow=char-video4linux rw"
        case .cannotOpen(let node, ErrorNumber(EBUSY)), .refused(let node, _, ErrorNumber(EBUSY)):
            "\(node): another program is using the camera; find it with `fuser -v \(node)` and stop it"
        case .cannotOpen(let node, let number):
            "\(node): cannot be opened: \(number)"
        case .refused(let node, let operation, let number):
            "\(node): the driver refused to \(operation): \(number); try another size or format, or plug the camera in again"
        case .noFormat(let node, let wanted, let offered):
            "\(node): offers \(offered.map(\.description).joined(separator: ", ")), expected one of \(wanted.map(\.rawValue).joined(separator: ", ")); add one of its formats to the configuration"
        case .noDecoder(let node, let format):
            "\(node): this build of FFmpeg has no decoder for \(format.rawValue); choose another format"
        case .gone(let node):
            "\(node): the camera has gone; plug it in again"
        case .failing(let node, let number):
            "\(node): the driver reports errors again and again\(number.map { " (\($0))" } ?? ""); check the cable and the USB bandwidth"
        case .stalled(let node, let time, 0):
            "\(node): no frame for \(time.seconds) s; check the cable, and the signal if this is a grabber"
        case .stalled(let node, let time, let unusable):
            "\(node): no usable frame for \(time.seconds) s, of \(unusable) that came; check the cable and the USB bandwidth"
        }
    }
}
