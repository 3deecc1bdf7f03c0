/// What a mouth does at one moment.
public struct MouthShape: Sendable, Hashable, Codable {
    /// Gap between the inner lips over the face's width, 0…0.35.
    public var opening: Float
    /// Distance of the mouth's corners less that at rest, over the face's width: negative where the lips are rounded, −0.15…0.12.
    public var width: Float
    /// How far the tongue's tip is up at the teeth, 0…1.
    public var tongue: Float

    public init(opening: Float = 0, width: Float = 0, tongue: Float = 0) {
        self.opening = opening
        self.width = width
        self.tongue = tongue
    }
}
