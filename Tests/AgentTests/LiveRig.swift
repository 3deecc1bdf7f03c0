import Foundation
import Glibc
import LiveParts
import Testing

/// A live agent with everything that it needs on one machine: camera, sound server, broker, service manager, gallery.
///
/// Everything ends with the instance; what the agent said is added to a test that fails.
final class LiveRig {
    /// What the camera shows, again and again.
    enum Scene {
        /// Ann, and nobody else.
        case ann
        /// Ann and Bob by turns, with a cut between them, so that events keep coming.
        case turns
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    /// Of the camera, unless a test asks for another: enough to be recognised, and cheap, since other tests run at the same time.
    static let usualRate = 10
    let folder: ScratchFolder
    let camera: FakeCamera
    let broker: LiveBroker
    let sound: PulseServer?
    let manager: ServiceManager
    let httpPort: Int
    private(set) var agent: ChildProcess?
    private var runs = 0
    /// Lines of the configuration that a test adds or changes; the whole text is made anew from them.
    private var parts: [String: String]

    /// - Parameters:
    ///   - hasSound: whether there is a sound server, with Ann's voice.
    ///   - isPlugged: whether the camera is there from the start.
    init(
        _ scene: Scene = .ann, rate: Int = usualRate, hasSound: Bool = false, isPlugged: Bool = true, brokerOptions: [String] = []
    ) async throws {
        folder = try ScratchFolder()
        let frames = try Self.frames(scene, rate: rate, in: folder)
        camera = try FakeCamera(folder.url.appending(path: "camera"), modes: ["mode YUYV 640x480 \(rate) 0 \(frames.path)"])
        if isPlugged { try camera.plug() }
        broker = try await LiveBroker(brokerOptions, in: folder.url.appending(path: "broker"))
        sound = hasSound ? try await PulseServer() : nil
        manager = try ServiceManager(in: folder.url)
        httpPort = try LiveLab.freePort()
        try Self.gallery.get().write(to: folder.url.appending(path: "gallery.sqlite"))
        parts = [
            "camera": "{device: \(camera.node), size: 640x480, rate: \(rate), formats: [yuyv]}",
            "microphone": sound.map { "{source: mic, server: \"\($0.address)\"}" } ?? "{enabled: false}",
            "mqtt": "{host: 127.0.0.1, port: \(broker.port), keep_alive: 5s}", "bundle": "reference", "gallery": folder.path("gallery.sqlite"),
            "outbox": "{path: \(folder.path("outbox.sqlite"))}", "http": "{listen: 127.0.0.1:\(httpPort)}", "publish": "{telemetry_interval: 1s}",
            // Other tests want the processors: late frames are no reason to look at fewer.
            "recognition": Self.recognition(), "node": "hall", "log": "{level: debug, format: plain}",
        ]
        try configure([:])
        try playSound()
    }

    var configuration: String { folder.path("agent.yaml") }

    /// Changes sections of the configuration's file; nil takes one out.
    func configure(_ sections: [String: String?]) throws {
        for (name, text) in sections { parts[name] = text }
        _ = try folder.write(parts.map { "\($0.key): \($0.value)\n" }.sorted().joined(), to: "agent.yaml")
    }

    /// Also after the sound server was started again.
    func playSound() throws {
        guard let sound else { return }
        let file = folder.url.appending(path: "ann.s16")
        if !FileManager.default.fileExists(atPath: file.path) {
            try Self.ffmpeg(["-stream_loop", "60", "-i", Self.ann, "-vn", "-ac", "1", "-ar", "16000", "-f", "s16le", file.path])
        }
        try sound.play(file, rate: 16_000)
    }

    /// The section `recognition` with further keys.
    static func recognition(_ more: String = "") -> String { "{latency_budget: 5s\(more.isEmpty ? "" : ", " + more)}" }

    // MARK: The program

    static var environment: [String: String] { ["FWOC_REFERENCE_MODELS": TestData.referenceModels ?? ""] }

    /// Starts the agent; it is not ready yet.
    func start(environment: [String: String] = [:]) throws {
        runs += 1
        agent = try FwocAgentProgram.start(
            ["run", "--config", configuration], name: "agent-\(runs)", in: folder.url,
            environment: Self.environment.merging(["NOTIFY_SOCKET": manager.address]) { $1 }.merging(environment) { $1 })
    }

