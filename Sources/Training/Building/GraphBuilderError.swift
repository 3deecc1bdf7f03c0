/// A network that cannot be: layers that do not fit together.
public struct GraphBuilderError: Error, Equatable, CustomStringConvertible {
    /// The layer, and what it was given and expected.
    public let description: String
}
