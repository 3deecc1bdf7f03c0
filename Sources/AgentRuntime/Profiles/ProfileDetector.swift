public import Foundation

/// Finds the firmware profile of a machine: `profile: auto`, and what `doctor` reports.
public struct ProfileDetector: Sendable {
    public struct Match: Hashable, Sendable {
        public var profile: FirmwareProfile
        /// The facts that decided, for people: `processor: Intel(R) N100`.
        public var evidence: [String]
    }

    private let library: ProfileLibrary
    private let machine: MachineIdentity

    public init(library: ProfileLibrary, machine: MachineIdentity) {
        self.library = library
        self.machine = machine
    }

    /// - Parameter root: of the machine; `/` but for tests.
    public init(library: ProfileLibrary, root: URL = URL(fileURLWithPath: "/")) { self.init(library: library, machine: MachineIdentity(root: root)) }

    /// The profile whose rule says the most about this machine, `nil` where none matches.
    /// - Throws: `AgentError` where a profile is not valid.
    public func detect() throws(AgentError) -> Match? {
        var best: (weight: Int, match: Match)?
        for (_, file) in library.files() {
            let profile = try FirmwareProfile(file: file)
            for rule in profile.rules {
                var weight = 0
                var evidence: [String] = []
                for (fact, pattern) in rule.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    guard let value = machine.facts[fact]?.first(where: { Self.matches($0, pattern) }) else { break }
                    weight += fact.weight
                    evidence.append("\(fact.rawValue): \(value)")
                }
                guard evidence.count == rule.count, weight > best?.weight ?? 0 else { continue }
                best = (weight, Match(profile: profile, evidence: evidence))
            }
        }
        return best?.match
    }

    /// Whether all of a text is what a pattern says, `*` standing for any part of it; upper and lower case alike.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let parts = pattern.lowercased().split(separator: "*", omittingEmptySubsequences: false)
        var rest = Substring(text.lowercased())
        guard parts.count > 1 else { return rest == parts[0] }
        guard rest.hasPrefix(parts[0]) else { return false }
        rest = rest.dropFirst(parts[0].count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.range(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(parts[parts.count - 1])
    }
}
