import CVideo4Linux
import Glibc
import MediaTypes

/// A V4L2 device that streams into buffers mapped into memory. Thread-bound.
@safe final class CaptureStream {
    /// A buffer that the driver has filled.
    struct Filled {
        var index: Int
        var bytes: Int
        var sequence: UInt32
        /// Since the zero of the driver's clock.
        var stamp: TimeSpan
        /// Whether the driver says that this clock is CLOCK_MONOTONIC.
        var isMonotonic: Bool
        /// The driver knows that the content is damaged.
        var isDamaged: Bool
    }

    enum Taken {
        case filled(Filled)
        case nothing
        case failed(ErrorNumber)
    }

    /// Mapped memory, unmapped in deinit.
    @safe private final class Buffer {
        let memory: UnsafeRawBufferPointer

        init?(_ device: CaptureDevice, _ index: Int) {
            var length = 0
            guard let start = unsafe fwoc_v4l2_map_buffer(device.descriptor, UInt32(index), &length) else { return nil }
            unsafe memory = UnsafeRawBufferPointer(start: start, count: length)
        }

        deinit { unsafe fwoc_v4l2_unmap_buffer(UnsafeMutableRawPointer(mutating: memory.baseAddress!), memory.count) }
    }

    let device: CaptureDevice
    private var buffers: [Buffer] = []

    /// Maps the buffers and starts the stream.
    /// - Throws: ``CameraError/refused(node:operation:_:)`` or ``CameraError/gone(node:)``.
    init(_ device: CaptureDevice, buffers count: Int) throws(CameraError) {
        self.device = device
        var granted = UInt32(clamping: count)
        guard unsafe fwoc_v4l2_request_buffers(device.descriptor, &granted) == 0 else { throw device.failure("give buffers") }
        guard granted >= 2 else {
            throw .refused(node: device.node, operation: "give more than \(granted) buffers", ErrorNumber(ENOMEM))
        }
        for index in 0..<Int(granted) {
            guard let buffer = Buffer(device, index) else { throw device.failure("map a buffer") }
            buffers.append(buffer)
        }
        try start()
    }

    deinit {
        _ = fwoc_v4l2_stream(device.descriptor, false)
        buffers = []
        var none: UInt32 = 0
        _ = unsafe fwoc_v4l2_request_buffers(device.descriptor, &none)
    }

    var bufferCount: Int { buffers.count }

    private func start() throws(CameraError) {
        for index in buffers.indices {
            guard fwoc_v4l2_queue(device.descriptor, UInt32(index)) == 0 else { throw device.failure("queue a buffer") }
        }
        guard fwoc_v4l2_stream(device.descriptor, true) == 0 else { throw device.failure("start the stream") }
    }

    /// Stops and starts the stream, with every buffer empty.
    func restart() throws(CameraError) {
        guard fwoc_v4l2_stream(device.descriptor, false) == 0 else { throw device.failure("stop the stream") }
        try start()
    }

    /// Waits for a buffer. True also where the device has an error to report.
    func wait(_ longest: TimeSpan) -> Bool {
        var request = pollfd(fd: device.descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, CInt(clamping: longest.nanoseconds / 1_000_000)) > 0
    }

    /// Takes the next filled buffer, which is ours until ``giveBack(_:)``.
    func take() -> Taken {
        var filled = fwoc_v4l2_filled_buffer()
        guard unsafe fwoc_v4l2_dequeue(device.descriptor, &filled) == 0 else {
            let reason = ErrorNumber.last
            return reason.value == EAGAIN ? .nothing : .failed(reason)
        }
        guard filled.index < buffers.count else { return .failed(ErrorNumber(EIO)) }
        return .filled(
            Filled(
                index: Int(filled.index), bytes: min(Int(filled.used), unsafe buffers[Int(filled.index)].memory.count), sequence: filled.sequence,
                stamp: TimeSpan(nanoseconds: filled.nanoseconds), isMonotonic: filled.monotonic, isDamaged: filled.damaged))
    }

    /// The content of a buffer that was taken.
    func withContent<R>(of filled: Filled, _ body: (Span<UInt8>) -> R) -> R {
        let buffer = buffers[filled.index]
        let content = unsafe UnsafeRawBufferPointer(rebasing: buffer.memory[..<filled.bytes])
        return unsafe content.withMemoryRebound(to: UInt8.self) { unsafe body($0.span) }
    }

    func giveBack(_ filled: Filled) throws(CameraError) {
        guard fwoc_v4l2_queue(device.descriptor, UInt32(filled.index)) == 0 else { throw device.failure("take a buffer back") }
    }
}
