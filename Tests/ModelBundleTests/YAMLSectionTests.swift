import ModelBundle
import Testing

/// Values that a command line sets in a file.
@Suite struct YAMLSectionTests {
    private static let yaml = """
        # A remark.
        name: first
        optimizer: {name: adam, rate: 0.001}
        losses:
          - {name: triplet, margin: 0.2}
          - name: cross-entropy
        list: [a, b, c]

        """

    private static func section(_ overrides: [(key: String, value: String)]) throws(BundleError) -> YAMLSection {
        try YAMLSection(yaml: yaml, file: "recipe.yaml", overrides: overrides)
    }

    @Test func `Keys, keys of keys and elements of lists are replaced`() throws {
        var top = try Self.section([("name", "second"), ("optimizer.rate", "0.5"), ("losses.1.name", "triplet"), ("losses.0", "{name: other}"), ("list.2", "z")])
        #expect(try top.text("name") == "second")
        var optimizer = try top.section("optimizer")
        #expect(try optimizer.text("name") == "adam")
        #expect(try optimizer.optionalReal("rate", in: 0...1) == 0.5)
        try optimizer.finish()
        var losses = try top.sections("losses")
        #expect(losses.count == 2 && losses[0].keys == ["name"])
        #expect(try losses[0].text("name") == "other")
        #expect(try losses[1].text("name") == "triplet")
        #expect(try top.texts("list") == ["a", "b", "z"])
        try top.finish()
    }

    @Test func `What is not there is made, and the last of two wins`() throws {
        var top = try Self.section([("schedule.warm.up", "3"), ("name", "x"), ("name", "'1.0'"), ("list", "[]"), ("empty", ""), ("optimizer", "{}")])
        var schedule = try top.section("schedule")
        #expect(schedule.keys == ["warm"])
        var warm = try schedule.section("warm")
        #expect(try warm.optionalInteger("up", in: 0...9) == 3)
        #expect(try top.text("name") == "1.0" && top.texts("list") == [] && top.text("empty") == "")
        #expect(try top.section("optimizer").keys == [])
    }

    /// One more than there are is the next element.
    @Test func `A list grows by its next element only`() throws {
        var top = try Self.section([("losses.2", "{name: third}"), ("list.3", "d")])
        #expect(try top.sections("losses").count == 3 && top.texts("list") == ["a", "b", "c", "d"])
    }

    @Test(arguments: [("losses.5.name", "x"), ("losses.-1", "x"), ("losses.first", "x"), ("name.inner", "x"), ("list.0.inner", "x"), ("", "x"), ("optimizer.", "x"), (".name", "x"), ("list.4", "x")])
    func `A place that cannot be is named`(_ key: String, _ value: String) {
        let error = #expect(throws: BundleError.self) { try Self.section([(key, value)]) }
        #expect(error?.description.contains("-c \(key)=\(value): no such place") == true, "\(error?.description ?? "")")
    }

    @Test func `A value that is no YAML is named`() {
        let error = #expect(throws: BundleError.self) { try Self.section([("name", "[a")]) }
        #expect(error?.description.contains("-c name") == true && error?.description.contains("not valid YAML") == true, "\(error?.description ?? "")")
    }

    @Test func `An alias in a value has nothing to stand for`() {
        let error = #expect(throws: BundleError.self) { try Self.section([("name", "*a")]) }
        #expect(error?.description.contains("-c name") == true, "\(error?.description ?? "")")
    }

    @Test func `The resolved text is the file with its overrides`() throws {
        let overrides = [(key: "name", value: "'yes'"), (key: "optimizer.rate", value: "1e-3"), (key: "note", value: "\"ü: #1\""), (key: "losses.0.margin", value: "0.5")]
        let text = try YAMLSection.resolved(yaml: Self.yaml, file: "recipe.yaml", overrides: overrides)
        var again = try YAMLSection(yaml: text, file: "resolved.yaml")
        #expect(again.keys == ["name", "optimizer", "losses", "list", "note"])
        #expect(try again.text("name") == "yes" && again.text("note") == "ü: #1")
        var optimizer = try again.section("optimizer")
        #expect(try optimizer.text("rate") == "1e-3")
        var losses = try again.sections("losses")
        #expect(try losses[0].optionalReal("margin", in: 0...1) == 0.5)
        // Text that looks like a number or a flag stays text for whoever reads the file.
        #expect(text.contains("'yes'") || text.contains("\"yes\""), "\(text)")
        // Once more changes nothing.
        #expect(try YAMLSection.resolved(yaml: text, file: "resolved.yaml", overrides: []) == text)
    }
}
