/// An 8-bit sRGB picture.
public struct Picture: Sendable, Hashable {
    public let width: Int
    public let height: Int
    /// `[height, width, 3]`: red, green, blue.
    public var pixels: [UInt8]

    /// One colour.
    /// - Precondition: both sides are 1…16384.
    public init(width: Int, height: Int, red: UInt8 = 0, green: UInt8 = 0, blue: UInt8 = 0) {
        precondition((1...16384).contains(width) && (1...16384).contains(height), "picture of \(width)x\(height)")
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: 3 * width * height)
        for i in 0..<width * height {
            pixels[3 * i] = red
            pixels[3 * i + 1] = green
            pixels[3 * i + 2] = blue
        }
    }

    /// - Precondition: `pixels.count == 3 · width · height`, both sides 1…16384.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition((1...16384).contains(width) && (1...16384).contains(height) && pixels.count == 3 * width * height, "picture of \(width)x\(height), \(pixels.count) bytes")
        self.width = width
        self.height = height
        self.pixels = pixels
    }
}
