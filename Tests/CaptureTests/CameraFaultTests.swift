import Capture
import Foundation
import MediaTypes
import Testing

/// Cameras that go, return, hang and fail, while the process runs on.
@Suite struct CameraFaultTests {
    private static let mode = FakeMachine.Mode(code: "YUYV", width: 16, height: 16, rates: [50], frames: [UInt8](repeating: 7, count: 512))

    private func settings(_ device: String, stallAfter: Double = 2) -> CameraSettings {
        CameraSettings(device: device, width: 16, height: 16, rate: 50, stallAfter: .seconds(stallAfter))
    }

    @Test func aMissingCameraIsAwaited() throws {
        let machine = try FakeMachine()
        let camera = CameraUnderTest(settings("/dev/v4l/by-id/usb-x-video-index0"), machine)
        let isAwaited = camera.waits { $0.state == .reconnecting && $0.reason.contains("no such camera") }
        #expect(isAwaited)
        #expect(camera.camera.status.reason.contains("fwoc-agent devices"))
        try machine.plug("/dev/video0", [Self.mode])
        try machine.link("/dev/v4l/by-id/usb-x-video-index0", to: "/dev/video0")
        #expect(camera.take(5).count == 5)
        #expect(camera.states.kinds == [.reconnecting, .reconnecting, .online])
        let status = camera.camera.status
        #expect(status.reconnects == 0 && status.connection?.node == machine.root + "/dev/video0")
        camera.camera.stop()
        #expect(camera.states.kinds.last == .offline)
    }

