import MediaTypes

/// A camera at one moment: what it does, as what, and what it has cost. The counts are of the whole life of the ``Camera``.
public struct CameraStatus: Hashable, Sendable {
    public var state: DeviceState
    /// Why it is in that state, for people; with a remedy where something is wrong.
    public var reason: String
    /// Nil until it was open once.
    public var connection: Connection?
    /// Frames handed to the ring.
    public var frames: Int
    /// Frames that the consumer has not read yet.
    public var waitingFrames: Int
    /// Frames that the consumer was too slow for.
    public var droppedByRing: Int
    /// Gaps in the driver's numbering.
    public var droppedByDriver: Int
    /// Frames left out on purpose: ``Camera/setFrameDivisor(_:)``.
    public var shedFrames: Int
    /// Compressed pictures that did not decode, and raw ones that were too short.
    public var decodeErrors: Int
    /// Buffers that the driver marked as damaged.
    public var damagedBuffers: Int
    /// Failed requests for a buffer (EIO).
    public var inputErrors: Int
    /// Frames from before the opening, which some drivers give again; not used.
    public var staleFrames: Int
    /// Times that the stream was stopped and started in place, after errors.
    public var streamRestarts: Int
    /// Times that it was open again after a failure.
    public var reconnects: Int
    /// By kind; kinds that were not met are absent.
    public var timestampFaults: [FrameClock.Fault: Int]
    /// Taken from the driver.
    public var bytes: Int
    /// Capture instant of the newest frame.
    public var lastFrame: Instant?
    public var timestampSource: FrameClock.Source?

    /// A camera as it was opened.
    public struct Connection: Hashable, Sendable {
        public var node: String
        public var identity: DeviceIdentity
        public var format: CameraFormat
        /// libv4l2 makes the format out of the driver's own.
        public var isEmulated: Bool
        /// As negotiated; a compressed stream may differ.
        public var width: Int
        public var height: Int
        /// Frames per second.
        public var askedRate: Double
        /// Nil where the driver does not say.
        public var negotiatedRate: Double?
        public var buffers: Int
    }
}
