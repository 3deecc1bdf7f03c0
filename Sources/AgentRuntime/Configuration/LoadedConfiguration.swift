/// The resolved configuration with what `config show` says about it.
public struct LoadedConfiguration: Sendable {
    public var configuration: AgentConfiguration
    /// Where the value of each key comes from, by dotted name; ``ConfigurationOrigin/builtIn`` for those that nobody gave.
    public var origins: [String: ConfigurationOrigin]
    /// What works and is probably not meant, each with its place.
    public var warnings: [String]

    /// The resolved configuration as YAML that could be given again, each line with its origin behind it. Secrets are not in it.
    public var shown: String {
        var lines: [(text: String, origin: String?)] = []
        var open: [String] = []
        for key in ConfigurationKey.all {
            let path = key.name.split(separator: ".").map(String.init)
            let sections = Array(path.dropLast())
            let shared = zip(open, sections).prefix { $0 == $1 }.count
            for depth in shared..<sections.count { lines.append((Self.indent(depth) + sections[depth] + ":", nil)) }
            open = sections
            let isSecret = key.name == "mqtt.password_file" && configuration.mqtt.password != nil
            lines.append(
                (
                    Self.indent(sections.count) + path[path.count - 1] + ": " + key.text(configuration),
                    "\(origin(of: key))\(isSecret ? ", \(Secret.mask)" : "")"
                ))
        }
        let column = min(48, (lines.map(\.text.count).max() ?? 0) + 2)
        return lines.map { line in
            guard let origin = line.origin else { return line.text }
            return line.text + String(repeating: " ", count: max(2, column - line.text.count)) + "# " + origin
        }.joined(separator: "\n") + "\n"
    }

    /// The same for programs: an object of dotted names, each with `value` and `origin`.
    public var json: JSONTree {
        .object(
            ConfigurationKey.all.map { key in
                JSONTree.Member(name: key.name, value: .object(["value": key.get(configuration), "origin": .text("\(origin(of: key))")]))
            })
    }

    private func origin(of key: ConfigurationKey) -> ConfigurationOrigin { origins[key.name] ?? .builtIn }

    private static func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }
}
