/// Why a face model cannot be computed or judged.
public struct FaceModellingError: Error, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
