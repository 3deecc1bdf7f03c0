import Capture
import Foundation
import LiveParts
import Logging
import MediaTypes
import Synchronization
import Testing

/// A folder that stands for `/`, with fake cameras under its `dev`.
final class FakeMachine {
    let root: String
    /// By path below the root.
    private var cameras: [String: FakeCamera] = [:]

    init() throws {
        try FakeCameraPlugin.require()
        // Without links in it: the plug-in sees the real path.
        let base = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path
        root = base + "/fwoc-camera-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root + "/dev", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    var locator: CameraLocator { CameraLocator(root: root) }

    /// One picture format of a camera.
    struct Mode {
        var code: String
        var width: Int
        var height: Int
        var rates = [25.0]
        var stride = 0
        /// Of the frames, one after the other.
        var frames: [UInt8]
    }

    /// Plugs a camera in at `path`, as `/dev/video0`; further lines of its settings as the plug-in reads them.
    func plug(_ path: String, _ modes: [Mode], _ settings: String...) throws {
        var lines = settings
        for (i, mode) in modes.enumerated() {
            let file = root + path + ".frames\(i)"
            try Data(mode.frames).write(to: URL(fileURLWithPath: file))
            let rates = mode.rates.map { "\($0)" }.joined(separator: ",")
            lines.append("mode \(mode.code) \(mode.width)x\(mode.height) \(rates) \(mode.stride) \(file)")
        }
        let camera = try FakeCamera(URL(fileURLWithPath: root + path), modes: lines)
        try camera.plug()
        cameras[path] = camera
    }

    func unplug(_ path: String) throws { try cameras[path]!.unplug() }

    /// A fault as the plug-in knows it, or none.
    func fail(_ path: String, _ fault: String?) throws { try cameras[path]!.fail(fault) }

    func link(_ path: String, to target: String) throws {
        try FileManager.default.createDirectory(atPath: (root + path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: root + path)
        try FileManager.default.createSymbolicLink(atPath: root + path, withDestinationPath: root + target)
    }

    /// A USB camera's entries in /sys.
    func describeUSB(_ node: String, vendor: String, product: String, serial: String?, port: String) throws {
        let device = root + "/sys/devices/usb1/\(port)"
        let interface = device + "/\(port):1.0"
        try FileManager.default.createDirectory(atPath: interface, withIntermediateDirectories: true)
        for (name, value) in [("idVendor", vendor), ("idProduct", product), ("serial", serial)] {
            try value.map { try ($0 + "\n").write(toFile: device + "/" + name, atomically: true, encoding: .utf8) }
        }
        let entry = root + "/sys/class/video4linux/\(node)"
        try FileManager.default.createDirectory(atPath: entry, withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: entry + "/device")
        try FileManager.default.createSymbolicLink(atPath: entry + "/device", withDestinationPath: interface)
    }
}

/// A camera under test, its states, and what a consumer took from it. Stops it when released.
final class CameraUnderTest {
    struct Frame {
        var instant: Instant
        var width: Int
        var height: Int
        var colourSpace: ColourSpace
        var planes: [[UInt8]]
        /// Of the read.
        var arrival: Instant
    }

    final class States: Sendable {
        private let list = Mutex<[(DeviceState, String)]>([])

        func append(_ state: DeviceState, _ reason: String) { list.withLock { $0.append((state, reason)) } }
        var all: [(state: DeviceState, reason: String)] { list.withLock { $0.map { ($0.0, $0.1) } } }
        var kinds: [DeviceState] { list.withLock { $0.map(\.0) } }
    }

    let camera: Camera
    let wake = WakeSignal()
    let states = States()

    init(_ settings: CameraSettings, _ machine: FakeMachine) {
        let states = states
        var logger = Logger(label: "camera", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        camera = Camera(settings: settings, wake: wake, logger: logger, locator: machine.locator) { states.append($0, $1) }
        camera.start()
    }

    deinit { camera.stop() }

    private static var now: Instant { Instant(nanoseconds: Int64(DispatchTime.now().uptimeNanoseconds)) }

    /// The next frames; fewer where they do not come in time.
    func take(_ count: Int, within seconds: Double = 20) -> [Frame] {
        var frames: [Frame] = []
        let end = Self.now + .seconds(seconds)
        while frames.count < count, Self.now < end {
            let frame = camera.read { frame in
                Frame(
                    instant: frame.instant, width: frame.width, height: frame.height, colourSpace: frame.colourSpace, planes: frame.copiedPlanes,
                    arrival: Self.now)
            }
            if let frame { frames.append(frame) } else { wake.wait(.milliseconds(50)) }
        }
        return frames
    }

    /// Whether it became so in time; frames are taken and thrown away meanwhile.
    func waits(_ seconds: Double = 20, for condition: (CameraStatus) -> Bool) -> Bool {
        let end = Self.now + .seconds(seconds)
        while Self.now < end {
            if condition(camera.status) { return true }
            while camera.read({ _ in () }) != nil {}
            wake.wait(.milliseconds(20))
        }
        return condition(camera.status)
    }
}

/// Pictures for fake cameras.
enum TestFrames {
    /// Random content in a raw format; the first byte (of luma) is the frame's number.
    static func raw(_ count: Int, bytes: Int) -> [[UInt8]] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { number in
            [UInt8(number)] + (1..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
    }

    /// JPEG files of a moving test picture with noise, so that no two are the same.
    static func jpegs(_ count: Int, width: Int, height: Int, pixels: String = "yuvj420p") throws -> [[UInt8]] {
        try withFolder { folder in
            let (status, output) = try ChildProcess.run(
                "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25,noise=alls=20:allf=t,scale=\(width):\(height)", "-frames:v", "\(count)", "-pix_fmt",
                pixels, "-q:v", "3", "-strict", "-1", folder + "/%03d.jpg"])
            guard status == 0 else { throw LivePartFailure("ffmpeg makes no JPEG files; install ffmpeg\n\(output)") }
            return try (1...count).map { number in
                let digits = String("00\(number)".suffix(3))
                return [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(digits).jpg")))
            }
        }
    }

    /// JPEG files, and their pictures as the ffmpeg program decodes them: luma, Cb and Cr, with chroma in half the rows.
    static func decodedJPEGs(_ count: Int, width: Int, height: Int, pixels: String) throws -> (files: [[UInt8]], pictures: [[[UInt8]]]) {
        let files = try jpegs(count, width: width, height: height, pixels: pixels)
        let raw = try withFolder { folder in
            try Data(files.joined()).write(to: URL(fileURLWithPath: folder + "/a.mjpeg"))
            let (status, output) = try ChildProcess.run("ffmpeg", ["-v", "error", "-i", folder + "/a.mjpeg", "-f", "rawvideo", "-pix_fmt", pixels, folder + "/a.yuv"])
            guard status == 0 else { throw LivePartFailure(output) }
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/a.yuv")))
        }
        let chromaWidth = (width + 1) / 2, chromaHeight = (height + 1) / 2
        let rows = pixels == "yuvj422p" ? height : chromaHeight
        func chroma(_ start: Int) -> [UInt8] {
            guard rows == height else { return Array(raw[start..<start + chromaWidth * rows]) }
            return (0..<chromaHeight * chromaWidth).map { i in
                let above = start + i / chromaWidth * 2 * chromaWidth + i % chromaWidth
                let below = i / chromaWidth * 2 + 1 < rows ? above + chromaWidth : above
                return UInt8((Int(raw[above]) + Int(raw[below]) + 1) / 2)
            }
        }
        let size = width * height + 2 * chromaWidth * rows
        guard raw.count == count * size else { throw LivePartFailure("ffmpeg decoded \(raw.count) bytes, expected \(count * size)") }
        let pictures = (0..<count).map { number in
            let start = number * size
            return [Array(raw[start..<start + width * height]), chroma(start + width * height), chroma(start + width * height + chromaWidth * rows)]
        }
        return (files, pictures)
    }

    /// An H.264 stream without delay, and its pictures as FFmpeg decodes them: planes one after the other.
    static func h264(_ count: Int, width: Int, height: Int) throws -> (stream: [UInt8], pictures: [[UInt8]]) {
        try withFolder { folder in
            let (status, output) = try ChildProcess.run(
                "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25,noise=alls=20:allf=t,scale=\(width):\(height)", "-frames:v", "\(count)", "-pix_fmt",
                "yuv420p", "-c:v", "libx264", "-tune", "zerolatency", "-x264-params", "aud=1:sliced-threads=0", "-f", "h264", folder + "/a.h264"])
            guard status == 0 else { throw LivePartFailure("ffmpeg makes no H.264; install ffmpeg with libx264\n\(output)") }
            let (decoded, complaint) = try ChildProcess.run("ffmpeg", ["-v", "error", "-i", folder + "/a.h264", "-f", "rawvideo", folder + "/a.yuv"])
            guard decoded == 0 else { throw LivePartFailure(complaint) }
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/a.yuv")))
            let size = bytes.count / count
            return ([UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/a.h264"))), (0..<count).map { Array(bytes[$0 * size..<($0 + 1) * size]) })
        }
    }

    static func withFolder<R>(_ body: (String) throws -> R) throws -> R {
        let folder = FileManager.default.temporaryDirectory.path + "/fwoc-frames-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }
}
