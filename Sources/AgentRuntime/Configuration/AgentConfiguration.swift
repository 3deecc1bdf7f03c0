import Foundation
import Logging

/// Everything that `fwoc-agent run` needs to know, resolved and validated once: what nobody gave has its default, what depends on
/// the box comes from its firmware profile, every figure is in its range. ``ConfigurationLoader`` makes it.
///
/// The initial values here are the program's defaults; ``ConfigurationKey/all`` declares how each is given.
public struct AgentConfiguration: Hashable, Sendable {
    /// The level of the MQTT topics that is this box's: letters, digits, `-` and `_`.
    public var node = "fwoc"
    /// The firmware profile, `nil` where none is known for the machine.
    public var profile: String?
    public var camera = Camera()
    public var microphone = Microphone()
    public var mqtt = MQTT()
    /// Name or folder of the model bundle, or ``LoadedBundle/automatic``.
    public var bundle = LoadedBundle.automatic
    /// The gallery's file.
    public var gallery = "/var/lib/fwoc/gallery.sqlite"
    public var recognition = Recognition()
    public var outbox = Outbox()
    public var publish = Publish()
    public var http = HTTP()
    public var threads = Threads()
    public var log = Log()

    init() {}

    public struct Camera: Hashable, Sendable {
        public var isEnabled = true
        /// A path, or `usb:VVVV:PPPP[:serial]`.
        public var device = "/dev/video0"
        /// Asked of the driver, which may answer with another.
        public var size = PictureSize(width: 1280, height: 720)
        /// Frames a second that are asked of the driver.
        public var rate = 25.0
        /// In order of preference; never empty.
        public var formats: [CameraEncoding] = [.mjpeg, .yuyv, .nv12, .yuv420]
        /// Buffers shared with the driver.
        public var buffers = 4
    }

    public struct Microphone: Hashable, Sendable {
        public var isEnabled = true
        /// The sound server's source, `default` for the one that it prefers.
        public var source = "default"
        /// The sound server, `nil` for the one that libpulse finds by itself.
        public var server: String?
        /// How much sound the server collects before it hands it over.
        public var latency = Duration.milliseconds(20)
    }

    public struct MQTT: Hashable, Sendable {
        public var isEnabled = true
        /// The broker; without it nothing is published.
        public var host: String?
        var givenPort: Int?
        public var tls = TLS()
        public var username: String?
        /// Where the password is read from; what was read is in ``password``.
        public var passwordFile: String?
        public var password: Secret?
        /// `nil` for one that the agent makes up once and keeps.
        public var clientID: String?
        public var keepAlive = Duration.seconds(15)
        /// `nil` for MQTT 5, or 3.1.1 where the broker does not speak 5.
        public var version: Version?
        public var discovery = Discovery()

        /// Whether there is a broker to publish to.
        public var isUsed: Bool { isEnabled && host != nil }
        /// Whether the connection is encrypted: as given, else whether a key of `tls` or the port 8883 says so.
        public var usesTLS: Bool { tls.isEnabled ?? (givenPort == 8883 || tls.isDescribed) }
        /// As given, else the registered one.
        public var port: Int { givenPort ?? (usesTLS ? 8883 : 1883) }

        public enum Version: String, CaseIterable, Hashable, Sendable {
            case five = "5"
            case three = "3.1.1"
        }

        public struct TLS: Hashable, Sendable {
            /// `nil` for what the rest suggests; ask ``MQTT/usesTLS``.
            public var isEnabled: Bool?
            /// Certificates of the authorities that are trusted, `nil` for the system's.
            public var caFile: String?
            public var certificateFile: String?
            public var keyFile: String?

            var isDescribed: Bool { caFile != nil || certificateFile != nil }
        }

        public struct Discovery: Hashable, Sendable {
            public var isEnabled = true
            public var prefix = "homeassistant"
        }
    }

    public struct Recognition: Hashable, Sendable {
        /// Least score of a match, on the scale of the bundle; `nil` for the thresholds fitted to the gallery, else the bundle's own.
        public var threshold: Double?
        /// How far the best person must lie before the second; `nil` for the bundle's own margin.
        public var margin: Double?
        /// How long an identity outlives its last evidence.
        public var hold = Duration.seconds(2)
        /// Frames closer together than this are tracked and not searched for faces.
        public var detectionInterval = Duration.milliseconds(60)
        /// The same while every face was found again and again in its place.
        public var settledDetectionInterval = Duration.milliseconds(120)
        /// From a frame's instant to the end of its recognition; above it the agent counts as overloaded.
        public var latencyBudget = Duration.milliseconds(250)
    }

