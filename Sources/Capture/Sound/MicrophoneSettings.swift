public import MediaTypes

/// Which microphone, and how it is listened to.
public struct MicrophoneSettings: Hashable, Sendable {
    /// Name of a source of the sound server (`fwoc-agent devices`, `pactl list short sources`), or `default` for the one the
    /// server prefers; then a change of that is followed. A named source that goes away is waited for.
    public var source: String
    /// The sound server as libpulse writes it (`unix:/run/user/1000/pulse/native`, `tcp:host:4713`); `nil` for the one that
    /// `PULSE_SERVER` or the user's session names.
    public var server: String?
    /// How much sound the server gathers before it sends it.
    public var latency: TimeSpan
    /// Longest time without sound before the connection is made anew.
    public var stallAfter: TimeSpan
    /// Longest time of exact zeros that counts as sound.
    public var silenceAfter: TimeSpan
    /// Where the thread that takes the sound runs.
    public var thread: ThreadPlacement

    public init(
        source: String = "default", server: String? = nil, latency: TimeSpan = .milliseconds(20), stallAfter: TimeSpan = .milliseconds(2000),
        silenceAfter: TimeSpan = .milliseconds(3000), thread: ThreadPlacement = ThreadPlacement()
    ) {
        self.source = source
        self.server = server
        self.latency = latency
        self.stallAfter = stallAfter
        self.silenceAfter = silenceAfter
        self.thread = thread
    }

    var followsDefault: Bool { source == "default" }
}
