/// Why a sound server could not be asked.
public enum SoundServerError: Error, Hashable, Sendable {
    case cannotConnect(server: String, detail: String)
    case noAnswer(server: String, seconds: Int)

    public var cause: String {
        switch self {
        case .cannotConnect(let server, let detail): "cannot connect to \(server): \(detail)"
        case .noAnswer(let server, let seconds): "\(server) does not answer within \(seconds) s"
        }
    }

    public var remedy: String {
        switch self {
        case .cannotConnect:
            "start PulseAudio or PipeWire's pulse server for the user that runs this program, or name its address (microphone.server or PULSE_SERVER)"
        case .noAnswer: "restart the sound server"
        }
    }
}

extension SoundServerError: CustomStringConvertible {
    public var description: String { "\(cause); \(remedy)" }
}