    public struct Outbox: Hashable, Sendable {
        public var path = "/var/lib/fwoc/outbox.sqlite"
        public var mostEvents = 100_000
        /// Age at which an unsent event is dropped and counted.
        public var timeToLive = Duration.seconds(300)
    }

    public struct Publish: Hashable, Sendable {
        /// Also appearances of nobody who is enrolled.
        public var unknown = true
        /// Pictures of faces. Off: no picture leaves the box.
        public var snapshots = false
        public var speaking = false
        public var telemetryInterval = Duration.seconds(30)
    }

    public struct HTTP: Hashable, Sendable {
        public var isEnabled = true
        public var listen = ListenAddress(host: "127.0.0.1", port: 9641)
    }

    public struct Threads: Hashable, Sendable {
        public var inference = Placement()
        public var camera = Placement()
        public var microphone = Placement()

        public struct Placement: Hashable, Sendable {
            /// Processors that the thread may run on, `nil` for all.
            public var cpus: [Int]?
            /// -20…19, smaller goes first; `nil` leaves it as the unit says.
            public var nice: Int?
            /// Priority 1…99 of round-robin real-time scheduling, `nil` for ordinary scheduling.
            public var realtime: Int?

            /// ``cpus`` as the mask of `sched_setaffinity`: bit n is processor n.
            public var cpuMask: UInt64? { cpus.map { $0.reduce(0) { $0 | 1 << UInt64($1) } } }
        }
    }

    public struct Log: Hashable, Sendable {
        public var level = LogLevel.info
        public var format = LogFormat.auto
    }
}

extension AgentConfiguration {
    /// The defaults of this process on this machine.
    ///
    /// systemd says where the service keeps its files (`STATE_DIRECTORY`): the gallery is in the first of its folders, which several
    /// cameras share, the outbox in the last, which is an instance's own.
    ///
    /// - Parameters:
    ///   - hostName: gives the node its name.
    public static func defaults(environment: [String: String], hostName: String) -> AgentConfiguration {
        var configuration = AgentConfiguration()
        let names = [hostName.split(separator: ".").first.map(String.init), environment["FWOC_INSTANCE"]].compactMap { $0 }
        let node = names.joined(separator: "-").unicodeScalars.prefix(64).map { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_": String(scalar)
            default: "-"
            }
        }.joined()
        if !node.isEmpty { configuration.node = node }
        let folders = (environment["STATE_DIRECTORY"] ?? "").split(separator: ":").map(String.init)
        if let shared = folders.first, let own = folders.last {
            configuration.gallery = shared + "/gallery.sqlite"
            configuration.outbox.path = own + "/outbox.sqlite"
        }
        return configuration
    }
}

/// Width and height in pixels.
public struct PictureSize: Hashable, Sendable, CustomStringConvertible {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    public var description: String { "\(width)x\(height)" }
}

/// How the camera hands pixels over, by the names that people and `v4l2-ctl` use.
public enum CameraEncoding: String, CaseIterable, Hashable, Sendable {
    case mjpeg, yuyv, nv12, h264, yuv420
}

/// Where the health and metrics server listens.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name or an address, without brackets.
    public var host: String
    /// 0 for any free one.
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `127.0.0.1:9641`, `[::1]:9641`, `localhost:9641`.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), 0...65535 ~= port else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "@") }) else { return nil }
        self.host = String(host)
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can reach it.
    public var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// The least important message that is written; the levels of swift-log.
public enum LogLevel: String, CaseIterable, Hashable, Sendable {
    case trace, debug, info, notice, warning, error, critical

    public var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}

public enum LogFormat: String, CaseIterable, Hashable, Sendable {
    /// The journal where standard error is connected to it, plain lines elsewhere.
    case auto
    case journal
    case plain
}

/// A password. It is never printed: descriptions, dumps and logs show eight asterisks.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    public init(_ text: String) { self.text = text }

    /// The password itself, for the one place that hands it to the broker.
    public func revealed() -> String { text }

    public static let mask = "********"
    public var description: String { Self.mask }
    public var debugDescription: String { Self.mask }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
