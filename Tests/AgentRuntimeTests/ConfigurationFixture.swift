import AgentRuntime
import Foundation
import Testing

/// Files of a configuration in a folder of their own, and what becomes of them.
struct ConfigurationFixture {
    let scratch: Scratch
    var environment: [String: String] = [:]
    var profileFolders: [URL] = [Package.profiles]
    /// The root of the machine: empty, so that nothing but its architecture is known.
    var root: URL { scratch.url.appending(path: "root") }

    init(_ yaml: String? = nil) throws {
        scratch = try Scratch()
        if let yaml { try scratch.write(yaml, to: "agent.yaml", mode: 0o644) }
    }

    var paths: ConfigurationPaths {
        ConfigurationPaths(environment: environment.merging(["CONFIGURATION_DIRECTORY": scratch.url.path]) { a, _ in a })
    }

    func loader(_ overrides: [String] = [], profile: String? = nil) -> ConfigurationLoader {
        ConfigurationLoader(
            paths: paths, overrides: overrides, profile: profile, profileFolders: profileFolders, environment: environment, root: root, hostName: "box.lan")
    }

    func load(_ overrides: [String] = [], profile: String? = nil) throws -> LoadedConfiguration { try loader(overrides, profile: profile).load() }

    /// The lines of the error that loading ends with, without the folder's name.
    func mistakes(_ overrides: [String] = [], profile: String? = nil) throws -> [String] {
        let error = try #require(throws: AgentError.self) { try load(overrides, profile: profile) }
        return error.description.replacingOccurrences(of: scratch.url.path + "/", with: "").split(separator: "\n").map(String.init)
    }

    /// The origin of a key, without the folder's name.
    func origin(_ key: String, in loaded: LoadedConfiguration) -> String {
        loaded.origins[key].map { "\($0)".replacingOccurrences(of: scratch.url.path + "/", with: "") } ?? "none"
    }
}
