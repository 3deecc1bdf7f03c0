public import Foundation

/// The files of one agent's configuration, each with its folder of drop-ins, in the order in which they are read.
public struct ConfigurationPaths: Hashable, Sendable {
    public struct File: Hashable, Sendable {
        public var file: URL
        /// Whether it is an error that it is not there.
        public var isRequired: Bool

        public init(_ file: URL, isRequired: Bool) {
            self.file = file
            self.isRequired = isRequired
        }

        /// `agent.d` beside `agent.yaml`: its `*.yaml` are read in name order after it.
        public var dropIns: URL { file.deletingPathExtension().appendingPathExtension("d") }
    }

    public var files: [File]

    public init(files: [File]) { self.files = files }

    /// One file that somebody named, with its drop-ins.
    public init(file: URL) { files = [File(file, isRequired: true)] }

    /// The files of a service: `agent.yaml`, then for an instance (`FWOC_INSTANCE`, as `fwoc-agent@door.service` sets it)
    /// `agent-door.yaml`, so that what all cameras share, such as the broker, is written once.
    ///
    /// They are in the folder that systemd names (`CONFIGURATION_DIRECTORY`), else in `/etc/fwoc`.
    public init(environment: [String: String]) {
        let named = (environment["CONFIGURATION_DIRECTORY"] ?? "").split(separator: ":").first.map(String.init)
        let folder = URL(fileURLWithPath: named ?? "/etc/fwoc", isDirectory: true)
        files = [File(folder.appending(path: "agent.yaml"), isRequired: false)]
        if let instance = environment["FWOC_INSTANCE"], !instance.isEmpty {
            files.append(File(folder.appending(path: "agent-\(instance.replacingOccurrences(of: "/", with: "-")).yaml"), isRequired: true))
        }
    }

    /// The files that are there, each main file before its drop-ins, and a warning where the agent would run on defaults alone.
    func existing() throws(AgentError) -> (files: [URL], warnings: [String]) {
        var found: [URL] = []
        for file in files {
            if FileManager.default.fileExists(atPath: file.file.path) {
                found.append(file.file)
            } else if file.isRequired {
                throw AgentError(.noInput, "\(file.file.path): there is no such file; write it, or name another with --config")
            }
            var isFolder: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: file.dropIns.path, isDirectory: &isFolder), isFolder.boolValue else { continue }
            let names: [String]
            do { names = try FileManager.default.contentsOfDirectory(atPath: file.dropIns.path) } catch {
                throw AgentError(.noPermission, "\(file.dropIns.path): the folder cannot be listed (\(error.localizedDescription)); let the agent’s user read it")
            }
            // By bytes, so that the order is the same in every locale.
            found += names.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
                .map { file.dropIns.appending(path: $0) }
        }
        let searched = files.map(\.file.path).joined(separator: ", ")
        return (found, found.isEmpty ? ["no configuration was found (looked for \(searched)); everything has its default"] : [])
    }
}
