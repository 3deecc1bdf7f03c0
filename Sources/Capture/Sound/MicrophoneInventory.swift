import CPulse
import Glibc
public import MediaTypes

/// A source of a sound server, as it describes itself.
public struct SoundSource: Hashable, Sendable {
    public enum Activity: String, Sendable { case running, idle, suspended, unknown }

    /// What ``MicrophoneSettings/source`` takes.
    public var name: String
    /// For people.
    public var description: String
    public var format: SoundFormat
    public var activity: Activity
    public var isMuted: Bool
    /// What `default` means now.
    public var isDefault: Bool
    /// Hears what a sink plays, not the room.
    public var isMonitor: Bool
}

/// The microphones that there are.
public enum MicrophoneInventory {
    private static let longestWait = 5

    /// Asks a sound server for its sources. Waits up to 5 s; any thread.
    /// - Parameter server: its address as in ``MicrophoneSettings/server``.
    public static func list(server: String? = nil) throws(SoundServerError) -> [SoundSource] {
        let words = server.map { "sound server '\($0)'" } ?? "the default sound server"
        let inquiry = Inquiry()
        switch inquiry.run(server: server, until: MonotonicClock.now() + .seconds(Double(longestWait))) {
        case .done: return inquiry.sources
        case .failed(let detail): throw .cannotConnect(server: words, detail: detail)
        case .late: throw .noAnswer(server: words, seconds: longestWait)
        }
    }

    /// One question to a server, on a loop of its own. Thread-bound.
    private final class Inquiry {
        enum Outcome { case done, failed(String), late }

        private(set) var sources: [SoundSource] = []
        private var defaultSource: String?
        private var isDone = false
        private var failure: String?

        func run(server: String?, until end: Instant) -> Outcome {
            guard let loop = unsafe pa_mainloop_new() else { return .failed("out of memory or file descriptors") }
            defer { unsafe pa_mainloop_free(loop) }
            guard let context = unsafe PulseContext(pa_mainloop_get_api(loop)) else { return .failed("out of memory") }
            defer { context.close() }
            let reference = unsafe Unmanaged.passUnretained(self).toOpaque()
            guard unsafe pa_context_connect(context.pointer, server, PA_CONTEXT_NOAUTOSPAWN, nil) >= 0 else { return .failed(context.failure) }
            var isAsked = false
            while !isDone {
                switch context.state {
                case PA_CONTEXT_FAILED, PA_CONTEXT_TERMINATED: return .failed(context.failure)
                case PA_CONTEXT_READY where !isAsked:
                    isAsked = true
                    unsafe Self.release(pa_context_get_server_info(context.pointer, { _, info, argument in
                        let inquiry = unsafe Inquiry.of(argument)
                        if let info = unsafe info { inquiry.defaultSource = unsafe Inquiry.string(info.pointee.default_source_name) }
                    }, reference))
                    unsafe Self.release(pa_context_get_source_info_list(context.pointer, { context, info, end, argument in
                        let inquiry = unsafe Inquiry.of(argument)
                        if end < 0 { inquiry.failure = unsafe String(cString: pa_strerror(pa_context_errno(context))) }
                        if end != 0 { inquiry.isDone = true }
                        if let info = unsafe info { unsafe inquiry.add(info.pointee) }
                    }, reference))
                default: break
                }
                let left = (end - MonotonicClock.now()).nanoseconds / 1000
                guard left > 0 else { return .late }
                guard unsafe pa_mainloop_prepare(loop, CInt(clamping: left)) >= 0, unsafe pa_mainloop_poll(loop) >= 0, unsafe pa_mainloop_dispatch(loop) >= 0
                else { return .failed("the main loop failed") }
            }
            if let failure { return .failed(failure) }
            return .done
        }

        private func add(_ info: pa_source_info) {
            let name = unsafe Self.string(info.name) ?? ""
            let activity: SoundSource.Activity
            switch unsafe info.state {
            case PA_SOURCE_RUNNING: activity = .running
            case PA_SOURCE_IDLE: activity = .idle
            case PA_SOURCE_SUSPENDED: activity = .suspended
            default: activity = .unknown
            }
            sources.append(unsafe SoundSource(
                name: name, description: Self.string(info.description) ?? name, format: SoundFormat(info.sample_spec), activity: activity,
                isMuted: info.mute != 0, isDefault: name == defaultSource, isMonitor: info.monitor_of_sink != UInt32.max))
        }

        private static func of(_ argument: UnsafeMutableRawPointer?) -> Inquiry {
            unsafe Unmanaged<Inquiry>.fromOpaque(argument!).takeUnretainedValue()
        }

        private static func string(_ text: UnsafePointer<CChar>?) -> String? { unsafe text.map { unsafe String(cString: $0) } }

        private static func release(_ operation: OpaquePointer?) {
            if let operation = unsafe operation { unsafe pa_operation_unref(operation) }
        }
    }
}
