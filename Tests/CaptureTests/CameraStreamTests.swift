import Capture
import Foundation
import MediaTypes
import Testing

/// Whole cameras: a plug-in of libv4l2 delivers known frames, and what the consumer reads is compared with them.
@Suite struct CameraStreamTests {
    static let raw: [(code: String, layout: RawPicture.Layout, format: CameraFormat)] = [
        ("YUYV", .yuyv, .yuyv), ("NV12", .nv12, .nv12), ("YU12", .yuv420, .yuv420),
    ]

    @Test(arguments: 0..<3, [(64, 48, 0), (33, 17, 0), (50, 21, 128)])
    func rawFramesArriveExactly(kind: Int, size: (Int, Int, Int)) throws {
        let (code, layout, format) = Self.raw[kind]
        let (width, height, stride) = size
        // As the plug-in: rows of an even width.
        let row = max(stride, (width + 1) / 2 * (layout == .yuyv ? 4 : 2))
        let picture = RawPicture(
            layout: layout, width: width, height: height, stride: row, colourSpace: ColourSpace(matrix: .bt601, isFullRange: false))
        let contents = TestFrames.raw(50, bytes: picture.leastBytes + (layout == .yuyv ? row - (width + 1) / 2 * 4 : layout == .nv12 ? row - (width + 1) / 2 * 2 : row / 2 - (width + 1) / 2))
        let machine = try FakeMachine()
        try machine.plug(
            "/dev/video0", [FakeMachine.Mode(code: code, width: width, height: height, rates: [100], stride: row, frames: Array(contents.joined()))])
        let camera = CameraUnderTest(
            CameraSettings(device: "/dev/video0", width: width, height: height, rate: 100, formats: [format], ringFrames: 16), machine)
        let frames = camera.take(60)
        #expect(frames.count == 60)
        for frame in frames {
            let number = Int(frame.planes[0][0])
            try #require(number < 50)
            #expect(frame.planes == RawPictureReference.planes(contents[number], picture))
            #expect(frame.width == width && frame.height == height && frame.colourSpace == picture.colourSpace)
        }
        #expect(zip(frames, frames.dropFirst()).allSatisfy { $0.instant < $1.instant })
        let status = camera.camera.status
        #expect(status.connection?.format == format && status.state == .online && status.decodeErrors == 0)
        #expect(status.timestampSource == .driver && status.timestampFaults.isEmpty)
        // What is lost on a busy machine is counted: the numbers of the frames say how many were.
        let numbers = frames.map { Int($0.planes[0][0]) }
        let missing = zip(numbers, numbers.dropFirst()).reduce(0) { $0 + ($1.1 - $1.0 + 50) % 50 - 1 }
        #expect(missing <= status.droppedByRing + status.droppedByDriver)
    }

