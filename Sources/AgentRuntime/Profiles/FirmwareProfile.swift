import Foundation

/// What depends on the box: `firmware-profiles/NAME.yaml`.
public struct FirmwareProfile: Hashable, Sendable {
    static let schema = "fwoc.profile/1"
    static let namePattern = "^[A-Za-z0-9._-]{1,64}$"

    public var name: String
    /// The box in a few words.
    public var summary: String
    /// The profile whose settings this one changes.
    public var extends: String?
    /// The machines it is for; one rule has to match, with all of its facts.
    public var rules: [[MachineFact: String]]
    /// Keys of ``ConfigurationKey/all`` that depend on the box.
    public var settings: ConfigurationLayer
    public var file: String

    /// - Parameter file: `…/NAME.yaml`.
    /// - Throws: `AgentError` with file and line. Whether the settings are known is seen when they are resolved.
    public init(file: URL) throws(AgentError) {
        let stem = file.deletingPathExtension().lastPathComponent
        let layer = try ConfigurationLoader.layer(file, profile: stem)
        self.file = file.path
        settings = ConfigurationLayer(name: file.path, entries: [])
        rules = []
        var texts: [String: String] = [:]
        func refuse(_ origin: ConfigurationOrigin, _ problem: String) -> AgentError { AgentError(.configuration, "\(origin): \(problem)") }
        let known = ["schema", "name", "description", "extends", "match", "settings"]
        for entry in layer.entries {
            switch entry.key {
            case "schema", "name", "description", "extends":
                guard let text = entry.value.text, !text.isEmpty else {
                    throw refuse(entry.value.origin, "\(entry.key): got \(entry.value.shown), expected text")
                }
                texts[entry.key] = text
            case "match": rules = try Self.rules(entry.value)
            case "settings":
                switch entry.value.content {
                case .mapping(let entries): settings.entries = entries
                case .nothing: break
                default: throw refuse(entry.value.origin, "settings: got \(entry.value.shown), expected keys with values")
                }
            default:
                let hint = nearestKnown(to: entry.key, among: known).map { "did you mean \($0)?" } ?? "known: \(known.joined(separator: ", "))"
                throw refuse(entry.origin, "\(entry.key): unknown key; \(hint)")
            }
        }
        guard texts["schema"] == Self.schema else {
            throw AgentError(.configuration, "\(file.path):1: schema: got \(texts["schema"].map { "‘\($0)’" } ?? "nothing"), expected \(Self.schema)")
        }
        guard let name = texts["name"], name == stem else {
            throw AgentError(.configuration, "\(file.path):1: name: got \(texts["name"].map { "‘\($0)’" } ?? "nothing"), expected \(stem), as the file is called")
        }
        guard let summary = texts["description"] else {
            throw AgentError(.configuration, "\(file.path):1: description: missing; say in a few words which box this is for")
        }
        self.name = name
        self.summary = summary
        extends = texts["extends"]
    }

    private static func rules(_ given: GivenValue) throws(AgentError) -> [[MachineFact: String]] {
        guard case .list(let elements) = given.content else {
            throw AgentError(.configuration, "\(given.origin): match: got \(given.shown), expected a list of rules")
        }
        var rules: [[MachineFact: String]] = []
        for element in elements {
            guard case .mapping(let entries) = element.content, !entries.isEmpty else {
                throw AgentError(.configuration, "\(element.origin): match: got \(element.shown), expected facts such as {processor: \"*N100*\"}")
            }
            var rule: [MachineFact: String] = [:]
            for entry in entries {
                guard let fact = MachineFact(rawValue: entry.key) else {
                    let known = MachineFact.allCases.map(\.rawValue)
                    let hint = nearestKnown(to: entry.key, among: known).map { "did you mean \($0)?" } ?? "known: \(known.joined(separator: ", "))"
                    throw AgentError(.configuration, "\(entry.origin): match: \(entry.key): unknown fact; \(hint)")
                }
                guard let pattern = entry.value.text, !pattern.isEmpty else {
                    throw AgentError(.configuration, "\(entry.value.origin): match.\(entry.key): got \(entry.value.shown), expected text")
                }
                rule[fact] = pattern
            }
            rules.append(rule)
        }
        return rules
    }
}
