/// What a reload changes, and what of it has to wait for a restart.
public struct ConfigurationDifference: Hashable, Sendable {
    public struct Change: Hashable, Sendable, CustomStringConvertible {
        public var key: String
        /// YAML on one line.
        public var old: String
        public var new: String
        /// Where the new value comes from.
        public var origin: ConfigurationOrigin

        public var description: String { "\(key): \(old) → \(new) (\(origin))" }
    }

    /// Changes that take effect at once.
    public var applied: [Change] = []
    /// Changes that take effect when the service is restarted.
    public var postponed: [Change] = []

    public var isEmpty: Bool { applied.isEmpty && postponed.isEmpty }

    /// - Parameters:
    ///   - old: what the agent runs with.
    ///   - new: what was loaded now.
    public init(from old: LoadedConfiguration, to new: LoadedConfiguration) {
        for key in ConfigurationKey.all {
            var change = Change(
                key: key.name, old: key.text(old.configuration), new: key.text(new.configuration), origin: new.origins[key.name] ?? .builtIn)
            if key.name == "mqtt.password_file", old.configuration.mqtt.password != new.configuration.mqtt.password {
                // The same file may hold another password.
                change.old += " (\(Secret.mask))"
                change.new += " (another password)"
            }
            guard change.old != change.new else { continue }
            switch key.effect {
            case .reload: applied.append(change)
            case .restart: postponed.append(change)
            }
        }
    }
}

extension AgentConfiguration {
    /// What runs after a reload: the new values of the keys that may change while the agent runs, the old ones of the rest.
    public func reloaded(with new: AgentConfiguration) -> AgentConfiguration {
        var result = self
        for key in ConfigurationKey.all where key.effect == .reload { key.copy(new, &result) }
        return result
    }
}