    /// Unplugged, and back: on the same node, on another that its link names, and with another size.
    @Test func unpluggedAndBack() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode])
        try machine.link("/dev/v4l/by-id/usb-x-video-index0", to: "/dev/video0")
        let camera = CameraUnderTest(settings("/dev/v4l/by-id/usb-x-video-index0"), machine)
        #expect(camera.take(5).count == 5)

        try machine.unplug("/dev/video0")
        let isNoticed = camera.waits { $0.state == .reconnecting }
        #expect(isNoticed)
        try machine.plug("/dev/video0", [Self.mode])
        let isBack = camera.waits { $0.state == .online && $0.reconnects == 1 }
        #expect(isBack)
        #expect(camera.take(5).count == 5)

        try machine.unplug("/dev/video0")
        let isNoticedAgain = camera.waits { $0.state == .reconnecting }
        #expect(isNoticedAgain)
        var larger = Self.mode
        larger.width = 32
        larger.frames = [UInt8](repeating: 9, count: 1024)
        try machine.plug("/dev/video4", [larger])
        try machine.link("/dev/v4l/by-id/usb-x-video-index0", to: "/dev/video4")
        let isElsewhere = camera.waits { $0.state == .online && $0.reconnects == 2 }
        #expect(isElsewhere)
        let frames = camera.take(20)
        #expect(frames.count == 20)
        #expect(frames.last.map { [$0.width, $0.height, Int($0.planes[0][0])] } == [32, 16, 9])
        #expect(camera.camera.status.connection?.node == machine.root + "/dev/video4")
        #expect(camera.states.all.contains { $0.state == .reconnecting && $0.reason.contains("has gone") })
    }

    /// A plain node's camera is recognised when it comes back under another number; another camera is not taken for it.
    @Test func anotherNumber() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode], "card Mine", "bus usb-3")
        try machine.plug("/dev/video1", [Self.mode], "card Other", "bus usb-4")
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        #expect(camera.take(3).count == 3)
        try machine.unplug("/dev/video0")
        let isMissed = camera.waits { $0.reason.contains("no such camera") }
        #expect(isMissed)
        try machine.plug("/dev/video7", [Self.mode], "card Mine", "bus usb-3")
        let isBack = camera.waits { $0.state == .online }
        #expect(isBack)
        #expect(camera.camera.status.connection?.node == machine.root + "/dev/video7")
    }

    /// In another socket it is another place, but the same USB device; of two that look alike neither is taken.
    @Test func anotherSocket() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode], "card Mine", "bus usb-3")
        try machine.describeUSB("video0", vendor: "046d", product: "0825", serial: nil, port: "1-3")
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        #expect(camera.take(3).count == 3)
        for node in ["video5", "video6"] {
            try machine.plug("/dev/\(node)", [Self.mode], "card Mine", "bus usb-\(node)")
            try machine.describeUSB(node, vendor: "046d", product: "0825", serial: nil, port: "2-\(node)")
        }
        try machine.unplug("/dev/video0")
        let isMissed = camera.waits { $0.reason.contains("no such camera") }
        #expect(isMissed)
        try machine.unplug("/dev/video5")
        let isFound = camera.waits { $0.state == .online }
        #expect(isFound)
        #expect(camera.camera.status.connection?.node == machine.root + "/dev/video6")
    }

    @Test func byUSBIdentity() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode], "card First")
        try machine.plug("/dev/video1", [Self.mode], "card Second", "metadata")
        try machine.plug("/dev/video2", [Self.mode], "card Second")
        try machine.describeUSB("video0", vendor: "046d", product: "0825", serial: "A1", port: "1-1")
        try machine.describeUSB("video1", vendor: "046d", product: "0825", serial: "B2", port: "1-2")
        try machine.describeUSB("video2", vendor: "046d", product: "0825", serial: "B2", port: "1-2")
        let second = CameraUnderTest(settings("usb:046d:0825:B2"), machine)
        #expect(second.take(2).count == 2)
        #expect(second.camera.status.connection?.node == machine.root + "/dev/video2", "the first node of that device carries metadata")
        let first = CameraUnderTest(settings("usb:046D:0825"), machine)
        #expect(first.take(2).count == 2)
        #expect(first.camera.status.connection?.node == machine.root + "/dev/video0")
        let none = CameraUnderTest(settings("usb:046d:0825:C3"), machine)
        let isMissing = none.waits { $0.reason.contains("usb:046d:0825:C3: no such camera") }
        #expect(isMissing)
    }

    @Test func aStallIsNoSignalAndEnds() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode])
        let camera = CameraUnderTest(settings("/dev/video0", stallAfter: 0.6), machine)
        #expect(camera.take(5).count == 5)
        try machine.fail("/dev/video0", "stall")
        let isReopened = camera.waits { $0.state == .noSignal && $0.reconnects >= 1 }
        #expect(isReopened)
        #expect(camera.camera.status.reason.contains("no frame for 0.6 s"))
        try machine.fail("/dev/video0", nil)
        let isBack = camera.waits { $0.state == .online }
        #expect(isBack)
        #expect(camera.take(3).count == 3)
        #expect(!camera.states.kinds.dropFirst(2).contains(.reconnecting), "it was there all the time")
    }

    /// v4l2loopback gives its last frame to whoever opens it.
    @Test(arguments: [0.3, 60]) func aFrameFromBeforeTheOpeningIsNone(age: Double) throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode], "leftover \(age)")
        try machine.fail("/dev/video0", "stall")
        let camera = CameraUnderTest(settings("/dev/video0", stallAfter: 0.5), machine)
        let isReopened = camera.waits { $0.reconnects >= 2 }
        #expect(isReopened)
        #expect(camera.camera.status.frames == 0 && camera.camera.status.staleFrames >= 3)
        #expect(!camera.states.kinds.contains(.online), "\(camera.states.all)")
        try machine.fail("/dev/video0", nil)
        let isBack = camera.waits { $0.state == .online }
        #expect(isBack)
        let frames = camera.take(5)
        #expect(frames.count == 5)
        #expect(frames.allSatisfy { ($0.arrival - $0.instant).seconds < age })
    }

    /// Stamps that are all older than the opening are another clock's, and its frames are good.
    @Test func aClockOfItsOwnIsNotStale() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode], "stamps own")
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        let frames = camera.take(10)
        #expect(frames.count == 10)
        let status = camera.camera.status
        #expect(status.state == .online && status.staleFrames == status.connection?.buffers)
    }

    @Test func stopWhileItStalls() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode])
        try machine.fail("/dev/video0", "stall")
        let camera = CameraUnderTest(settings("/dev/video0", stallAfter: 60), machine)
        let isOpen = camera.waits { $0.connection != nil }
        #expect(isOpen)
        let isJoined = camera.camera.stop()
        #expect(isJoined, "the thread has ended within its second")
        #expect(camera.camera.status.state == .offline)
        let isStoppedTwice = camera.camera.stop()
        #expect(isStoppedTwice)
        try machine.fail("/dev/video0", nil)
        camera.camera.start()
        #expect(camera.take(3).count == 3, "it can be started again")
    }

    @Test func stopWhileItIsAwaited() throws {
        let machine = try FakeMachine()
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        Thread.sleep(forTimeInterval: 0.8)
        let isJoined = camera.camera.stop()
        #expect(isJoined)
    }

    @Test(arguments: ["eio", "damaged"]) func errorsRestartTheStream(fault: String) throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode])
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        #expect(camera.take(5).count == 5)
        try machine.fail("/dev/video0", fault)
        let isRestarted = camera.waits { $0.streamRestarts >= 1 }
        #expect(isRestarted)
        let status = camera.camera.status
        #expect(fault == "eio" ? status.inputErrors >= 8 : status.damagedBuffers >= 8)
        let isGivenUp = camera.waits { $0.state == .reconnecting && $0.reason.contains("errors again and again") }
        #expect(isGivenUp)
        try machine.fail("/dev/video0", nil)
        let isBack = camera.waits { $0.state == .online }
        #expect(isBack)
        #expect(camera.take(3).count == 3)
    }

    @Test func uselessFramesAreNoSignal() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode])
        try machine.fail("/dev/video0", "short")
        let camera = CameraUnderTest(settings("/dev/video0", stallAfter: 0.5), machine)
        let isSilent = camera.waits { $0.state == .noSignal }
        #expect(isSilent)
        let status = camera.camera.status
        #expect(status.reason.contains("no usable frame"))
        #expect(status.decodeErrors > 0 && status.frames == 0)
    }

    /// Pictures that break off are counted and not shown.
    @Test func damagedPictures() throws {
        var jpegs = try TestFrames.jpegs(4, width: 64, height: 48)
        jpegs[1] = Array(jpegs[1].prefix(jpegs[1].count / 2)) + [0xFF, 0xD9]
        jpegs[2] = [0xFF, 0xD8, 0xFF, 0xD9]
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [FakeMachine.Mode(code: "MJPG", width: 64, height: 48, rates: [50], frames: Array(jpegs.joined()))])
        let camera = CameraUnderTest(CameraSettings(device: "/dev/video0", width: 64, height: 48, rate: 50), machine)
        let frames = camera.take(12)
        #expect(frames.count == 12)
        #expect(Set(frames.map { $0.planes[0] }).count == 2)
        #expect(camera.camera.status.decodeErrors >= 10)
    }

    @Test func refusals() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode])
        try machine.fail("/dev/video0", "busy")
        let busy = CameraUnderTest(settings("/dev/video0"), machine)
        let isBusy = busy.waits { $0.state == .reconnecting && $0.reason.contains("another program is using the camera; find it with `fuser -v") }
        #expect(isBusy)
        try machine.fail("/dev/video0", nil)
        let isFree = busy.waits { $0.state == .online }
        #expect(isFree)

        try machine.plug("/dev/video1", [Self.mode], "metadata")
        let metadata = CameraUnderTest(settings("/dev/video1"), machine)
        let isRefused = metadata.waits { $0.reason.contains("no video capture device") && $0.reason.contains("video-index0") }
        #expect(isRefused)

        let nameless = CameraUnderTest(settings("video0"), machine)
        let isNameless = nameless.waits { $0.reason.contains("names no camera") }
        #expect(isNameless)

        var wrong = settings("/dev/video0")
        wrong.formats = [.mjpeg]
        let formatless = CameraUnderTest(wrong, machine)
        let isFormatless = formatless.waits { $0.reason.contains("offers YUYV, expected one of mjpeg") }
        #expect(isFormatless)
    }

    /// Root may open any node, so the plug-in refuses in the kernel's place.
    @Test func permissionDenied() throws {
        let machine = try FakeMachine()
        try machine.plug("/dev/video0", [Self.mode], "forbidden")
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        let isDenied = camera.waits { $0.state == .reconnecting && $0.reason.contains("permission denied") && $0.reason.contains("usermod -aG video") }
        #expect(isDenied)
        #expect(CameraInventory(machine.locator).failures.count == 1)
    }

    @Test func aFileIsNoCamera() throws {
        let machine = try FakeMachine()
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: machine.root + "/dev/video0"))
        let camera = CameraUnderTest(settings("/dev/video0"), machine)
        let isRefused = camera.waits { $0.reason.contains("no video capture device") }
        #expect(isRefused)
    }
}
