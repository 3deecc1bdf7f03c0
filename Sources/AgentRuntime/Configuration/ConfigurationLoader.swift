public import Foundation

/// Reads everything that configures an agent and resolves it into one ``AgentConfiguration``.
///
/// Order, what comes later wins: built-in defaults, the firmware profile, the files of ``paths`` each followed by its drop-ins,
/// the overrides. Mappings are merged, lists and values replaced. All mistakes are reported at once.
public struct ConfigurationLoader: Sendable {
    public static let credentialName = "mqtt-password"

    public var paths: ConfigurationPaths
    /// `key=value` of the command line, in order.
    public var overrides: [String]
    /// The value of `--profile`, which goes before every file.
    public var profile: String?
    /// Folders with firmware profiles, the first that has one wins.
    public var profileFolders: [URL]
    public var environment: [String: String]
    /// The root of the machine that a profile is looked for.
    public var root: URL
    public var hostName: String
    /// Whether files with secrets are read and certificates have to be there. `config check` on another machine does without; they are
    /// warned about then.
    public var readsSecrets: Bool

    public init(
        paths: ConfigurationPaths, overrides: [String] = [], profile: String? = nil, profileFolders: [URL], environment: [String: String],
        root: URL = URL(fileURLWithPath: "/"), hostName: String = ProcessInfo.processInfo.hostName, readsSecrets: Bool = true
    ) {
        self.paths = paths
        self.overrides = overrides
        self.profile = profile
        self.profileFolders = profileFolders
        self.environment = environment
        self.root = root
        self.hostName = hostName
        self.readsSecrets = readsSecrets
    }

    /// - Throws: `AgentError` with every mistake, a line each: file, line, key, what was given, what is expected.
    public func load() throws(AgentError) -> LoadedConfiguration {
        var (files, warnings) = try paths.existing()
        var layers: [ConfigurationLayer] = []
        var problems: [AgentError] = []
        func attempt(_ make: () throws(AgentError) -> ConfigurationLayer) {
            do { layers.append(try make()) } catch { problems.append(error) }
        }
        for file in files { attempt { () throws(AgentError) in try Self.layer(file) } }
        for override in overrides { attempt { () throws(AgentError) in try ConfigurationLayer(assignment: override) } }
        if let profile { attempt { () throws(AgentError) in try ConfigurationLayer(assignment: "profile=\(profile)", option: "--profile \(profile)") } }
        if let problem = Self.summary(problems) { throw problem }

        var values = ResolvedValues()
        for layer in layers { values.add(layer) }
        var configuration = AgentConfiguration.defaults(environment: environment, hostName: hostName)

        // The profile lies below the files that name it.
        let library = ProfileLibrary(folders: profileFolders)
        var profiles: [FirmwareProfile] = []
        var found: ConfigurationOrigin?
        do {
            if let given = values.given["profile"], let name = given.text, name != "auto" {
                profiles = try library.chain(of: name, origin: given.origin)
                configuration.profile = name
            } else if let match = try ProfileDetector(library: library, root: root).detect() {
                let origin = ConfigurationOrigin.machine(match.evidence.joined(separator: ", "))
                found = origin
                profiles = try library.chain(of: match.profile.name, origin: origin)
                configuration.profile = match.profile.name
            } else {
                warnings.append("no firmware profile is known for this machine; the settings that depend on the box have their built-in defaults")
            }
        } catch { problems.append(error) }
        if values.given["profile"]?.text == "auto" { values.given["profile"] = nil }
        var all = ResolvedValues()
        for profile in profiles { all.add(profile.settings, isProfile: true) }
        all.add(values)

        problems += all.problems.map { AgentError(.configuration, $0) }
        var origins: [String: ConfigurationOrigin] = [:]
        for key in ConfigurationKey.all {
            guard let given = all.given[key.name] else {
                origins[key.name] = (key.name == "profile" ? found : nil) ?? .builtIn
                continue
            }
            origins[key.name] = given.origin
            do { try key.set(given, &configuration) } catch {
                problems.append(AgentError(.configuration, "\(error.origin): \(key.name): got \(error.got), expected \(error.expected)"))
            }
        }
        if let problem = Self.summary(problems) { throw problem }

        var loaded = LoadedConfiguration(configuration: configuration, origins: origins, warnings: warnings)
        try validate(&loaded)
        return loaded
    }

