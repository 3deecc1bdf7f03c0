/// One key of the configuration: its name, what its value must look like, its default, what it means and when a change takes effect.
///
/// ``all`` is the only declaration: reading, `config show`, the JSON Schemas and the table of the manual come from it.
public struct ConfigurationKey: Sendable {
    public enum Effect: String, Hashable, Sendable {
        /// A changed value takes effect when the service is reloaded.
        case reload
        /// A changed value takes effect when the service is restarted.
        case restart
    }

    /// Dotted, such as `camera.rate`.
    public let name: String
    /// What the value must look like, as messages and the manual say it.
    public let expected: String
    /// The built-in default as the manual says it.
    public let defaultText: String
    public let summary: String
    public let effect: Effect
    /// Whether it depends on the box and may be given by a firmware profile.
    public let isOfBox: Bool
    /// Fragment of JSON Schema for the value.
    let schema: JSONTree
    /// Reads a value into the configuration.
    let set: @Sendable (GivenValue, inout AgentConfiguration) throws(Misfit) -> Void
    /// The resolved value.
    let get: @Sendable (AgentConfiguration) -> JSONTree
    /// Takes the value over from one configuration into another.
    let copy: @Sendable (AgentConfiguration, inout AgentConfiguration) -> Void

    /// - Parameters:
    ///   - defaultText: for the manual, where the default depends on the machine.
    init<Value>(
        _ name: String, _ path: any WritableKeyPath<AgentConfiguration, Value> & Sendable, _ form: ValueForm<Value>, _ effect: Effect,
        isOfBox: Bool = false, default defaultText: String? = nil, _ summary: String
    ) {
        self.name = name
        self.summary = summary
        self.effect = effect
        self.isOfBox = isOfBox
        expected = form.expected
        schema = form.schema
        set = { given, configuration throws(Misfit) in configuration[keyPath: path] = try form.read(given) }
        copy = { $1[keyPath: path] = $0[keyPath: path] }
        get = { form.write($0[keyPath: path]) }
        self.defaultText = defaultText ?? yaml(form.write(AgentConfiguration()[keyPath: path]))
    }

    /// The resolved value as YAML on one line.
    func text(_ configuration: AgentConfiguration) -> String { yaml(get(configuration)) }
}

/// A value as YAML writes it on one line: text without quotation marks where it cannot be mistaken.
func yaml(_ value: JSONTree) -> String {
    switch value {
    case .text(let text):
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            } && text.utf8.first != UInt8(ascii: "-")
        let isMistaken = ["null", "true", "false", "yes", "no", "on", "off"].contains(text.lowercased()) || Double(text) != nil
        return isPlain && !isMistaken ? text : JSONTree.quoted(text)
    case .list(let elements): return "[" + elements.map(yaml).joined(separator: ", ") + "]"
    default: return value.text
    }
}
