import CVideo4Linux
import Glibc
import MediaTypes

/// An open V4L2 device, by libv4l2. Thread-bound.
final class CaptureDevice {
    let node: String
    let identity: DeviceIdentity
    let descriptor: CInt

    /// - Parameter converting: lets libv4l2 offer formats that it makes out of the driver's.
    init(_ node: String, converting: Bool = false) throws(CameraError) {
        self.node = node
        fwoc_v4l2_silence()
        descriptor = unsafe fwoc_v4l2_open(node, converting)
        guard descriptor >= 0 else {
            let reason = ErrorNumber.last
            switch reason.value {
            case ENOENT, ENOTDIR, ENODEV, ENXIO: throw .notThere(name: node)
            // What a file that is no V4L2 device answers.
            case ENOTTY, EINVAL, EISDIR: throw .notCamera(node: node, detail: "\(reason)")
            default: throw .cannotOpen(node: node, reason)
            }
        }
        var answer = fwoc_v4l2_identity()
        guard unsafe fwoc_v4l2_identify(descriptor, &answer) == 0 else {
            let reason = ErrorNumber.last
            fwoc_v4l2_close(descriptor)
            throw .notCamera(node: node, detail: "\(reason)")
        }
        identity = DeviceIdentity(
            driver: String(nullTerminated: answer.driver), card: String(nullTerminated: answer.card), bus: String(nullTerminated: answer.bus),
            capturesVideo: answer.captures && answer.streams)
    }

    deinit { fwoc_v4l2_close(descriptor) }

    /// The formats with their sizes and rates, in the driver's order. A driver that names no sizes has none here.
    func offers() -> [CameraOffer] {
        var offers: [CameraOffer] = []
        var format = fwoc_v4l2_described_format()
        // A bound, for drivers that never say no.
        while offers.count < 64, unsafe fwoc_v4l2_describe_format(descriptor, UInt32(offers.count), &format) == 0 {
            offers.append(
                CameraOffer(
                    code: FourCharacterCode(format.code), description: String(nullTerminated: format.description),
                    isCompressed: format.compressed, isEmulated: format.emulated, sizes: sizes(format.code)))
        }
        return offers
    }

    private func sizes(_ code: UInt32) -> [CameraOffer.Size] {
        var sizes: [CameraOffer.Size] = []
        var answer = fwoc_v4l2_size()
        while sizes.count < 128, unsafe fwoc_v4l2_describe_size(descriptor, code, UInt32(sizes.count), &answer) == 0 {
            guard answer.least_width <= answer.greatest_width, answer.least_height <= answer.greatest_height else { break }
            sizes.append(
                CameraOffer.Size(
                    widths: Int(answer.least_width)...Int(answer.greatest_width), heights: Int(answer.least_height)...Int(answer.greatest_height),
                    rates: rates(code, answer.greatest_width, answer.greatest_height)))
        }
        return sizes
    }

    private func rates(_ code: UInt32, _ width: UInt32, _ height: UInt32) -> [ClosedRange<Double>] {
        var rates: [ClosedRange<Double>] = []
        var answer = fwoc_v4l2_rate()
        while rates.count < 64, unsafe fwoc_v4l2_describe_rate(descriptor, code, width, height, UInt32(rates.count), &answer) == 0 {
            guard answer.least >= 0, answer.least <= answer.greatest else { break }
            rates.append(answer.least...answer.greatest)
        }
        return rates
    }

    /// Asks for pictures of that kind, and returns what the driver makes of it.
    func setPicture(_ code: FourCharacterCode, width: Int, height: Int) throws(CameraError) -> CapturedPicture {
        var picture = fwoc_v4l2_picture()
        picture.code = code.value
        picture.width = UInt32(clamping: width)
        picture.height = UInt32(clamping: height)
        guard unsafe fwoc_v4l2_set_picture(descriptor, &picture) == 0 else { throw failure("set the picture format") }
        let matrix: ColourSpace.Matrix =
            switch picture.matrix {
            case FWOC_V4L2_BT709: .bt709
            case FWOC_V4L2_BT2020: .bt2020
            default: .bt601
            }
        return CapturedPicture(
            code: FourCharacterCode(picture.code), width: Int(picture.width), height: Int(picture.height), stride: Int(picture.bytes_per_line),
            colourSpace: ColourSpace(matrix: matrix, isFullRange: picture.full_range), isInterlaced: picture.interlaced)
    }

    /// Asks for that many frames per second, and returns what the driver makes of it; nil where it has no say in that.
    func setRate(_ rate: Double) -> Double? {
        var thousandths = UInt32(clamping: Int((min(max(rate, 0), 1e6) * 1000).rounded()))
        guard unsafe fwoc_v4l2_set_rate(descriptor, &thousandths) == 0, thousandths > 0 else { return nil }
        return Double(thousandths) / 1000
    }

    /// The failure of a request, from `errno`.
    func failure(_ operation: String) -> CameraError {
        let reason = ErrorNumber.last
        switch reason.value {
        case ENODEV, ENXIO: return .gone(node: node)
        default: return .refused(node: node, operation: operation, reason)
        }
    }
}

/// What a V4L2 device says of itself.
public struct DeviceIdentity: Hashable, Sendable {
    public var driver: String
    /// The device's name for people.
    public var card: String
    /// Where it is plugged in.
    public var bus: String
    /// Whether the node streams video into memory.
    public var capturesVideo: Bool
}

/// Pictures as a driver has agreed to deliver them.
struct CapturedPicture {
    var code: FourCharacterCode
    var width: Int
    var height: Int
    /// Bytes from one row to the next; 0 in compressed formats.
    var stride: Int
    var colourSpace: ColourSpace
    var isInterlaced: Bool
}

extension String {
    /// The text of a C array of characters, up to its first zero.
    fileprivate init<T>(nullTerminated characters: T) {
        self = unsafe withUnsafeBytes(of: characters) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
