import Glibc
import Logging
import MediaFiles
import MediaTypes
import Synchronization

/// One camera from being opened to its failure: negotiates, streams, and turns buffers into frames of the ring. Thread-bound.
final class CameraSession {
    enum Progress {
        /// A frame was published, or left out on purpose.
        case frame
        /// A buffer came and could not be used.
        case unusable
        case nothing
    }

    private enum Source {
        case raw(RawPicture)
        case compressed(CameraDecoder)
    }

    /// Failures in a row that lead to a new start of the stream, and such starts without a good frame that lead to giving up.
    private static let mostFailures = 8, mostRestarts = 3
    /// A larger step in the driver's numbering is a new numbering.
    private static let largestGap: UInt32 = 1000

    let connection: CameraStatus.Connection
    private let stream: CaptureStream
    private let source: Source
    private let ring: FrameRing
    private let counters: CameraCounters
    private let logger: Logger
    private var clock: FrameClock
    private var lastSequence: UInt32?
    private var framesUntilNext = 0
    /// When the stream was asked for, and how many buffers may still be older.
    private var started: Instant
    private var staleLeft: Int
    private var failures = 0
    private var restarts = 0

    /// Opens the node and starts its stream.
    init(node: String, settings: CameraSettings, ring: FrameRing, counters: CameraCounters, logger: Logger) throws(CameraError) {
        started = MonotonicClock.now()
        var device = try CaptureDevice(node)
        guard device.identity.capturesVideo else { throw .notCamera(node: node, detail: "\(device.identity.driver), '\(device.identity.card)'") }
        let offers = device.offers()
        var choice = settings.choice(among: offers)
        if choice == nil, settings.formats.contains(.yuv420) {
            device = try CaptureDevice(node, converting: true)
            choice = device.offers().first { $0.format == .yuv420 }
        }
        guard let choice else { throw .noFormat(node: node, wanted: settings.formats, offered: offers.map(\.code)) }
        let picture = try device.setPicture(choice.code, width: settings.width, height: settings.height)
        guard let format = CameraFormat(picture.code), (1...16384).contains(picture.width), (1...16384).contains(picture.height) else {
            throw .noFormat(node: node, wanted: settings.formats, offered: [picture.code])
        }
        let rate = device.setRate(settings.rate)
        source = try Self.source(picture, format, node)
        stream = try CaptureStream(device, buffers: max(4, settings.buffers))
        staleLeft = stream.bufferCount
        clock = FrameClock(period: .seconds(1 / max(rate ?? settings.rate, 0.1)))
        self.ring = ring
        self.counters = counters
        self.logger = logger
        connection = CameraStatus.Connection(
            node: node, identity: device.identity, format: format, isEmulated: choice.isEmulated, width: picture.width, height: picture.height,
            askedRate: settings.rate, negotiatedRate: rate, buffers: stream.bufferCount)
        announce(settings, isInterlaced: picture.isInterlaced)
    }

    private static func source(_ picture: CapturedPicture, _ format: CameraFormat, _ node: String) throws(CameraError) -> Source {
        func decoder(_ coding: CameraDecoder.Coding) throws(CameraError) -> Source {
            guard let decoder = CameraDecoder(coding) else { throw .noDecoder(node: node, format) }
            return .compressed(decoder)
        }
        func raw(_ layout: RawPicture.Layout) -> Source {
            .raw(RawPicture(layout: layout, width: picture.width, height: picture.height, stride: picture.stride, colourSpace: picture.colourSpace))
        }
        switch format {
        case .mjpeg: return try decoder(.mjpeg)
        case .h264: return try decoder(.h264)
        case .yuyv: return raw(.yuyv)
        case .nv12: return raw(.nv12)
        case .yuv420: return raw(.yuv420)
        }
    }

    private func announce(_ settings: CameraSettings, isInterlaced: Bool) {
        let got = connection
        logger.info(
            "camera opened",
            metadata: [
                "node": "\(got.node)", "card": "\(got.identity.card)", "driver": "\(got.identity.driver)",
                "asked": "\(settings.formats.map(\.rawValue).joined(separator: " or ")) \(settings.width)x\(settings.height) at \(settings.rate)",
                "got": "\(got.format.rawValue)\(got.isEmulated ? " (by libv4l2)" : "") \(got.width)x\(got.height) at \(got.negotiatedRate.map { "\($0)" } ?? "an unknown rate")",
                "buffers": "\(got.buffers)",
            ])
        if isInterlaced { logger.warning("the camera delivers interlaced pictures; moving faces will be combed") }
    }