    /// Reads a file as a layer.
    static func layer(_ file: URL, profile: String? = nil) throws(AgentError) -> ConfigurationLayer {
        let data: Data
        do { data = try Data(contentsOf: file) } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw AgentError(.noPermission, "\(file.path): the agent’s user must not read it; run chmod 644 \(file.path)")
        } catch { throw AgentError(.inputOutput, "\(file.path): cannot be read: \(error.localizedDescription)") }
        guard let text = String(data: data, encoding: .utf8) else {
            throw AgentError(.configuration, "\(file.path): is no UTF-8 text")
        }
        return try ConfigurationLayer(yaml: text, file: file.path, profile: profile)
    }

    /// One error for all: the first one's exit code, a line each.
    private static func summary(_ problems: [AgentError]) -> AgentError? {
        guard let first = problems.first else { return nil }
        return AgentError(first.category, problems.map(\.description).joined(separator: "\n"))
    }

    // MARK: - What keys mean together

    private func validate(_ loaded: inout LoadedConfiguration) throws(AgentError) {
        let configuration = loaded.configuration
        let origins = loaded.origins
        var problems: [AgentError] = []
        func place(_ key: String) -> String { "\(origins[key] ?? .builtIn): \(key)" }
        func refuse(_ key: String, _ problem: String) { problems.append(AgentError(.configuration, "\(place(key)): \(problem)")) }
        func warn(_ key: String, _ problem: String) { loaded.warnings.append("\(place(key)): \(problem)") }

        if !configuration.camera.isEnabled, !configuration.microphone.isEnabled {
            refuse("camera.enabled", "camera and microphone are both switched off; the agent would have nothing to do")
        }
        if configuration.gallery == configuration.outbox.path { refuse("outbox.path", "is the gallery’s file; expected a file of its own") }

        let tls = configuration.mqtt.tls
        if tls.certificateFile != nil, tls.keyFile == nil { refuse("mqtt.tls.cert_file", "needs mqtt.tls.key_file as well") }
        if tls.keyFile != nil, tls.certificateFile == nil { refuse("mqtt.tls.key_file", "needs mqtt.tls.cert_file as well") }
        if tls.isEnabled == false, tls.isDescribed { refuse("mqtt.tls.enabled", "is false while other keys of mqtt.tls are given; remove them or it") }
        if configuration.mqtt.isUsed, configuration.mqtt.passwordFile != nil, !configuration.mqtt.usesTLS {
            warn("mqtt.password_file", "the password goes over the network unencrypted; give mqtt.tls.ca_file or port 8883")
        }
        if configuration.mqtt.isEnabled, configuration.mqtt.host == nil { warn("mqtt.host", "is not given; nothing will be published") }
        if configuration.publish.snapshots { refuse("publish.snapshots", "is true, but this version sends no pictures; leave it false") }
        if configuration.http.isEnabled, !configuration.http.listen.isLoopback {
            warn("http.listen", "\(configuration.http.listen) can be reached from the network, and nobody is asked for a password")
        }
        let placements = [
            ("inference", configuration.threads.inference), ("camera", configuration.threads.camera), ("microphone", configuration.threads.microphone),
        ]
        for (name, placement) in placements where placement.realtime != nil && placement.nice != nil {
            warn("threads.\(name).nice", "has no effect beside threads.\(name).realtime")
        }
        if configuration.recognition.settledDetectionInterval < configuration.recognition.detectionInterval {
            refuse("recognition.settled_detection_interval", "is shorter than recognition.detection_interval; settled faces are searched less often, never more")
        }

        if configuration.mqtt.isUsed { readSecrets(&loaded, problems: &problems) }
        if let problem = Self.summary(problems) { throw problem }
    }

    private func readSecrets(_ loaded: inout LoadedConfiguration, problems: inout [AgentError]) {
        let mqtt = loaded.configuration.mqtt
        for (key, path) in [("mqtt.tls.ca_file", mqtt.tls.caFile), ("mqtt.tls.cert_file", mqtt.tls.certificateFile), ("mqtt.tls.key_file", mqtt.tls.keyFile)] {
            guard let path else { continue }
            let origin = loaded.origins[key] ?? .builtIn
            do { try SecretFile(path: path).check() } catch { report(error, key, origin, &loaded, &problems) }
            if key == "mqtt.tls.key_file", let exposure = SecretFile(path: path).exposure { loaded.warnings.append("\(origin): \(key): \(exposure)") }
        }

        var origin = loaded.origins["mqtt.password_file"] ?? .builtIn
        var file = mqtt.passwordFile
        if file == nil, let folder = environment["CREDENTIALS_DIRECTORY"] {
            let path = folder + "/" + Self.credentialName
            if FileManager.default.fileExists(atPath: path) {
                file = path
                origin = .credential(Self.credentialName)
                loaded.origins["mqtt.password_file"] = origin
            }
        }
        guard let file else { return }
        if mqtt.username == nil {
            problems.append(AgentError(.configuration, "\(origin): mqtt.password_file: there is a password and no mqtt.username; give both or neither"))
        }
        do { loaded.configuration.mqtt.password = try SecretFile(path: file).read() } catch {
            report(error, "mqtt.password_file", origin, &loaded, &problems)
        }
        if let exposure = SecretFile(path: file).exposure, origin != .credential(Self.credentialName) {
            loaded.warnings.append("\(origin): mqtt.password_file: \(exposure)")
        }
    }

    private func report(_ error: AgentError, _ key: String, _ origin: ConfigurationOrigin, _ loaded: inout LoadedConfiguration, _ problems: inout [AgentError]) {
        if readsSecrets {
            problems.append(AgentError(error.category, "\(origin): \(key): \(error.description)"))
        } else {
            loaded.warnings.append("\(origin): \(key): \(error.description)")
        }
    }
}
