import MediaTypes

/// The picture that `Fixtures/make_pictures.py` computes too: triangle waves and pseudo-random texture, integers only.
func syntheticFrame(_ width: Int, _ height: Int, matrix: ColourSpace.Matrix = .bt601, isFullRange: Bool = false) -> VideoFrame {
    func triangle(_ t: Int, _ period: Int) -> Int {
        let phase = ((t % (2 * period)) + 2 * period) % (2 * period)
        return abs(phase - period)
    }
    let frame = VideoFrame(width: width, height: height, colourSpace: ColourSpace(matrix: matrix, isFullRange: isFullRange))
    let chromaWidth = frame.chromaWidth
    let chromaHeight = frame.chromaHeight
    unsafe frame.withUnsafePlanes { luma, cb, cr in
        for y in 0..<height {
            for x in 0..<width {
                let texture = ((x / 3) * 7919 + (y / 3) * 104729 + (x / 3) * (y / 3) * 31) % 251 / 16
                let level = 60 + triangle(3 * x + 5 * y, 97) * 65 / 97 + triangle(7 * x - 2 * y + 1_000_000, 161) * 55 / 161 + texture
                unsafe luma[y * width + x] = UInt8(level)
            }
        }
        for y in 0..<chromaHeight {
            for x in 0..<chromaWidth {
                unsafe cb[y * chromaWidth + x] = UInt8(128 - 20 + triangle(2 * x + y, 83) * 40 / 83)
                unsafe cr[y * chromaWidth + x] = UInt8(128 - 20 + triangle(x + 3 * y, 101) * 40 / 101)
            }
        }
    }
    return frame
}
