import MediaTypes

/// What is asked of a camera.
public struct CameraSettings: Hashable, Sendable {
    /// `/dev/v4l/by-id/…`, `/dev/v4l/by-path/…`, `/dev/videoN`, any other path, or `usb:VVVV:PPPP[:serial]`.
    public var device: String
    /// In pixels; the driver may give the nearest that it has.
    public var width: Int
    public var height: Int
    /// Frames per second; the driver may give the nearest that it has.
    public var rate: Double
    /// The first that the camera has in this size at this rate is taken; failing that, the first that it has in this size, or at all.
    public var formats: [CameraFormat]
    /// That the driver fills in turn; at least 4.
    public var buffers: Int
    /// Frames between the camera's thread and the consumer; at least 3.
    public var ringFrames: Int
    /// Without a frame for this long, the camera is opened again.
    public var stallAfter: TimeSpan
    public var thread: ThreadPlacement

    public init(
        device: String, width: Int = 1280, height: Int = 720, rate: Double = 25, formats: [CameraFormat] = CameraFormat.allCases,
        buffers: Int = 4, ringFrames: Int = 4, stallAfter: TimeSpan = .seconds(2), thread: ThreadPlacement = ThreadPlacement()
    ) {
        self.device = device
        self.width = width
        self.height = height
        self.rate = rate
        self.formats = formats
        self.buffers = buffers
        self.ringFrames = ringFrames
        self.stallAfter = stallAfter
        self.thread = thread
    }
}
