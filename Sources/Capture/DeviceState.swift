/// What a camera or a microphone is doing, as its state topic says it.
public enum DeviceState: String, Sendable {
    /// Delivers what it should.
    case online
    /// Not asked for, or stopped.
    case offline
    /// Gone or failing; it is looked for again and again.
    case reconnecting
    /// There, and delivers nothing that means anything: no frames, or exact digital silence.
    case noSignal = "no_signal"
}
