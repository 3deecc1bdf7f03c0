import Foundation

/// JSON Schemas (draft 2020-12) of the files that people write, for editors that complete and check them.
public enum ConfigurationSchema {
    private static let dialect = JSONTree.text("https://json-schema.org/draft/2020-12/schema")

    /// The schema of `agent.yaml` and its drop-ins.
    public static var agent: JSONTree {
        JSONTree.object([
            "$schema": dialect, "$id": .text("https://fwoc.invalid/schema/agent/1"), "title": .text("Configuration of fwoc-agent"),
        ]).merging(section("", keys: ConfigurationKey.all))
    }

    /// The schema of `firmware-profiles/*.yaml`.
    public static var profile: JSONTree {
        let name = JSONTree.object(["type": .text("string"), "pattern": .text(FirmwareProfile.namePattern)])
        let rule = JSONTree.object([
            "type": .text("object"), "minProperties": .whole(1), "additionalProperties": .flag(false),
            "properties": .object(
                MachineFact.allCases.map {
                    JSONTree.Member(name: $0.rawValue, value: .object(["type": .text("string"), "minLength": .whole(1), "description": .text($0.summary)]))
                }),
        ])
        return .object([
            "$schema": dialect, "$id": .text("https://fwoc.invalid/schema/profile/1"), "title": .text("Firmware profile of fwoc-agent"),
            "type": .text("object"), "required": .list([.text("schema"), .text("name"), .text("description")]), "additionalProperties": .flag(false),
            "properties": .object([
                "schema": .object(["const": .text(FirmwareProfile.schema)]),
                "name": name.adding(["description": .text("Its file is NAME.yaml.")]),
                "description": .object(["type": .text("string"), "minLength": .whole(1), "description": .text("The box in a few words.")]),
                "extends": name.adding(["description": .text("The profile whose settings this one changes.")]),
                "match": .object([
                    "type": .text("array"), "items": rule,
                    "description": .text("The machines it is for: one of the rules has to match, with all of its facts. * stands for any text."),
                ]),
                "settings": section("", keys: ConfigurationKey.all.filter(\.isOfBox)).adding([
                    "description": .text("The keys of agent.yaml that depend on the box.")
                ]),
            ]),
        ])
    }

    private static func section(_ path: String, keys: [ConfigurationKey]) -> JSONTree {
        var members: [JSONTree.Member] = []
        for name in ConfigurationKey.names(below: path) {
            let full = path.isEmpty ? name : "\(path).\(name)"
            if let key = keys.first(where: { $0.name == full }) {
                members.append(JSONTree.Member(name: name, value: value(key)))
            } else {
                let inner = keys.filter { $0.name.hasPrefix(full + ".") }
                guard !inner.isEmpty else { continue }
                var either: [JSONTree] = [section(full, keys: inner), .object(["type": .text("null")])]
                if inner.contains(where: { $0.name == full + ".enabled" }) { either.append(.object(["type": .text("boolean")])) }
                members.append(JSONTree.Member(name: name, value: .object(["anyOf": .list(either)])))
            }
        }
        return .object(["type": .text("object"), "additionalProperties": .flag(false), "properties": .object(members)])
    }

    private static func value(_ key: ConfigurationKey) -> JSONTree {
        key.schema.adding(["description": .text("\(key.summary) Expected: \(key.expected). Default: \(key.defaultText).")])
    }
}

extension JSONTree {
    /// The members of both objects.
    func merging(_ other: JSONTree) -> JSONTree {
        guard case .object(let members) = self, case .object(let others) = other else { return self }
        return .object(members + others)
    }
}

/// The table of all keys for the manual.
public enum ConfigurationReference {
    /// As a table in Markdown.
    public static var markdown: String {
        func cell(_ text: String) -> String { text.replacingOccurrences(of: "|", with: "\\|") }
        let rows = ConfigurationKey.all.map { key in
            "| `\(key.name)` | \(cell(key.expected)) | \(cell(key.defaultText)) | \(key.effect.rawValue) | \(cell(key.summary)) |"
        }
        return (["| key | value | default | a change takes effect at | meaning |", "|---|---|---|---|---|"] + rows).joined(separator: "\n") + "\n"
    }

    /// As tagged paragraphs of man(7).
    public static var roff: String {
        func escaped(_ text: String) -> String {
            let text = text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
            return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
        }
        return ConfigurationKey.all.map { key in
            """
            .TP
            .B \(escaped(key.name))
            \(escaped(key.summary))
            Expected: \(escaped(key.expected)). Default: \(escaped(key.defaultText)). A change takes effect at \(key.effect.rawValue).

            """
        }.joined()
    }
}