    /// Starts the agent and waits until it is ready.
    func startReady(environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let before = manager.count("READY=1")
        try start(environment: environment)
        try await reach("ready", sourceLocation: sourceLocation) { manager.count("READY=1") > before }
    }

    /// Waits for something; fails the test where it does not come, or where the agent ends meanwhile.
    func reach(
        _ what: String, within seconds: Double = 40, isRunning: Bool = true, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
    ) async throws {
        let isReached = try await eventually(within: seconds) { try condition() || isRunning && agent?.isRunning == false }
        guard try isReached && condition() else {
            let ending = agent?.isRunning == false ? "the agent ended with \(agent?.exitCode.map(String.init) ?? "a signal")" : "not within \(Int(seconds)) s"
            let text = "\(what): \(ending)\n\(agent?.errorText.suffix(4000) ?? "no agent")\n\((try? LiveLab.http(httpPort, "/status").body) ?? "no status")\nbroker: \(broker.log.suffix(1500))"
            Issue.record("\(text)", sourceLocation: sourceLocation)
            throw Failure(description: what)
        }
    }

    /// Runs another command of the program with this configuration.
    func command(_ arguments: String...) throws -> FwocAgentProgram.Run {
        try FwocAgentProgram.run(arguments + ["--config", configuration], environment: Self.environment)
    }

    /// `/status`
    func status() throws -> JSONValue { try JSONValue(LiveLab.http(httpPort, "/status").body) }

    /// A number in `/status`.
    func figure(_ path: String...) throws -> Int {
        var value: JSONValue? = try status()
        for name in path { value = value?[name] }
        guard let number = value?.value else { throw Failure(description: "no figure \(path.joined(separator: ".")) in /status") }
        return Int(number)
    }

    /// Asks through the broker, with a response topic of this question's own.
    func ask(_ verb: String, _ payload: String = "", more: [String] = []) async throws -> (isDone: Bool, message: String) {
        let topic = "answers/\(UUID().uuidString.prefix(8))"
        let answers = try await broker.subscribe(topic)
        try broker.publish("fwoc/hall/command/\(verb)", payload, more: ["-D", "publish", "response-topic", topic, "-D", "publish", "correlation-data", "c"] + more)
        try await reach("an answer to \(verb)") { !answers.lines.isEmpty }
        let message = try #require(Self.messages(answers).first)
        try Self.validate([message])
        guard case .bool(let isDone)? = message.json?["ok"], let text = message.json?["message"]?.text else { throw Failure(description: message.payload) }
        return (isDone, text)
    }

    // MARK: What subscribers see

    struct Message: Sendable {
        var isRetained: Bool
        var topic: String
        var payload: String
        var json: JSONValue? { try? JSONValue(payload) }
    }

    static func messages(_ subscriber: ChildProcess) -> [Message] {
        subscriber.lines.compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            return fields.count == 3 ? Message(isRetained: fields[0] == "1", topic: fields[1], payload: fields[2]) : nil
        }
    }

    /// Payloads of one topic below the node, oldest first.
    static func payloads(_ subscriber: ChildProcess, _ topic: String) -> [String] {
        messages(subscriber).filter { $0.topic == "fwoc/hall/\(topic)" }.map(\.payload)
    }

    struct Event: Decodable, Sendable {
        struct Person: Decodable { var name: String }
        var eventId: String
        /// To the millisecond.
        var ts: String
        var type: String
        var decision: String
        var track: Int
        var person: Person?
        var queuedMs: Int
    }

