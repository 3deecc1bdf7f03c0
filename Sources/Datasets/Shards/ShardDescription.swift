import Foundation
import ModelBundle

/// What a shard says about itself: the columns of its rows and what they were made with.
public struct ShardDescription: Codable, Hashable, Sendable {
    public static let schema = "fwoc.shard/1"

    public var schema = Self.schema
    /// In the order in which a row's values are stored.
    public var columns: [ColumnDeclaration]
    /// What the rows were made with besides the columns' front ends: models and settings, as `key: value`.
    public var origin: [String: String]

    public init(columns: [ColumnDeclaration], origin: [String: String] = [:]) {
        self.columns = columns
        self.origin = origin
    }

    /// `shard@sha256:` and twelve hexadecimal digits over columns and front ends: shards with the same one can be read together.
    public var fingerprint: String {
        var text = "\(schema)\n"
        for column in columns {
            text += "\(column.name) \(column.element.rawValue) \(column.shape) \(column.fields ?? [])\n\(column.frontEnd ?? "")"
        }
        return "shard@sha256:\(SHA256Digest.hex(of: text).prefix(12))"
    }

    public func index(of column: String) -> Int? { columns.firstIndex { $0.name == column } }

    /// The same bytes for the same description.
    var json: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return [UInt8](try encoder.encode(self))
        }
    }

    init(json: [UInt8]) throws { self = try JSONDecoder().decode(ShardDescription.self, from: Data(json)) }

    /// Why rows cannot be stored by it; `nil` where they can.
    var fault: String? {
        if schema != Self.schema { return "its schema is '\(schema)', expected \(Self.schema)" }
        if columns.isEmpty { return "it declares no column" }
        if columns.count > ShardFormat.mostColumns { return "it declares \(columns.count) columns, expected at most \(ShardFormat.mostColumns)" }
        for column in columns where !column.isSane { return "column '\(column.name)' has shape \(column.shape)" }
        if Set(columns.map(\.name)).count != columns.count { return "two columns have the same name" }
        return nil
    }
}