    @Test(arguments: ["yuvj420p", "yuvj422p"], [(64, 48), (51, 33)])
    func jpegFramesArriveExactly(pixels: String, size: (Int, Int)) throws {
        let (jpegs, references) = try TestFrames.decodedJPEGs(20, width: size.0, height: size.1, pixels: pixels)
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [FakeMachine.Mode(code: "MJPG", width: size.0, height: size.1, rates: [50], frames: Array(jpegs.joined()))], "stale", "patient")
        let camera = CameraUnderTest(
            CameraSettings(device: "/dev/video0", width: size.0, height: size.1, rate: 50, formats: [.mjpeg], ringFrames: 16), machine)
        let frames = camera.take(40)
        #expect(frames.count == 40)
        let numbers = frames.compactMap { frame in references.firstIndex(of: frame.planes) }
        #expect(numbers.count == 40, "every frame is one of the file's")
        #expect(numbers.first == 0, "the first buffer, with stale bytes behind its picture, is used too")
        #expect(frames.allSatisfy { $0.colourSpace == ColourSpace(matrix: .bt601, isFullRange: true) })
        let missing = zip(numbers, numbers.dropFirst()).reduce(0) { $0 + ($1.1 - $1.0 + 20) % 20 - 1 }
        let status = camera.camera.status
        #expect(missing <= status.droppedByRing + status.droppedByDriver)
        #expect(status.decodeErrors == 0)
    }

    @Test func h264FramesArriveExactly() throws {
        let (stream, pictures) = try TestFrames.h264(25, width: 64, height: 48)
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [FakeMachine.Mode(code: "H264", width: 64, height: 48, rates: [25], frames: stream)], "patient")
        let camera = CameraUnderTest(
            CameraSettings(device: "/dev/video0", width: 64, height: 48, formats: [.h264], buffers: 16, ringFrames: 32), machine)
        let frames = camera.take(50)
        #expect(frames.count == 50)
        let status = camera.camera.status
        #expect(status.decodeErrors == 0)
        let numbers = frames.compactMap { pictures.firstIndex(of: Array($0.planes.joined())) }
        #expect(numbers.count == 50 && numbers.first == 0)
        let missing = zip(numbers, numbers.dropFirst()).reduce(0) { $0 + ($1.1 - $1.0 + 25) % 25 - 1 }
        #expect(missing <= status.droppedByRing && status.droppedByDriver == 0)
        #expect(frames.allSatisfy { $0.instant <= $0.arrival })
    }

    /// libv4l2 makes 4:2:0 out of what this project cannot read.
    @Test func exoticFormatsByConversion() throws {
        let machine = try FakeMachine()
        let grey = [UInt8](repeating: 128, count: 64 * 48 * 3)
        try machine.plug("/dev/video0", [FakeMachine.Mode(code: "RGB3", width: 64, height: 48, rates: [50], frames: grey)])
        let camera = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 64, height: 48, rate: 50), machine)
        let frames = camera.take(5)
        #expect(frames.count == 5)
        let connection = try #require(camera.camera.status.connection)
        #expect(connection.isEmulated && connection.format == .yuv420)
        #expect(frames.allSatisfy { $0.planes[1].allSatisfy { abs(Int($0) - 128) <= 1 } && $0.planes[0].allSatisfy { abs(Int($0) - 126) <= 3 } })
    }

    @Test func theFormatThatReachesTheRateIsTaken() throws {
        let machine = try FakeMachine()
        let jpegs = try TestFrames.jpegs(4, width: 64, height: 48)
        try machine.plug(
            "/dev/video0",
            [
                FakeMachine.Mode(code: "YUYV", width: 64, height: 48, rates: [10, 5], frames: [UInt8](repeating: 7, count: 64 * 48 * 2)),
                FakeMachine.Mode(code: "MJPG", width: 64, height: 48, rates: [30, 15], frames: Array(jpegs.joined())),
            ], "card Two Formats")
        let camera = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 64, height: 48, rate: 25, formats: [.yuyv, .mjpeg]), machine)
        #expect(camera.take(3).count == 3)
        let connection = try #require(camera.camera.status.connection)
        #expect(connection.format == .mjpeg && connection.askedRate == 25 && connection.negotiatedRate == 30)
        #expect(connection.node == machine.root + "/dev/video0" && connection.identity.card == "Two Formats")
        #expect(connection.buffers >= 4)

        let slow = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 64, height: 48, rate: 5, formats: [.yuyv, .mjpeg]), machine)
        #expect(slow.take(2).count == 2)
        #expect(slow.camera.status.connection?.format == .yuyv && slow.camera.status.connection?.negotiatedRate == 5)
    }

    /// Frames come as often as was negotiated: by their instants, which a busy machine does not move.
    @Test(arguments: [20.0, 50.0]) func rates(rate: Double) throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [FakeMachine.Mode(code: "YUYV", width: 16, height: 16, rates: [20, 50], frames: [UInt8](repeating: 7, count: 512))])
        let camera = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 16, height: 16, rate: rate, ringFrames: 32), machine)
        let frames = camera.take(40)
        try #require(frames.count == 40)
        let status = camera.camera.status
        let lost = status.droppedByDriver + status.droppedByRing
        let span = (frames[39].instant - frames[0].instant).seconds
        #expect(span > 39 / rate * 0.9 && span < (39 + Double(lost)) / rate + 0.5)
    }

    @Test(arguments: [("zero", FrameClock.Fault.zero, FrameClock.Source.arrival), ("frozen", .frozen, .arrival), ("wall", .otherClock, .movedDriver), ("ahead", .ahead, .movedDriver)])
    func stamps(kind: String, fault: FrameClock.Fault, source: FrameClock.Source) throws {
        let machine = try FakeMachine()
        try machine.plug(
            "/dev/video0", [FakeMachine.Mode(code: "YUYV", width: 16, height: 16, rates: [50], frames: [UInt8](repeating: 7, count: 512))], "stamps \(kind)")
        let camera = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 16, height: 16, rate: 50), machine)
        let frames = camera.take(30)
        #expect(frames.count == 30)
        #expect(zip(frames, frames.dropFirst()).allSatisfy { $0.instant < $1.instant })
        #expect(frames.allSatisfy { $0.instant <= $0.arrival && $0.arrival - $0.instant < .seconds(2) })
        let status = camera.camera.status
        #expect(status.timestampSource == source)
        #expect(status.timestampFaults[fault, default: 0] >= 25)
    }

    @Test func gapsAndDropsAndShedFramesAreCounted() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [FakeMachine.Mode(code: "YUYV", width: 16, height: 16, rates: [100], frames: [UInt8](repeating: 7, count: 512))])
        try machine.fail("/dev/video0", "gap")
        let camera = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 16, height: 16, rate: 100), machine)
        // Nobody reads.
        let end = Date().addingTimeInterval(20)
        while camera.camera.status.frames < 50, Date() < end { Thread.sleep(forTimeInterval: 0.02) }
        camera.camera.stop()
        let status = camera.camera.status
        #expect(status.frames >= 50)
        #expect(status.droppedByRing == status.frames - 4)
        #expect(status.droppedByDriver >= 3 * (status.frames - 1))
        #expect(status.shedFrames == 0 && status.bytes >= status.frames * 512)

        camera.camera.setFrameDivisor(4)
        camera.camera.start()
        let isDone = camera.waits { $0.shedFrames >= 60 }
        camera.camera.stop()
        let after = camera.camera.status
        #expect(isDone)
        #expect(abs(Double(after.shedFrames) / 3 - Double(after.frames - status.frames)) <= 1)
    }

    @Test func inventory() throws {
        let machine = try FakeMachine()
        let frame = [UInt8](repeating: 7, count: 64 * 48 * 2)
        try machine.plug(
            "/dev/video10",
            [
                FakeMachine.Mode(code: "YUYV", width: 64, height: 48, rates: [30, 15], frames: frame),
                FakeMachine.Mode(code: "YUYV", width: 32, height: 24, rates: [60], frames: frame),
                FakeMachine.Mode(code: "RGB3", width: 32, height: 24, rates: [5], frames: frame),
            ], "card Two Sizes", "bus usb-0000:00:14.0-3")
        try machine.plug("/dev/video2", [FakeMachine.Mode(code: "YUYV", width: 64, height: 48, frames: frame)], "metadata")
        try Data().write(to: URL(fileURLWithPath: machine.root + "/dev/video3"))
        try machine.link("/dev/v4l/by-id/usb-Two_Sizes-video-index0", to: "/dev/video10")
        try machine.link("/dev/v4l/by-path/pci-3-video-index0", to: "/dev/video10")
        try machine.describeUSB("video10", vendor: "046d", product: "0825", serial: "A1", port: "1-3")
        let inventory = CameraInventory(machine.locator)
        #expect(inventory.failures == [])
        let camera = try #require(inventory.cameras.first)
        #expect(inventory.cameras.count == 1)
        #expect(camera.node == machine.root + "/dev/video10")
        #expect(camera.names == ["/dev/v4l/by-id/usb-Two_Sizes-video-index0", "/dev/v4l/by-path/pci-3-video-index0", "usb:046d:0825:A1"])
        #expect(camera.identity.card == "Two Sizes" && camera.identity.driver == "fake-camera" && camera.identity.bus == "usb-0000:00:14.0-3")
        #expect(camera.offers.map(\.code.description) == ["YUYV", "RGB3"] && camera.offers.map(\.format) == [.yuyv, nil])
        #expect(camera.offers[0].sizes.map(\.widths) == [64...64, 32...32])
        #expect(camera.offers[0].sizes[0].rates == [30...30, 15...15])
    }
}
