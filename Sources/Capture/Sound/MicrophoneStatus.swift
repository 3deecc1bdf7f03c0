public import MediaTypes

/// How a sound device or stream writes its samples.
public struct SoundFormat: Hashable, Sendable, CustomStringConvertible {
    /// The sound server's name of the encoding, such as `s16le` or `float32le`.
    public var encoding: String
    /// Hz.
    public var rate: Int
    public var channels: Int

    public init(encoding: String, rate: Int, channels: Int) {
        self.encoding = encoding
        self.rate = rate
        self.channels = channels
    }

    public var description: String { "\(encoding) \(channels)ch \(rate)Hz" }
}

/// What a microphone is doing; counts are since init.
public struct MicrophoneStatus: Hashable, Sendable {
    public var state = DeviceState.offline
    /// Why it is in that state, in words.
    public var reason = "not started"
    /// Address, name and version of the server; `nil` while there is none.
    public var server: String?
    /// Name of the source that is listened to.
    public var source: String?
    /// The source's name for people.
    public var sourceDescription: String?
    /// What is asked of the server.
    public var requestedFormat = SoundFormat(encoding: "float32le", rate: AudioFormat.sampleRate, channels: 1)
    /// What the source itself delivers; the server converts it.
    public var sourceFormat: SoundFormat?
    /// From the capture of a sample until it is handed on, smoothed; at least 0.
    public var latency: TimeSpan?
    /// Samples handed to the ring and taken by it.
    public var samples = 0
    /// Samples refused because the reader was slow.
    public var droppedByRing = 0
    /// Times that the server's buffer for this stream ran over.
    public var overflows = 0
    /// Starts of the time line after the first: samples were lost.
    public var discontinuities = 0
    /// By how much the device's clock runs fast, in parts per million; `nil` until it is known.
    public var driftPPM: Double?
    /// Samples inserted and left out to keep step with time.
    public var correctedSamples = 0
    /// Times that sound came back after the connection or the stream was lost.
    public var reconnects = 0
    /// Times that the stream was made anew because it delivered exact zeros; it may be that only the stream was dead.
    public var streamRestarts = 0
    /// RMS of the last few tenths of a second, 0 for a full-scale square wave, at least −120; `nil` before any sound.
    public var levelDBFS: Double?
    /// Capture instant of the last sound handed on.
    public var lastBlock: Instant?

    public init() {}
}
