/// Why the front end refused to do something.
public enum FrontEndError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A model wants a preprocessing that differs from the one at hand, or one that this code does not do.
    case contractMismatch(field: String, got: String, expected: String)
    /// The landmarks determine no similarity: they coincide, or are not finite.
    case degenerateLandmarks(FaceLandmarkDescription)
    /// The box has no area, or is not finite.
    case degenerateBox(x: Float, y: Float, width: Float, height: Float)

    public var description: String {
        switch self {
        case .contractMismatch(let field, let got, let expected):
            "front-end contract: \(field) is \(got), expected \(expected); use a model made with this preprocessing, or correct its bundle"
        case .degenerateLandmarks(let landmarks):
            "landmarks \(landmarks.text) determine no alignment: expected five finite points that do not coincide; skip this face"
        case .degenerateBox(let x, let y, let width, let height):
            "box x=\(x) y=\(y) width=\(width) height=\(height) has no area: expected finite numbers and a positive size; skip this face"
        }
    }
}

/// The coordinates of refused landmarks, for an error's text.
public struct FaceLandmarkDescription: Hashable, Sendable {
    public let text: String
}