    /// Waits for a buffer at most that long, and uses it.
    /// - Throws: ``CameraError/gone(node:)`` or ``CameraError/failing(node:_:)``: the session is over.
    func step(_ longest: TimeSpan) throws(CameraError) -> Progress {
        guard stream.wait(longest) else { return .nothing }
        switch stream.take() {
        case .nothing:
            // Ready and yet nothing there: some drivers do, and would be asked without end.
            pause(milliseconds: 2)
            return .nothing
        case .failed(let number):
            switch number.value {
            case ENODEV, ENXIO, EBADF: throw .gone(node: connection.node)
            default: break
            }
            counters.inputErrors.increase()
            pause(milliseconds: 10)
            try failed(number)
            return .unusable
        case .filled(let filled):
            let arrival = MonotonicClock.now()
            let progress = use(filled, arrival)
            try stream.giveBack(filled)
            switch progress {
            case .frame:
                failures = 0
                restarts = 0
            case .unusable where filled.isDamaged: try failed(nil)
            case .unusable, .nothing: break
            }
            return progress
        }
    }

    private func failed(_ number: ErrorNumber?) throws(CameraError) {
        failures += 1
        guard failures >= Self.mostFailures else { return }
        failures = 0
        restarts += 1
        guard restarts <= Self.mostRestarts else { throw .failing(node: connection.node, number) }
        counters.streamRestarts.increase()
        logger.warning("camera stream restarted after errors", metadata: ["node": "\(connection.node)", "error": "\(number.map { "\($0)" } ?? "damaged buffers")"])
        started = MonotonicClock.now()
        staleLeft = stream.bufferCount
        try stream.restart()
        lastSequence = nil
    }

    /// Whether a frame was captured before the stream was asked for. v4l2loopback gives whoever opens it the last frame of a writer that
    /// may be long gone; taken for a good frame, it would make the camera online until the stall is noticed, at every attempt. Only as many
    /// as there are buffers are old: from then on, and from the first stamp that is not, the stamps are another clock's and say nothing.
    private func isStale(_ filled: CaptureStream.Filled) -> Bool {
        guard staleLeft > 0 else { return false }
        guard filled.stamp.nanoseconds > 0, filled.stamp.nanoseconds < started.nanoseconds else {
            staleLeft = 0
            return false
        }
        staleLeft -= 1
        return true
    }

    private func use(_ filled: CaptureStream.Filled, _ arrival: Instant) -> Progress {
        counters.bytes.increase(by: filled.bytes)
        guard !isStale(filled) else {
            counters.staleFrames.increase()
            return .nothing
        }
        let reading = clock.read(stamp: filled.stamp, isMonotonic: filled.isMonotonic, step: step(filled.sequence), arrival: arrival)
        if let fault = reading.fault { counters.count(fault) }
        counters.timestampSource.store(reading.source.rawValue, ordering: .relaxed)
        if filled.isDamaged {
            counters.damagedBuffers.increase()
            return .unusable
        }
        let isWanted = framesUntilNext == 0
        framesUntilNext = isWanted ? max(1, counters.frameDivisor.value) - 1 : min(framesUntilNext, counters.frameDivisor.value) - 1
        // What later H.264 pictures refer to must be decoded even if it is not wanted.
        if !isWanted, connection.format != .h264 {
            counters.shedFrames.increase()
            return .frame
        }
        return stream.withContent(of: filled) { publish($0, reading.instant, isWanted) }
    }

    private func publish(_ content: Span<UInt8>, _ instant: Instant, _ isWanted: Bool) -> Progress {
        var captured = instant
        let isPublished: Bool
        switch source {
        case .raw(let picture):
            guard content.count >= picture.leastBytes else { return unusable("a buffer of \(content.count) bytes, expected \(picture.leastBytes)") }
            isPublished = ring.write(width: picture.width, height: picture.height) { frame in
                frame.instant = instant
                picture.convert(content, into: frame)
                return true
            }
        case .compressed(let decoder):
            switch decoder.decode(content, at: instant) {
            case .needsMore: return .nothing
            case .damaged: return unusable(decoder.complaint)
            case .picture(let width, let height, let decoded):
                guard isWanted else {
                    counters.shedFrames.increase()
                    return .frame
                }
                captured = decoded
                isPublished = ring.write(width: width, height: height) { frame in
                    frame.instant = decoded
                    return decoder.copy(into: frame)
                }
                guard isPublished else { return unusable("pixels that cannot be converted") }
            }
        }
        counters.frames.increase()
        counters.lastFrame.store(captured.nanoseconds, ordering: .relaxed)
        return .frame
    }

    private func unusable(_ complaint: String) -> Progress {
        counters.decodeErrors.increase()
        logger.debug("camera picture not used", metadata: ["node": "\(connection.node)", "why": "\(complaint)"])
        return .unusable
    }

    /// By how much the driver's numbering has advanced; counts what is missing.
    private func step(_ sequence: UInt32) -> Int {
        defer { lastSequence = sequence }
        guard let lastSequence else { return 1 }
        let step = sequence &- lastSequence
        guard step >= 1, step <= Self.largestGap else { return 1 }
        counters.droppedByDriver.increase(by: Int(step) - 1)
        return Int(step)
    }

    private func pause(milliseconds: UInt32) { usleep(milliseconds * 1000) }
}
