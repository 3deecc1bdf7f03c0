/// The last value that any layer gave each key, and what is wrong with the keys themselves.
struct ResolvedValues {
    /// By dotted name.
    var given: [String: GivenValue] = [:]
    private(set) var problems: [String] = []

    /// Lays a layer over what is there.
    /// - Parameter isProfile: only keys that depend on the box may be given.
    mutating func add(_ layer: ConfigurationLayer, isProfile: Bool = false) { add(layer.entries, below: "", isProfile: isProfile) }

    mutating func add(_ values: ResolvedValues) {
        given.merge(values.given) { $1 }
        problems += values.problems
    }

    private mutating func add(_ entries: [GivenValue.Entry], below section: String, isProfile: Bool) {
        for entry in entries {
            let name = section.isEmpty ? entry.key : "\(section).\(entry.key)"
            if let key = ConfigurationKey.named(name) {
                if isProfile, !key.isOfBox {
                    problems.append("\(entry.origin): \(name): does not depend on the box; it belongs into agent.yaml, not into a firmware profile")
                } else {
                    given[name] = entry.value
                }
            } else if ConfigurationKey.isSection(name) {
                switch entry.value.content {
                case .mapping(let inner): add(inner, below: name, isProfile: isProfile)
                // All of a section's keys commented out.
                case .nothing: break
                // `camera: false` is short for `camera: {enabled: false}`.
                case .scalar where ConfigurationKey.named("\(name).enabled") != nil:
                    add([GivenValue.Entry(key: "enabled", origin: entry.origin, value: entry.value)], below: name, isProfile: isProfile)
                default:
                    let known = ConfigurationKey.names(below: name).joined(separator: ", ")
                    problems.append("\(entry.value.origin): \(name): got \(entry.value.shown), expected keys with values: \(known)")
                }
            } else if let reason = ConfigurationKey.refused[name] {
                problems.append("\(entry.origin): \(name): \(reason)")
            } else if let meant = nearestKnown(to: name, among: Array(ConfigurationKey.refused.keys)), let reason = ConfigurationKey.refused[meant],
                nearestKnown(to: entry.key, among: ConfigurationKey.names(below: section)) == nil
            {
                problems.append("\(entry.origin): \(name): unknown key; if \(meant) is meant: \(reason)")
            } else {
                problems.append("\(entry.origin): \(name): unknown key; \(Self.suggestion(entry.key, name: name, section: section))")
            }
        }
    }

    private static func suggestion(_ key: String, name: String, section: String) -> String {
        let siblings = ConfigurationKey.names(below: section)
        if let nearest = nearestKnown(to: key, among: siblings) {
            return "did you mean \(section.isEmpty ? nearest : "\(section).\(nearest)")?"
        }
        // The right key in the wrong place, or the whole path misspelt.
        if let moved = ConfigurationKey.all.first(where: { $0.name.split(separator: ".").last.map(String.init) == key }) {
            return "did you mean \(moved.name)?"
        }
        if let nearest = nearestKnown(to: name, among: ConfigurationKey.all.map(\.name)) { return "did you mean \(nearest)?" }
        return "known \(section.isEmpty ? "at the top" : "in \(section)"): \(siblings.joined(separator: ", "))"
    }
}
