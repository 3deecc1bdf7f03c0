public import Foundation

/// The folders with firmware profiles; the first that has a profile wins, so that `/etc/fwoc/firmware-profiles` can replace what is installed.
public struct ProfileLibrary: Sendable {
    public var folders: [URL]

    public init(folders: [URL]) { self.folders = folders }

    /// The folders of a command: those of `FWOC_PROFILES` (separated by colons), then `/etc/fwoc/firmware-profiles`, then
    /// `firmware-profiles` in the working directory, then what is installed.
    public static func standardFolders(environment: [String: String], workingDirectory: URL) -> [URL] {
        let set = (environment["FWOC_PROFILES"] ?? "").split(separator: ":").map { URL(fileURLWithPath: String($0), isDirectory: true) }
        return set + [
            URL(fileURLWithPath: "/etc/fwoc/firmware-profiles", isDirectory: true),
            workingDirectory.appending(path: "firmware-profiles"),
            URL(fileURLWithPath: "/usr/local/share/fwoc/firmware-profiles", isDirectory: true),
            URL(fileURLWithPath: "/usr/share/fwoc/firmware-profiles", isDirectory: true),
        ]
    }

    /// Names of all profiles, each with the file that is used for it, in name order.
    public func files() -> [(name: String, file: URL)] {
        var found: [String: URL] = [:]
        for folder in folders.reversed() {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] where name.hasSuffix(".yaml") && !name.hasPrefix(".") {
                found[String(name.dropLast(5))] = folder.appending(path: name)
            }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// A profile and those that it extends, the most general first.
    /// - Parameter origin: who named it.
    /// - Throws: `AgentError` where there is no such profile, where one is not valid, or where they extend each other in a circle.
    public func chain(of name: String, origin: ConfigurationOrigin) throws(AgentError) -> [FirmwareProfile] {
        let files = files()
        var chain: [FirmwareProfile] = []
        var next: String? = name
        var asker = "\(origin): profile"
        while let name = next {
            guard let file = files.first(where: { $0.name == name })?.file else {
                let known = files.map(\.name)
                let hint = nearestKnown(to: name, among: known).map { "did you mean \($0)?" }
                    ?? (known.isEmpty ? "there is none at all in \(folders.map(\.path).joined(separator: ", "))" : "known: \(known.joined(separator: ", "))")
                throw AgentError(.configuration, "\(asker): there is no firmware profile ‘\(name)’; \(hint)")
            }
            guard !chain.contains(where: { $0.name == name }) else {
                throw AgentError(.configuration, "\(file.path): extends itself: \((chain.map(\.name) + [name]).joined(separator: " → "))")
            }
            let profile = try FirmwareProfile(file: file)
            chain.append(profile)
            asker = "\(file.path): extends"
            next = profile.extends
        }
        return chain.reversed()
    }
}