    static func events(_ subscriber: ChildProcess) throws -> [Event] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try payloads(subscriber, "event/identity").map { try decoder.decode(Event.self, from: Data($0.utf8)) }
    }

    /// What is wrong with the events of one run of the agent: an appearance begins once, is changed only after that, ends at most once, and
    /// its number is used once.
    /// - Parameter isOver: whether every appearance must have ended.
    static func disorder(_ events: [Event], isOver: Bool) -> [String] {
        var complaints: [String] = []
        var open: Set<Int> = [], closed: Set<Int> = []
        for event in events {
            switch event.type {
            case "new":
                if open.contains(event.track) || closed.contains(event.track) { complaints.append("track \(event.track) begins twice") }
                open.insert(event.track)
            case "update":
                if !open.contains(event.track) { complaints.append("update of track \(event.track), which is not there") }
            default:
                if open.remove(event.track) == nil { complaints.append("end of track \(event.track), which is not there") }
                closed.insert(event.track)
            }
        }
        if isOver && !open.isEmpty { complaints.append("without end: \(open.sorted())") }
        if Set(events.map(\.eventId)).count != events.count { complaints.append("an event came twice") }
        // Of one frame, a millisecond one way or the other; the next frame is much later.
        let times = events.map { (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse($0.ts)) ?? .distantPast }
        if zip(times, times.dropFirst()).contains(where: { $0 > $1 + 0.01 }) { complaints.append("out of order: \(events.map(\.ts))") }
        return complaints
    }

    /// Every message against the published schema of its topic; fails the test with what does not conform.
    static func validate(_ messages: [Message], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let schemas = [
            "availability": "fwoc.availability/1", "camera/state": "fwoc.device_state/1", "microphone/state": "fwoc.device_state/1", "status": "fwoc.status/1",
            "presence": "fwoc.presence/1", "telemetry": "fwoc.telemetry/1", "event/speaking": "fwoc.speaking/1", "event/identity": "fwoc.identity/1",
        ]
        var lines = ""
        for message in messages {
            let level = message.topic.split(separator: "/").dropFirst(2).joined(separator: "/")
            guard let schema = message.topic.hasPrefix("answers/") ? "fwoc.reply/1" : schemas[level] else { continue }
            let isText = schema == "fwoc.availability/1" || schema == "fwoc.device_state/1"
            lines += "{\"schema\":\"\(schema)\",\"payload\":\(isText ? "\"\(message.payload)\"" : message.payload)}\n"
        }
        let folder = try ScratchFolder()
        let input = try folder.write(lines, to: "lines")
        let script = TestData.package.appending(path: "Tests/PublishingTests/Fixtures/validate.py").path
        let schemaFolder = TestData.package.appending(path: "Sources/Publishing/Schemas").path
        // The interpreter for which Debian's python3-jsonschema is installed.
        let (status, output) = try ChildProcess.run("sh", ["-c", "exec /usr/bin/python3 '\(script)' '\(schemaFolder)' <'\(input)'"])
        #expect(status == 0, "\(output)", sourceLocation: sourceLocation)
    }

    // MARK: Material

    private static let ann = TestData.clip("avspeech-3DsHHfu4_co_109_.mp4")
    private static let bob = TestData.clip("avspeech-5JGS4NZrYpk_223_.mp4")

    /// A gallery in which Ann is enrolled from another clip.
    private static let gallery = Result {
        let folder = try ScratchFolder()
        let run = try FwocAgentProgram.runWithModels(
            ["enroll", "Ann", "--clip", TestData.clip("avspeech-3DsHHfu4_co_106_.mp4"), "--gallery", folder.path("gallery.sqlite")])
        guard run.exitCode == 0 else { throw Failure(description: "\(run)") }
        return try Data(contentsOf: folder.url.appending(path: "gallery.sqlite"))
    }

    private static func ffmpeg(_ arguments: [String]) throws {
        let (status, output) = try ChildProcess.run("ffmpeg", ["-nostdin", "-v", "error", "-y"] + arguments)
        guard status == 0 else { throw Failure(description: "ffmpeg (see make setup): \(output)") }
    }

    /// Raw frames of a scene, 640 × 480 4:2:2.
    private static func frames(_ scene: Scene, rate: Int, in folder: ScratchFolder) throws -> URL {
        let file = folder.url.appending(path: "\(scene).yuyv")
        let fitted = "fps=\(rate),scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:(ow-iw)/2:(oh-ih)/2,setsar=1"
        let raw = ["-pix_fmt", "yuyv422", "-f", "rawvideo", file.path]
        switch scene {
        case .ann: try ffmpeg(["-t", "3", "-i", ann, "-vf", fitted] + raw)
        case .turns:
            let filter = "[0:v]\(fitted)[a];[1:v]\(fitted)[b];[a][b]concat=n=2:v=1:a=0[v]"
            try ffmpeg(["-t", "2", "-i", ann, "-t", "2", "-i", bob, "-filter_complex", filter, "-map", "[v]"] + raw)
        }
        return file
    }
}
